"""A simulated agent's journal: what was said is there after a kill, half a line never was."""

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collector.prove import ledger
from collector.prove.ledger import Place, Stored
from collector.prove.sim import Agent, Identity, Journal, Manners, session
from common.identity import PrivateKey


def journal(folder: Path, count: int) -> Journal:
    made = Journal.open(folder)
    made.say(count)
    return made


def test_what_was_said_and_acknowledged_is_there_in_the_next_process(tmp_path: Path) -> None:
    first = journal(tmp_path, 10)
    first.note([(1, 3), (7, 7)])
    second = Journal.open(tmp_path)
    assert second.lines == first.lines
    assert second.pending == [4, 5, 6, 8, 9, 10]


def test_half_a_line_was_never_said_and_its_number_is_used_again(tmp_path: Path) -> None:
    first = journal(tmp_path, 3)
    with (tmp_path / "said").open("ab") as file:
        file.write(first.lines[3][:20])
    second = Journal.open(tmp_path)
    assert sorted(second.lines) == [1, 2, 3]
    assert second.say(1) == [4]
    assert sorted(Journal.open(tmp_path).lines) == [1, 2, 3, 4]


def test_half_an_ack_is_none(tmp_path: Path) -> None:
    journal(tmp_path, 3).note([(1, 2)])
    with (tmp_path / "acked").open("ab") as file:
        file.write(b"3 ")
    assert Journal.open(tmp_path).pending == [3]


@given(st.integers(1, 300), st.integers(1, 50), st.integers())
def test_batches_are_cut_anywhere_and_have_everything_once(count: int, size: int, seed: int) -> None:
    agent = Agent.__new__(Agent)
    agent.chance, agent.manners = random.Random(seed), Manners(size=size)
    parts = agent.cut(range(1, count + 1))
    assert [seq for part in parts for seq in part] == list(range(1, count + 1))
    assert all(1 <= len(part) <= size for part in parts)


async def test_a_collector_that_is_away_is_no_answer(tmp_path: Path) -> None:
    Identity("agt_1", PrivateKey.generate(), "epoch").save(tmp_path)
    async with session(wait_s=1) as web:
        agent = Agent(tmp_path, "http://127.0.0.1:9", Identity.load(tmp_path), web, random.Random(1))
        answer = await agent.post(agent.batch(agent.say(2)))
    assert (answer.status, answer.ack, agent.journal.pending) == (0, None, [1, 2])


def test_the_ledger_counts_what_is_missing_what_is_there_twice_and_what_nobody_said() -> None:
    ranges = {Place("a", "e", "live"): [(1, 5), (5, 9)]}
    found = Stored({"r1": 1, "r2": 2, "r9": 1, "r7": 1}, ranges, sound=True)
    balance = ledger.compare(["r1", "r2", "r3"], found, maybe=["r7"])
    assert (balance.lost, balance.doubled, balance.invented) == (1, 2, 1)
    assert not balance.even
    assert balance.why == "lost 1, doubled 2, invented 1"


def test_a_ledger_is_even_when_everything_is_there_once() -> None:
    balance = ledger.compare(["r1"], Stored({"r1": 1}, {Place("a", "e", "live"): [(1, 2)]}, sound=True))
    assert balance.even
    assert balance.why == ""
    assert not ledger.compare(["r1"], Stored({"r1": 1}, {}, sound=False)).even
