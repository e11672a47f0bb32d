"""`Idempotency-Key`: asked twice, done once, answered alike; also at the same time and by two processes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import Connection, func, select, update

from collector import worker
from collector.core.database import Database
from collector.domain.idempotency import store
from collector.domain.idempotency.rules import KEEP
from collector.domain.idempotency.tables import reply
from common.clock import utc_now
from tests.collector import builders
from tests.collector.api.status.toy import NOTES, client_over, written
from tests.collector.conftest import StoreName
from tests.collector.tokens import Holder, token

KEY = {"Idempotency-Key": "deploy-4711"}
BODY = {"text": "Deploy failed"}


@pytest_asyncio.fixture
async def holder(database: Database) -> Holder:
    return await token(database, await builders.tenant(database))


@pytest_asyncio.fixture
async def http(database: Database, holder: Holder) -> AsyncIterator[httpx.AsyncClient]:
    async with client_over(database, holder.headers) as client:
        yield client


def replies(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(reply)).scalar_one())


def age(conn: Connection, by: timedelta) -> None:
    conn.execute(update(reply).values(created_at=utc_now() - by))


async def test_the_same_again_gets_the_first_answer_and_does_nothing(
    http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    first = await http.post(NOTES, json=BODY, headers=KEY)
    again = await http.post(NOTES, json=BODY, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.json()["number"] == 1
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert await database.read(written, holder.tenant) == 1


async def test_without_a_key_everything_is_done_again(http: httpx.AsyncClient, database: Database) -> None:
    numbers = [(await http.post(NOTES, json=BODY)).json()["number"] for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert await database.read(replies) == 0


async def test_the_same_key_for_another_body_is_a_conflict(
    http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    await http.post(NOTES, json=BODY, headers=KEY)
    answer = await http.post(NOTES, json={**BODY, "count": 2}, headers=KEY)
    assert answer.status_code == 409
    said = "Idempotency-Key: 'deploy-4711' was used for another body; expected a new key for a new request"
    assert answer.json() == {"error": said}
    assert await database.read(written, holder.tenant) == 1


async def test_a_key_belongs_to_one_path(http: httpx.AsyncClient) -> None:
    answers = [
        await http.post(NOTES, json=BODY, headers=KEY),
        await http.post("/api/v1/incidents/others", json=BODY, headers=KEY),
        await http.post("/api/v1/incidents/1/touch", headers=KEY),
        await http.post("/api/v1/incidents/2/touch", headers=KEY),
    ]
    assert [answer.json()["number"] for answer in answers] == [1, 2, 3, 4]
    again = await http.post("/api/v1/incidents/2/touch", headers=KEY)
    assert (again.status_code, again.content) == (200, answers[-1].content)


async def test_a_key_belongs_to_one_token(database: Database, holder: Holder) -> None:
    others = [holder, await token(database, holder.tenant), await token(database, await builders.tenant(database))]
    for one in others:
        async with client_over(database, one.headers) as client:
            answer = await client.post(NOTES, json=BODY, headers=KEY)
            assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)
    assert await database.read(replies) == 3


async def test_what_was_refused_leaves_the_key_free(
    http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    for _ in range(2):
        answer = await http.post(NOTES, json={"text": "refused"}, headers=KEY)
        assert (answer.status_code, answer.json()["allowed"]) == (409, ["written"])
    for body in ({}, {"text": 1}):
        assert (await http.post(NOTES, json=body, headers=KEY)).status_code == 400
    assert (await database.read(replies), await database.read(written, holder.tenant)) == (0, 0)
    assert (await http.post(NOTES, json=BODY, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "t\tab", "ü", "\x7f"])
async def test_a_key_that_cannot_be_one_is_refused_by_name(http: httpx.AsyncClient, key: str) -> None:
    answer = await http.post(NOTES, json=BODY, headers=[("Idempotency-Key", key.encode("latin-1"))])  # type: ignore[arg-type]  # bytes are sent as they are
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Idempotency-Key: ")
    assert answer.json()["error"].endswith("expected 1 to 255 printable ASCII characters")


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b", "~!@#$%^&*()"])
async def test_any_other_key_will_do(http: httpx.AsyncClient, key: str) -> None:
    answers = [await http.post(NOTES, json=BODY, headers={"Idempotency-Key": key}) for _ in range(2)]
    assert ["idempotency-replayed" in answer.headers for answer in answers] == [False, True]


async def test_two_keys_are_one_too_many(http: httpx.AsyncClient) -> None:
    answer = await http.post(NOTES, json=BODY, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert (answer.status_code, answer.json()) == (400, {"error": "Idempotency-Key: 'a, b'; expected the header once"})


async def test_after_24_hours_the_key_is_free_again(http: httpx.AsyncClient, database: Database) -> None:
    await http.post(NOTES, json=BODY, headers=KEY)
    await database.write(age, KEEP - timedelta(minutes=1))
    assert (await http.post(NOTES, json=BODY, headers=KEY)).json()["number"] == 1
    await database.write(age, KEEP + timedelta(minutes=1))
    answer = await http.post(NOTES, json={"text": "another day"}, headers=KEY)
    assert (answer.status_code, answer.json()["number"]) == (201, 2)
    assert await database.read(replies) == 1


async def test_old_answers_are_forgotten_in_slices(http: httpx.AsyncClient, database: Database) -> None:
    for number in range(5):
        await http.post(NOTES, json=BODY, headers={"Idempotency-Key": f"old-{number}"})
    await database.write(age, KEEP + timedelta(minutes=1))
    await http.post(NOTES, json=BODY, headers=KEY)
    assert await database.write(store.forget, utc_now(), 2) == 2
    assert await database.read(replies) == 4
    await worker.tick(database, [store.forget])
    assert await database.read(replies) == 1


async def test_of_many_at_once_one_does_it_and_all_get_its_answer(
    http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    answers = await asyncio.gather(*(http.post(NOTES, json=BODY, headers=KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("idempotency-replayed") for answer in answers].count(None) == 1
    assert await database.read(written, holder.tenant) == 1


async def test_two_processes_that_are_asked_at_once_do_it_once(
    database: Database, database_url: str, holder: Holder, store_name: StoreName
) -> None:
    if store_name == "sqlite":
        pytest.skip("one process owns an SQLite store")
    other = Database.open(database_url)
    try:
        async with client_over(database, holder.headers) as here, client_over(other, holder.headers) as there:
            for round_number in range(10):
                headers = {"Idempotency-Key": f"round-{round_number}"}
                asked = [client.post(NOTES, json=BODY, headers=headers) for client in (here, there) * 5]
                answers = await asyncio.gather(*asked)
                assert {answer.status_code for answer in answers} == {201}
                assert len({answer.content for answer in answers}) == 1
            keys = [f"crossed-{number}" for number in range(12)]
            crossed = [(here, key) for key in keys] + [(there, key) for key in reversed(keys)]
            asked = [client.post(NOTES, json=BODY, headers={"Idempotency-Key": key}) for client, key in crossed]
            assert {answer.status_code for answer in await asyncio.gather(*asked)} == {201}
        assert await database.read(written, holder.tenant) == 10 + len(keys)
    finally:
        await other.close()
