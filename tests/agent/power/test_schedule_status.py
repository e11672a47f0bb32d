"""`fieldpost-agent schedule status`, from the files of an agent alone."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from agent.cli import main
from agent.power.ledger import Ledger
from common import wire
from common.wire import Assignment
from tests.agent.power.builders import at, schedule
from tests.agent.power.world import OFFICE_TAG, Host, World, machine, tagged

Run = Callable[..., int]


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The commands set up logging for their process; here they share one."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["fieldpost-agent", "--state-dir", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


async def test_each_resource_is_told_of_with_its_edges_and_what_holds_it(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(at("2026-06-01T19:55:00"))
    world.add(machine("i-1"), tagged(machine("i-2"), skip="true"))
    every = structs.replace(schedule(tags=OFFICE_TAG), resource_types=("EC2",))
    with closing(Host(tmp_path, world, every)) as host:
        await host.until("2026-06-01T20:10:00")
        (tmp_path / "assignment.json").write_bytes(wire.encode(host.assignment))
        capsys.readouterr()
        assert run("schedule", "status", "--json") == 0
        one, two = json.loads(capsys.readouterr().out)
        assert (one["resource"], one["state"], one["result"]) == ("i-1", "STOPPED", "APPLIED")
        assert (one["last_edge"], one["schedules"]) == ("2026-06-01T20:00:00Z", ["office"])
        assert (one["next_action"] is None, one["next_edge"] is None) == (False, False)
        assert (two["result"], two["hold"]) == ("", "kept as is for good (fieldpost:skip)")
        assert run("schedule", "status") == 0
        assert "i-1: STOPPED; APPLIED at the edge of 2026-06-01T20:00:00Z; next:" in capsys.readouterr().out


def test_an_agent_without_schedules_says_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schedule", "status") == 0
    assert capsys.readouterr().out == "the agent has not seen any resource of a schedule yet\n"


def test_an_assignment_that_cannot_be_used_is_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ledger(tmp_path / "power.sqlite").close()
    assert run("schedule", "status") == 2
    (tmp_path / "assignment.json").write_bytes(wire.encode(Assignment("")))
    assert run("schedule", "status") == 2
    assert "assignment.json" in capsys.readouterr().err
