"""The reduced set of the two proofs that mostly wait: webhooks under fire, and versions beside each other."""

from pathlib import Path

import pytest

from tests.system.proving import counts_of

pytestmark = pytest.mark.system


@pytest.mark.parametrize("proof", ["P14", "P18"])
def test_nothing_is_lost_where_collectors_are_killed_or_replaced(proof: str, tmp_path: Path) -> None:
    assert counts_of(proof, tmp_path)["lost"] == 0
