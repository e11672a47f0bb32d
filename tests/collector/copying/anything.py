"""Rows of any table, with every value that a column of its type can hold on both stores."""

from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, Table, Text
from sqlalchemy.types import String, TypeEngine
from sqlmodel.sql.sqltypes import AutoString

from collector.core.columns import Instant, Json
from collector.domain.tables import metadata

TABLES = {table.name: table for table in metadata.sorted_tables if table.name not in {"counter", "schema_floor"}}

_LONG = st.integers(-(2**63), 2**63 - 1)
_SHORT = st.integers(-(2**31), 2**31 - 1)
_FLOATS = st.floats(allow_nan=False) | st.sampled_from(
    [float("inf"), float("-inf"), 5e-324, -0.0, 1.7976931348623157e308]
)
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


def stored(kind: TypeEngine[object]) -> st.SearchStrategy[object]:
    """As the driver is given it."""
    if isinstance(kind, Boolean):
        return st.booleans()
    if isinstance(kind, Float):
        return _FLOATS
    if isinstance(kind, LargeBinary):
        return st.binary(max_size=40)
    if isinstance(kind, (Instant, BigInteger)):
        return _LONG
    if isinstance(kind, Integer):
        return _SHORT
    if isinstance(kind, (Json, Text, String, AutoString)):
        return _WORDS
    raise AssertionError(f"nobody has said what {kind!r} can hold")


def row(table: Table) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({column.name: _value(column) for column in table.columns})


def _value(column: Column[object]) -> st.SearchStrategy[object]:
    value = stored(column.type)
    return st.none() | value if column.nullable else value


def rows(table: Table) -> st.SearchStrategy[list[dict[str, object]]]:
    """Several, no two of which have the same key."""
    keys = [column.name for column in table.primary_key]
    return st.lists(row(table), min_size=1, max_size=3, unique_by=lambda one: tuple(str(one[key]) for key in keys))


@st.composite
def content(draw: st.DrawFn) -> dict[str, list[dict[str, object]]]:
    """Rows of some tables, by the names of these."""
    names = draw(st.lists(st.sampled_from(sorted(TABLES)), min_size=1, max_size=12, unique=True))
    return {name: draw(rows(TABLES[name])) for name in names}
