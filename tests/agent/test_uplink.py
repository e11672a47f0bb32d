import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import Raw

from agent import uplink as uplink_module
from agent.backoff import BackOff
from agent.disk import DiskThread
from agent.link import Link
from agent.problems import Problems
from agent.records import Keep
from agent.spool import Limits, Spool
from agent.uplink import LOOK_EVERY_S, Uplink
from common import wire
from common.wire import Ack, Record
from tests.agent.collectors import Collector, Fault, serving
from tests.agent.waiting import until

pytestmark = pytest.mark.usefixtures("quick")


@dataclass
class Setup:
    collector: Collector
    spool: Spool
    uplink: Uplink
    problems: Problems
    link: Link

    def put(self, count: int, *, at: datetime | None = None, size: int = 0) -> None:
        for number in range(count):
            self.spool.append("run", at or datetime.now(UTC), {"n": number, "text": "x" * size}, keep=Keep.RESULT)
        assert self.spool.flush()

    async def until_empty(self) -> None:
        """Step until everything is answered; a step's wish to wait is noted, not obeyed."""
        for _ in range(200):
            if not self.spool.state().records:
                return
            await self.uplink.step()
        pytest.fail("the spool does not drain")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink_module, "LOOK_EVERY_S", 0.05)


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    disk = DiskThread()
    problems = Problems()
    with closing(Spool(tmp_path, Limits(min_free=0))) as spool, closing(disk):
        async with serving(Collector()) as collector, Link(collector.add_agent()) as link:
            yield Setup(collector, spool, Uplink(link, spool, disk, problems=problems), problems, link)


