"""`migrate`: bring a database up to date, or say what that would do."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from collector import migrations
from collector.cli import moving
from collector.cli.context import Json, settings_of, show, table
from collector.core import engines
from collector.core.database import Database
from collector.core.problems import StoreInUse
from collector.migrations import checking
from collector.migrations.checking import Report, Step
from common.errors import EXIT_CONFIGURATION, ConfigurationError

From = Annotated[
    str | None,
    typer.Option("--from", metavar="URL", help="Move from this database; the one of the settings by itself."),
]
To = Annotated[
    str | None, typer.Option("--to", metavar="URL", help="Move everything to this empty database, such as PostgreSQL.")
]
FromFile = Annotated[
    Path | None, typer.Option("--from-file", help="File with the URL to move from, where it holds a password.")
]
ToFile = Annotated[
    Path | None, typer.Option("--to-file", help="File with the URL to move to, where it holds a password.")
]
Check = Annotated[bool, typer.Option("--check", help="Only say what would be done; changes nothing.")]


class Checked(msgspec.Struct, frozen=True):
    """`free_bytes`: on the disk of an SQLite database; null for a server, whose disk cannot be seen from here."""

    report: Report
    free_bytes: int | None


def migrate(
    context: typer.Context,
    *,
    check: Check = False,
    origin: From = None,
    origin_file: FromFile = None,
    target: To = None,
    target_file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Bring the database's schema up to date; `serve` does the same when it starts.

    With --check: exit code 0 when there is nothing to do, 1 when revisions would run, 78 when the database was
    upgraded by a newer version.

    With --to: copy everything into an empty database of either kind and compare it row by row; nobody may serve from
    either. A URL with a password belongs into a file or the environment (FIELDPOST_MIGRATE_FROM, FIELDPOST_MIGRATE_TO).
    """
    settings = settings_of(context)
    url = settings.store_url
    if target or target_file or os.environ.get(moving.TO):
        if check:
            raise ConfigurationError("--check: looks at the database of the settings; expected it without --to")
        asked = (
            moving.url_of("from", origin, origin_file, moving.FROM, usual=url),
            moving.url_of("to", target, target_file, moving.TO),
        )
        moving.move(settings, *asked, as_json=as_json)
        return
    if origin or origin_file:
        raise ConfigurationError("--from: without --to; expected both")
    if check:
        _say(_checked(url), as_json=as_json)
        return
    try:
        db = Database.open(url)
    except StoreInUse:
        typer.echo("a collector is serving from this database, so it is up to date")
        return
    asyncio.run(_migrate(db))
    typer.echo(f"at revision {migrations.newest()}")


async def _migrate(db: Database) -> None:
    try:
        standing = await db.read(migrations.standing, heavy=True)
        if standing.newer:
            raise migrations.DatabaseNewer(standing)
        await db.write(migrations.upgrade)
    finally:
        await db.close()


def _checked(url: str) -> Checked:
    parsed = make_url(url)
    if parsed.drivername != "sqlite":
        return Checked(_look(engines.onlooker(url)), None)
    path = Path(parsed.database or "").absolute()
    folder = next(folder for folder in path.parents if folder.is_dir())
    report = _look(engines.onlooker(url) if path.exists() else create_engine("sqlite://"))
    return Checked(report, shutil.disk_usage(folder).free)


def _look(engine: Engine) -> Report:
    try:
        with engine.connect() as conn:
            return checking.look(conn)
    except DBAPIError as error:
        raise (engines.unavailable(error) or error) from error
    finally:
        engine.dispose()


def _say(checked: Checked, *, as_json: bool) -> None:
    if as_json:
        show(checked)
    else:
        for line in _lines(checked):
            typer.echo(line)
        if checked.report.steps:
            table(
                [_row(step) for step in checked.report.steps], ("revision", "what it is for", "kind", "rows", "takes")
            )
    code = {"current": 0, "pending": 1}.get(checked.report.state, EXIT_CONFIGURATION)
    if code:
        raise typer.Exit(code)


def _lines(checked: Checked) -> list[str]:
    report = checked.report
    where = f"database at revision {report.found or '(empty)'}, this program at {report.newest}"
    free = "" if checked.free_bytes is None else f", {_mib(checked.free_bytes)} free beside it"
    return [f"{where}: {_VERDICTS[report.state]}", f"size {_mib(report.database_bytes)}{free}", *_rolling_back(report)]


_VERDICTS = {
    "current": "nothing to do",
    "pending": "to be upgraded",
    "newer_usable": "upgraded by a newer version; this one can work with it, but not upgrade it",
    "newer": "upgraded by a newer version, which took away what this one needs; install that version again",
}


def _rolling_back(report: Report) -> list[str]:
    if report.state != "pending":
        return []
    if any(step.contracts for step in report.steps):
        return ["some revisions contract: stop all older collectors first; going back takes a backup"]
    return ["all revisions only expand: older collectors that run beside this one are not disturbed"]


def _row(step: Step) -> tuple[str, str, str, str, str]:
    kind = "contracts" if step.contracts else "expands"
    takes = "under 1 s" if step.seconds < 1 else f"about {step.seconds:.0f} s"
    return step.revision, step.what.rstrip("."), kind, f"{step.rows:,}", takes


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
