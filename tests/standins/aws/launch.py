"""Start the stand-in as a process of its own and talk to it; nothing here imports moto."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.processes import BIN, Process, start

KEYS = {"AWS_ACCESS_KEY_ID": "AKIASTANDIN0AGENT000", "AWS_SECRET_ACCESS_KEY": "stand-in"}


@dataclass(frozen=True, slots=True)
class Aws:
    """A running stand-in: its endpoint, and what it announced of its accounts."""

    process: Process
    endpoint: str
    accounts: Sequence[Mapping[str, str]]
    regions: Sequence[str]

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to take the stand-in for AWS."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}

    def set_faults(self, *faults: str, clear: bool = True, latency_ms: float = 0.0) -> None:
        """Exactly these faults from now on; more of them with `clear=False`."""
        self._ask("faults", {"clear": clear, "add": list(faults), "latency_ms": latency_ms})

    def calls(self) -> Mapping[str, Any]:
        """How often each operation was asked since the last time this was called."""
        counts: Mapping[str, Any] = self._ask("calls", method="DELETE")
        return counts

    def restart_database(self, account: str, region: str, name: str) -> None:
        """What AWS does to a stopped database on the seventh day."""
        self._ask("rds-restart", {"account": account, "region": region, "name": name})

    def expected(self) -> Mapping[str, Any]:
        """The key to the estate."""
        key: Mapping[str, Any] = self._ask("expected")
        return key

    def _ask(self, what: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_standin/{what}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def start_aws(state: Path, *options: object, timeout_s: float = 120) -> Aws:
    """The stand-in, ready to answer."""
    ready = state / "aws-ready.json"
    ready.unlink(missing_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    process = start(
        "aws stand-in",
        [BIN / "python", "-m", "tests.standins.aws", "--ready-file", ready, *options],
        log=state / "aws.log",
    )

    def announced() -> Aws | None:
        if not ready.exists():
            return None
        said = json.loads(ready.read_text())
        return Aws(process, said["endpoint"], said["accounts"], said["regions"])

    return process.wait_until(announced, timeout_s=timeout_s)
