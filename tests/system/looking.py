"""What whole agents and collectors can be asked from outside."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.standins.estate import Agent, Collector


def query(collector: Collector, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{collector.state}/collector.sqlite?mode=ro", uri=True)) as database:
        return database.execute(statement).fetchall()


def until(condition: Callable[[], Any], *, within_s: float = 60.0, what: str = "it") -> Any:
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} does not happen"
        time.sleep(0.2)
    return found


def enrolled(collector: Collector, state: Path) -> Agent:
    agent = Agent(state)
    agent.enrol(collector.base_url, collector.ask("agent", "token", "--tenant", "acme")["token"], "a1")
    return agent


def beats(collector: Collector) -> int:
    found: int = query(collector, "SELECT count(*) FROM agent WHERE heartbeat IS NOT NULL")[0][0]
    return found


def waiting(agent: Agent) -> int:
    found: int = json.loads(agent.command("spool", "status", "--json"))["records"]
    return found


def problems(agent: Agent) -> str:
    file = agent.state / "status.json"
    return " ".join(json.loads(file.read_text())["problems"]) if file.exists() else ""


def retired(collector: Collector) -> int:
    found: int = query(collector, "SELECT count(*) FROM agent_key WHERE retired_at IS NOT NULL")[0][0]
    return found
