"""One proof of the reduced set, run as a customer runs it."""

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.standins.processes import BIN

SEED = "20261122"
WITHIN_S = 900
COUNTED = ("lost", "doubled")


def check_that_it_holds(proof: str, folder: Path) -> None:
    """And that it counted nothing lost or doubled, and left nothing behind."""
    environment = {**os.environ, "TMPDIR": str(folder), "FIELDPOST_STATE_DIR": "/nonexistent"}
    command = [str(BIN / "fieldpost-collector"), "prove", proof, "--quick", "--seed", SEED, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=WITHIN_S, check=False)
    print(done.stdout, done.stderr)
    result = json.loads(done.stdout)["results"][0]
    if result["state"] == "not_run":
        pytest.skip(result["why"])
    assert (done.returncode, result["state"]) == (0, "held")
    assert [result["counts"].get(name, 0) for name in COUNTED] == [0, 0]
    assert list(folder.iterdir()) == []
    assert running_in(folder) == []


def running_in(folder: Path) -> list[str]:
    """Processes that still work there."""
    lines = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(folder) in line]
