"""`migrate --from … --to …`: a grown installation moves to another store, usually from SQLite to PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from collector import migrations
from collector.cli.backing import Progress
from collector.cli.context import show
from collector.copying import connecting, snapshots, targets
from collector.copying.source import Store
from collector.core import urls
from collector.core.problems import Refusal, StoreInUse
from collector.core.settings import Settings
from common.errors import ConfigurationError

FROM, TO = "FIELDPOST_MIGRATE_FROM", "FIELDPOST_MIGRATE_TO"


class Moved(msgspec.Struct, frozen=True):
    """What was copied, row by row compared."""

    tables: int
    rows: int
    revision: str


def move(settings: Settings, origin: str, target: str, *, as_json: bool) -> None:
    """Copy everything; the origin stays as it is."""
    if _same(origin, target):
        raise Refusal("--to: the same database as --from")
    with targets.emptied(target) as conn, _unserved(origin) as source:  # so that what is kept was looked at to its end
        copied = targets.fill(conn, source, None, Progress())
    moved = Moved(len(copied), sum(one.rows for one in copied), migrations.newest())
    if as_json:
        show(moved)
        return
    typer.echo(f"{moved.rows:,} rows of {moved.tables} tables, compared; at revision {moved.revision}")
    for line in _next(target, settings):
        typer.echo(line)


def url_of(option: str, plain: str | None, file: Path | None, variable: str, *, usual: str = "") -> str:
    """Given on the command line without a password, in a file, or in the environment."""
    if plain is not None and file is not None:
        raise ConfigurationError(f"--{option}-file: given beside --{option}; expected one of the two")
    if plain is not None and _password(plain, option):
        raise ConfigurationError(
            f"--{option}: holds a password, which every process of this host can read there; expected it in a file"
            f" (--{option}-file), in the environment ({variable}) or in ~/.pgpass"
        )
    url = plain or (urls.of_file(file, f"--{option}-file") if file else os.environ.get(variable, "")) or usual
    if not url:
        raise ConfigurationError(f"--{option}: missing; expected postgresql://user@host/name or sqlite:///path")
    try:
        urls.known_database(url)
    except ValueError as error:
        raise ConfigurationError(f"--{option}: {error}") from None
    _password(url, option)
    return url


def _password(url: str, option: str) -> bool:
    try:
        return make_url(url).password is not None
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            f"--{option}: the URL cannot be understood (it is not shown); expected postgresql://user@host:5432/name"
        ) from None


@contextmanager
def _unserved(url: str) -> Iterator[Store]:
    try:
        with snapshots.at_rest(url) as store:
            yield store
    except StoreInUse as error:
        raise Refusal(f"--from: a collector serves from it; stop it first ({error})") from None


def _same(origin: str, target: str) -> bool:
    if connecting.is_sqlite(origin) != connecting.is_sqlite(target):
        return False
    if connecting.is_sqlite(origin):
        return connecting.sqlite_path(origin) == connecting.sqlite_path(target)
    return make_url(origin).set(password=None) == make_url(target).set(password=None)


def _next(target: str, settings: Settings) -> Iterator[str]:
    """What to set now, without any password."""
    kept = f"vault key ({settings.vault_path}) and certificates ({settings.tls_dir}) stay where they are"
    if connecting.is_sqlite(target):
        yield f'next: database_url = "{target}", start the collector; {kept}'
        return
    yield "next, in the settings file: database_url_file = the file with the URL of the new database (0600)"
    yield f"then start the collector; {kept}. Keep the old database until you are content: nothing was changed in it"
