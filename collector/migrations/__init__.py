"""Alembic, one chain for both databases; `upgrade` runs what is missing."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(conn: Connection, revision: str = "head") -> None:
    """Bring the schema up to date within the caller's transaction."""
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, revision)


def current(conn: Connection) -> str:
    """The revision that the database is at; "" before the first."""
    return MigrationContext.configure(conn).get_current_revision() or ""


def newest() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
