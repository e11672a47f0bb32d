"""Every statement that the agent may send runs on every scenario: its columns are real, what it reads is granted."""

from collections.abc import Iterator

import pytest

from agent.oracle import facts
from agent.oracle.catalogue import grantable, objects_read, render
from agent.oracle.checks import catalogue
from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.privileges import is_public
from tests.standins.oracle.engine.scenario import catalogue_grants
from tests.standins.oracle.sqltext import parse_statement
from tests.standins.oracle.types import Bind, Login, OracleError, OraType

SCENARIOS = ("healthy-19c", "neglected", "healthy-23ai-cdb")
USER = {0: "FIELDPOST"}  # in a container database: a common user


def statements() -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Name, text and first release of each form of each query."""
    for text in facts.STATEMENTS:
        yield "facts", text, (12, 1)
    for check in catalogue().values():
        for query in check.queries:
            forms = [*query.texts(), *([(query.min_release, query.special[1])] if query.special else [])]
            for release, text in forms:
                yield query.name, text, release


def failures(opened: Database, service: str, container: int) -> list[str]:
    account = opened.lookup_user(USER.get(container, "C##FIELDPOST"), "normal")
    assert account is not None
    session = opened.open_session(account, Login(service=service))
    found = []
    for name, text, release in dict.fromkeys(statements()):
        if release > opened.release[:2]:
            continue
        sql = render(text, in_root=container == 1)
        binds = [Bind(bind, OraType.NUMBER, 1) for bind in parse_statement(sql).binds]
        try:
            session.execute(sql, [binds])
        except OracleError as error:
            found.append(f"{name}: {error} at {sql[error.offset : error.offset + 40]!r}")
    session.close()
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_statement_of_the_agent_is_valid_oracle_and_granted(name: str) -> None:
    opened = load_scenario(name)
    try:
        service_of = {container: service for service, container in opened.services().items()}
        for container, service in service_of.items():
            assert failures(opened, service, container) == []
    finally:
        opened.close()


def test_the_grants_of_the_catalogue_cover_what_the_checks_read() -> None:
    read = {
        grantable(name).partition(".")[2]
        for _, text, _ in statements()
        for in_root in (False, True)
        for name in objects_read(render(text, in_root=in_root))
    }
    assert sorted(name for name in read - catalogue_grants() if not is_public(name)) == []
