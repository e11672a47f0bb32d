"""The reduced proofs of faults of clocks and networks: nothing is lost, doubled, or left running."""

from pathlib import Path

import pytest

from tests.system.proving import check_that_it_holds

pytestmark = pytest.mark.system


@pytest.mark.parametrize("proof", ["P6", "P7", "P8", "P9"])
def test_a_proof_of_faults_of_clocks_and_networks_holds(proof: str, tmp_path: Path) -> None:
    check_that_it_holds(proof, tmp_path)
