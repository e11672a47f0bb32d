"""Keys and clones with whole processes: kill -9 amid changes of keys, two machines of one identity, hosts by file."""

import json
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.standins.estate import Agent, Collector
from tests.standins.processes import BIN, Process, free_port, start

pytestmark = pytest.mark.system

KILLING_S = 20.0
DRAIN_S = 90.0
BEAT = {"FIELDPOST_HEARTBEAT_S": "5"}


def query(collector: Collector, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{collector.state}/collector.sqlite?mode=ro", uri=True)) as database:
        return database.execute(statement).fetchall()


def until(condition: Any, *, within_s: float = 60.0, what: str = "it") -> Any:
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} does not happen"
        time.sleep(0.2)
    return found


@pytest.fixture
def collector(tmp_path: Path) -> Collector:
    made = Collector(tmp_path / "collector", free_port(), settings=BEAT)
    made.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    return made


def enrolled(collector: Collector, state: Path) -> Agent:
    agent = Agent(state)
    agent.enrol(collector.base_url, collector.ask("agent", "token", "--tenant", "acme")["token"], "a1")
    return agent


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
    finally:
        for process in processes:
            process.stop()
        served.stop()
    assert query(collector, "SELECT count(*) FROM alert WHERE rule = 'agent_cloned'") == [(1,)]


def beats(collector: Collector) -> int:
    found: int = query(collector, "SELECT count(*) FROM agent WHERE heartbeat IS NOT NULL")[0][0]
    return found


def waiting(agent: Agent) -> int:
    found: int = json.loads(agent.command("spool", "status", "--json"))["records"]
    return found


def problems(agent: Agent) -> str:
    file = agent.state / "status.json"
    return " ".join(json.loads(file.read_text())["problems"]) if file.exists() else ""


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


def retired(collector: Collector) -> int:
    found: int = query(collector, "SELECT count(*) FROM agent_key WHERE retired_at IS NOT NULL")[0][0]
    return found
