"""Incidents, call by call as the status document shows them."""

from collections.abc import Mapping
from typing import Any

import pytest

from collector.api.status import shapes
from tests.contract.status_desk import Desk, held, refused
from tests.contract.status_documented import (
    CHANGED,
    INCIDENT,
    INCIDENT_STATUSES,
    NEW_INCIDENT,
    NEW_UPDATE,
    RESOLUTION,
    SEVERITIES,
    beyond,
    lacking,
)

IMPACT = {
    "informational": "operational",
    "degraded": "degraded_performance",
    "partial_outage": "partial_outage",
    "major_outage": "major_outage",
    "critical": "major_outage",
}


def told(incident: Mapping[str, Any], *names: str) -> list[object]:
    return [incident[name] for name in names]


async def test_an_incident_is_created_and_read_as_documented(desk: Desk) -> None:
    made = held(await desk.ask("POST", "/incidents", body=desk.new_incident()), shapes.Incident, status=201)
    assert lacking(INCIDENT, made) == []
    assert beyond(INCIDENT, made) == set()
    for name in ("title", "description", "severity", "visibility"):
        assert made[name] == NEW_INCIDENT[name]
    assert told(made, "status", "resolved_at", "root_cause", "postmortem") == ["investigating", None, None, None]
    assert made["services"] == [
        {"id": desk.service, "slug": "main-api", "name": "Main API", "impact": "degraded_performance"}
    ]
    assert made["started_at"] == made["created_at"] == made["updated_at"]
    (first,) = made["updates"]
    assert told(first, "status", "is_public", "author") == ["investigating", True, f"token {desk.holder.prefix}"]
    assert await desk.get(f"/incidents/{made['id']}", shapes.Incident) == made
    assert await desk.get("/incidents/active", shapes.ActiveIncidents) == {"incidents": [made], "total": 1}
    assert await desk.get("/incidents", shapes.Incidents) == {
        "incidents": [made],
        "total": 1,
        "limit": 50,
        "offset": 0,
    }


async def test_the_documented_life_of_an_incident(desk: Desk) -> None:
    made = await desk.incident()
    path = f"/incidents/{made['id']}"
    changed = held(await desk.ask("PATCH", path, body=CHANGED), shapes.Incident)
    assert told(changed, "status", "severity") == ["monitoring", "informational"]
    assert told(changed, "title", "description") == told(made, "title", "description")
    said = held(await desk.ask("POST", f"{path}/updates", body=NEW_UPDATE), shapes.Incident)
    assert told(said["updates"][-1], "status", "message", "is_public") == list(NEW_UPDATE.values())
    over = held(await desk.ask("POST", f"{path}/resolve", body=RESOLUTION), shapes.Incident)
    assert told(over, "status", "root_cause", "postmortem") == ["resolved", *RESOLUTION.values()]
    assert over["resolved_at"] == over["updated_at"]
    assert await desk.get("/incidents/active", shapes.ActiveIncidents) == {"incidents": [], "total": 0}
    again = held(await desk.ask("PATCH", path, body={"status": "investigating"}), shapes.Incident)
    assert told(again, "status", "resolved_at", "root_cause") == ["investigating", None, RESOLUTION["root_cause"]]
    assert await desk.get(path, shapes.Incident) == again


async def test_an_update_moves_the_incident_to_its_status(desk: Desk) -> None:
    made = await desk.incident()
    said = held(await desk.ask("POST", f"/incidents/{made['id']}/updates", body=NEW_UPDATE), shapes.Incident)
    assert (said["status"], [one["status"] for one in said["updates"]]) == (
        "monitoring",
        ["investigating", "monitoring"],
    )


async def test_an_incident_is_resolved_without_a_word_too(desk: Desk) -> None:
    made = await desk.incident()
    answer = await desk.ask("POST", f"/incidents/{made['id']}/resolve")
    assert told(held(answer, shapes.Incident), "status", "root_cause") == ["resolved", None]
    other = await desk.incident()
    assert (await desk.ask("POST", f"/incidents/{other['id']}/resolve", body={})).status_code == 200


