"""A check that an operator wrote, run through the driver against the stand-in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.config import Connection
from agent.oracle.custom import parse
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.thresholds import effective
from common.wire import Outcome
from tests.standins.oracle.estate import standin, targets
from tests.standins.oracle.server import Standin

pytestmark = pytest.mark.slow
CHECK = """
[[check]]
id = "OWN_ONE"
title = "x"
cost = "cheap"
warning = 3
"""


@pytest.fixture
async def server() -> AsyncIterator[Standin]:
    async with standin(["healthy-19c"]) as running:
        yield running


async def visit(server: Standin, folder: Path, content: str) -> Outcome:
    found = targets(server.ports, ["healthy-19c"])[0]
    secret = folder / "secret"
    secret.write_text(found.password)
    connection = Connection(
        key="k",
        name="k",
        host=found.host,
        port=found.port,
        service=found.service_name,
        user=found.user,
        password_file=secret,
    )
    checks = parse(content, file="own.toml", taken=())
    with Samples(folder / "samples.sqlite") as samples:
        due = [effective(check, (), key="k", tags=()) for check in checks]
        return (await Visitor(connection, samples).visit(due, "demand")).outcomes[0]


async def test_a_value_of_a_dictionary_view_is_judged(server: Standin, tmp_path: Path) -> None:
    outcome = await visit(server, tmp_path, CHECK + 'unit = "groups"\nsql = "SELECT COUNT(*) AS value FROM v$log"')
    assert (outcome.status, outcome.line, outcome.category) == ("warning", "4 groups", "own")


async def test_rows_are_judged_one_by_one(server: Standin, tmp_path: Path) -> None:
    sql = "SELECT 'group ' || group# AS name, group# AS value, status AS detail FROM v$log -- all of them"
    outcome = await visit(server, tmp_path, CHECK + f'per_row = true\nsql = "{sql}"')
    assert [item.name for item in outcome.items] == ["group 4", "group 3", "group 2", "group 1"]
    assert outcome.line.startswith("group 4 4 INACTIVE")


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("SELECT COUNT(*) AS value FROM shop.orders", "ORA-00942"),
        ("SELECT COUNT(*) AS value FROM v$nothing_of_this_name", "ORA-00942: missing grant on V$NOTHING_OF_THIS_NAME"),
        ("SELECT no_such_column AS value FROM v$log", "ORA-00904"),
        ("SELECT group# AS value FROM v$log", "the query gave 4 rows; expected one, or per_row = true"),
    ],
)
async def test_what_goes_wrong_is_unknown_and_says_why(server: Standin, tmp_path: Path, sql: str, line: str) -> None:
    outcome = await visit(server, tmp_path, CHECK + f'sql = "{sql}"')
    assert outcome.status == "unknown"
    assert line in outcome.line
