"""Maintenance windows, call by call as the status document shows them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from collector.api.status import shapes
from common.clock import iso, utc_now
from tests.contract.status_desk import Desk, held, refused
from tests.contract.status_documented import ACTIONS, NEW_WINDOW, WINDOW, WINDOW_STATUSES, beyond, lacking

EXTENSIONS = {"auto_start", "auto_complete", "overrun", "recurrence_id"}
WORKS = {"start": ("scheduled", "active"), "complete": ("active", "completed"), "cancel": ("scheduled", "cancelled")}
"""What each action works on, and what it makes of it."""

TO_GET_THERE = {
    "scheduled": (),
    "active": ("start",),
    "completed": ("start", "complete"),
    "cancelled": ("cancel",),
}


def told(window: Mapping[str, Any], *names: str) -> list[object]:
    return [window[name] for name in names]


async def in_state(desk: Desk, state: str) -> dict[str, Any]:
    window = await desk.window()
    for action in TO_GET_THERE[state]:
        window = held(await desk.ask("POST", f"/maintenance/{window['id']}/{action}"), shapes.Window)
    assert window["status"] == state
    return window


async def test_a_window_is_scheduled_and_read_as_documented(desk: Desk) -> None:
    body = desk.new_window()
    made = held(await desk.ask("POST", "/maintenance", body=body), shapes.Window, status=201)
    assert lacking(WINDOW, made) == []
    assert beyond(WINDOW, made) == EXTENSIONS
    for name in set(NEW_WINDOW) - {"service_ids"}:
        assert made[name] == body[name]
    assert made["services"] == [{"id": desk.service, "slug": "main-api", "name": "Main API"}]
    assert told(made, "status", "actual_start", "actual_end") == ["scheduled", None, None]
    assert await desk.get(f"/maintenance/{made['id']}", shapes.Window) == made
    assert await desk.get("/maintenance/upcoming", shapes.Upcoming) == {"maintenance": [made], "total": 1}
    assert await desk.get("/maintenance", shapes.Windows) == {
        "maintenance": [made],
        "total": 1,
        "limit": 50,
        "offset": 0,
    }


async def test_the_documented_life_of_a_window(desk: Desk) -> None:
    made = await desk.window()
    started = held(await desk.ask("POST", f"/maintenance/{made['id']}/start"), shapes.Window)
    assert told(started, "status", "actual_end") == ["active", None]
    assert started["actual_start"] is not None
    service = await desk.get(f"/services/{desk.service}", shapes.Service)
    assert service["current_status"] == "under_maintenance"
    (reason,) = service["reasons"]
    assert told(reason, "source", "id", "status") == ["maintenance", made["id"], "under_maintenance"]
    assert (await desk.get("/maintenance/upcoming", shapes.Upcoming))["total"] == 0
    done = held(await desk.ask("POST", f"/maintenance/{made['id']}/complete"), shapes.Window)
    assert done["status"] == "completed"
    assert done["actual_end"] >= started["actual_start"]
    service = await desk.get(f"/services/{desk.service}", shapes.Service)
    assert told(service, "current_status", "reasons") == ["operational", []]


@pytest.mark.parametrize("state", WINDOW_STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
async def test_each_action_works_in_one_state_only(desk: Desk, state: str, action: str) -> None:
    made = await in_state(desk, state)
    answer = await desk.ask("POST", f"/maintenance/{made['id']}/{action}")
    works_on, becomes = WORKS[action]
    if state == works_on:
        assert held(answer, shapes.Window)["status"] == becomes
        return
    assert refused(answer, 409)
    assert set(answer.json()["allowed"]) == {name for name, (origin, _) in WORKS.items() if origin == state}
    assert (await desk.get(f"/maintenance/{made['id']}", shapes.Window)) == made


@pytest.mark.parametrize("action", ["begin", "START", "", "start/now", "resolve"])
async def test_an_unknown_action_is_404(desk: Desk, action: str) -> None:
    made = await desk.window()
    answer = await desk.ask("POST", f"/maintenance/{made['id']}/{action}")
    assert answer.status_code == 404 or (action == "" and answer.status_code in {404, 405})


async def test_a_tenant_in_the_body_is_ignored_and_times_may_have_an_offset(desk: Desk) -> None:
    start = (utc_now() + timedelta(days=1)).replace(microsecond=0)
    there = iso(start + timedelta(hours=2)).replace("Z", "+02:00")
    made = await desk.window(scheduled_start=there, tenant_id=desk.tenant + 1)
    assert made["scheduled_start"] == iso(start)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", 7),
        ("description", 1),
        ("scheduled_start", "tomorrow"),
        ("scheduled_start", "2099-06-01"),
        ("scheduled_start", "2099-06-01T02:00:00"),
        ("scheduled_start", 1_780_279_200),
        ("scheduled_end", "2020-06-01T02:00:00Z"),
        ("scheduled_end", "2099-06-01T02:00:00Z"),
        ("scheduled_end", None),
        ("visibility", "hidden"),
        ("service_ids", []),
        ("service_ids", 17),
        ("service_ids", ["17"]),
        ("exclude_from_sla", "yes"),
        ("suppress_alerts", 1),
    ],
)
async def test_a_field_that_cannot_be_used_is_400_and_named(desk: Desk, field: str, value: Any) -> None:
    error = refused(await desk.ask("POST", "/maintenance", body=desk.new_window(**{field: value})), 400)
    assert error.startswith(field), error
    assert (await desk.get("/maintenance", shapes.Windows))["total"] == 0


@pytest.mark.parametrize("field", ["title", "scheduled_start", "scheduled_end", "service_ids"])
async def test_a_missing_field_is_400_and_named(desk: Desk, field: str) -> None:
    body = desk.new_window()
    del body[field]
    assert refused(await desk.ask("POST", "/maintenance", body=body), 400).startswith(f"{field}: missing")


async def test_a_window_is_changed_while_it_is_scheduled_or_active(desk: Desk) -> None:
    made = await desk.window()
    path = f"/maintenance/{made['id']}"
    for field, value in (
        ("title", "Another drill"),
        ("description", ""),
        ("visibility", "internal"),
        ("suppress_alerts", False),
        ("scheduled_end", iso(utc_now().replace(microsecond=0) + timedelta(days=2))),
    ):
        changed = held(await desk.ask("PATCH", path, body={field: value}), shapes.Window)
        assert changed[field] == value
        assert {name for name in made if made[name] != changed[name]} <= {field, "updated_at"}
        made = changed
    await desk.ask("POST", f"{path}/start")
    assert held(await desk.ask("PATCH", path, body={"title": "Longer drill"}), shapes.Window)["title"] == "Longer drill"
    await desk.ask("POST", f"{path}/complete")
    assert refused(await desk.ask("PATCH", path, body={"title": "Too late"}), 409)


async def test_lists_are_filtered_by_status_and_paged(desk: Desk) -> None:
    made = {state: await in_state(desk, state) for state in WINDOW_STATUSES}
    for state in WINDOW_STATUSES:
        page = await desk.get("/maintenance", shapes.Windows, status=state)
        assert [one["id"] for one in page["maintenance"]] == [made[state]["id"]]
        assert page["total"] == 1
    seen = []
    for offset in range(0, 6, 3):
        page = await desk.get("/maintenance", shapes.Windows, limit=3, offset=offset)
        assert told(page, "total", "limit", "offset") == [4, 3, offset]
        seen += [one["id"] for one in page["maintenance"]]
    assert sorted(seen) == sorted(one["id"] for one in made.values())
    assert told(await desk.get("/maintenance", shapes.Windows, limit=999), "limit") == [200]


async def test_what_is_upcoming_comes_in_its_order_and_without_paging(desk: Desk) -> None:
    later = await desk.window(begins=timedelta(days=3))
    soon = await desk.window(begins=timedelta(hours=1))
    found = await desk.get("/maintenance/upcoming", shapes.Upcoming)
    assert set(found) == {"maintenance", "total"}
    assert [one["id"] for one in found["maintenance"]] == [soon["id"], later["id"]]


@pytest.mark.parametrize(("name", "value"), [("status", "in_progress"), ("limit", "0"), ("offset", "x")])
async def test_a_filter_that_cannot_be_used_is_400_and_named(desk: Desk, name: str, value: str) -> None:
    assert refused(await desk.ask("GET", "/maintenance", **{name: value}), 400).startswith(name)
