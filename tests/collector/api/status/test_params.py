"""What lists of the status family read alike, and how its answers are put."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from collector.core.database import Database
from tests.collector import builders
from tests.collector.api.status.toy import NOTES, client_over
from tests.collector.tokens import token


@pytest_asyncio.fixture
async def http(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    holder = await token(database, await builders.tenant(database), "write:incidents")
    async with client_over(database, holder.headers) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [
        ("", 50, 0),
        ("limit=1", 1, 0),
        ("limit=200&offset=0", 200, 0),
        ("limit=201", 200, 0),
        ("limit=9999999999999999999999", 200, 0),
        ("offset=9007199254740991", 50, 9007199254740991),
        ("unknown=1", 50, 0),
    ],
)
async def test_a_page_is_bounded_by_its_maximum(http: httpx.AsyncClient, query: str, limit: int, offset: int) -> None:
    answer = await http.get(f"{NOTES}?{query}")
    assert answer.status_code == 200
    assert list(answer.json()) == ["notes", "total", "limit", "offset"]
    assert (answer.json()["limit"], answer.json()["offset"]) == (limit, offset)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("limit=0", "limit: '0'; expected a whole number of at least 1 (more than 200 is served as 200)"),
        ("limit=-1", "limit: '-1'; expected a whole number of at least 1 (more than 200 is served as 200)"),
        ("limit=", "limit: ''; expected a whole number of at least 1 (more than 200 is served as 200)"),
        ("limit=ten", "limit: 'ten'; expected a whole number of at least 1 (more than 200 is served as 200)"),
        ("limit=1&limit=2", "limit: '1, 2'; expected the parameter once"),
        ("offset=-1", "offset: '-1'; expected a whole number from 0 to 9007199254740991"),
        ("offset=00", "offset: '00'; expected a whole number from 0 to 9007199254740991"),
        ("offset=1.5", "offset: '1.5'; expected a whole number from 0 to 9007199254740991"),
        ("offset=9007199254740992", "offset: '9007199254740992'; expected a whole number from 0 to 9007199254740991"),
    ],
)
async def test_what_is_no_page_is_refused_by_name(http: httpx.AsyncClient, query: str, error: str) -> None:
    answer = await http.get(f"{NOTES}?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_a_short_list_has_its_name_and_a_total(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/incidents/all")).json() == {"notes": [{"limit": 3}], "total": 1}


@pytest.mark.parametrize("number", ["0", "-1", "01", "1e3", "x", "9223372036854775808", "%00"])
async def test_what_cannot_be_an_id_is_not_found(http: httpx.AsyncClient, number: str) -> None:
    answer = await http.post(f"/api/v1/incidents/{number}/touch")
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource not found"})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "body: '…'; expected JSON"),
        (b"[]", "body: '…'; expected"),
        (b"", "body: missing; expected a value"),
        (b'{"count": 1}', "text: missing; expected a value"),
        (b'{"text": 5}', "text: '5'; expected Input should be a valid string"),
        (b'{"text": "a", "count": "1"}', "count: '1'; expected"),
        (b'{"text": "a", "count": true}', "count: 'True'; expected"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_by_its_field(
    http: httpx.AsyncClient, body: bytes, error: str
) -> None:
    answer = await http.post(NOTES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


async def test_unknown_fields_are_ignored(http: httpx.AsyncClient) -> None:
    answer = await http.post(NOTES, json={"text": "a", "tenant_id": 99, "x": None})
    assert answer.status_code == 201
    assert answer.json()["at"].endswith("Z")
