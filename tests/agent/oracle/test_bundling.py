"""Statements that share a round trip: nothing of what they say alone is lost, and one that fails goes alone again."""

import dataclasses
import random

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from agent.oracle.bundling import MAX_MEMBERS, MAX_SLOTS, Bundle, Bundles, Column, Kind, Learned, Member, Table, Wanted
from agent.oracle.catalogue import CALL_TIMEOUT_S, Cost, LicenceRefusedError, Value

KINDS: tuple[Kind, ...] = ("number", "text")
ONE = Table((Column("A", "number"), Column("B", "text")), [(1, "x")])

_numbers = st.one_of(st.none(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False))
_values: dict[Kind, st.SearchStrategy[Value]] = {"number": _numbers, "text": st.one_of(st.none(), st.text(max_size=5))}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
    decimals = [kind == "number" and draw(st.booleans()) for kind in kinds]
    columns = tuple(
        Column(f"C{number}", kind, decimal) for number, (kind, decimal) in enumerate(zip(kinds, decimals, strict=True))
    )
    rows = draw(st.lists(st.tuples(*(_values[kind] for kind in kinds)), max_size=5))
    return Table(columns, [_as_alone(columns, row) for row in rows])


def _as_alone(columns: tuple[Column, ...], row: tuple[Value, ...]) -> tuple[Value, ...]:
    """The driver's rule: a column with decimals is a float, another one an int where it is whole."""
    return tuple(
        value
        if value is None or isinstance(value, str)
        else float(value)  # type: ignore[arg-type]  # numbers by construction
        if column.decimal
        else _whole(value)
        for column, value in zip(columns, row, strict=True)
    )


def _whole(value: Value) -> Value:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def serve(bundle: Bundle, given_tables: dict[str, Table], shuffle: random.Random) -> Table:
    """What a server answers to the bundle's text: its branches in any order, numbers as NUMBER gives them."""
    tree = sqlglot.parse_one(bundle.sql(frozenset()), dialect="oracle")
    selects = [select for select in tree.find_all(exp.Select) if select.expressions[0].alias_or_name != "1"]
    answer: list[tuple[Value, ...]] = []
    width = {len(select.expressions) for select in selects}
    assert len(width) == 1, "every branch has the same slots"
    for select in selects:
        place = int(select.expressions[0].unalias().name[1:])
        table = given_tables[bundle.members[place].name]
        names = [column.name for column in table.columns]
        for number, row in enumerate(table.rows, 1):
            slots = [projection.unalias() for projection in select.expressions[2:]]
            read = (None if isinstance(slot, exp.Cast) else _whole(row[names.index(slot.name)]) for slot in slots)
            answer.append((f"q{place:02}", number, *read))
    shuffle.shuffle(answer)
    return Table((), answer)