def answering(status: int, code: str = "no", **headers: str) -> Fault:
    async def fault(_: web.Request) -> web.StreamResponse:
        return Collector().error(status, code, **headers)

    return fault


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def cut_off(request: web.Request) -> web.StreamResponse:
    await request.read()
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"acked": [[1, ')
    assert request.transport
    request.transport.close()
    return response


class TestDelivery:
    async def test_records_arrive_signed_and_are_forgotten(self, setup: Setup) -> None:
        setup.put(3)
        await setup.until_empty()
        assert [body["n"] for body in setup.collector.bodies("run")] == [0, 1, 2]
        assert setup.collector.batches[0].stream == "live"
        assert setup.uplink.last_ack_at

    async def test_a_lost_ack_makes_no_duplicate(self, setup: Setup) -> None:
        async def lost(request: web.Request) -> web.StreamResponse:
            setup.collector._store(setup.collector._caller(request), request, await request.read())
            return await hang_up(request)

        setup.put(5)
        setup.collector.faults.append(lost)
        assert await setup.uplink.step() > 0
        assert setup.spool.state().records == 5, "nothing is forgotten before it is acknowledged"
        await setup.until_empty()
        assert len(setup.collector.records) == 5
        assert setup.collector.duplicates == 5

    async def test_live_status_is_there_after_two_batches_while_a_backlog_drains(self, setup: Setup) -> None:
        setup.put(3)
        setup.collector.faults.append(hang_up)
        await setup.uplink.step()
        setup.put(3_000, at=datetime.now(UTC) - timedelta(hours=3))
        setup.put(2)
        await setup.uplink.step()
        await setup.uplink.step()
        assert [(batch.stream, batch.count) for batch in setup.collector.batches] == [("live", 3), ("live", 2)]
        await setup.until_empty()
        assert len(setup.collector.records) == 3_005

    async def test_a_partial_ack_leaves_the_rest(self, setup: Setup) -> None:
        original = setup.collector._store

        def half(agent: str, request: web.Request, body: bytes) -> Ack:
            ack = original(agent, request, body)
            return Ack(((1, 2),), 2, 0, (), (), ack.server_time, ack.assignment)

        setup.collector._store = half  # type: ignore[method-assign]
        setup.put(4)
        await setup.uplink.step()
        assert setup.spool.state().records == 2

    async def test_new_records_go_out_as_soon_as_they_are_durable(self, setup: Setup) -> None:
        task = asyncio.create_task(setup.uplink.run())
        await asyncio.sleep(0.1)
        setup.put(1)
        setup.uplink.wake.set()
        await until(lambda: len(setup.collector.records) == 1, within_s=LOOK_EVERY_S / 2)
        task.cancel()


class TestTooMuch:
    async def test_413_halves_until_it_fits(self, setup: Setup) -> None:
        setup.put(80)
        setup.collector.faults.extend([answering(413, "too_large"), answering(413, "too_large")])
        await setup.until_empty()
        assert setup.collector.batches[0].count == 20
        assert len(setup.collector.records) == 80

    async def test_a_batch_that_does_not_compress_is_halved_before_it_is_sent(
        self, setup: Setup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("common.wire.MAX_PACKED", 2_000)
        for number in range(100):
            text = "".join(chr(33 + (number * 7919 + index * index * 31) % 90) for index in range(200))
            setup.spool.append("run", datetime.now(UTC), {"n": number, "text": text})
        setup.spool.flush()
        await setup.until_empty()
        assert len(setup.collector.records) == 100


class TestRefused:
    async def test_a_record_that_the_collector_rejects_becomes_a_dead_letter(self, setup: Setup) -> None:
        def refuse(record: Record) -> str:
            return "body.n: expected another" if b'"n":2' in bytes(record.body) else ""

        setup.collector.refuse = refuse
        setup.put(5)
        await setup.until_empty()
        assert len(setup.collector.records) == 4
        letter = setup.spool.dead_letters()[0]
        assert (letter.code, letter.detail) == ("malformed", "body.n: expected another")

    @pytest.mark.parametrize("status", [400, 422])
    async def test_a_batch_that_cannot_be_read_is_sent_again_once(self, setup: Setup, status: int) -> None:
        setup.put(5)
        setup.collector.faults.append(answering(status, "malformed"))
        await setup.until_empty()
        assert setup.spool.state().dead == 0
        assert [batch.count for batch in setup.collector.batches] == [5]

    async def test_the_one_bad_record_of_a_batch_is_found_by_splitting(self, setup: Setup) -> None:
        async def strict(request: web.Request) -> web.StreamResponse | None:
            batch = wire.unpack(await request.read())
            if any(b'"n":13,' in line for line in batch.lines):
                return setup.collector.error(400, "malformed", "a record that breaks the collector")
            return None

        setup.collector.faults.extend([strict] * 60)
        setup.put(40)
        await setup.until_empty()
        assert len(setup.collector.records) == 39
        assert [letter.body[:7] for letter in setup.spool.dead_letters()] == [b'{"n":13']

    async def test_a_collector_that_refuses_everything_costs_a_few_dead_letters_not_the_spool(
        self, setup: Setup
    ) -> None:
        setup.collector.faults.extend([answering(400, "malformed")] * 1_000)
        setup.put(30)
        waits = [await setup.uplink.step() for _ in range(40)]
        assert setup.spool.state().records >= 30 - 20
        assert sum(1 for wait in waits if wait > 0) > 5
        assert any("refuses every batch" in text for text in setup.problems.texts())

    async def test_a_proxy_that_answers_400_loses_nothing(self, setup: Setup) -> None:
        async def proxy(_: web.Request) -> web.StreamResponse:
            return web.Response(status=400, text="<html>Bad Request</html>")

        setup.collector.faults.extend([proxy] * 20)
        setup.put(3)
        for _ in range(20):
            assert await setup.uplink.step() > 0
        await setup.until_empty()
        assert len(setup.collector.records) == 3

    @pytest.mark.parametrize(
        ("status", "code"), [(426, "protocol"), (403, "forbidden"), (500, "internal"), (404, "no")]
    )
    async def test_what_a_later_try_may_cure_keeps_the_records_and_is_reported(
        self, setup: Setup, status: int, code: str
    ) -> None:
        setup.collector.faults.append(answering(status, code))
        setup.put(2)
        assert await setup.uplink.step() > 0
        assert f"HTTP {status} {code}" in setup.problems.texts()[0]
        await setup.until_empty()
        assert setup.problems.texts() == ()
        assert len(setup.collector.records) == 2

    @pytest.mark.parametrize("failure", ["unknown_agent", "revoked", "key_unknown", "bad_signature"])
    async def test_no_class_of_401_costs_a_record(self, setup: Setup, failure: str) -> None:
        setup.collector.faults.extend([answering(401, failure)] * 3)
        setup.put(2)
        for _ in range(3):
            assert await setup.uplink.step() > 0
        assert failure in setup.problems.texts()[0]
        await setup.until_empty()
        assert len(setup.collector.records) == 2

    async def test_a_redirect_is_not_followed(self, setup: Setup) -> None:
        async def redirect(_: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"})

        setup.collector.faults.append(redirect)
        setup.put(1)
        assert await setup.uplink.step() > 0
        assert "redirects are not followed" in setup.problems.texts()[0]


class TestNetwork:
    async def test_retry_after_is_obeyed(self, setup: Setup) -> None:
        setup.collector.faults.append(answering(503, "unavailable", Retry_After="40"))
        setup.put(1)
        assert 40 <= await setup.uplink.step() <= 48

    async def test_a_collector_that_never_answers_costs_the_deadline_only(
        self, setup: Setup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang(_: web.Request) -> None:
            await asyncio.sleep(30)

        monkeypatch.setattr(uplink_module, "DEADLINE_S", 0.3)
        setup.collector.faults.append(hang)
        setup.put(1)
        started = time.monotonic()
        assert await setup.uplink.step() > 0
        assert time.monotonic() - started < 2
        assert "no answer within 0.3 s" in setup.problems.texts()[0]
        await setup.until_empty()

    async def test_on_a_line_that_is_too_slow_batches_become_smaller(
        self, setup: Setup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang(_: web.Request) -> None:
            await asyncio.sleep(1)

        monkeypatch.setattr(uplink_module, "DEADLINE_S", 0.2)
        setup.collector.faults.extend([hang, hang])
        setup.put(400)
        await setup.uplink.step()
        await setup.uplink.step()
        monkeypatch.setattr(uplink_module, "DEADLINE_S", 20)
        await setup.until_empty()
        assert setup.collector.batches[-1].count < 200
        assert len(setup.collector.records) == 400

    async def test_when_somebody_else_gets_through_the_wait_is_over(
        self, setup: Setup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("agent.uplink.BackOff.next", lambda _self, _after=None: 60.0)
        setup.put(1)
        setup.collector.faults.append(hang_up)
        task = asyncio.create_task(setup.uplink.run())
        await until(setup.problems.texts)
        setup.uplink.reachable()
        await until(lambda: setup.collector.records)
        task.cancel()

    @pytest.mark.parametrize("fault", [hang_up, cut_off])
    async def test_a_line_that_breaks_loses_nothing(self, setup: Setup, fault: Fault) -> None:
        setup.collector.faults.extend([fault, fault])
        setup.put(4)
        await setup.until_empty()
        assert len(setup.collector.records) == 4

    async def test_an_answer_that_is_not_an_ack_is_not_believed(self, setup: Setup) -> None:
        async def nonsense(_: web.Request) -> web.StreamResponse:
            return web.Response(text="<html>Welcome to the hotel network</html>")

        setup.collector.faults.append(nonsense)
        setup.put(2)
        assert await setup.uplink.step() > 0
        assert setup.spool.state().records == 2
        assert "not an ack" in setup.problems.texts()[0]

    async def test_an_answer_without_an_end_is_cut_off(self, setup: Setup) -> None:
        async def endless(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(40):
                await response.write(b" " * 65_536)
            return response

        setup.collector.faults.append(endless)
        setup.put(1)
        assert await setup.uplink.step() > 0
        assert "longer than" in setup.problems.texts()[0]

    async def test_the_collector_is_away(self, setup: Setup) -> None:
        setup.put(1)
        object.__setattr__(setup.link.identity, "url", "http://127.0.0.1:1")
        assert await setup.uplink.step() > 0
        assert "cannot be reached" in setup.problems.texts()[0]

    async def test_a_clock_that_is_an_hour_behind_is_measured_and_made_up_for(self, setup: Setup) -> None:
        setup.collector.clock_ahead = timedelta(hours=1)
        setup.put(2)
        assert await setup.uplink.step() > 0
        assert "clock_skew" in setup.problems.texts()[0]
        await setup.until_empty()
        assert setup.link.clock_offset_s == pytest.approx(3600, abs=2)


def test_the_back_off_is_jittered_and_bounded_and_never_ends() -> None:
    back_off = BackOff()
    waits = [back_off.next() for _ in range(500)]
    assert max(waits[:3]) <= 8
    assert max(waits) <= 300
    assert max(waits[20:]) > 200
    assert len({round(wait, 3) for wait in waits}) > 400
    assert 10 <= back_off.next(10.0) <= 12


class TestTwoMachines:
    async def test_numbers_that_another_one_has_used_are_given_up_and_nothing_is_lost(self, setup: Setup) -> None:
        """As after a state folder was put back: the collector takes the first new records for old ones."""
        setup.put(3)
        await setup.until_empty()
        epoch = setup.collector.batches[0].epoch
        for seq in range(4, 9):  # what the other one has sent since
            key = ("agt_1", epoch, "live", seq)
            setup.collector.records[key] = Record(seq, "run", datetime.now(UTC), Raw(b'{"n":-1}'))
        setup.collector.tolerant = True
        before = setup.link.identity.origin.instance
        setup.put(4)
        await setup.until_empty()
        assert setup.collector.batches[-1].epoch != epoch
        assert [body["n"] for body in setup.collector.bodies("run")][3:] == [0, 1, 2, 3]
        assert setup.link.identity.origin.instance != before, "the other one may be alive: it is told apart from it"

    async def test_a_machine_that_is_parked_keeps_what_it_has_and_sends_it_once_it_is_accepted(
        self, setup: Setup
    ) -> None:
        setup.link.new_instance("i2")
        heard: list[bool] = []
        setup.link.on_parked = heard.append
        setup.collector.parked.add("i2")
        setup.put(3)
        for _ in range(3):
            assert await setup.uplink.step() > 0
        assert setup.spool.state().records == 3
        assert "identity_conflict" in setup.problems.texts()[0]
        setup.collector.parked.clear()
        await setup.until_empty()
        assert heard == [True, False]
        assert len(setup.collector.records) == 3
        assert setup.collector.batches[-1].instance == "i2"
