"""Every query of the stores finds its rows by an index on PostgreSQL too, as the role that row-level security binds."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Select, create_engine, text
from sqlalchemy.dialects.postgresql import asyncpg

from tests.collector.conftest import Postgres
from tests.collector.test_stores import SMALL, STATEMENTS, Statement

FEW = SMALL | {"chore"}
"""Tables that may be read whole."""
SCANS = {"Seq Scan", "Index Scan", "Index Only Scan"}


@pytest.fixture
def planning(postgres: Postgres) -> Iterator[Connection]:
    """Reading a whole table is only planned where nothing else can be."""
    name = postgres.new()
    engine = create_engine(postgres.url.set(database=name), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for method in ("seqscan", "hashjoin", "mergejoin"):  # which small tables make look cheap
            conn.execute(text(f"SET enable_{method} = off"))
        conn.execute(text("SET fieldpost.tenant = '1'"))
        yield conn
    engine.dispose()
    postgres.drop(name)


def sql_of(statement: Statement) -> str:
    """The statement with numbered parameters, for a plan that holds whatever their values are."""
    dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it without types
    if isinstance(statement, Select):
        binds = statement.compile(dialect=dialect).binds
        statement = statement.params({key: [1] if bind.expanding else 1 for key, bind in binds.items()})
        return str(statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))
    return re.sub(r"__\[POSTCOMPILE_\w+\]", "NULL", str(statement.compile(dialect=dialect)))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read_whole(conn: Connection, statement: Statement) -> list[str]:
    """Tables of which every row is looked at, be it by way of an index that has a condition of its own or none."""
    explained = conn.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql_of(statement)}").scalar_one()
    return sorted(
        node["Relation Name"]
        for node in nodes(explained[0]["Plan"])
        if node["Node Type"] in SCANS and "Index Cond" not in node and node["Relation Name"] not in FEW
    )


def test_no_query_reads_a_growing_table_whole_because_of_the_wall(planning: Connection) -> None:
    found = {name: read_whole(planning, statement) for name, statement in STATEMENTS.items()}
    assert {name: tables for name, tables in found.items() if tables} == {}
    assert len(found) > 300


def test_the_index_takes_the_conditions_of_a_query_and_the_wall_is_looked_at_afterwards(planning: Connection) -> None:
    plan = planning.execute(
        text("EXPLAIN (COSTS OFF) SELECT number FROM bundle_receipt WHERE tenant_id = 1 AND agent_id = 'agt_1'")
    ).scalars()
    conditions = [step.strip() for step in plan if "Index Cond" in step]
    assert conditions == ["Index Cond: ((tenant_id = 1) AND ((agent_id)::text = 'agt_1'::text))"]
