"""One connection takes SQLite's log back, and no reader ever does: neither while it reads nor when it closes."""

import hashlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from collector.core import engines, sqlite_library
from collector.core.engines import Engines
from collector.core.metrics import Metrics
from collector.core.sqlite_library import Keeper
from common.errors import ConfigurationError

ROWS = 2_000


class Watched:
    """A store with much in its log and nothing in its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Engines.open(f"sqlite:///{path}")
        with self.store.writer.connect() as conn:
            raw = conn.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.execute("PRAGMA wal_autocheckpoint=0").close()
            with conn.begin():
                conn.execute(text("CREATE TABLE t (x)"))
                conn.execute(text("INSERT INTO t VALUES (:x)"), [{"x": "x" * 20_000} for _ in range(ROWS)])

    @property
    def file(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def log_bytes(self) -> int:
        log = self.path.with_name(self.path.name + "-wal")
        return log.stat().st_size if log.exists() else 0


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "collector.sqlite")


def test_readers_leave_the_log_alone_while_they_read_and_when_they_close(watched: Watched) -> None:
    """The log is far larger than what makes SQLite take it back by itself."""
    file, log = watched.file, watched.log_bytes
    assert log > 4_000 * 4_096
    assert watched.store.loop is not None
    for engine in (watched.store.readers, watched.store.loop):
        with engine.connect() as conn:
            assert conn.execute(text("PRAGMA wal_autocheckpoint")).scalar() == 0
            assert conn.execute(text("SELECT count(*) FROM t")).scalar() == ROWS
    watched.store.writer.dispose()
    watched.store.loop.dispose()
    watched.store.readers.dispose()  # the last that was ever asked for anything
    assert (watched.file, watched.log_bytes) == (file, log)
    watched.store.dispose()
    assert watched.log_bytes == 0
    assert watched.file != file


def test_who_looks_on_from_outside_leaves_the_log_alone(watched: Watched) -> None:
    file, log = watched.file, watched.log_bytes
    onlooker = engines.onlooker(f"sqlite:///{watched.path}")
    with onlooker.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM t")).scalar() == ROWS
        with pytest.raises(OperationalError):
            conn.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    onlooker.dispose()
    assert (watched.file, watched.log_bytes) == (file, log)
    watched.store.dispose()


def test_the_writer_takes_the_log_back_when_it_has_grown(tmp_path: Path) -> None:
    store = Engines.open(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    with store.writer.connect() as conn:
        assert conn.execute(text("PRAGMA wal_autocheckpoint")).scalar() == 4_000
    store.dispose()


def test_a_keeper_that_was_never_needed_makes_no_file(tmp_path: Path) -> None:
    Keeper(tmp_path / "none").let_go()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "sound"), [((3, 40, 1), False), ((3, 51, 2), False), ((3, 51, 3), True), ((4, 0, 0), True)]
)
def test_the_library_is_sound_from_3_51_3_on(version: tuple[int, int, int], *, sound: bool) -> None:
    assert sqlite_library.is_sound(version) is sound


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /var/lib/far\\040away rw - nfs4 server:/export rw
31 30 0:41 / /var/lib/far\\040away/near rw - tmpfs tmpfs rw
"""


def test_a_network_file_system_is_refused_for_a_library_that_does_not_stand_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(sqlite_library, "is_sound", lambda: False)
    with pytest.raises(ConfigurationError, match=r"nfs4.*Expected a local disk, or PostgreSQL"):
        sqlite_library.guard(Path("/var/lib/far away/collector.sqlite"), mounts=mounts)
    sqlite_library.guard(Path("/var/lib/far away/near/collector.sqlite"), mounts=mounts)
    sqlite_library.guard(Path("/var/lib/collector.sqlite"), mounts=mounts)
    monkeypatch.setattr(sqlite_library, "is_sound", lambda: True)
    sqlite_library.guard(Path("/var/lib/far away/collector.sqlite"), mounts=mounts)


def test_the_version_is_among_the_figures_of_a_collector_on_sqlite_alone() -> None:
    for store, told in (("sqlite", True), ("postgres", False)):
        metrics = Metrics()
        sqlite_library.announce(store, metrics)
        assert (b"fieldpost_sqlite_sound" in metrics.render()) is told
    assert sqlite3.sqlite_version_info >= (3, 35, 0)
