"""Databases of earlier versions, upgraded to this one, on both stores."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from sqlalchemy import create_engine

from collector import migrations
from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.edge import Edge
from tests.collector.conftest import (  # noqa: F401 - fixtures
    Postgres,
    database,
    database_url,
    few_signing_keys,
    postgres,
    postgres_url,
    sqlite_template,
    store_name,
)
from tests.collector.quiet import quiet  # noqa: F401 - likewise
from tests.versions import recorded
from tests.versions.recorded import VERSIONS


class Dump(NamedTuple):
    """A version's database, on one store."""

    version: str
    store: str


DUMPS = [
    Dump(version, store)
    for version in VERSIONS
    for store in ("sqlite", "postgresql")
    if (recorded.HERE / version / f"{store}.sql.xz").exists()
]


@pytest.fixture(params=DUMPS, ids=lambda dump: f"{dump.version}-{dump.store}", scope="session")
def dump(request: pytest.FixtureRequest) -> Dump:
    found: Dump = request.param
    return found


@pytest.fixture(scope="session")
def upgraded(
    dump: Dump,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Path], str]]:
    """Gives the URL of a copy of the upgraded database."""
    if dump.store == "sqlite":
        path = tmp_path_factory.mktemp("upgraded") / "collector.sqlite"
        recorded.restore_sqlite(dump.version, path)
        _upgrade(f"sqlite:///{path}")
        yield lambda folder: f"sqlite:///{shutil.copy(path, folder / 'collector.sqlite')}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.new(template="template0")
    recorded.restore_postgresql(dump.version, server.url_of(name))
    _upgrade(server.url.set(database=name).render_as_string(hide_password=False))
    copies: list[str] = []

    def copy(_folder: Path) -> str:
        copies.append(server.new(template=name))
        return server.url_of(copies[-1])

    yield copy
    for one in (*copies, name):
        server.drop(one)


@pytest_asyncio.fixture
async def upgraded_database(upgraded: Callable[[Path], str], tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(upgraded(tmp_path))
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def upgraded_app(upgraded_database: Database, dump: Dump, tmp_path: Path) -> AsyncIterator[Edge]:
    """The collector of today over what was kept then, sealed secrets included."""
    settings = Settings(state_dir=tmp_path)
    settings.vault_path.write_text(recorded.answers(*dump)["vault"])
    settings.vault_path.chmod(0o600)
    app = create_app(settings, upgraded_database)
    yield app
    await app.shut_down()


def _upgrade(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
