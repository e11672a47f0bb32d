"""Kept answers: the same bytes while nothing has changed, never older than that, and bounded."""

import asyncio

import pytest
from starlette.types import Message, Scope

from collector.api.answer import Answer
from collector.api.kept import PER_SECOND, Kept, Moments
from collector.core.database import Database
from tests.collector import builders

EVERYTHING = frozenset({"health"})


class Desk:
    """Makes an answer of its own each time, and can say that everything has changed."""

    def __init__(self, *, most_bytes: int = 10_000, body: bytes = b"x") -> None:
        self.made = 0
        self.version = 1
        self.status = 200
        self.body = body
        self.kept = Kept({"/fleet": self.version_of}, most_bytes=most_bytes)

    async def version_of(self, _tenant: int) -> int:
        return self.version

    async def get(
        self, *, tenant: int = 1, scopes: frozenset[str] = EVERYTHING, query: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: Scope = {"method": "GET", "path": "/fleet", "query_string": query, "headers": pairs}
        answer = Answer(scope, send, revalidates=True)

        async def make() -> None:
            self.made += 1
            await answer.send({"type": "http.response.start", "status": self.status, "headers": []})
            await answer.send({"type": "http.response.body", "body": self.body + b"%d" % self.made})

        await self.kept.answer(tenant, scopes, scope, answer, make)
        return sent[0]["status"], sent[1]["body"]


async def test_an_answer_is_made_once_for_each_version() -> None:
    desk = Desk()
    assert [await desk.get(), await desk.get()] == [(200, b"x1"), (200, b"x1")]
    desk.version += 1
    assert [await desk.get(), await desk.get()] == [(200, b"x2"), (200, b"x2")]


async def test_what_was_kept_under_an_older_version_is_not_used_when_the_number_comes_back_to_it() -> None:
    desk = Desk()
    await desk.get()
    desk.version = 2
    assert await desk.get() == (200, b"x2")


@pytest.mark.parametrize(
    "other", [{"tenant": 2}, {"scopes": frozenset()}, {"query": b"a=1"}, {"accept": "text/csv"}], ids=str
)
async def test_who_asks_otherwise_gets_an_answer_of_its_own(other: dict[str, object]) -> None:
    desk = Desk()
    await desk.get()
    assert await desk.get(**other) == (200, b"x2")  # type: ignore[arg-type]  # one keyword argument each
    assert await desk.get() == (200, b"x1")


async def test_an_error_is_not_kept() -> None:
    desk = Desk()
    desk.status = 503
    assert await desk.get() == (503, b"x1")
    desk.status = 200
    assert await desk.get() == (200, b"x2")


async def test_what_is_kept_is_bounded() -> None:
    desk = Desk(most_bytes=3_000, body=b"x" * 800)
    for n in range(20):
        await desk.get(query=b"n=%d" % n)
    assert 0 < sum(each.whole.size for each in desk.kept._answers.values()) <= 3_000
    large = Desk(most_bytes=100, body=b"x" * 800)
    assert await large.get() != await large.get()


async def test_a_kept_answer_can_be_revalidated() -> None:
    desk = Desk()
    await desk.get()
    (kept,) = desk.kept._answers.values()
    tag = dict(kept.whole.headers)[b"etag"].decode()
    assert await desk.get(if_none_match=tag) == (304, b"")
    assert desk.made == 1


async def test_where_nobody_can_tell_whether_it_has_changed_nothing_is_kept() -> None:
    desk = Desk()

    async def unknown(_tenant: int) -> None:
        return None

    desk.kept = Kept({"/fleet": unknown})
    assert [await desk.get(), await desk.get()] == [(200, b"x1"), (200, b"x2")]


async def test_what_follows_from_the_time_is_made_again_with_every_commit_and_soon_in_any_case(
    database: Database,
) -> None:
    clock = [100.0]
    moments = Moments(database, lambda: clock[0])
    await database.ping()
    if database.generation() is None:
        assert await moments.version(1) is None
        return
    seen = [await moments.version(1), await moments.version(1)]
    await builders.tenant(database)
    seen += [await moments.version(1), await moments.version(1)]
    clock[0] += 1 / PER_SECOND
    seen += [await moments.version(1), await moments.version(1)]
    assert seen == [1, 1, 2, 2, 3, 3]


class Slow(Desk):
    """Makes its answers when it is let, and sends them to readers who do not read."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.reads = asyncio.Event()
        self.fails = False

    async def ask(self) -> bytes:
        sent: list[Message] = []
        first = not self.made and not self.let.is_set()

        async def send(message: Message) -> None:
            if first:
                await self.reads.wait()
            sent.append(message)

        scope: Scope = {"method": "GET", "path": "/fleet", "query_string": b"", "headers": []}
        answer = Answer(scope, send, revalidates=True)

        async def make() -> None:
            self.made += 1
            number = self.made
            await self.let.wait()
            if self.fails and number == 1:
                raise ConnectionResetError
            await answer.send({"type": "http.response.start", "status": 200, "headers": []})
            await answer.send({"type": "http.response.body", "body": b"x%d" % number})

        await self.kept.answer(1, EVERYTHING, scope, answer, make)
        body: bytes = sent[1]["body"]
        return body


async def test_an_answer_is_made_once_for_all_who_ask_at_the_same_time() -> None:
    desk = Slow()
    crowd = [asyncio.create_task(desk.ask()) for _ in range(50)]
    await asyncio.sleep(0)
    desk.let.set()
    desk.reads.set()
    assert await asyncio.gather(*crowd) == [b"x1"] * 50
    assert desk.made == 1


async def test_nobody_waits_for_a_reader_who_does_not_read() -> None:
    desk = Slow()
    stuck = asyncio.create_task(desk.ask())
    await asyncio.sleep(0)
    others = [asyncio.create_task(desk.ask()) for _ in range(3)]
    desk.let.set()
    assert await asyncio.gather(*others) == [b"x1"] * 3
    assert not stuck.done()
    desk.reads.set()
    assert await stuck == b"x1"


async def test_the_next_one_makes_it_when_the_first_fails() -> None:
    desk = Slow()
    desk.fails = True
    crowd = [asyncio.create_task(desk.ask()) for _ in range(5)]
    await asyncio.sleep(0)
    desk.let.set()
    desk.reads.set()
    found = await asyncio.gather(*crowd, return_exceptions=True)
    assert isinstance(found[0], ConnectionResetError)
    assert found[1:] == [b"x2"] * 4
    assert desk.made == 2
