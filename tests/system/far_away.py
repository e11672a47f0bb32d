"""Two hosts with nothing between them: a network namespace each, in which only their own loopback is up."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.standins.estate import Database
from tests.standins.processes import BIN, Process, run, start

_INSIDE = "ip link set lo up && exec sleep infinity"


def unavailable() -> str:
    """Why such hosts cannot be made here; "" when they can."""
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", "ip link set lo up"], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else f"no network namespace can be made: {done.stderr.strip()}"


class Host:
    """`state`: the folder of the program that runs here; `settings`: as environment."""

    def __init__(self, program: str, state: Path, settings: Mapping[str, str]) -> None:
        self.program = program
        self.state = state
        self.state.mkdir(parents=True)
        self.environment = {"FIELDPOST_STATE_DIR": str(state), **settings}
        self.holder = start("host", ["unshare", "--net", "sh", "-c", _INSIDE], log=state / "host.log")
        try:
            self.holder.wait_until(self._is_up, timeout_s=20, what="up")
        except BaseException:
            self.close()
            raise

    def words(self, *command: object) -> list[object]:
        return ["nsenter", "--target", self.holder.pid, "--net", "--", *command]

    def command(self, *words: object) -> str:
        return run(self.words(BIN / f"fieldpost-{self.program}", *words), environment=self.environment)

    def ask(self, *words: object) -> Any:
        return json.loads(self.command(*words, "--json"))

    def attempt(self, *words: object) -> tuple[int, str]:
        """A command that may be refused: its exit code and everything that it said."""
        return self.here(BIN / f"fieldpost-{self.program}", *words)

    def here(self, *command: object) -> tuple[int, str]:
        """Anything at all on this host."""
        done = subprocess.run(
            [str(part) for part in self.words(*command)],
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def start(self, *words: object, name: str = "") -> Process:
        command = self.words(BIN / f"fieldpost-{self.program}", *words)
        return start(name or self.program, command, log=self.state / f"{words[0]}.log", environment=self.environment)

    def interfaces(self) -> list[str]:
        found: list[dict[str, Any]] = json.loads(run(self.words("ip", "-json", "link", "show", "up")))
        return [one["ifname"] for one in found if one]

    def close(self) -> None:
        self.holder.kill()

    def _is_up(self) -> bool | None:
        return self.interfaces() == ["lo"] or None


class FarAgent(Host):
    """An agent with the databases that it watches, on a host of their own."""

    def __init__(self, state: Path, **settings: str) -> None:
        carried = {"FIELDPOST_LINK": "carried", "FIELDPOST_BUNDLE_EVERY_S": "3600", "FIELDPOST_HEAVY_WINDOW": "always"}
        super().__init__("agent", state, {**carried, **settings})

    def oracle(self, scenario: str) -> tuple[Process, Database]:
        ready = self.state / "ready.json"
        words = [BIN / "python", "-m", "tests.standins.oracle", "--ready-file", ready, "--scenario", scenario]
        process = start("oracle stand-in", self.words(*words), log=self.state / "oracle.log")
        process.wait_until(lambda: ready.exists() or None, timeout_s=60)
        (target,) = json.loads(ready.read_text())["targets"]
        return process, Database(**target)

    def add(self, database: Database, name: str) -> None:
        secret = self.state / "password"
        secret.touch(mode=0o600)
        secret.write_text(database.password)
        where = ["--host", database.host, "--port", database.port, "--service", database.service_name]
        who = ["--user", database.user, "--password-file", secret]
        self.command("connection", "add", "--name", name, *where, *who)

    def status(self) -> Any:
        """What the agent that runs says of itself; None before it has."""
        path = self.state / "status.json"
        return json.loads(path.read_text()) if path.exists() else None
