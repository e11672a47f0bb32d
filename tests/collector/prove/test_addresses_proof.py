"""No spelling gets through; and where the wall is taken away, the canary hears of it."""

from pathlib import Path

import pytest

from collector.delivery import resolving
from collector.prove.proof import Terms
from collector.prove.proofs import addresses


async def test_no_spelling_of_this_machine_is_reached(tmp_path: Path) -> None:
    verdict = await addresses.run(Terms(seed=1, quick=True, folder=tmp_path))
    assert (verdict.state, verdict.why) == ("held", "")
    assert verdict.counts["canary_connections"] == 0
    assert verdict.counts["flips_delivered"] > 0


async def test_without_the_check_of_addresses_the_canary_hears_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving, "allowed", lambda *_: True)
    monkeypatch.setattr(addresses, "ELSEWHERE", ())  # nobody's machine but this one is to be reached
    monkeypatch.setattr(addresses, "NAMES", {"loopback.example": ("127.0.0.1",)})
    verdict = await addresses.run(Terms(seed=1, quick=True, folder=tmp_path))
    assert verdict.state == "broken"
    assert verdict.counts["canary_connections"] > 0
