"""One proof of the reduced set, run as a customer runs it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.standins.processes import BIN

SEED = "20261122"
WITHIN_S = 900
COUNTED = ("lost", "doubled")


def counts_of(proof: str, folder: Path) -> dict[str, int]:
    """What it counted: it has to hold, with nothing lost or doubled, and to leave nothing behind."""
    environment = {**os.environ, "TMPDIR": str(folder), "FIELDPOST_STATE_DIR": "/nonexistent"}
    command = [str(BIN / "fieldpost-collector"), "prove", proof, "--quick", "--seed", SEED, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=WITHIN_S, check=False)
    print(done.stdout, done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)["results"][0]
    if result["state"] == "not_run":
        pytest.skip(result["why"])
    assert (done.returncode, result["state"]) == (0, "held")
    counts: dict[str, int] = result["counts"]
    assert [counts.get(name, 0) for name in COUNTED] == [0, 0]
    assert list(folder.iterdir()) == []
    assert running_in(folder) == []
    return counts


def running_in(folder: Path) -> list[str]:
    """Processes that still work there."""
    lines = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(folder) in line]
