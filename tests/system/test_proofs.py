"""The reduced proofs of faults of processes and disks: nothing is lost, doubled, or left running."""

from pathlib import Path

import pytest

from tests.system.proving import counts_of

pytestmark = pytest.mark.system


@pytest.mark.parametrize("proof", ["P1", "P2", "P3", "P4", "P5"])
def test_a_proof_of_faults_of_processes_and_disks_holds(proof: str, tmp_path: Path) -> None:
    assert counts_of(proof, tmp_path)
