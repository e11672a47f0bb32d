"""A collector that answers wrongly is found: where it shows another tenant's things, and where it breaks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from collector.prove.proofs._desk import Desk, Reply
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._mangled import Envelopes, Sent
from collector.prove.proofs._walk import Route, walk
from collector.prove.proofs.foreign_tenants import Walker
from collector.prove.proofs.malformed import Target
from collector.prove.world import Collector
from common.identity import PrivateKey


@dataclass
class Wrong:
    """A server that says to each path what it is told to."""

    answers: dict[str, tuple[int, bytes]]
    port: int = 0
    heard: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.heard.append(request.path)
        status, body = self.answers.get(request.path, (404, b'{"error":"Resource not found"}'))
        return web.Response(status=status, body=body)


@pytest_asyncio.fixture
async def wrong() -> AsyncIterator[Wrong]:
    server = Wrong({})
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@pytest_asyncio.fixture
async def desk(wrong: Wrong, tmp_path: Any) -> AsyncIterator[Desk]:
    async with aiohttp.ClientSession() as http:
        yield Desk([Collector(tmp_path, "sqlite://", port=wrong.port)], [], http, "sqlite://")


async def found_by_walking(desk: Desk) -> Findings:
    (asked,) = walk([Route("admin", "GET", "/keys/{key_id}")], {"keys": "7"}).asked
    findings = Findings()
    await Walker(desk, findings).try_one(asked, "owner", "token", "")
    return findings


async def test_a_thing_of_another_tenant_that_is_missing_like_any_other_is_no_finding(desk: Desk) -> None:
    assert len(await found_by_walking(desk)) == 0


@pytest.mark.parametrize(
    "answer", [(200, b'{"name":"grafana"}'), (409, b"{}"), (403, b"{}"), (404, b'{"error":"Not yours"}')]
)
async def test_a_thing_of_another_tenant_that_is_shown_or_told_apart_is_found(
    wrong: Wrong, desk: Desk, answer: tuple[int, bytes]
) -> None:
    wrong.answers["/keys/7"] = answer
    assert len(await found_by_walking(desk)) > 0


async def test_its_own_id_in_the_answer_does_not_tell_it_apart(wrong: Wrong, desk: Desk) -> None:
    wrong.answers |= {"/keys/7": (404, b"no key 7"), "/keys/700007": (404, b"no key 700007")}
    assert len(await found_by_walking(desk)) == 0


@pytest.mark.parametrize(("status", "findings"), [(400, 0), (200, 0), (500, 1), (503, 1)])
async def test_a_server_error_on_malformed_input_is_found(wrong: Wrong, desk: Desk, status: int, findings: int) -> None:
    wrong.answers["/broken"] = (status, b"")
    envelopes = Envelopes(agent="agt_1", key=PrivateKey.generate(), lines=())
    aim = Target(desk=desk, operations=(), envelopes=envelopes, webs=[desk.web], findings=Findings())
    await aim.shoot(1, Sent(what="a body", path="/broken"))
    assert len(aim.findings) == findings


def test_a_reply_that_is_no_json_has_no_body() -> None:
    assert (Reply(200, content=b"<html>").body, Reply(200, content=b'{"a":1}').body) == (None, {"a": 1})
