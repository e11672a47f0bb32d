"""`fieldpost-collector tls`: what the server shows, and the way of its own CA to the next one."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control, renewing
from collector.cli.context import Json, settings_of, show, table
from collector.core import certificates
from collector.core.certificates import Files
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.core.succession import Step, Trust
from collector.core.tls import described, sources
from collector.domain.agents import trusting
from common.clock import utc_now

app = typer.Typer(name="tls", help="The server's certificate and the collector's own CA.", no_args_is_help=True)

_NEXT: dict[str, Step] = {"settled": "begin", "announced": "move", "moved": "drop"}
_SAID = {
    "begin": "the next CA is made; agents learn it within minutes. When `tls show` counts none that does not know it "
    "yet, run `tls roll` again: the server's certificate moves to it then, by itself after a day",
    "move": "the server's certificate is one of the next CA now; agents go on trusting the CA before for 30 days",
    "drop": "agents are told to trust the old CA no more",
}
_MOST_NAMED = 20


class Ask(msgspec.Struct):
    pass


class Known(msgspec.Struct):
    trusts: list[Trust]


def _known(conn: Connection, _request: Ask) -> Known:
    return Known(trusting.trusts(conn))


KNOWN = control.command("tls.known", Ask, Known, _known)


class Row(msgspec.Struct):
    """One certificate. `pin` is a CA's; `names` are the server's."""

    what: str
    subject: str
    names: tuple[str, ...]
    pin: str
    ends: datetime
    days_left: int


@app.command("show")
def show_tls(context: typer.Context, *, as_json: Json = False) -> None:
    """Show the server's certificate, its names and how long it is good, and which CA agents are to trust."""
    settings = settings_of(context)
    rows = _rows(settings)
    behind = _left_behind(settings)
    if as_json:
        show({"certificates": [msgspec.to_builtins(row) for row in rows], "agents_without_next_ca": behind})
        return
    if not rows:
        typer.echo("tls is off: what stands before the collector speaks TLS")
        return
    shown = [(row.what, row.subject, " ".join(row.names), row.pin, f"{row.days_left} days") for row in rows]
    table(shown, ("what", "subject", "names", "pin", "left"))
    if behind is not None:
        typer.echo(f"{len(behind)} active agents do not know the next CA yet" + _listed(behind))


@app.command("roll")
def roll(
    context: typer.Context,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Move although agents are cut off, which have to enrol again then.")
    ] = False,
) -> None:
    """Take the next step from the collector's own CA to another one: make it, move to it, drop the old one."""
    settings = settings_of(context)
    files = _own(settings)
    step = _NEXT[certificates.stage(files)]
    behind = _left_behind(settings)
    if step == "move" and behind and not force:
        raise Refusal(
            f"{len(behind)} active agents do not know the next CA yet and would be cut off{_listed(behind)}; "
            "wait until they have been heard of, revoke those that are gone, or use --force"
        )
    renewing.take(files, step, settings)
    typer.echo(_SAID[step])


def _own(settings: Settings) -> Files:
    if settings.tls != "auto":
        raise Refusal(f"tls: {settings.tls}; only a CA of the collector's own (tls: auto) is followed by another")
    return certificates.ensure(settings.tls_dir, settings.server_names, utc_now())


def _left_behind(settings: Settings) -> list[str] | None:
    """The agents that the next step would cut off; None while there is no such step."""
    files = Files(settings.tls_dir)
    if settings.tls != "auto" or certificates.stage(files) != "announced":
        return None
    return renewing.left_behind(files, control.call(settings, KNOWN, Ask()).trusts)


def _rows(settings: Settings) -> list[Row]:
    at = sources(settings)
    if at is None:
        return []
    if settings.tls == "auto":
        _own(settings)
    found = [_row("server", at.certificate.read_bytes(), is_ca=False)]
    files = Files(settings.tls_dir)
    if settings.tls == "auto":
        every = (("ca", files.ca), ("next ca", files.next_ca), ("old ca", files.old_ca))
        found += [_row(what, path.read_bytes(), is_ca=True) for what, path in every if path.exists()]
    if at.client_ca:
        found.append(_row("client ca", at.client_ca.read_bytes(), is_ca=True))
    return found


def _row(what: str, pem: bytes, *, is_ca: bool) -> Row:
    one = described(pem)
    pin = certificates.pin(pem) if is_ca else ""
    return Row(what, one.subject, one.names, pin, one.ends, int(one.days_left(utc_now())))


def _listed(agents: list[str]) -> str:
    if not agents:
        return ""
    return ": " + ", ".join(agents[:_MOST_NAMED]) + (" …" if len(agents) > _MOST_NAMED else "")
