"""The reduced set of the proofs of faults, as a customer runs it: nothing is lost, doubled, or left running."""

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.standins.processes import BIN

pytestmark = pytest.mark.system

SEED = "20261122"
WITHIN_S = 900
COUNTED = ("lost", "doubled")


@pytest.mark.parametrize("proof", ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"])
def test_a_proof_of_faults_holds(proof: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "FIELDPOST_STATE_DIR": "/nonexistent"}
    command = [str(BIN / "fieldpost-collector"), "prove", proof, "--quick", "--seed", SEED, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=WITHIN_S, check=False)
    print(done.stdout, done.stderr)
    result = json.loads(done.stdout)["results"][0]
    if result["state"] == "not_run":
        pytest.skip(result["why"])
    assert (done.returncode, result["state"]) == (0, "held")
    assert [result["counts"].get(name, 0) for name in COUNTED] == [0, 0]
    assert list(tmp_path.iterdir()) == []
    assert running_in(tmp_path) == []


def running_in(folder: Path) -> list[str]:
    """Processes that still work there."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line:
            found.append(line)
    return found
