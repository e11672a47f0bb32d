"""Every query of the stores: it filters on a tenant, and it finds its rows by an index."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Connection, Delete, Select, Update, create_engine
from sqlalchemy.dialects import sqlite

import collector.domain
from collector.domain.tables import metadata

ROOT = Path(collector.domain.__file__).parent
QUERIES = sorted(path for path in ROOT.glob("*/*.py") if "sqlalchemy" in path.read_text() and path.name != "tables.py")
SMALL = {"tenant", "activity_chain", "signing_key"}  # tables that may be read whole

Statement = Select[tuple[object, ...]] | Update | Delete


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(f"collector.domain.{path.parent.name}.{path.stem}")


def statements() -> Iterator[tuple[str, Statement]]:
    for path in QUERIES:
        for name, value in vars(module_of(path)).items():
            if isinstance(value, (Select, Update, Delete)):
                yield f"{path.parent.name}.{path.stem}.{name}", value


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in QUERIES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(_is_connection(a) for a in node.args.args):
                yield f"{path.parent.name}.{path.stem}.{node.name}", node


def _is_connection(argument: ast.arg) -> bool:
    return isinstance(argument.annotation, ast.Name) and argument.annotation.id == "Connection"


def _is_marked(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "across_tenants"
        for mark in function.decorator_list
    )


def used_by(function: ast.FunctionDef) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}


STATEMENTS = dict(statements())
FUNCTIONS = dict(functions())
ACROSS_TENANTS = {
    f"{name.rpartition('.')[0]}.{used}"
    for name, function in FUNCTIONS.items()
    if _is_marked(function)
    for used in used_by(function)
} & set(STATEMENTS)


def test_there_is_something_to_look_at() -> None:
    assert len(STATEMENTS) > 30
    assert len(FUNCTIONS) > 30


@pytest.fixture(scope="module")
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def sql_of(statement: Statement) -> tuple[str, int]:
    """The statement as SQLite gets it, and how many values it wants."""
    named = statement.compile(dialect=sqlite.dialect()).binds
    if isinstance(statement, Select):
        statement = statement.params({key: [1] if bind.expanding else 1 for key, bind in named.items()})
    compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    return str(compiled), len(compiled.positiontup or ())


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_finds_its_rows_by_an_index(name: str, empty: Connection) -> None:
    sql, values = sql_of(STATEMENTS[name])
    steps = [row[3] for row in empty.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * values)]
    assert not [step for step in steps if step.startswith("SCAN") and step.split()[1] not in SMALL], steps


@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - ACROSS_TENANTS))
def test_a_statement_names_the_tenant_whose_rows_it_wants(name: str) -> None:
    sql, _ = sql_of(STATEMENTS[name])
    where = sql.replace("\n", " ").partition(" WHERE ")[2]
    of_tenant = "tenant_id = ?" in where or ("tenant.id = ?" in where or "tenant.slug = ?" in where)
    assert of_tenant, sql


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_query_is_given_the_tenant_whose_rows_it_may_see(name: str) -> None:
    function = FUNCTIONS[name]
    if _is_marked(function):
        return
    used = used_by(function)
    used |= {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
    assert used & {"tenant_id", "tenant", "token", "source"}, f"{name} neither takes a tenant nor says why not"
