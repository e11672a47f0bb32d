"""Faults that are planted in what a proof looks at: each has to be found."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from collector.prove import ledger, stores
from collector.prove.ledger import Stored
from collector.prove.processes import ProgramFailed
from collector.prove.proof import Terms
from collector.prove.proofs import _failing_calls, database_killed, disk_full, evil_network, replays
from collector.prove.proxy import CLEAR, Message, Proxy
from collector.prove.sim import Agent, Identity
from collector.prove.world import Collector
from common.identity import PrivateKey
from tests.collector.prove.liars import lying, speaker, taken

EMPTY = Stored({}, {}, sound=True)


def collector_at(url: str, folder: Path) -> Collector:
    return Collector(folder, "", port=int(url.rpartition(":")[2]))


async def unwell(_request: Message) -> tuple[int, bytes]:
    return 500, b"{}"


async def busy(_request: Message) -> tuple[int, bytes]:
    return 503, b"{}"


async def well(request: Message) -> tuple[int, bytes]:
    return 200, taken(request) if request.body else b"{}"


# --- P2 ------------------------------------------------------------------------------------------------------------


def siege(url: str, folder: Path) -> database_killed._Siege:
    return database_killed._Siege(collector_at(url, folder), [], None, "", "", Random(1))


async def test_a_collector_that_is_ready_without_its_database_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_killed, "_BACK_S", 0.02)
    async with lying(well) as url:
        with pytest.raises(ProgramFailed, match="/health/ready: 200 after"):
            await siege(url, tmp_path)._until(503)


async def test_a_collector_that_is_back_too_late_is_found(tmp_path: Path) -> None:
    returned = asyncio.get_running_loop().time() + 0.2

    async def late(_request: Message) -> tuple[int, bytes]:
        return 200 if asyncio.get_running_loop().time() > returned else 503, b"{}"

    async with lying(late) as url:
        one = siege(url, tmp_path)
        one._note("back_ms", await one._until(200), 0.1)
    assert one.counts["back_ms"] >= 100
    assert database_killed._judged(one, ledger.compare([], EMPTY)).state == "broken"


async def test_what_a_database_forgot_is_found(tmp_path: Path) -> None:
    one = siege("http://127.0.0.1:9", tmp_path)
    verdict = database_killed._judged(one, ledger.compare(["agent0-1"], EMPTY))
    assert (verdict.state, verdict.counts["lost"]) == ("broken", 1)
    assert database_killed._judged(one, ledger.compare([], EMPTY)).state == "held"


# --- P5 ------------------------------------------------------------------------------------------------------------


class NoRoom:
    """A fault that is not one: the collector lies anyway."""

    def take(self) -> None:
        return

    def give(self) -> None:
        return


async def test_a_full_disk_that_is_called_something_else_is_found(tmp_path: Path) -> None:
    async with lying(unwell) as url, speaker(tmp_path / "agent", url) as agent:
        witness = disk_full._Witness(collector_at(url, tmp_path), agent, Counter())
        await witness._until_refused(1)
    assert witness.troubles == ["a full disk was answered by 500 "]


async def test_a_collector_that_is_not_alive_on_a_full_disk_is_found(tmp_path: Path) -> None:
    refused: Counter[str] = Counter()

    async def at_first(request: Message) -> tuple[int, bytes]:
        refused["batches"] += bool(request.body)
        return (507, b"{}") if not request.body or refused["batches"] <= 3 else (200, taken(request))

    async with lying(at_first) as url, speaker(tmp_path / "agent", url) as agent:
        witness = disk_full._Witness(collector_at(url, tmp_path), agent, Counter())
        await witness.suffer(NoRoom())
    assert witness.troubles == ["/health/live did not answer 200 while the disk was full"]
    assert witness.counts == {"refused": 3, "status_507": 3, "rounds": 1}


async def test_a_call_that_failed_and_is_called_something_else_is_found(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    async def fails(_request: Message) -> tuple[int, bytes]:
        trace.write_text(f"1 pwrite64(9) = -1 ENOSPC {_failing_calls._MARK}\n1 fdatasync(9) = -1 EIO (INJECTED)\n")
        return 500, b"{}"

    counts: Counter[str] = Counter()
    async with lying(fails) as url, speaker(tmp_path / "agent", url) as agent:
        troubles = await _failing_calls._suffer(agent, trace, 2, counts)
    assert troubles == ["a call that failed was answered by 500 "]
    assert _failing_calls._injected(trace) == {"writes_failed": 1, "syncs_failed": 1}


# --- P7 ------------------------------------------------------------------------------------------------------------


def estate(agents: list[Agent], near: Agent) -> evil_network._Estate:
    return evil_network._Estate(Proxy([], CLEAR, Random(1)), agents, near)


async def test_a_good_network_that_suffers_from_the_bad_one_is_found(tmp_path: Path) -> None:
    async with lying(busy) as url, speaker(tmp_path / "near", url) as near:
        one = estate([], near)
        await one.suffer(0.05)
    assert one.near_failed > 0
    assert "batches of the agent with a good network failed" in one.troubles()[0]


async def test_news_that_wait_for_the_backlog_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evil_network, "_LIVE_S", 0.05)

    async def slow(request: Message) -> tuple[int, bytes]:
        await asyncio.sleep(0.1)
        return 200, taken(request)

    async with lying(slow) as url, speaker(tmp_path / "far", url) as far, speaker(tmp_path / "near", url) as near:
        one = estate([far], near)
        await one.black_out(10)
    assert "beside the backlog" in one.troubles()[0]


# --- P9 ------------------------------------------------------------------------------------------------------------


async def test_whatever_is_replayed_and_taken_is_found(tmp_path: Path) -> None:
    terms = Terms(seed=1, quick=True, folder=tmp_path)
    async with lying(well) as url, speaker(tmp_path / "victim", url) as victim:
        victim.say(replays._SAID)
        thief = Identity("agt_2", PrivateKey.generate(), "epoch")
        retired = PrivateKey.generate()
        cast = replays._Cast(terms, collector_at(url, tmp_path), victim, thief, retired, Random(1))
        await cast.replay(1)
    refused = [case for case in replays.CASES if case.status != 200]
    for case in refused:
        assert f"{case.name}, round 0: 200 ; expected {case.status} {case.code}" in cast.troubles
    assert cast.counts["new"] > 0
    assert any("records were new" in trouble for trouble in cast.troubles)


def test_a_retired_key_of_which_nobody_is_told_is_found(tmp_path: Path, sqlite_template: Path) -> None:
    path = tmp_path / "one.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    assert stores.look(f"sqlite:///{path}", replays._alerts, "agt_1") == 0


def test_a_store_that_has_changed_is_found() -> None:
    assert replays._changes(EMPTY, EMPTY) == []
    assert replays._changes(EMPTY, Stored({"another": 1}, {}, sound=True)) == ["the runs of the store have changed"]
