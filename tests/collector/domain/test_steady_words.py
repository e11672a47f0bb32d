"""Statements about many rows at once: each finds them by an index, and names the tenant of each."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine

from collector.core.bulk import Bulk
from collector.domain.history import store as history
from collector.domain.results import steady_words as words
from collector.domain.tables import metadata

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (words, history)
    for name, value in vars(module).items()
    if isinstance(value, Bulk)
}


@pytest.fixture(scope="module")
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as conn:
        yield conn
    engine.dispose()


@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - {"steady_words.AGAIN_POSTGRES"}))
@pytest.mark.parametrize("length", [1, 64])
def test_rows_are_found_by_an_index_however_many_are_asked_for(name: str, length: int, empty: Connection) -> None:
    sql = STATEMENTS[name].text_for("sqlite", length)
    steps = [row[3] for row in empty.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]
    scanned = [step for step in steps if step.startswith("SCAN") and step.split()[1] not in _GIVEN]
    assert not scanned, steps


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_every_row_is_of_a_tenant_that_is_named(name: str) -> None:
    assert "tenant_id" in STATEMENTS[name].text_for("postgresql", 1)


def test_lengths_are_few_so_that_drivers_keep_them_prepared() -> None:
    assert [len(part) for part in Bulk.parts([(n,) for n in range(300)])] == [128, 128, 32, 8, 4]
    assert [row for part in Bulk.parts([(n,) for n in range(77)]) for row in part] == [(n,) for n in range(77)]


_GIVEN = {"s", "seen", "CONSTANT", "2-ROW", "128-ROW", "64", "64-ROW", "3-ROW"}
"""What the caller has brought along."""
