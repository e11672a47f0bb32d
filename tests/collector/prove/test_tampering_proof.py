"""Each way to forge the log once: met at its exact position."""

from pathlib import Path

import pytest

from collector.domain.activity import rules
from collector.domain.activity.rules import Link
from collector.prove.proof import Terms
from collector.prove.proofs import tampering
from collector.prove.proofs._forgeries import FORGERIES, UNSEEN


async def test_every_forgery_is_met_at_its_exact_position(tmp_path: Path) -> None:
    log = tampering._Log(tmp_path / "log.sqlite")
    await log.record()
    terms = Terms(seed=3, quick=True, folder=tmp_path)
    for name, forge in {**FORGERIES, **UNSEEN}.items():
        wanted, said = await tampering._forged(log, terms, forge, 0, name)
        assert (name, said) == (name, wanted)


async def test_a_chain_that_leaves_something_out_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rules.content

    def without_page(link: Link) -> bytes:
        return whole(Link(**{name: getattr(link, name) for name in Link.__dataclass_fields__} | {"page_path": None}))

    monkeypatch.setattr(rules, "content", without_page)
    log = tampering._Log(tmp_path / "log.sqlite")
    await log.record()
    terms = Terms(seed=3, quick=True, folder=tmp_path)
    wanted, said = await tampering._forged(log, terms, FORGERIES["other_page"], 0, "other_page")
    assert said != wanted


async def test_a_roll_back_is_named_in_the_next_answer_to_an_agent(tmp_path: Path) -> None:
    assert await tampering._rolled_back(tmp_path) == ((11, 20),)
