"""Two machines with one identity, as whole processes: one is parked, and nothing that it has to say is lost."""

import shutil
from pathlib import Path

import pytest

from tests.standins.estate import Agent, Collector
from tests.standins.processes import Process, free_port
from tests.system.looking import beats, enrolled, problems, query, until, waiting

pytestmark = pytest.mark.system

BEAT = {"FIELDPOST_HEARTBEAT_S": "5"}


@pytest.fixture
def collector(tmp_path: Path) -> Collector:
    made = Collector(tmp_path / "collector", free_port(), settings=BEAT)
    made.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    return made


def test_of_two_machines_with_one_identity_one_is_parked_and_becomes_an_agent_of_its_own(
    tmp_path: Path, collector: Collector
) -> None:
    served = collector.serve()
    one = enrolled(collector, tmp_path / "one")
    two = Agent(tmp_path / "two")
    shutil.copytree(one.state, two.state)
    processes: list[Process] = []
    try:
        processes.append(one.run())
        until(lambda: query(collector, "SELECT 1 FROM agent WHERE heartbeat IS NOT NULL"), what="a first heartbeat")
        processes.append(two.run())
        parked = until(lambda: collector.ask("agent", "parked", "--tenant", "acme"), within_s=90, what="parking")
        until(lambda: waiting(two) and "identity" in problems(two), what="the parked one's complaint")
        assert "identity" not in problems(one), "the first one goes on"
        assert len(parked) == 1
        assert processes.pop().stop() == 0
        held = waiting(two)
        assert held > 0
        processes.append(two.run())
        until(lambda: "identity" in problems(two), what="being parked over a restart")
        assert len(collector.ask("agent", "parked", "--tenant", "acme")) == 1, "it is the same one"
        assert processes.pop().stop() == 0
        token = collector.ask("agent", "token", "--tenant", "acme")["token"]
        said = two.command(
            "enroll", "--url", collector.base_url, "--token-file", "-", "--name", "a2", "--new-key", stdin=token
        )
        assert "enrolled as agt_" in said
        processes.append(two.run())
        until(lambda: beats(collector) == 2, what="the clone's own heartbeat")
        until(lambda: waiting(two) == 0, what="its spool drained")
        assert "identity" not in problems(two)
        assert "gaps" not in problems(two), "nobody misses what the other one has sent"
    finally:
        for process in processes:
            process.stop()
        served.stop()
    assert query(collector, "SELECT count(*) FROM alert WHERE rule = 'agent_cloned'") == [(1,)]
