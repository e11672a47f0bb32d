"""What holds for every factor there is."""

import pytest

from agent.aws.catalogue import Factor
from agent.aws.collections import COLLECTIONS
from agent.aws.factors import catalogue
from tests.agent.aws.builders import BOOK, snapshot

FACTORS = pytest.mark.parametrize("factor", catalogue().values(), ids=catalogue().keys())


@FACTORS
def test_it_reads_only_what_can_be_described(factor: Factor) -> None:
    assert factor.collections
    assert {*factor.collections, *factor.optional} <= set(COLLECTIONS)


@FACTORS
def test_an_empty_account_has_nothing_to_find_nor_to_measure(factor: Factor) -> None:
    look = snapshot()
    assert not list(factor.estimate(look, BOOK))
    assert not (list(factor.metrics(look)) if factor.metrics else [])
