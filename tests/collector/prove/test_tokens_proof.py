"""Bad credentials cost no query, a race has one winner; and where that is not so, it is found."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from collector.prove.proof import Terms
from collector.prove.proofs import tokens
from collector.prove.proofs._chance import chance
from collector.prove.proofs._counter import Counter
from collector.prove.proofs._findings import Findings
from common import tokens as forms


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Counter]:
    async with tokens._replicas(f"sqlite:///{tmp_path / 'tokens.sqlite'}", 1) as desks:
        yield desks[0]


def random_of(tmp_path: Path) -> Random:
    return chance(Terms(seed=5, quick=True, folder=tmp_path), "tokens")


async def test_guesses_and_forgeries_are_refused_and_the_store_is_spared(desk: Counter, tmp_path: Path) -> None:
    found = Findings()
    guessed = await tokens._guesses(desk, random_of(tmp_path), 80, found)
    forged = await tokens._forgeries(desk, random_of(tmp_path), 60, found)
    assert (guessed.total(), forged.total(), len(found)) == (80, 60, 0)


async def test_a_checksum_that_nobody_looks_at_is_found(
    desk: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "well_formed", lambda *_: True)
    found = Findings()
    await tokens._guesses(desk, random_of(tmp_path), 40, found)
    assert len(found) > 0


async def test_of_many_that_trade_one_token_one_gets_a_child_and_all_of_it_ends(desk: Counter) -> None:
    found = Findings()
    await tokens._race([desk], found, "race")
    await tokens._reuse([desk], found, "family")
    assert len(found) == 0
