"""The SQLite that this Python has, and what its faults ask of us.

Before 3.51.3 a database in WAL mode can be damaged when two connections write or take back its log at once. Here one
connection writes and takes back, under a lock that no second process of this host gets; where such a lock may not
reach, on a network file system, an older library is refused.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from collector.core.metrics import Metrics
from common import logs
from common.errors import ConfigurationError

SOUND = (3, 51, 3)
_OF_OTHER_HOSTS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "fuse.glusterfs", "ocfs2", "gfs2"}
)

log = logs.get(__name__)


def is_sound(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether two that write cannot damage a database."""
    return version >= SOUND


def guard(path: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """`ConfigurationError` where another host could write to the same file and this library would not stand that."""
    if is_sound():
        return
    kind = file_system(path, mounts)
    if kind in _OF_OTHER_HOSTS:
        raise ConfigurationError(
            f"{path}: on a network file system ({kind}), where another host could write to it; SQLite"
            f" {sqlite3.sqlite_version} does not stand that (fixed in 3.51.3). Expected a local disk, or PostgreSQL"
        )


def file_system(path: Path, mounts: Path) -> str:
    """The kind of file system that a path lies on; "" where that cannot be told."""
    best, kind = -1, ""
    with suppress(OSError):
        for line in mounts.read_text().splitlines():
            about, _, of = line.partition(" - ")
            place = about.split()[4].encode().decode("unicode_escape")
            if path.is_relative_to(place) and len(place) >= best:
                best, kind = len(place), of.split()[0]
    return kind


def announce(store: str, metrics: Metrics) -> None:
    """Say at start which library there is, in the log and among the figures."""
    if store != "sqlite":
        return
    log.info("sqlite", version=sqlite3.sqlite_version, wal_fault="none" if is_sound() else "held off by one writer")
    metrics.watch(
        "sqlite_sound",
        "1: two that write cannot damage a database; 0: SQLite before 3.51.3.",
        lambda: float(is_sound()),
    )


class Keeper:
    """Holds a database open for as long as this process uses it, and lets go last.

    The last connection to close takes the log back. With this one there, that is never one that only read, nor one
    that closes while another goes on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._raw: sqlite3.Connection | None = None
        self._once = threading.Lock()

    def hold(self) -> None:
        with self._once:
            if self._raw is None:
                raw = sqlite3.connect(self._path, timeout=5, check_same_thread=False)
                raw.execute("PRAGMA journal_mode=WAL").close()
                raw.execute("PRAGMA wal_autocheckpoint=0").close()
                raw.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only then is the log open, too
                self._raw = raw

    def let_go(self) -> None:
        with self._once:
            if self._raw is not None:
                self._raw.close()
                self._raw = None
