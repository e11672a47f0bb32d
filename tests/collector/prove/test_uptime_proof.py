"""The oracle of uptime agrees with the product, and disagrees with one that is a little wrong."""

from pathlib import Path

import pytest

from collector.domain.services import timeline
from collector.domain.services import uptime as product
from collector.prove.proof import Terms
from collector.prove.proofs import uptime
from collector.prove.proofs._chance import chance
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._histories import draw

HISTORIES = 60


def findings(tmp_path: Path) -> int:
    found = Findings()
    for number in range(HISTORIES):
        random = chance(Terms(seed=7, quick=True, folder=tmp_path), number)
        uptime._compare(draw(random), random, found, str(number))
    return len(found)


def test_both_agree_on_every_history(tmp_path: Path) -> None:
    assert findings(tmp_path) == 0


def test_a_percentage_that_is_rounded_up_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded(counted: int, down: int) -> float | None:
        return None if counted < product.LEAST else round(100 - down / counted / 10, 3)

    monkeypatch.setattr(product, "_percent", rounded)
    assert findings(tmp_path) > 0


def test_excluded_time_that_is_counted_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = timeline.pieces
    monkeypatch.setattr(timeline, "pieces", lambda *of: (one._replace(excluded=False) for one in pieces(*of)))
    assert findings(tmp_path) > 0
