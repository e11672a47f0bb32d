"""What is remembered, and what is left of it when the process is killed at any step."""

import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from agent.power.decision import Memory
from agent.power.known import Intent, Place
from agent.power.ledger import Ledger
from agent.power.plan import decide
from agent.power.remembering import recovered
from agent.power.resource import Sizes
from common.windows import Edge
from tests.agent.power.builders import at, instance, terms

PLACE = Place("111122223333", "eu-west-1", "i-1")
EDGE = at("2026-06-01T20:00:00")
INTENT = Intent(EDGE, "STOP", EDGE)


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    memory = Memory(last_edge=EDGE, result="APPLIED", attempts=2, stopped_by_us=True, restart_at=EDGE)
    with Ledger(tmp_path / "state" / "power.sqlite") as ledger:
        assert ledger.memory(PLACE) == Memory()
        ledger.keep(PLACE, memory)
    with Ledger(tmp_path / "state" / "power.sqlite") as ledger:
        assert ledger.memory(PLACE) == memory
        assert ledger.memory(replace(PLACE, region="eu-west-2")) == Memory()
        ledger.forget(PLACE)
        assert ledger.memory(PLACE) == Memory()


def test_sizes_are_there_before_a_group_loses_them_and_until_it_has_them_back(tmp_path: Path) -> None:
    with Ledger(tmp_path / "power.sqlite") as ledger:
        ledger.begin(PLACE, INTENT, Sizes(1, 2, 4))
        assert (ledger.sizes(PLACE), ledger.intent(PLACE), ledger.begun()) == (Sizes(1, 2, 4), INTENT, (PLACE,))
        ledger.finish(PLACE, Memory(last_edge=EDGE))
        assert (ledger.sizes(PLACE), ledger.intent(PLACE), ledger.begun()) == (Sizes(1, 2, 4), None, ())
        ledger.finish(PLACE, Memory(last_edge=EDGE), restored=True)
        assert ledger.sizes(PLACE) is None


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "power.sqlite").write_bytes(b"not a database at all" * 100)
    with Ledger(tmp_path / "power.sqlite") as ledger:
        ledger.keep(PLACE, Memory(last_edge=EDGE))
    assert (tmp_path / "power.sqlite.corrupt").exists()


def test_who_cannot_write_before_a_call_is_told(tmp_path: Path) -> None:
    with Ledger(tmp_path / "power.sqlite") as ledger:
        ledger._db.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError):
            ledger.begin(PLACE, INTENT)
        assert ledger.intent(PLACE) is None


def test_a_crash_after_the_call_does_not_stop_what_was_started_by_hand_since() -> None:
    ran = Memory(last_edge=at("2026-06-01T08:00:00"), result="APPLIED")
    now = EDGE + timedelta(minutes=15)
    by_hand = structs.replace(instance(), launched_at=EDGE + timedelta(minutes=10))
    memory = recovered(ran, Edge(EDGE, "STOP"), EDGE, by_hand)
    assert decide(by_hand, terms(), memory, now).kind == "MANUAL"
    untouched = structs.replace(instance(), launched_at=EDGE - timedelta(days=1))
    memory = recovered(ran, Edge(EDGE, "STOP"), EDGE, untouched)
    assert decide(untouched, terms(), memory, now).kind == "ACT"


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from agent.power.decision import Memory
from agent.power.known import Intent, Place
from agent.power.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(1000):
    edge = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=number)
    place = Place("111122223333", "eu-west-1", f"i-{number % 5}")
    ledger.begin(place, Intent(edge, "STOP", edge))
    print(f"begun {number}", flush=True)
    ledger.finish(place, Memory(last_edge=edge))
    print(f"finished {number}", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 33])
def test_a_killed_process_has_kept_every_step_that_it_told_of(tmp_path: Path, steps: int) -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "power.sqlite")], stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().split() for _ in range(steps)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines(keepends=True)
        told += [line.split() for line in rest if line.endswith("\n")]  # the kill may cut the last one short
    word, number = told[-1][0], int(told[-1][1])
    with Ledger(tmp_path / "power.sqlite") as ledger:
        place = replace(PLACE, resource=f"i-{number % 5}")
        edge = at("2026-06-01") + timedelta(hours=number)
        intent, memory = ledger.intent(place), ledger.memory(place)
        if word == "finished":
            assert (intent, memory.last_edge) == (None, edge)
        else:
            assert (intent is not None and intent.edge == edge) or memory.last_edge == edge
        for earlier in range(max(0, number - 4), number):
            done = ledger.memory(replace(PLACE, resource=f"i-{earlier % 5}"))
            assert done.last_edge == at("2026-06-01") + timedelta(hours=earlier)
