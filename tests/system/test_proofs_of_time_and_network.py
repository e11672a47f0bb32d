"""The reduced proofs of faults of clocks and networks: nothing is lost, doubled, or left running."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.standins.processes import BIN
from tests.system.proving import WITHIN_S, counts_of, running_in

pytestmark = pytest.mark.system


@pytest.mark.parametrize("proof", ["P6", "P7", "P8", "P9"])
def test_a_proof_of_faults_of_clocks_and_networks_holds(proof: str, tmp_path: Path) -> None:
    assert counts_of(proof, tmp_path)


def test_a_run_that_is_stopped_leaves_nothing_running_and_nothing_lying_about(tmp_path: Path) -> None:
    command = [str(BIN / "fieldpost-collector"), "prove", "P7", "--quick"]
    prove = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + WITHIN_S
    while not any("serve" in line for line in running_in(tmp_path)):
        assert time.monotonic() < until
        time.sleep(0.1)
    prove.terminate()
    _, said = prove.communicate(timeout=WITHIN_S)
    assert prove.returncode == 130
    assert "stopped; everything that was started has been ended" in said
    assert running_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
