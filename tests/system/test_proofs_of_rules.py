"""The reduced set of the proofs of rules and attacks, as a customer runs it."""

from pathlib import Path

import pytest

from tests.system.proving import counts_of

pytestmark = pytest.mark.system


@pytest.mark.parametrize("proof", ["P10", "P11", "P12", "P13", "P15", "P16", "P17"])
def test_a_proof_of_rules_holds(proof: str, tmp_path: Path) -> None:
    assert sum(counts_of(proof, tmp_path).values()) > 0
