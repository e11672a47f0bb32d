"""Alembic, one chain for both databases; `upgrade` runs what is missing.

A revision that takes something away (drops, renames, forbids NULL) declares `CONTRACTS = True`, `UNUSED_SINCE`, the
release that does without it, and `FLOOR`, the newest revision of that release: older programs are refused from then on.
"""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from collector.core import floors
from common.errors import ConfigurationError

FOLDER = Path(__file__).parent
_alembic = Lock()  # it keeps in its module which database it is at


class Standing(NamedTuple):
    """`found`: the revision that the database is at, "" before the first; `pending`: what would run, in order.

    `floors`: those that were set; None where there is no table for them.
    """

    found: str
    newest: str
    pending: tuple[str, ...]
    floors: frozenset[str] | None
    known: frozenset[str]

    @property
    def newer(self) -> bool:
        """The database is ahead of this program."""
        return bool(self.found) and self.found not in self.known

    @property
    def usable(self) -> bool:
        """This program can work with the database, if need be after an upgrade."""
        return not self.newer or (self.floors is not None and self.floors <= self.known)


class DatabaseNewer(ConfigurationError):  # noqa: N818 - it reads as the state it is
    """The database was upgraded by a newer program."""

    def __init__(self, standing: Standing) -> None:
        beyond = "" if standing.usable else ", which took away what this program needs"
        super().__init__(
            f"the database is at revision {standing.found}{beyond}; this program knows revisions up to"
            f" {standing.newest}. Install the version that upgraded it, or restore the backup made before"
        )


def upgrade(conn: Connection, revision: str = "head") -> Standing:
    """Bring the schema up to date within the caller's transaction; where it stood before.

    A database that is newer is left as it is where this program can work with it, so that a release can be rolled
    back; else `DatabaseNewer`.
    """
    found = standing(conn)
    if not found.usable:
        raise DatabaseNewer(found)
    if found.newer:
        return found
    alembic = config()
    alembic.attributes["connection"] = conn
    with _alembic:
        command.upgrade(alembic, revision)
    _set_floors(conn)
    return found


def standing(conn: Connection) -> Standing:
    """Where the database stands, as this program sees it."""
    chain = tuple(script.revision for script in scripts(FOLDER))
    found = current(conn)
    pending = chain[chain.index(found) + 1 :] if found in chain else () if found else chain
    return Standing(found, chain[-1], pending, floors.known(conn), frozenset(chain))


def current(conn: Connection) -> str:
    """The revision that the database is at; "" before the first."""
    return MigrationContext.configure(conn).get_current_revision() or ""


def newest() -> str:
    return scripts(FOLDER)[-1].revision


@cache
def scripts(folder: Path) -> tuple[Script, ...]:
    """All revisions, oldest first."""
    return tuple(reversed(list(ScriptDirectory(str(folder)).walk_revisions())))


def _set_floors(conn: Connection) -> None:
    now = standing(conn)
    if now.pending or now.floors is None:
        return
    declared = {script.module.FLOOR for script in scripts(FOLDER) if getattr(script.module, "CONTRACTS", False)}
    for revision in sorted(declared - now.floors):
        floors.add(conn, revision)


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    return made
