"""A whole estate on loopback: the Oracle stand-in, a collector, an agent - driven by their command lines alone."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.processes import BIN, Process, run, start

READY_WITHIN_S = 120
"""For a collector: a bound for a machine that is busy with other things."""

PLANS = ("enterprise", "business", "team", "individual")


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the stand-in, as it announces it."""

    name: str
    host: str
    port: int
    service_name: str
    user: str
    password: str
    scenario: str
    mode: str = "normal"

    def as_dict(self) -> dict[str, Any]:
        return {field: getattr(self, field) for field in self.__slots__}


def start_oracle(state: Path, scenarios: Sequence[str] = ()) -> tuple[Process, list[Database]]:
    """The stand-in with both personas; all scenarios without a choice."""
    ready = state / "ready.json"
    ready.unlink(missing_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    chosen = [part for scenario in scenarios for part in ("--scenario", scenario)]
    process = start(
        "oracle stand-in",
        [BIN / "python", "-m", "tests.standins.oracle", "--ready-file", ready, *chosen],
        log=state / "oracle.log",
    )

    def announced() -> list[Database] | None:
        return [Database(**entry) for entry in json.loads(ready.read_text())["targets"]] if ready.exists() else None

    return process, process.wait_until(announced, timeout_s=60)


class Collector:
    """A collector on loopback over plain HTTP, and its command line."""

    def __init__(self, state: Path, port: int, *, settings: Mapping[str, str] | None = None) -> None:
        self.state = state
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self._environment = {
            "FIELDPOST_STATE_DIR": str(state),
            "FIELDPOST_TLS": "off",
            "FIELDPOST_PORT": str(port),
            **(settings or {}),
        }

    def command(self, *words: object, stdin: str = "") -> str:
        return run([BIN / "fieldpost-collector", *words], environment=self._environment, stdin=stdin)

    def ask(self, *words: object) -> Any:
        return json.loads(self.command(*words, "--json"))

    def serve(self) -> Process:
        self.state.mkdir(parents=True, exist_ok=True)
        process = start(
            "collector",
            [BIN / "fieldpost-collector", "serve"],
            log=self.state / "collector.log",
            environment=self._environment,
        )
        try:
            process.wait_until(lambda: get(f"{self.base_url}/health/ready"), timeout_s=READY_WITHIN_S)
        except BaseException:
            process.kill()
            raise
        return process


class Agent:
    """An agent and its command line."""

    def __init__(self, state: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.state = state
        self._environment = {"FIELDPOST_STATE_DIR": str(state), **(settings or {})}

    def command(self, *words: object, stdin: str = "") -> str:
        return run([BIN / "fieldpost-agent", *words], environment=self._environment, stdin=stdin)

    def enrol(self, url: str, token: str, name: str) -> None:
        self.command("enroll", "--url", url, "--token-file", "-", "--name", name, stdin=token)

    def add(self, database: Database, *options: object, name: str | None = None) -> None:
        """Define a connection; its password goes through a file that only this user can read."""
        secret = self.state / "secrets" / (name or database.name)
        secret.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret.touch(mode=0o600)
        secret.write_text(database.password)
        where = ["--host", database.host, "--port", database.port, "--service", database.service_name]
        who = ["--user", database.user, "--password-file", secret, "--mode", database.mode]
        self.command("connection", "add", "--name", name or database.name, *where, *who, *options)

    def run(self) -> Process:
        return start(
            "agent", [BIN / "fieldpost-agent", "run"], log=self.state / "agent.log", environment=self._environment
        )


def get(url: str, key: str | None = None) -> Any:
    """The decoded answer of a GET, or its text; None while nobody answers well."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            body = answer.read().decode()
    except OSError:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body
