"""Keys with whole processes: kill -9 of both sides amid changes of keys, and a host that came by file."""

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.standins.estate import Agent, Collector
from tests.standins.processes import BIN, Process, free_port, start
from tests.system.looking import beats, enrolled, problems, query, retired, until

pytestmark = pytest.mark.system

KILLING_S = 20.0
DRAIN_S = 90.0
BEAT = {"FIELDPOST_HEARTBEAT_S": "5"}


@pytest.fixture
def collector(tmp_path: Path) -> Collector:
    made = Collector(tmp_path / "collector", free_port(), settings=BEAT)
    made.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    return made


def test_amid_changes_of_keys_killing_either_side_leaves_one_key_that_works(
    tmp_path: Path, collector: Collector
) -> None:
    chance = random.Random(20_261_122)
    ledger = tmp_path / "ledger"
    served = collector.serve()
    agent = enrolled(collector, tmp_path / "agent")

    def turning() -> Process:
        command = [BIN / "python", "-m", "tests.system.rotating_agent", agent.state, ledger]
        return start("agent that changes keys", command, log=agent.state / "load.log")

    fed = turning()
    kills: Counter[str] = Counter()
    try:
        end = time.monotonic() + KILLING_S
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.05, 1.5))
            if chance.random() < 0.7:
                fed.kill()
                fed = turning()
                kills["agent"] += 1
            else:
                served.kill()
                served = collector.serve()
                kills["collector"] += 1
        time.sleep(2)
        fed.handle.send_signal(signal.SIGUSR1)
        assert fed.handle.wait(timeout=DRAIN_S) == 0, fed.tail()
        assert "is replaced by" in agent.command("key", "rotate"), "it works, and is the only one"
    finally:
        fed.kill()
        served.stop()
    keys = query(collector, "SELECT key_id FROM agent_key WHERE retired_at IS NULL AND offered_at IS NULL")
    shown = json.loads(agent.command("key", "show", "--json"))
    retired = query(collector, "SELECT count(*), count(reused_at) FROM agent_key WHERE retired_at IS NOT NULL")[0]
    durable = ledger.read_text().split()
    stored = Counter(row[0] for row in query(collector, "SELECT key FROM run"))
    print(f"kills {dict(kills)}, keys retired {retired[0]}, durable runs {len(durable)}, stored {len(stored)}")
    assert [row[0] for row in keys] == [shown["key_id"]]
    assert retired[0] > 10
    assert retired[1] == 0, "no key was used after its end"
    assert set(durable) - set(stored) == set()
    assert [run for run, count in stored.items() if count > 1] == []


def test_a_host_that_came_by_file_speaks_over_the_network_and_its_daemon_replaces_its_key(
    tmp_path: Path, collector: Collector
) -> None:
    served = collector.serve()
    agent = Agent(tmp_path / "agent")
    request, reply = tmp_path / "a1.request", tmp_path / "a1.reply"
    try:
        said = agent.command("enroll", "--request", request, "--name", "a1")
        shown = collector.command(
            "agent", "admit", request, "--tenant", "acme", "--reply", reply, "--yes", "--url", collector.base_url
        )
        fingerprint = next(line for line in said.splitlines() if line.startswith("fingerprint"))
        assert fingerprint in shown
        assert "enrolled as agt_" in agent.command("enroll", "--reply", reply)
        running = agent.run()
        try:
            until(lambda: beats(collector) == 1, what="a heartbeat")
            before = json.loads(agent.command("key", "show", "--json"))["key_id"]
            assert "is replaced by" in agent.command("key", "rotate"), "the daemon does it"
            name = collector.ask("agent", "list", "--tenant", "acme")[0]["id"]
            collector.command("agent", "rotate", name, "--tenant", "acme")
            until(lambda: retired(collector) == 2, what="the collector's wish")
            assert json.loads(agent.command("key", "show", "--json"))["key_id"] != before
            assert "could not" not in problems(agent)
        finally:
            running.stop()
    finally:
        served.stop()
