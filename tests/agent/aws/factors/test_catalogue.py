"""The catalogue as a whole: every number is built or planned, and whatever a factor names is there."""

from collections import Counter

import botocore.session
import pytest
from botocore import xform_name

from agent.aws.collections import COLLECTIONS
from agent.aws.factors import catalogue, planned
from tests.agent.aws.builders import BOOK, snapshot

BUILT = (*range(1, 18), *range(26, 29), 31, 33, 35, 36, 38, 39, 44, 45, *range(47, 52), *range(53, 57))
BUILT_TOO = (58, 60, 61, 64, 65, 67, 69)


def test_every_factor_is_built_or_planned_and_none_is_both() -> None:
    built = {factor.number for factor in catalogue().values()}
    waiting = Counter(factor.number for factor in planned())
    assert built == {*BUILT, *BUILT_TOO}
    assert set(waiting.values()) == {1}
    assert sorted(built | set(waiting)) == list(range(1, 71))
    assert not built & set(waiting)
    assert not {factor.key for factor in planned()} & set(catalogue())


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_a_factor_names_collections_that_are_there_and_finds_nothing_in_an_empty_region(key: str) -> None:
    factor = catalogue()[key]
    assert {*factor.collections, *factor.optional} <= COLLECTIONS.keys()
    assert list(factor.estimate(snapshot(), BOOK)) == []
    assert not factor.metrics or list(factor.metrics(snapshot())) == []


def test_a_collection_is_a_call_that_aws_knows_with_arguments_that_it_takes() -> None:
    session = botocore.session.get_session()
    for collection in COLLECTIONS.values():
        model = session.get_service_model(collection.client)
        operations = {xform_name(name): name for name in model.operation_names}
        taken = model.operation_model(operations[collection.operation]).input_shape.members
        assert {*collection.arguments, *collection.given} <= set(taken), collection.name
