"""`fieldpost-agent spool`: what waits for the collector, and what the collector refused."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import typer

from agent.cli import RefusedError
from agent.cli.telling import tell_agent
from agent.settings import Settings
from agent.sole import AlreadyRunningError, sole_user
from agent.spool import FILE_NAME, RETRY_FILE, Limits, Spool
from agent.spool_file import SpoolFile
from common.clock import iso

group = typer.Typer(help="What waits for the collector.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Limit = Annotated[int, typer.Option("--limit", help="How many, newest first.", min=1, max=10_000)]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="spool")


@group.command()
def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print how full the spool is."""
    settings: Settings = context.obj
    with viewed(settings) as file:
        oldest = file.oldest_at()
        found: dict[str, Any] = {
            **file.counts(),
            "bytes": file.used_bytes,
            "limit_bytes": settings.spool_max_bytes,
            "oldest_at": iso(oldest) if oldest else None,
            "epoch": file.epoch,
        }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    share = found["bytes"] / found["limit_bytes"]
    typer.echo(f"{found['records']} records wait, the oldest since {found['oldest_at'] or '-'}")
    typer.echo(f"{found['bytes'] / 2**20:.1f} MiB of {found['limit_bytes'] / 2**20:.0f} MiB ({share:.1%})")
    typer.echo(f"{found['dropped']} dropped since the spool was made, {found['dead']} dead letters")


@group.command()
def dead(context: typer.Context, limit: Limit = 20, *, as_json: AsJson = False) -> None:
    """List the records that the collector refused for good."""
    settings: Settings = context.obj
    with viewed(settings) as file:
        letters = file.dead_letters(limit)
    if as_json:
        listed = [
            {
                "stream": letter.stream,
                "seq": letter.seq,
                "kind": letter.kind,
                "at": iso(letter.at),
                "code": letter.code,
                "detail": letter.detail,
                "body": json.loads(letter.body),
            }
            for letter in letters
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    for letter in letters:
        typer.echo(f"{iso(letter.at)}  {letter.stream} {letter.seq}  {letter.kind}  {letter.code}: {letter.detail}")
    if not letters:
        typer.echo("no dead letters")


@group.command()
def retry(context: typer.Context) -> None:
    """Send the dead letters once more, for example after the collector has been upgraded."""
    settings: Settings = context.obj
    with viewed(settings) as file:
        count = file.counts()["dead"]
    if count == 0:
        typer.echo("no dead letters")
        return
    try:
        with sole_user(settings.state_dir):
            _revive(settings)
    except AlreadyRunningError:  # only who runs may write the spool
        (settings.state_dir / RETRY_FILE).touch(mode=0o600)
        tell_agent(settings.state_dir)
    typer.echo(f"{count} dead letters are sent once more")


def _revive(settings: Settings) -> None:
    limits = Limits(max_bytes=settings.spool_max_bytes, min_free=settings.spool_min_free_bytes)
    with closing(Spool(settings.state_dir, limits)) as spool:
        spool.retry_dead()


@contextmanager
def viewed(settings: Settings) -> Iterator[SpoolFile]:
    """The spool for reading; a running agent goes on writing it."""
    path = settings.state_dir / FILE_NAME
    if not path.exists():
        raise RefusedError(f"{path}: there is no spool; it is made when the agent first runs")
    try:
        file = SpoolFile(path, read_only=True)
    except sqlite3.Error as error:
        raise RefusedError(f"{path}: cannot be read ({error})") from None
    try:
        yield file
    finally:
        file.close()
