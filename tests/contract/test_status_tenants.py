"""What belongs to another tenant answers as what is missing, on every route and in every body, and stays as it is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from pydantic import BaseModel

from collector.api.status import family, shapes
from collector.core.database import Database
from tests.contract.status_desk import NOBODYS, Desk, refused, two_desks
from tests.contract.status_documented import ACTIONS, API

BODIES: dict[str, object] = {
    "PATCH /incidents/{incident_id}": {"title": "Mine now"},
    "POST /incidents/{incident_id}/updates": {"message": "Mine now", "status": "monitoring"},
    "POST /incidents/{incident_id}/resolve": {"root_cause": "Mine now"},
    "PATCH /maintenance/{window_id}": {"title": "Mine now"},
}
ROUTES = sorted(
    f"{method} {route.path.removeprefix(API)}"
    for router in family.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "{" in route.path
    for method in route.methods or ()
)
SHAPES: dict[str, type[BaseModel]] = {
    "services": shapes.Service,
    "incidents": shapes.Incident,
    "maintenance": shapes.Window,
}


@dataclass(frozen=True, slots=True)
class Both:
    """A client, somebody else's client, and the ids of what the other one has by the first word of the path."""

    mine: Desk
    other: Desk
    theirs: dict[str, int]

    async def ask(self, route: str, number: object) -> list[httpx.Response]:
        """The route about this id, with all actions where it takes one."""
        method, _, path = route.partition(" ")
        pieces = path.split("/")
        about = "/".join(str(number) if piece.endswith("_id}") else piece for piece in pieces)
        paths = [about.replace("{action}", action) for action in ACTIONS] if "{action}" in about else [about]
        return [await self.mine.ask(method, one, body=BODIES.get(route)) for one in paths]


@pytest_asyncio.fixture
async def both(database: Database) -> AsyncIterator[Both]:
    async with two_desks(database) as (mine, other):
        incident, window = await other.incident(), await other.window()
        theirs = {"services": other.service, "incidents": incident["id"], "maintenance": window["id"]}
        yield Both(mine, other, theirs)


def test_every_route_about_one_item_is_tried() -> None:
    assert {route.split("/")[1] for route in ROUTES} == set(SHAPES)
    assert set(BODIES) <= set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
async def test_another_tenants_item_answers_as_a_missing_one_and_stays_as_it_is(both: Both, route: str) -> None:
    word = route.split("/")[1]
    shape = SHAPES[word]
    before = await both.other.get(f"/{word}/{both.theirs[word]}", shape)
    answers = [one for number in (both.theirs[word], NOBODYS) for one in await both.ask(route, number)]
    assert {(one.status_code, one.content) for one in answers} == {(404, b'{"error":"Resource not found"}')}
    assert {frozenset(one.headers) for one in answers} == {frozenset(answers[0].headers)}
    assert await both.other.get(f"/{word}/{both.theirs[word]}", shape) == before


async def test_what_cannot_be_an_id_is_the_id_of_nothing(both: Both) -> None:
    for route, number in product(ROUTES, ("0", "-1", "x", "01", "1e3", "9" * 19, "9" * 400, "%00", "1.0")):
        for answer in await both.ask(route, number):
            assert (route, number, refused(answer, 404)) == (route, number, "Resource not found")


@pytest.mark.parametrize("path", ["/incidents", "/maintenance"])
async def test_another_tenants_service_in_a_body_is_as_missing_as_any(both: Both, path: str) -> None:
    make = both.mine.new_incident if path == "/incidents" else both.mine.new_window
    said = []
    for number in (both.other.service, NOBODYS):
        answer = await both.mine.ask("POST", path, body=make(service_ids=[both.mine.service, number]))
        error = refused(answer, 400)
        assert error.startswith("service_ids")
        said.append(error.replace(str(number), "N"))
    assert said[0] == said[1]
    assert (await both.mine.ask("GET", path)).json()["total"] == 0


async def test_nothing_of_another_tenant_is_in_a_list(both: Both) -> None:
    for path in ("/incidents", "/incidents/active", "/maintenance", "/maintenance/upcoming"):
        assert (await both.mine.ask("GET", path)).json()["total"] == 0
        assert (await both.other.ask("GET", path)).json()["total"] == 1
    listed = (await both.mine.ask("GET", "/services")).json()["services"]
    assert [one["id"] for one in listed] == [both.mine.service]


async def test_a_tenant_id_in_a_body_does_not_reach_the_other_tenant(both: Both) -> None:
    await both.mine.incident(tenant_id=both.other.tenant)
    await both.mine.window(tenant_id=both.other.tenant)
    assert (await both.other.ask("GET", "/incidents")).json()["total"] == 1
    assert (await both.other.ask("GET", "/maintenance")).json()["total"] == 1


async def test_a_key_that_another_tenant_has_used_repeats_nothing_of_it(both: Both) -> None:
    headers = {"Idempotency-Key": "deploy-1"}
    theirs = await both.other.http.post(f"{API}/incidents", json=both.other.new_incident(), headers=headers)
    mine = await both.mine.http.post(f"{API}/incidents", json=both.mine.new_incident(), headers=headers)
    assert (theirs.status_code, mine.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]
    assert "Idempotency-Replayed" not in mine.headers