@settings(max_examples=60, deadline=None)
@given(st.lists(tables(), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_each_member_gets_exactly_the_rows_that_it_gives_alone(found: list[Table], shuffle: random.Random) -> None:
    given_tables = {f"query{number}": table for number, table in enumerate(found)}
    members = [
        Member(name, f"SELECT 1 FROM {name}", Learned(table.columns, len(table.rows), 0.1))
        for name, table in given_tables.items()
    ]
    bundle = Bundle(tuple(members))
    rows = bundle.split(serve(bundle, given_tables, shuffle))
    for name, table in given_tables.items():
        assert rows[name] == table.named()
        assert [list(map(type, row.values())) for row in rows[name]] == [list(map(type, row)) for row in table.rows]


def wanted(*names: str, interval_s: int = 60) -> list[Wanted]:
    return [Wanted(name, f"SELECT {name} FROM dual", interval_s) for name in names]


def learned(*names: str, table: Table = ONE) -> Bundles:
    bundles = Bundles()
    for want in wanted(*names):
        bundles.learn(want.sql, table, 0.01)
    return bundles


def members(bundles: Bundles, *names: str) -> list[list[str]]:
    return [[member.name for member in bundle.members] for bundle in bundles.pack(wanted(*names))]


def test_only_what_has_succeeded_alone_is_bundled() -> None:
    assert members(learned("a", "b"), "a", "b", "c") == [["a", "b"]]
    assert members(learned("a"), "a", "c") == []


@pytest.mark.parametrize(
    "table",
    [
        Table((Column("D", "other"),), []),
        Table((Column("COUNT(*)", "number"),), []),
        Table((Column("A", "number"), Column("A", "number")), []),
        Table((Column("A", "number"),), [(n,) for n in range(301)]),
        Table(tuple(Column(f"C{n}", "text") for n in range(MAX_SLOTS + 1)), []),
    ],
)
def test_what_a_bundle_cannot_carry_runs_alone(table: Table) -> None:
    assert members(learned("a", "b", table=table), "a", "b") == []


def test_a_bundle_has_bounds() -> None:
    names = [f"q{number}" for number in range(MAX_MEMBERS * 2 + 1)]
    assert [len(bundle) for bundle in members(learned(*names), *names)] == [MAX_MEMBERS, MAX_MEMBERS]
    wide = learned("a", "b", table=Table(tuple(Column(f"C{n}", "text") for n in range(20)), []))
    narrow = Table(tuple(Column(f"N{n}", "number") for n in range(5)), [])
    wide.learn("SELECT c FROM dual", narrow, 0.01)
    assert members(wide, "a", "b", "c") == [["a", "b"]], "numbers and texts do not fit into the slots together"
    many = Table((Column("A", "number"),), [(n,) for n in range(300)])
    assert members(learned("a", "b", "c", table=many), "a", "b", "c") == [["a", "b"]]


def test_only_statements_of_the_same_rhythm_share_one_so_that_texts_repeat() -> None:
    bundles = learned("a", "b", "c", "d")
    packed = bundles.pack([*wanted("a", "c"), *wanted("b", "d", interval_s=3600)])
    assert [[member.name for member in bundle.members] for bundle in packed] == [["a", "c"], ["b", "d"]]


def test_statements_of_different_costs_do_not_share_one_and_heavy_ones_none() -> None:
    bundles = learned("a", "b", "c", "d", "e", "f")
    costs: tuple[Cost, ...] = ("cheap", "medium", "heavy", "cheap", "medium", "heavy")
    wants = [dataclasses.replace(want, cost=cost) for want, cost in zip(wanted(*"abcdef"), costs, strict=True)]
    packed = {bundle.cost: [member.name for member in bundle.members] for bundle in bundles.pack(wants)}
    assert packed == {"cheap": ["a", "d"], "medium": ["b", "e"]}


def test_slow_statements_do_not_sum_up_to_a_timeout() -> None:
    bundles = Bundles()
    for want in wanted("a", "b", "c"):
        bundles.learn(want.sql, ONE, CALL_TIMEOUT_S["cheap"] * 0.09)
    assert members(bundles, "a", "b", "c") == [["a", "b"]]


def test_after_a_failure_members_run_alone_until_they_have_succeeded() -> None:
    bundles = learned("a", "b", "c", "d")
    (bundle,) = bundles.pack(wanted("a", "b", "c", "d"))
    bundles.failed(bundle)
    assert members(bundles, "a", "b", "c", "d") == []
    for want in wanted("a", "b", "d"):  # c is what fails
        bundles.learn(want.sql, ONE, 0.01)
    bundles.settle()
    assert members(bundles, "a", "b", "c", "d") == [["a", "b", "d"]]


def test_a_bundle_that_fails_though_its_members_work_is_halved_for_a_while() -> None:
    names = ("a", "b", "c", "d")
    bundles = learned(*names)
    bundles.failed(bundles.pack(wanted(*names))[0])
    for want in wanted(*names):
        bundles.learn(want.sql, ONE, 0.01)
    bundles.settle()
    assert members(bundles, *names) == [["a", "b"], ["c", "d"]]
    for _ in range(500):
        bundles.settle()
    assert members(bundles, *names) == [["a", "b", "c", "d"]]


def test_a_statement_whose_rows_grow_leaves_the_bundle() -> None:
    bundles = learned("a", "b")
    (bundle,) = bundles.pack(wanted("a", "b"))
    bundles.ran(bundle, {"a": [{"a": 1}] * 301, "b": []})
    assert members(bundles, "a", "b") == []


def test_each_member_passes_the_licence_gate() -> None:
    bundles = Bundles()
    want = [
        Wanted("logs", "SELECT a FROM v$log", 60),
        Wanted("ash", "SELECT a FROM v$active_session_history", 60),
    ]
    for one in want:
        bundles.learn(one.sql, ONE, 0.01)
    (bundle,) = bundles.pack(want)
    with pytest.raises(LicenceRefusedError, match="diagnostics pack"):
        bundle.sql(frozenset())
    assert "active_session_history" in bundle.sql(frozenset({"diagnostics"}))


def test_a_dba_can_tell_a_bundle_by_its_action() -> None:
    (bundle,) = learned("a" * 60, "b").pack(wanted("a" * 60, "b"))
    assert bundle.action == f"BUNDLE {'a' * 40} +1"
    assert len(bundle.action) <= 64
