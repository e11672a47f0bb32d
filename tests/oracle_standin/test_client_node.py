"""node-oracledb, a client that shares no code with python-oracledb, against the stand-in."""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.oracle_standin.canned import PASSWORD
from tests.standins.oracle.estate import Target
from tests.standins.oracle.faults import Fault, FaultKind
from tests.standins.oracle.server import RunningStandin

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "node"
PACKAGE = "oracledb@26.0.0"
NPM_OPTIONS = [
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--fetch-retries=1",
    "--fetch-timeout=20000",
]
SCRIPT = Path(__file__).parent / "node" / "client.js"


def _run(command: list[str], order: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NODE_CLIENT_CACHE": str(CACHE)}
    return subprocess.run(
        command, input=order, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def node() -> str:
    """Node with the driver beside it; without node, npm or a registry there is nothing to prove."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if not program or not npm:
        pytest.skip("node and npm are not installed: node-oracledb was not tried")
    if not (CACHE / "node_modules" / "oracledb" / "package.json").is_file():
        _install(npm)
    return program


def _install(npm: str) -> None:
    """Install beside the cache and move it there, because several test processes may want it at once."""
    CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent, ignore_cleanup_errors=True) as name:
        draft = Path(name) / "node"
        draft.mkdir()
        done = _run([npm, "install", *NPM_OPTIONS, "--prefix", str(draft), PACKAGE])
        if done.returncode:
            pytest.skip(f"npm could not install {PACKAGE}: node-oracledb was not tried")
        with suppress(OSError):  # another process was faster
            draft.rename(CACHE)


def _cases(node: str, suite: str, target: dict[str, str]) -> dict[str, str | None]:
    """Give the script its target on standard input, so that no password shows among the processes."""
    order = json.dumps({"suite": suite, "target": target})
    done = _run([node, str(SCRIPT)], order)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["error"] for line in lines}


def test_every_case_of_the_wire_passes(node: str, server: RunningStandin, persona: str) -> None:
    target = {"user": "scott", "password": PASSWORD, "connectString": server.dsn("canned", persona)}
    cases = _cases(node, "canned", target)
    assert len(cases) == 15
    assert {name: error for name, error in cases.items() if error} == {}


def test_breaks_that_race_with_answers_pass(node: str, server: RunningStandin, persona: str) -> None:
    server.faults.set("canned", Fault(FaultKind.SLOW_QUERY, seconds=0.08))
    target = {"user": "scott", "password": PASSWORD, "connectString": server.dsn("canned", persona)}
    cases = _cases(node, "races", target)
    assert list(cases.values()) == [None]


def test_every_case_of_a_scenario_passes(node: str, target: Target) -> None:
    how = {"user": target.user, "password": target.password, "connectString": target.dsn}
    cases = _cases(node, "scenario", how)
    assert len(cases) == 3
    assert {name: error for name, error in cases.items() if error} == {}
