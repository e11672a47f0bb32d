"""A backup of a collector that goes on taking in records, and what becomes of it on the other store."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import text

from collector.core import engines
from tests.standins import postgresql
from tests.standins.estate import Agent, Collector
from tests.standins.postgresql import Server
from tests.standins.processes import BIN, Process, free_port, start

pytestmark = pytest.mark.system

Kind = Literal["sqlite", "postgresql"]
OTHER: dict[Kind, Kind] = {"sqlite": "postgresql", "postgresql": "sqlite"}
WITHIN_S = 120


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql.server("18") as started:
        yield started


@dataclass(frozen=True, slots=True)
class Installation:
    """A collector, its store, and a way to look into that from outside."""

    url: str
    collector: Collector

    def numbers(self, question: str) -> list[tuple[object, ...]]:
        engine = engines.onlooker(self.url)
        with engine.connect() as conn:
            rows = [tuple(row) for row in conn.execute(text(question))]
        engine.dispose()
        return rows

    def runs(self) -> set[object]:
        return {row[0] for row in self.numbers("SELECT key FROM run")}

    def refused(self, *words: object) -> str:
        done = subprocess.run(
            [str(BIN / "fieldpost-collector"), "--state-dir", str(self.collector.state), *map(str, words)],
            env={"FIELDPOST_DATABASE_URL": self.url, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done
        return done.stderr


def installation(folder: Path, kind: Kind, server: Server, port: int) -> Installation:
    folder.mkdir()
    url = f"sqlite:///{folder}/collector.sqlite" if kind == "sqlite" else server.new()
    return Installation(url, Collector(folder, port, settings={"FIELDPOST_DATABASE_URL": url}))


def feeding(agent: Agent, ledger: Path) -> Process:
    words = [BIN / "python", "-m", "tests.system.load_agent", agent.state, ledger]
    return start("agent under load", words, log=agent.state / "load.log")


def drained(fed: Process) -> None:
    fed.handle.send_signal(signal.SIGUSR1)
    assert fed.handle.wait(timeout=WITHIN_S) == 0, fed.tail()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_of_a_collector_under_load_lives_on_in_the_other_store(
    kind: Kind, server: Server, tmp_path: Path
) -> None:
    port = free_port()
    first = installation(tmp_path / "first", kind, server, port)
    second = installation(tmp_path / "second", OTHER[kind], server, port)
    agent, ledger = Agent(tmp_path / "agent"), tmp_path / "ledger"
    served = first.collector.serve()
    fed = None
    try:
        first.collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        token = first.collector.ask("agent", "token", "--tenant", "acme")["token"]
        agent.enrol(first.collector.base_url, token, "a1")
        fed = feeding(agent, ledger)
        fed.wait_until(lambda: len(first.runs()) > 300 or None, timeout_s=WITHIN_S)
        before = first.runs()
        made = first.collector.ask("backup", "--with-keys", tmp_path / "kept.zip")
        fed.wait_until(lambda: first.runs() > before or None, timeout_s=WITHIN_S)
        drained(fed)
        after = first.runs()
    finally:
        if fed is not None:
            fed.kill()
        served.stop()
    assert made["signed"] is True
    assert (tmp_path / "kept.zip").stat().st_mode & 0o777 == 0o600

    restored = second.collector.ask("restore", "--with-keys", tmp_path / "kept.zip")
    assert (restored["rows"], restored["vault_here"]) == (made["rows"], True)
    assert second.collector.ask("restore", "--compare", tmp_path / "kept.zip")["differing"] == []
    assert "holds something" in second.refused("restore", tmp_path / "kept.zip")
    assert before <= second.runs() < after
    _go_on(second, agent, tmp_path / "ledger-later", after)


def _go_on(second: Installation, agent: Agent, ledger: Path, sent: set[object]) -> None:
    """The agent notices nothing; what it was told is stored and is not here any more is a hole in its numbers."""
    lost = len(sent - second.runs())
    served = second.collector.serve()
    fed = feeding(agent, ledger)
    try:
        fed.wait_until(lambda: (ledger.exists() and len(ledger.read_text().split()) > 100) or None, timeout_s=WITHIN_S)
        drained(fed)
        second.collector.command("activity", "verify", "--tenant", "acme")
    finally:
        fed.kill()
        served.stop()
    assert set(ledger.read_text().split()) <= second.runs()
    ranges = second.numbers("SELECT first, last FROM received_range WHERE stream = 'live' ORDER BY first")
    assert len(ranges) == 2, ranges
    (_, end), (begin, _) = ranges
    assert int(str(begin)) - int(str(end)) - 1 >= lost > 0


def test_a_grown_installation_moves_to_postgresql(server: Server, tmp_path: Path) -> None:
    grown = installation(tmp_path / "grown", "sqlite", server, free_port())
    moved = installation(tmp_path / "moved", "postgresql", server, grown.collector.port)
    served = grown.collector.serve()
    try:
        grown.collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        assert "a collector serves from it; stop it first" in grown.refused("migrate", "--to", moved.url)
    finally:
        served.stop()
    told = grown.collector.ask("migrate", "--to", moved.url)
    assert told["rows"] > 0
    assert "holds something" in grown.refused("migrate", "--to", moved.url)
    kept = Collector(tmp_path / "grown", grown.collector.port, settings={"FIELDPOST_DATABASE_URL": moved.url})
    served = kept.serve()
    try:
        assert [tenant["slug"] for tenant in kept.ask("tenant", "list")] == ["acme"]
        kept.command("tenant", "add", "next", "--name", "Next", "--plan", "team")
        assert "the PostgreSQL database is in use" in moved.refused(
            "migrate", "--from", moved.url, "--to", "sqlite:////tmp/no"
        )
    finally:
        served.stop()
    assert [row[0] for row in moved.numbers("SELECT id FROM tenant ORDER BY id")] == [1, 2]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restore_that_is_killed_leaves_nothing_or_everything(kind: Kind, server: Server, tmp_path: Path) -> None:
    chance = random.Random(20_261_122)
    origin = installation(tmp_path / "origin", "sqlite", server, free_port())
    origin.collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    made = origin.collector.ask("backup", tmp_path / "kept.zip")
    target = installation(tmp_path / "target", kind, server, free_port())
    seen = []
    for _ in range(3):
        restoring = start(
            "restore",
            [BIN / "fieldpost-collector", "--state-dir", target.collector.state, "restore", tmp_path / "kept.zip"],
            log=tmp_path / "restore.log",
            environment={"FIELDPOST_DATABASE_URL": target.url},
        )
        time.sleep(chance.uniform(0.3, 2.5))
        restoring.kill()
        seen.append(_rows(target))
        if seen[-1]:
            break
    if not seen[-1]:
        target.collector.command("restore", tmp_path / "kept.zip")
    assert set(seen) <= {0, 1}
    assert target.collector.ask("restore", "--compare", tmp_path / "kept.zip") == {
        "tables": made["tables"],
        "rows": made["rows"],
        "differing": [],
    }
    assert [path.name for path in target.collector.state.glob(".*")] == []


def _rows(target: Installation) -> int:
    """Tenants, 0 where there is not even a table for them."""
    if target.url.startswith("sqlite"):
        return (
            len(target.numbers("SELECT id FROM tenant")) if Path(target.url.removeprefix("sqlite:///")).exists() else 0
        )
    there = "SELECT 1 FROM pg_tables WHERE tablename = 'tenant' AND schemaname = 'public'"
    return len(target.numbers("SELECT id FROM tenant")) if target.numbers(there) else 0