async def test_only_a_title_is_required(desk: Desk) -> None:
    answer = await desk.ask("POST", "/incidents", body={"title": "Deploy failed"})
    made = held(answer, shapes.Incident, status=201)
    assert told(made, "description", "severity", "visibility", "services") == ["", "degraded", "public", []]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_every_documented_severity_has_its_impact(desk: Desk, severity: str) -> None:
    made = await desk.incident(severity=severity)
    assert (made["severity"], made["services"][0]["impact"]) == (severity, IMPACT[severity])
    service = await desk.get(f"/services/{desk.service}", shapes.Service)
    assert service["current_status"] == IMPACT[severity]


async def test_a_tenant_in_the_body_is_ignored(desk: Desk) -> None:
    made = await desk.incident(tenant_id=desk.tenant + 1, nonsense={"a": [1]})
    assert await desk.get(f"/incidents/{made['id']}", shapes.Incident) == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "  "),
        ("title", None),
        ("title", 7),
        ("title", "x" * 201),
        ("description", 1),
        ("description", "x" * 20_001),
        ("severity", "bad"),
        ("severity", None),
        ("severity", ["degraded"]),
        ("visibility", "secret"),
        ("visibility", True),
        ("service_ids", 42),
        ("service_ids", ["42"]),
        ("service_ids", [4.5]),
        ("service_ids", [0]),
        ("service_ids", [None]),
    ],
)
async def test_a_field_that_cannot_be_used_is_400_and_named(desk: Desk, field: str, value: object) -> None:
    error = refused(await desk.ask("POST", "/incidents", body=desk.new_incident(**{field: value})), 400)
    assert error.startswith(field), error
    assert (await desk.get("/incidents", shapes.Incidents))["total"] == 0


async def test_a_missing_title_and_what_is_no_json_are_400(desk: Desk) -> None:
    body = desk.new_incident()
    del body["title"]
    assert refused(await desk.ask("POST", "/incidents", body=body), 400).startswith("title: missing")
    for content in (b"", b"{", b"[]", b'"title"', b"\xff", b'{"title": "a"'):
        answer = await desk.http.post(
            "/api/v1/incidents", content=content, headers={"Content-Type": "application/json"}
        )
        assert refused(answer, 400)


async def test_updates_want_a_message_and_a_status_of_the_machine(desk: Desk) -> None:
    path = f"/incidents/{(await desk.incident())['id']}/updates"
    for field, body in (
        ("message", {"status": "monitoring"}),
        ("message", {**NEW_UPDATE, "message": ""}),
        ("message", {**NEW_UPDATE, "message": 1}),
        ("status", {**NEW_UPDATE, "status": "done"}),
        ("is_public", {**NEW_UPDATE, "is_public": "yes"}),
    ):
        assert refused(await desk.ask("POST", path, body=body), 400).startswith(field)


async def test_a_public_update_on_an_internal_incident_is_400(desk: Desk) -> None:
    made = await desk.incident(visibility="internal")
    assert made["updates"][0]["is_public"] is False
    answer = await desk.ask("POST", f"/incidents/{made['id']}/updates", body=NEW_UPDATE)
    assert refused(answer, 400).startswith("is_public")
    quiet = {**NEW_UPDATE, "is_public": False}
    assert (await desk.ask("POST", f"/incidents/{made['id']}/updates", body=quiet)).status_code == 200


async def test_what_the_machine_refuses_is_409_with_what_is_allowed(desk: Desk) -> None:
    made = await desk.incident()
    path = f"/incidents/{made['id']}"
    await desk.ask("POST", f"{path}/resolve")
    for method, there, body in (
        ("PATCH", path, {"status": "monitoring"}),
        ("PATCH", path, {"status": "identified"}),
        ("PATCH", path, {"title": "Other"}),
        ("POST", f"{path}/updates", NEW_UPDATE),
        ("POST", f"{path}/resolve", {}),
    ):
        answer = await desk.ask(method, there, body=body)
        assert refused(answer, 409)
        assert answer.json()["allowed"] == ["investigating"]


