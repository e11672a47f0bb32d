"""The reduced set of the proofs of rules and attacks, as a customer runs it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.standins.processes import BIN

pytestmark = pytest.mark.system

SEED = "20261122"
WITHIN_S = 900


@pytest.mark.parametrize("proof", ["P10", "P11", "P12", "P13", "P15", "P16", "P17"])
def test_a_proof_of_rules_holds(proof: str, tmp_path: Path) -> None:
    result = proven(proof, tmp_path)
    assert result["counts"]


def proven(proof: str, folder: Path) -> dict[str, Any]:
    """The result of one that held."""
    environment = {**os.environ, "TMPDIR": str(folder), "FIELDPOST_STATE_DIR": "/nonexistent"}
    command = [str(BIN / "fieldpost-collector"), "prove", proof, "--quick", "--seed", SEED, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=WITHIN_S, check=False)
    print(done.stdout, done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)["results"][0]
    assert (done.returncode, result["state"]) == (0, "held")
    return result
