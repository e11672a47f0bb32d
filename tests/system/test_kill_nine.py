"""kill -9 of agent and collector at any moment: what was durable arrives, and arrives once."""

import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.standins.estate import Agent, Collector
from tests.standins.processes import BIN, Process, free_port, start

pytestmark = pytest.mark.system

KILLING_S = 30.0
DRAIN_S = 120.0


def load(agent: Agent, ledger: Path) -> Process:
    return start(
        "agent under load",
        [BIN / "python", "-m", "tests.system.load_agent", agent.state, ledger],
        log=agent.state / "load.log",
    )


def stored_runs(collector: Collector) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{collector.state}/collector.sqlite?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return Counter(row[0] for row in database.execute("SELECT key FROM run"))


def test_thirty_seconds_of_killing_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    chance = random.Random(20_261_121)
    collector = Collector(tmp_path / "collector", free_port())
    agent = Agent(tmp_path / "agent")
    ledger = tmp_path / "ledger"
    served = collector.serve()
    collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    agent.enrol(collector.base_url, collector.ask("agent", "token", "--tenant", "acme")["token"], "a1")
    fed = load(agent, ledger)
    kills: Counter[str] = Counter()
    try:
        end = time.monotonic() + KILLING_S
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.1, 1.2))
            if chance.random() < 0.5:
                fed.kill()
                fed = load(agent, ledger)
                kills["agent"] += 1
            else:
                served.kill()
                served = collector.serve()
                kills["collector"] += 1
        assert fed.alive(), fed.tail()
        time.sleep(1)
        fed.handle.send_signal(signal.SIGUSR1)
        assert fed.handle.wait(timeout=DRAIN_S) == 0, fed.tail()
    finally:
        fed.kill()
        served.stop()
    durable = ledger.read_text().split()
    stored = stored_runs(collector)
    print(f"kills {dict(kills)}, durable runs {len(durable)}, stored {len(stored)}")
    assert len(durable) > 1000
    assert set(durable) - set(stored) == set()
    assert [run for run, count in stored.items() if count > 1] == []
