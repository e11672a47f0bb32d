"""Lists and sums of recommendations are made for each set of filters; every one of them finds its rows by an index."""

from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import Connection, create_engine

from collector.domain.costs import listing
from collector.domain.tables import metadata
from tests.collector.test_stores import Statement, sql_of

SWITCHES = (False, True)


@pytest.fixture(scope="module")
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def statements() -> Iterator[Statement]:
    for shape in product(SWITCHES, repeat=7):
        yield listing._page((*shape, False, False, False))
        yield listing._groups((*shape, False, False, False))
    for narrowed in product(SWITCHES, repeat=3):
        yield listing._page((*narrowed, True, True, True, True, *narrowed))
        yield listing._groups((*narrowed, True, True, True, True, *narrowed))
    for place in product(SWITCHES, repeat=3):
        yield listing._realised(place)


def test_no_list_and_no_sum_reads_a_whole_table_or_leaves_the_tenant_out(empty: Connection) -> None:
    for statement in statements():
        sql, values = sql_of(statement)
        steps = [row[3] for row in empty.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * values)]
        assert not [step for step in steps if step.startswith("SCAN")], sql
        assert "recommendation.tenant_id = ?" in sql