async def test_only_what_is_in_a_patch_changes(desk: Desk) -> None:
    made = await desk.incident()
    path = f"/incidents/{made['id']}"
    for field, value in (
        ("title", "Deploy failed again"),
        ("description", "Something else"),
        ("severity", "critical"),
        ("visibility", "internal"),
        ("status", "identified"),
        ("root_cause", "A cable."),
        ("postmortem", "https://internal.notes/1"),
    ):
        changed = held(await desk.ask("PATCH", path, body={field: value}), shapes.Incident)
        assert changed[field] == value
        moved = {name for name in made if made[name] != changed[name]}
        assert moved <= {field, "updated_at", "updates", "services"}, field
        made = changed
    assert held(await desk.ask("PATCH", path, body={}), shapes.Incident) == made
    fewer = held(await desk.ask("PATCH", path, body={"service_ids": []}), shapes.Incident)
    assert fewer["services"] == []


async def test_lists_are_filtered_by_status_and_severity_newest_first(desk: Desk) -> None:
    made = [await desk.incident(severity=severity) for severity in SEVERITIES]
    await desk.ask("PATCH", f"/incidents/{made[0]['id']}", body={"status": "identified"})
    await desk.ask("PATCH", f"/incidents/{made[1]['id']}", body={"status": "monitoring"})
    await desk.ask("POST", f"/incidents/{made[2]['id']}/resolve")
    found = await desk.get("/incidents", shapes.Incidents)
    assert [one["id"] for one in found["incidents"]] == [one["id"] for one in reversed(made)]
    for status in INCIDENT_STATUSES:
        page = await desk.get("/incidents", shapes.Incidents, status=status)
        assert {one["status"] for one in page["incidents"]} == {status}
        assert page["total"] == (2 if status == "investigating" else 1)
    for severity in SEVERITIES:
        page = await desk.get("/incidents", shapes.Incidents, severity=severity)
        assert [one["severity"] for one in page["incidents"]] == [severity]
    both = await desk.get("/incidents", shapes.Incidents, severity="critical", status="resolved")
    assert both["total"] == 0
    active = await desk.get("/incidents/active", shapes.ActiveIncidents)
    assert (active["total"], made[2]["id"] in [one["id"] for one in active["incidents"]]) == (4, False)


async def test_lists_are_paged_by_limit_and_offset(desk: Desk) -> None:
    ids = [(await desk.incident())["id"] for _ in range(5)][::-1]
    seen = []
    for offset in (0, 2, 4):
        page = await desk.get("/incidents", shapes.Incidents, limit=2, offset=offset)
        assert told(page, "total", "limit", "offset") == [5, 2, offset]
        seen += [one["id"] for one in page["incidents"]]
    assert seen == ids
    assert told(await desk.get("/incidents", shapes.Incidents, limit=201), "limit") == [200]
    beyond_it = await desk.get("/incidents", shapes.Incidents, offset=99)
    assert told(beyond_it, "incidents", "total") == [[], 5]


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "open"), ("severity", "high"), ("limit", "0"), ("limit", "ten"), ("offset", "-1"), ("status", "")],
)
async def test_a_filter_that_cannot_be_used_is_400_and_named(desk: Desk, name: str, value: str) -> None:
    assert refused(await desk.ask("GET", "/incidents", **{name: value}), 400).startswith(name)


async def test_an_incident_is_seen_by_its_service_until_it_is_resolved(desk: Desk) -> None:
    made = await desk.incident(severity="major_outage")
    shown = await desk.get(f"/services/{desk.service}", shapes.Service)
    (reason,) = shown["reasons"]
    assert told(reason, "source", "id", "status") == ["incident", made["id"], "major_outage"]
    await desk.ask("POST", f"/incidents/{made['id']}/resolve")
    shown = await desk.get(f"/services/{desk.service}", shapes.Service)
    assert told(shown, "current_status", "reasons") == ["operational", []]
