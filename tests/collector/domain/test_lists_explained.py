"""What readers ask for all the time answers from an index, of one tenant; nothing is sorted for it."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from collector import migrations
from collector.core.plain import Plain
from collector.domain.fleet import store as fleet
from collector.domain.incidents import store as incidents
from collector.domain.tickets import store as tickets
from collector.domain.versions import store as versions

STATEMENTS = {
    "connections": fleet._PAGE,
    "count of connections": fleet._COUNT,
    "fleet": fleet._FLEET,
    **{f"incidents {shape}": one for shape, one in incidents._PLAIN_PAGES.items()},
    **{f"count of incidents {shape}": one for shape, one in incidents._PLAIN_COUNTS.items()},
    "services of incidents": incidents._of_some(incidents._PLAIN_SERVICES, 50),
    "updates of incidents": incidents._of_some(incidents._PLAIN_UPDATES, 50),
    "open tickets": tickets._OPEN_BY_SEVERITY,
    "resolved tickets": tickets._RESOLVED,
    "version of the fleet": versions._VERSION,
    "version of a resource": versions._version_of(("incidents", "services")),
}
SORTED = {"open tickets"}
"""Groups of the open ones alone."""


@pytest.fixture(scope="module")
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as conn:
        migrations.upgrade(conn)
        yield conn
    engine.dispose()


@pytest.mark.parametrize("name", STATEMENTS)
def test_it_answers_from_an_index_of_the_tenant(empty: Connection, name: str) -> None:
    compiled: Any = STATEMENTS[name].statement.compile(dialect=empty.dialect)
    wanted = (1,) * len(compiled.positiontup)
    steps = [row[3] for row in empty.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.string}", wanted)]
    assert isinstance(STATEMENTS[name], Plain)
    assert steps
    assert all(step.startswith(("SEARCH", "USE TEMP")) for step in steps), steps
    assert "tenant_id=?" in steps[0]
    assert name in SORTED or not [step for step in steps if "TEMP B-TREE" in step], steps
