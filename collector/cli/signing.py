"""`fieldpost-collector signing-key`: the keys that sign members' tokens."""

from datetime import datetime

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import settings_of
from collector.domain.access import signing
from common.clock import utc_now

app = typer.Typer(name="signing-key", help="Keys that sign the tokens of members.", no_args_is_help=True)


class Rotate(msgspec.Struct):
    pass


class Rotated(msgspec.Struct):
    at: datetime


def _rotate(conn: Connection, _request: Rotate) -> Rotated:
    now = utc_now()
    signing.retire(conn, now)
    return Rotated(now)


ROTATE = control.command("signing-key.rotate", Rotate, Rotated, _rotate)


@app.command("rotate")
def rotate(context: typer.Context) -> None:
    """Sign with a new key; tokens that are out stay good until they expire."""
    control.call(settings_of(context), ROTATE, Rotate())
    typer.echo("a new key signs from the next login on")


@app.callback()
def signing_key() -> None:
    """Keep `rotate` a command of its own."""
