"""One canned database behind both personas, and logins to it."""

from collections.abc import Iterator
from pathlib import Path

import oracledb
import pytest

from tests.oracle_standin.canned import PASSWORD, CannedBackend
from tests.oracle_standin.canned_answers import ANSWERS
from tests.standins.oracle.estate import Target, running_standin, targets
from tests.standins.oracle.server import RunningStandin, running


@pytest.fixture(scope="package")
def backend() -> CannedBackend:
    return CannedBackend(ANSWERS)


@pytest.fixture(scope="package")
def server(backend: CannedBackend) -> Iterator[RunningStandin]:
    with running([backend]) as standin:
        yield standin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The stand-in changes rarely, and what it proves of itself takes its time: `make quick` leaves it out."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


SCENARIO_OF = {"19c": "healthy-19c", "23ai": "healthy-23ai-cdb"}


@pytest.fixture(scope="package")
def estate() -> Iterator[RunningStandin]:
    """The healthy scenarios, with the real engine behind the wire."""
    with running_standin(list(SCENARIO_OF.values())) as standin:
        yield standin


@pytest.fixture
def target(estate: RunningStandin, persona: str) -> Target:
    (found,) = targets(estate.ports, [SCENARIO_OF[persona]])
    return found


@pytest.fixture(autouse=True)
def _healthy(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").faults.clear()


@pytest.fixture(params=["19c", "23ai"])
def persona(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dsn(server: RunningStandin, persona: str) -> str:
    return server.dsn("canned", persona)


@pytest.fixture
def connection(dsn: str) -> Iterator[oracledb.Connection]:
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as opened:
        yield opened


@pytest.fixture
def cursor(connection: oracledb.Connection) -> Iterator[oracledb.Cursor]:
    with connection.cursor() as opened:
        yield opened


@pytest.fixture
def session(connection: oracledb.Connection, backend: CannedBackend) -> object:
    """The server's side of `connection`."""
    return next(one for one in backend.sessions if one.login.sid == connection.session_id)
