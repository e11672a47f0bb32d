"""Services and their uptime, call by call as the status document shows them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from collector.api.status import shapes
from common.clock import utc_now
from tests.contract.status_desk import Desk, refused
from tests.contract.status_documented import SERVICE, SERVICE_STATUSES, SERVICES, UPTIME, beyond, lacking

EXTENSIONS = {"stale_since", "group", "kind", "title"}
SEVERITY_FOR = {
    "degraded_performance": "degraded",
    "partial_outage": "partial_outage",
    "major_outage": "critical",
}


def told(service: Mapping[str, Any], *names: str) -> list[object]:
    return [service[name] for name in names]


async def one_of_each(desk: Desk) -> dict[str, int]:
    """A service in every status, by status."""
    made = {status: await desk.add_service(status.replace("_", " ").title()) for status in SERVICE_STATUSES}
    for status, severity in SEVERITY_FOR.items():
        await desk.incident(severity=severity, service_ids=[made[status]])
    window = await desk.window(service_ids=[made["under_maintenance"]])
    assert (await desk.ask("POST", f"/maintenance/{window['id']}/start")).status_code == 200
    return made


async def test_services_are_listed_as_documented(desk: Desk) -> None:
    await desk.incident()
    found = await desk.get("/services", shapes.Services)
    assert lacking(SERVICES, found) == []
    assert set(found) == set(SERVICES)
    (service,) = found["services"]
    assert lacking(SERVICE, service) == []
    assert beyond(SERVICE, service) == EXTENSIONS
    documented = SERVICES["services"]
    assert isinstance(documented, list)
    assert {name: service[name] for name in documented[0]} == {**documented[0], "id": desk.service}
    assert told(found, "total", "limit", "offset") == [1, 100, 0]


async def test_one_service_is_the_bare_item_of_the_list(desk: Desk) -> None:
    await desk.incident()
    (listed,) = (await desk.get("/services", shapes.Services))["services"]
    assert await desk.get(f"/services/{desk.service}", shapes.Service) == listed


async def test_the_documented_filter_by_status_finds_every_status(desk: Desk) -> None:
    made = await one_of_each(desk)
    for status in SERVICE_STATUSES:
        page = await desk.get("/services", shapes.Services, status=status)
        expected = {made[status], *([desk.service] if status == "operational" else [])}
        assert {one["id"] for one in page["services"]} == expected
        assert {one["current_status"] for one in page["services"]} == {status}
        assert page["total"] == len(expected)


async def test_services_are_found_by_visibility_and_search(desk: Desk) -> None:
    inside = await desk.add_service("Billing", slug="billing", visibility="internal", tags=["finance"])
    for visibility, expected in (("public", desk.service), ("internal", inside)):
        page = await desk.get("/services", shapes.Services, visibility=visibility)
        assert [one["id"] for one in page["services"]] == [expected]
    for text in ("bill", "BILLING", "finance"):
        page = await desk.get("/services", shapes.Services, search=text)
        assert [one["id"] for one in page["services"]] == [inside]
    assert (await desk.get("/services", shapes.Services, search="nothing-of-that-name"))["total"] == 0
    assert (await desk.get("/services", shapes.Services, search="%"))["total"] == 0
    both = await desk.get("/services", shapes.Services, search="billing", visibility="public")
    assert both["total"] == 0


async def test_services_are_paged_by_limit_and_offset(desk: Desk) -> None:
    ids = {desk.service, *[await desk.add_service(f"Service {number}") for number in range(4)]}
    seen: list[int] = []
    for offset in (0, 2, 4):
        page = await desk.get("/services", shapes.Services, limit=2, offset=offset)
        assert told(page, "total", "limit", "offset") == [5, 2, offset]
        seen += [one["id"] for one in page["services"]]
    assert sorted(seen) == sorted(ids)
    assert told(await desk.get("/services", shapes.Services, limit=201), "limit") == [200]


@pytest.mark.parametrize(
    ("name", "value"), [("status", "down"), ("visibility", "secret"), ("limit", "0"), ("limit", "x"), ("offset", "-1")]
)
async def test_a_filter_that_cannot_be_used_is_400_and_named(desk: Desk, name: str, value: str) -> None:
    assert refused(await desk.ask("GET", "/services", **{name: value}), 400).startswith(name)


async def test_uptime_is_as_documented(desk: Desk) -> None:
    service = await desk.add_service("Old", since=utc_now() - timedelta(days=40))
    found = await desk.get(f"/services/{service}/uptime", shapes.Uptime)
    assert lacking(UPTIME, found) == []
    assert beyond(UPTIME, found) == {"coverage_24h", "coverage_7d", "coverage_30d", "policy", "windows"}
    assert told(found, "service_id", "uptime_24h", "uptime_7d", "uptime_30d") == [service, 100.0, 100.0, 100.0]


async def test_the_uptime_of_a_service_that_is_down_falls(desk: Desk) -> None:
    service = await desk.add_service("Old", since=utc_now() - timedelta(days=40))
    await desk.incident(severity="critical", service_ids=[service], started_at=_hours_ago(6))
    found = await desk.get(f"/services/{service}/uptime", shapes.Uptime)
    assert 74.9 <= found["uptime_24h"] <= 75.1
    assert found["uptime_24h"] < found["uptime_7d"] < found["uptime_30d"] < 100.0


def _hours_ago(hours: int) -> str:
    return (utc_now() - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_reads_are_revalidated_where_nothing_changed(desk: Desk) -> None:
    for path in ("/services", f"/services/{desk.service}", "/incidents", "/incidents/active", "/maintenance"):
        first = await desk.ask("GET", path)
        again = await desk.http.get(f"/api/v1{path}", headers={"If-None-Match": first.headers["etag"]})
        assert (path, again.status_code, again.content) == (path, 304, b"")
