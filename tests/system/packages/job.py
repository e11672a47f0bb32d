"""The main job, by the installed programs alone: a collector serves, an agent is enrolled, a database gets a score."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.estate import Database
from tests.standins.processes import Process, start
from tests.system.packages.island import PYTHON, Clean, Island

AGENT, COLLECTOR = "fieldpost-agent", "fieldpost-collector"
URL = "https://127.0.0.1:8443"


@dataclass(frozen=True, slots=True)
class Estate:
    """What runs while the job is looked at."""

    root: Clean
    agent: Process
    collector: Process
    key: str

    @property
    def ca(self) -> Path:
        return self.root.path / "var/lib/fieldpost-collector/tls/ca.pem"

    def fleet(self) -> dict[str, Any] | None:
        fleet: dict[str, Any] | None = self.root.island.ask(f"{URL}/api/v1/health/fleet", self.key, self.ca)
        return fleet

    def scored(self) -> dict[str, Any]:
        """The one connection, once it has a score."""

        def first() -> dict[str, Any] | None:
            fleet = self.fleet()
            found: list[dict[str, Any]] = fleet["data"] if fleet else []
            return found[0] if found and found[0]["score"] is not None else None

        return self.agent.wait_until(first, timeout_s=180, every_s=1, what="done with its first run")


@contextmanager
def oracle(island: Island, state: Path) -> Iterator[Database]:
    """One healthy database on the island; it is the project's, not the root's."""
    ready = state / "ready.json"
    words = [PYTHON, "-m", "tests.standins.oracle", "--ready-file", ready, "--scenario", "healthy-19c"]
    process = start("oracle stand-in", island.words(*words), log=state / "oracle.log")
    try:
        process.wait_until(lambda: ready.exists() or None)
        yield Database(**json.loads(ready.read_text())["targets"][0])
    finally:
        process.stop()


@contextmanager
def at_work(root: Clean, database: Database, logs: Path) -> Iterator[Estate]:
    """Set both programs up as docs/install.md says, and let them run as their users."""
    with ExitStack() as stack:
        collector = root.start(COLLECTOR, "serve", user=COLLECTOR, log=logs / "collector.log")
        stack.callback(collector.stop)
        collector.wait_until(lambda: "listening on" in collector.log.read_text() or None, timeout_s=120)
        ask(root, "tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        key = str(ask(root, "key", "add", "--tenant", "acme", "--name", "test")["key"])
        token = ask(root, "agent", "token", "--tenant", "acme")
        enrol = ["--url", URL, "--token-file", "-", "--ca-pin", token["ca_pin"], "--name", "db-host"]
        root.run(AGENT, "enroll", *enrol, user=AGENT, stdin=str(token["token"]))
        connect(root, database)
        agent = run_agent(root, logs)
        stack.callback(agent.stop)
        yield Estate(root, agent, collector, key)


def run_agent(root: Clean, logs: Path) -> Process:
    return root.start(AGENT, "run", user=AGENT, log=logs / "agent.log")


def ask(root: Clean, *words: object) -> Any:
    return json.loads(root.run(COLLECTOR, *words, "--json", user=COLLECTOR))


def connect(root: Clean, database: Database) -> None:
    """The password lies where systemd's credentials come from, readable by the agent's user for the commands."""
    secret = root.path / "etc" / AGENT / "credentials" / "oracle.password"
    secret.write_text(database.password)
    root.run("chown", f"root:{AGENT}", f"/etc/{AGENT}/credentials/oracle.password")
    root.run("chmod", "0640", f"/etc/{AGENT}/credentials/oracle.password")
    where = ["--host", database.host, "--port", database.port, "--service", database.service_name]
    who = ["--user", database.user, "--password-credential", "oracle.password"]
    root.run(AGENT, "connection", "add", "--name", "orders", *where, *who, user=AGENT)
