"""`fieldpost-collector signing-key`: the keys that sign members' tokens."""

from datetime import datetime
from pathlib import Path

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import settings_of
from collector.core.vault import Vault
from collector.domain.access import sealing, signing
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


class BeginAnew(msgspec.Struct):
    vault: str


class Begun(msgspec.Struct):
    lost: int


def _begin_anew(conn: Connection, request: BeginAnew) -> Begun:
    return Begun(sealing.begin_anew(conn, Vault.of_file(Path(request.vault))))


BEGIN_ANEW = control.command("signing-key.begin-anew", BeginAnew, Begun, _begin_anew)
ROTATE = control.command("signing-key.rotate", Rotate, Rotated, _rotate)


@app.command("rotate")
def rotate(context: typer.Context) -> None:
    """Sign with a new key; tokens that are out stay good until they expire."""
    control.call(settings_of(context), ROTATE, Rotate())
    typer.echo("a new key signs from the next login on")


@app.command("begin-anew")
def begin_anew(context: typer.Context) -> None:
    """After the vault key was lost for good: go on with that of this host, and without what the old one sealed."""
    settings = settings_of(context)
    begun = control.call(settings, BEGIN_ANEW, BeginAnew(str(settings.vault_path)))
    typer.echo(f"{begun.lost} signing keys are gone: everybody signs in again; secrets of webhooks have to be set anew")
