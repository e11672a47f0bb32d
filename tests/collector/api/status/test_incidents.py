"""Incidents, as a client of the status document makes, changes and reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from collector.domain.activity import store as activity
from collector.domain.incidents import rules
from collector.domain.incidents.rules import MOVES, STATUSES
from collector.domain.services import gathering
from collector.domain.services.rules import SEVERITIES
from common.clock import iso, utc_now
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.services.making import add_service
from tests.collector.tokens import Holder, token

INCIDENTS = "/api/v1/incidents"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = [
    "id",
    "title",
    "description",
    "severity",
    "status",
    "visibility",
    "root_cause",
    "postmortem",
    "services",
    "updates",
    "started_at",
    "resolved_at",
    "created_at",
    "updated_at",
]


@pytest.fixture
async def holder(database: Database) -> Holder:
    return await token(database, await builders.tenant(database))


@pytest.fixture
async def client(database: Database, holder: Holder) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app, **holder.headers) as client:
        yield client


@pytest.fixture
async def service(database: Database, holder: Holder) -> int:
    return await add_service(database, holder.tenant, SINCE, slug="main-api", name="Main API")


async def make(client: httpx.AsyncClient, **fields: object) -> dict[str, Any]:
    answer = await client.post(INCIDENTS, json={"title": "Deploy failed", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def get(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    answer = await client.get(f"{INCIDENTS}/{number}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def patch(client: httpx.AsyncClient, number: int, **fields: object) -> dict[str, Any]:
    answer = await client.patch(f"{INCIDENTS}/{number}", json=fields)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def in_status(client: httpx.AsyncClient, status: str) -> int:
    number: int = (await make(client))["id"]
    if status != "investigating":
        await patch(client, number, status=status)
    return number


# --- making --------------------------------------------------------------------------------------------------------


async def test_the_documented_example_makes_an_incident(client: httpx.AsyncClient, service: int) -> None:
    before = utc_now().replace(microsecond=0)
    made = await make(
        client,
        title="Deploy failed — rolling back",
        description="Health checks failing post-deploy",
        severity="degraded",
        visibility="public",
        service_ids=[service],
        tenant_id=999,
    )
    assert list(made) == FIELDS
    assert (made["title"], made["description"]) == ("Deploy failed — rolling back", "Health checks failing post-deploy")
    assert (made["severity"], made["status"], made["visibility"]) == ("degraded", "investigating", "public")
    assert made["services"] == [
        {"id": service, "slug": "main-api", "name": "Main API", "impact": "degraded_performance"}
    ]
    (first,) = made["updates"]
    assert list(first) == ["id", "status", "message", "is_public", "created_at", "author"]
    assert (first["status"], first["message"], first["is_public"]) == (
        "investigating",
        "Health checks failing post-deploy",
        True,
    )
    assert first["author"].startswith("token ")
    assert made["started_at"] == made["created_at"] == made["updated_at"] >= iso(before)
    assert made["resolved_at"] is made["root_cause"] is made["postmortem"] is None
    assert await get(client, made["id"]) == made


async def test_a_title_is_all_that_an_incident_needs(client: httpx.AsyncClient) -> None:
    made = await make(client, title="  Slow  ")
    assert (made["title"], made["severity"], made["visibility"], made["services"]) == ("Slow", "degraded", "public", [])


@pytest.mark.parametrize(
    ("severity", "impact"),
    [
        ("informational", "operational"),
        ("degraded", "degraded_performance"),
        ("partial_outage", "partial_outage"),
        ("major_outage", "major_outage"),
        ("critical", "major_outage"),
    ],
)
async def test_each_severity_means_its_impact(
    client: httpx.AsyncClient, service: int, severity: str, impact: str
) -> None:
    made = await make(client, severity=severity, service_ids=[service])
    assert made["services"][0]["impact"] == impact


WRONG: list[tuple[dict[str, object], str]] = [
    ({}, "title"),
    ({"title": ""}, "title"),
    ({"title": "   "}, "title"),
    ({"title": None}, "title"),
    ({"title": 7}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": "a\u0000b"}, "title"),
    ({"title": "a\nb"}, "title"),
    ({"title": "x", "description": "a\u0000b"}, "description"),
    ({"title": "x", "description": ["a"]}, "description"),
    ({"title": "x", "severity": "bad"}, "severity"),
    ({"title": "x", "severity": None}, "severity"),
    ({"title": "x", "severity": ["degraded"]}, "severity"),
    ({"title": "x", "visibility": "secret"}, "visibility"),
    ({"title": "x", "status": "resolved"}, "status"),
    ({"title": "x", "service_ids": "42"}, "service_ids"),
    ({"title": "x", "service_ids": ["42"]}, "service_ids"),
    ({"title": "x", "service_ids": [True]}, "service_ids"),
    ({"title": "x", "service_ids": [0]}, "service_ids"),
    ({"title": "x", "service_ids": [2**63]}, "service_ids"),
    ({"title": "x", "services": [{"impact": "major_outage"}]}, "services"),
    ({"title": "x", "services": [{"id": 1, "impact": "under_maintenance"}]}, "services"),
    ({"title": "x", "services": [{"id": 1}, {"id": 1}]}, "services"),
    ({"title": "x", "started_at": "yesterday"}, "started_at"),
    ({"title": "x", "started_at": "2999-01-01T00:00:00Z"}, "started_at"),
    ({"title": "x", "started_at": "2001-01-01T00:00:00Z"}, "started_at"),
]


@pytest.mark.parametrize(("body", "field"), WRONG, ids=lambda each: str(each)[:60].encode("unicode_escape").decode())
async def test_what_cannot_be_used_is_named(client: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    answer = await client.post(INCIDENTS, json=body)
    assert answer.status_code == 400, answer.text
    assert (
        answer.json()["error"].partition(":")[0].split(".")[0].split()[-1] == field or field in answer.json()["error"]
    )
    assert set(answer.json()) == {"error"}
    assert (await client.get(INCIDENTS)).json()["total"] == 0


async def test_services_that_are_missing_gone_or_anothers_are_refused_alike(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    foreign = await add_service(database, await builders.tenant(database), SINCE)
    gone = await add_service(database, holder.tenant, SINCE, removed_at=SINCE)
    for number in (foreign, gone, 999_999):
        answer = await client.post(INCIDENTS, json={"title": "x", "service_ids": [service, number]})
        expected = f"service_ids: '{number}'; expected ids of services of this tenant"
        assert (answer.status_code, answer.json()) == (400, {"error": expected})
        answer = await client.post(INCIDENTS, json={"title": "x", "services": [{"id": number}]})
        assert (answer.status_code, answer.json()) == (400, {"error": expected.replace("service_ids", "services")})


async def test_an_incident_can_have_begun_before_it_is_reported(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    began = (utc_now() - timedelta(hours=3)).replace(microsecond=0)
    made = await make(client, started_at=iso(began), status="identified", service_ids=[service])
    assert (made["started_at"], made["status"]) == (iso(began), "identified")
    (impact,) = (await inputs(database, holder, service)).impacts
    assert impact.span == (began, None)


async def inputs(database: Database, holder: Holder, service: int) -> Any:
    now = utc_now() + timedelta(seconds=1)
    found = await database.read(gathering.inputs, holder.tenant, [service], now - timedelta(days=30), now)
    return found[service]


# --- the state machine ---------------------------------------------------------------------------------------------


async def test_notes_have_an_end_and_moves_have_not(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_UPDATES", 2)
    number = await in_status(client, "identified")
    note = await client.post(f"{INCIDENTS}/{number}/updates", json={"status": "identified", "message": "Still at it."})
    moved = await client.post(f"{INCIDENTS}/{number}/updates", json={"status": "monitoring", "message": "Watching."})
    assert (note.status_code, moved.status_code) == (409, 200)


async def test_a_client_that_sends_all_fields_back_changes_what_it_changed(client: httpx.AsyncClient) -> None:
    number = await in_status(client, "monitoring")
    known = await get(client, number)
    answer = await client.patch(f"{INCIDENTS}/{number}", json={**known, "title": "Another headline"})
    assert (answer.status_code, answer.json()["title"], answer.json()["status"]) == (
        200,
        "Another headline",
        "monitoring",
    )
    assert answer.json()["updates"] == known["updates"]


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
async def test_a_patch_moves_an_incident_as_the_table_says(client: httpx.AsyncClient, before: str, after: str) -> None:
    number = await in_status(client, before)
    known = await get(client, number)
    answer = await client.patch(f"{INCIDENTS}/{number}", json={"status": after})
    if after in MOVES[before]:  # type: ignore[index]  # one of STATUSES
        assert (answer.status_code, answer.json()["status"]) == (200, after)
        assert [each["status"] for each in answer.json()["updates"]][-1] == after
        return
    assert answer.status_code == 409
    assert set(answer.json()) == {"error", "allowed"}
    assert answer.json()["allowed"] == list(MOVES[before])  # type: ignore[index]  # likewise
    assert before in answer.json()["error"]
    assert await get(client, number) == known


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", [*STATUSES, None])
async def test_an_update_moves_an_incident_or_is_a_note(
    client: httpx.AsyncClient, before: str, after: str | None
) -> None:
    number = await in_status(client, before)
    known = await get(client, number)
    body = {"message": "Looking.", **({"status": after} if after else {})}
    answer = await client.post(f"{INCIDENTS}/{number}/updates", json=body)
    if after in MOVES[before] or (after in {before, None} and before != "resolved"):  # type: ignore[index]  # likewise
        assert answer.status_code == 200, answer.text
        last = answer.json()["updates"][-1]
        assert (last["status"], last["message"], last["is_public"]) == (after or before, "Looking.", True)
        assert answer.json()["status"] == (after or before)
        return
    assert (answer.status_code, answer.json()["allowed"]) == (409, list(MOVES[before]))  # type: ignore[index]  # likewise
    assert await get(client, number) == known


@pytest.mark.parametrize("before", STATUSES)
async def test_an_incident_is_resolved_once(client: httpx.AsyncClient, before: str) -> None:
    number = await in_status(client, before)
    body = {"root_cause": "Stale DNS cache after failover.", "postmortem": "https://internal.notes/inc-2041"}
    answer = await client.post(f"{INCIDENTS}/{number}/resolve", json=body)
    if before == "resolved":
        assert (answer.status_code, answer.json()["allowed"]) == (409, ["investigating"])
        return
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["root_cause"], found["postmortem"]) == ("resolved", *body.values())
    assert found["resolved_at"] == found["updated_at"] is not None
    assert (found["updates"][-1]["status"], found["updates"][-1]["message"]) == ("resolved", "")


async def test_resolving_needs_no_body(client: httpx.AsyncClient) -> None:
    number = await in_status(client, "investigating")
    answer = await client.post(f"{INCIDENTS}/{number}/resolve")
    assert (answer.status_code, answer.json()["status"]) == (200, "resolved")


async def test_what_is_resolved_takes_a_root_cause_and_a_post_mortem_and_nothing_else(
    client: httpx.AsyncClient, service: int
) -> None:
    number = await in_status(client, "resolved")
    changed = await patch(client, number, root_cause="DNS", postmortem="# What happened")
    assert (changed["root_cause"], changed["postmortem"], len(changed["updates"])) == ("DNS", "# What happened", 2)
    assert (await patch(client, number, postmortem=None))["postmortem"] is None
    for body in ({"title": "x"}, {"severity": "critical"}, {"service_ids": [service]}, {"message": "x"}):
        answer = await client.patch(f"{INCIDENTS}/{number}", json=body)
        assert (answer.status_code, answer.json()["allowed"]) == (409, ["investigating"])


async def test_a_reopened_incident_keeps_its_history(client: httpx.AsyncClient) -> None:
    number = await in_status(client, "resolved")
    await patch(client, number, root_cause="DNS")
    again = await patch(client, number, status="investigating", title="Again", message="It is back.")
    assert (again["status"], again["resolved_at"], again["root_cause"]) == ("investigating", None, "DNS")
    assert again["title"] == "Again"
    assert [each["status"] for each in again["updates"]] == ["investigating", "resolved", "investigating"]


# --- changing ------------------------------------------------------------------------------------------------------


async def test_only_what_a_patch_names_is_changed(client: httpx.AsyncClient, service: int) -> None:
    made = await make(client, description="Before", service_ids=[service])
    changed = await patch(client, made["id"], status="monitoring", severity="informational")
    for name in ("title", "description", "visibility", "root_cause", "postmortem", "started_at", "created_at"):
        assert changed[name] == made[name]
    assert (changed["status"], changed["severity"]) == ("monitoring", "informational")
    assert changed["services"][0]["impact"] == "operational"


async def test_a_patch_of_nothing_changes_nothing(client: httpx.AsyncClient) -> None:
    made = await make(client)
    assert await patch(client, made["id"]) == made
    assert await patch(client, made["id"], title=made["title"], unknown=1, tenant_id=7) == made


async def test_impacts_set_by_hand_do_not_follow_the_severity(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    other = await add_service(database, holder.tenant, SINCE)
    made = await make(
        client, severity="major_outage", service_ids=[service], services=[{"id": other, "impact": "major_outage"}]
    )
    changed = await patch(client, made["id"], severity="degraded")
    assert {each["id"]: each["impact"] for each in changed["services"]} == {
        service: "degraded_performance",
        other: "major_outage",
    }
    kept = await patch(client, made["id"], service_ids=[other])
    assert [(each["id"], each["impact"]) for each in kept["services"]] == [(other, "major_outage")]
    assert [each["id"] for each in (await patch(client, made["id"], status="resolved"))["services"]] == [other]


@pytest.mark.parametrize(("body", "field"), [each for each in WRONG if each[0] and "started_at" not in each[0]])
async def test_a_patch_is_held_to_the_same_words(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    made = await make(client)
    if body.get("status") == "resolved":
        return
    answer = await client.patch(f"{INCIDENTS}/{made['id']}", json={**body})
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["error"]
    assert await get(client, made["id"]) == made


async def test_an_update_needs_a_message(client: httpx.AsyncClient) -> None:
    number = await in_status(client, "investigating")
    for body in (
        {},
        {"status": "identified"},
        {"message": " "},
        {"message": None},
        {"message": "x", "is_public": "yes"},
    ):
        answer = await client.post(f"{INCIDENTS}/{number}/updates", json=body)
        assert answer.status_code == 400, answer.text


async def test_nothing_about_an_internal_incident_is_public(client: httpx.AsyncClient) -> None:
    made = await make(client, visibility="internal")
    assert [each["is_public"] for each in made["updates"]] == [False]
    answer = await client.post(f"{INCIDENTS}/{made['id']}/updates", json={"message": "x", "is_public": True})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "is_public: 'True'; expected false, as the incident is internal"},
    )
    opened = await patch(client, made["id"], visibility="public", message="For all.")
    assert [each["is_public"] for each in opened["updates"]] == [False, True]
    narrowed = await client.post(f"{INCIDENTS}/{made['id']}/updates", json={"message": "x", "is_public": False})
    assert narrowed.json()["updates"][-1]["is_public"] is False


# --- impacts over time ---------------------------------------------------------------------------------------------


async def test_the_time_between_resolving_and_reopening_is_no_downtime(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    made = await make(client, severity="critical", service_ids=[service])
    await patch(client, made["id"], status="resolved")
    await patch(client, made["id"], status="investigating")
    await patch(client, made["id"], severity="degraded")
    found = (await inputs(database, holder, service)).impacts
    assert [each.status for each in found] == ["major_outage", "major_outage", "degraded_performance"]
    first, second, third = (each.span for each in found)
    assert first.ended_at < second.began_at < second.ended_at == third.began_at
    assert third.ended_at is None
    assert all(each.public for each in found)


async def test_a_service_that_is_taken_off_is_affected_no_longer(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    made = await make(client, service_ids=[service])
    changed = await patch(client, made["id"], service_ids=[])
    assert changed["services"] == []
    (impact,) = (await inputs(database, holder, service)).impacts
    assert impact.span.ended_at is not None


# --- reading -------------------------------------------------------------------------------------------------------


async def test_lists_are_newest_first_filtered_and_cut(client: httpx.AsyncClient) -> None:
    for hours, severity in enumerate(SEVERITIES):
        began = utc_now() - timedelta(hours=hours)
        await make(client, title=severity, severity=severity, started_at=iso(began))
    whole = (await client.get(INCIDENTS)).json()
    assert [each["title"] for each in whole["incidents"]] == list(SEVERITIES)
    assert (whole["total"], whole["limit"], whole["offset"]) == (5, 50, 0)
    assert list(whole["incidents"][0]) == FIELDS
    part = (await client.get(INCIDENTS, params={"limit": 2, "offset": 1})).json()
    assert [each["title"] for each in part["incidents"]] == ["degraded", "partial_outage"]
    assert (part["total"], part["limit"], part["offset"]) == (5, 2, 1)
    await patch(client, whole["incidents"][0]["id"], status="resolved")
    for asked, titles in (
        ({"status": "resolved"}, ["informational"]),
        ({"severity": "critical"}, ["critical"]),
        ({"status": "investigating", "severity": "informational"}, []),
        ({"limit": "999", "offset": "9"}, []),
    ):
        found = (await client.get(INCIDENTS, params=asked)).json()
        assert [each["title"] for each in found["incidents"]] == titles
    assert found["limit"] == 200
    active = (await client.get(f"{INCIDENTS}/active")).json()
    assert (list(active), active["total"]) == (["incidents", "total"], 4)
    assert "informational" not in [each["title"] for each in active["incidents"]]


@pytest.mark.parametrize(
    "asked", ["status=open", "severity=bad", "limit=0", "offset=-1", "status=resolved&status=resolved"]
)
async def test_what_a_list_cannot_be_asked_for_is_named(client: httpx.AsyncClient, asked: str) -> None:
    answer = await client.get(f"{INCIDENTS}?{asked}")
    assert answer.status_code == 400
    assert asked.partition("=")[0] in answer.json()["error"]


async def test_anothers_incident_is_as_one_that_is_missing(client: httpx.AsyncClient, database: Database) -> None:
    made = await make(client)
    stranger = await token(database, await builders.tenant(database))
    async with serving(database) as app, client_of(app, **stranger.headers) as other:
        for number in (made["id"], 999_999, "x", "0", str(2**70)):
            for method, path, body in (
                ("GET", "", None),
                ("PATCH", "", {"title": "x"}),
                ("POST", "/updates", {"message": "x"}),
                ("POST", "/resolve", {}),
            ):
                answer = await other.request(method, f"{INCIDENTS}/{number}{path}", json=body)
                assert (answer.status_code, answer.json()) == (404, {"error": "Resource not found"})
        assert (await other.get(INCIDENTS)).json()["total"] == 0
        assert (await other.get(f"{INCIDENTS}/active")).json() == {"incidents": [], "total": 0}
    assert await get(client, made["id"]) == made


async def test_every_change_stands_in_the_activity_log(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    number = await in_status(client, "identified")
    await client.post(f"{INCIDENTS}/{number}/updates", json={"message": "x"})
    await client.post(f"{INCIDENTS}/{number}/resolve", json={"root_cause": "DNS"})
    await patch(client, number, status="investigating")
    await patch(client, number)
    _, rows = await database.read(activity.page, holder.tenant, activity.Filter(), 0, 50)
    ours = [row for row in reversed(rows) if row.action_type.startswith("incident_")]
    assert [row.action_type.removeprefix("incident_") for row in ours] == [
        "created",
        "updated",
        "updated",
        "resolved",
        "reopened",
    ]
    assert {str(row.properties["by"]) for row in ours} == {f"token {holder.prefix}"}
    assert {row.properties["incident_id"] for row in ours} == {number}


# --- many at once --------------------------------------------------------------------------------------------------


async def test_of_two_who_read_the_same_the_second_to_write_is_refused(client: httpx.AsyncClient) -> None:
    made = await make(client)
    path = f"{INCIDENTS}/{made['id']}"
    tag = (await client.get(path)).headers["etag"]
    answers = [await client.patch(path, json={"title": title}, headers={"If-Match": tag}) for title in ("One", "Two")]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["error"].endswith("it has changed since, read it again")
    assert (await get(client, made["id"]))["title"] == "One"
    assert (await client.patch(path, json={"title": "Any"}, headers={"If-Match": "*"})).status_code == 200


async def test_a_request_that_comes_again_is_done_once(client: httpx.AsyncClient) -> None:
    body, key = {"title": "Once"}, {"Idempotency-Key": "one"}
    answers = await asyncio.gather(*(client.post(INCIDENTS, json=body, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    number = answers[0].json()["id"]
    for path, said in (("updates", {"message": "x"}), ("resolve", {})):
        twice = [await client.post(f"{INCIDENTS}/{number}/{path}", json=said, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in twice] == [200, 200]
        assert twice[1].headers["idempotency-replayed"] == "true"
    assert (await client.get(INCIDENTS)).json()["total"] == 1
    assert len((await get(client, number))["updates"]) == 3


async def test_one_of_many_who_do_the_same_wins(client: httpx.AsyncClient) -> None:
    number = await in_status(client, "investigating")
    for path, method, body in (
        (f"{INCIDENTS}/{number}", "PATCH", {"status": "identified"}),
        (f"{INCIDENTS}/{number}/resolve", "POST", {"root_cause": "DNS"}),
        (f"{INCIDENTS}/{number}", "PATCH", {"status": "investigating"}),
    ):
        answers = await asyncio.gather(*(client.request(method, path, json=body) for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 11]
    statuses = [each["status"] for each in (await get(client, number))["updates"]]
    assert statuses == ["investigating", "identified", "resolved", "investigating"]


async def test_no_update_of_many_at_once_is_lost(client: httpx.AsyncClient) -> None:
    number = await in_status(client, "investigating")

    async def tell(position: int) -> str | None:
        status = STATUSES[position % 3]
        body = {"message": f"Word {position}", "status": status}
        answer = await client.post(f"{INCIDENTS}/{number}/updates", json=body)
        assert answer.status_code in {200, 409}
        return body["message"] if answer.status_code == 200 else None

    told = {word for word in await asyncio.gather(*(tell(position) for position in range(40))) if word}
    found = await get(client, number)
    assert {each["message"] for each in found["updates"]} == {"", *told}
    assert found["status"] == found["updates"][-1]["status"]
    assert [each["id"] for each in found["updates"]] == sorted(each["id"] for each in found["updates"])


async def test_texts_may_be_as_long_as_they_may_however_a_client_writes_them(client: httpx.AsyncClient) -> None:
    text = "\U0001f600" * 20_000  # twelve bytes each, as Python's json writes them
    made = await make(client)
    told = {"root_cause": text, "postmortem": text, "message": text}
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"{INCIDENTS}/{made['id']}/resolve", content=json.dumps(told), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["postmortem"] == text
