"""`fieldpost-agent enroll`: make this host an agent of a collector."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.config import credential_path
from agent.settings import Settings
from common.errors import ConfigurationError

TOKEN_VARIABLE = "FIELDPOST_ENROL_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_CREDENTIAL = "enrol.token"  # noqa: S105 - the name of a credential

Url = Annotated[str, typer.Option("--url", help="The collector, https://host[:port].")]
TokenFile = Annotated[
    str | None,
    typer.Option(
        "--token-file",
        help=f"File with the enrolment token, - for standard input; else {TOKEN_VARIABLE} or the systemd credential "
        f"{TOKEN_CREDENTIAL}.",
    ),
]
CaPin = Annotated[str | None, typer.Option("--ca-pin", help="sha256:… that the collector printed for its CA.")]
CaFile = Annotated[Path | None, typer.Option("--ca-file", help="The collector's CA in PEM form, instead of a pin.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of this agent; the host's name without it.")]
NewKey = Annotated[bool, typer.Option("--new-key", help="Make a new key; the old one is kept beside it.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for an operator's approval.", min=0)]


def register(app: typer.Typer) -> None:
    app.command("enroll")(enroll)


def enroll(
    context: typer.Context,
    *,
    url: Url,
    token_file: TokenFile = None,
    ca_pin: CaPin = None,
    ca_file: CaFile = None,
    name: Name = None,
    new_key: NewKey = False,
    wait: Wait = 0.0,
) -> None:
    """Make a key, pin the collector's CA and trade a one-use token for an agent id; may be repeated safely."""
    from agent.enrolment import Wanted, enrol, wait_until_active  # noqa: PLC0415 - only here

    if ca_pin and ca_file:
        raise ConfigurationError("ca-pin, ca-file: both given; expected at most one")
    settings: Settings = context.obj
    wanted = Wanted(
        url=url,
        token=read_token(token_file),
        name=name or socket.gethostname(),
        ca_pin=ca_pin,
        ca_file=ca_file,
        new_key=new_key,
        way=settings.way,
    )
    done = asyncio.run(enrol(settings.state_dir, wanted))
    enrolment = done.enrolment
    if enrolment.state == "pending" and wait:
        enrolment = asyncio.run(wait_until_active(settings.state_dir, enrolment, deadline_s=wait, way=settings.way))
    typer.echo(f"{'already enrolled' if done.before else 'enrolled'} as {enrolment.agent} at {enrolment.url}")
    if enrolment.state == "pending":
        typer.echo(f"waits for approval: an operator runs `fieldpost-collector agent approve {enrolment.agent}`")


def read_token(file: str | None) -> str | None:
    """The token from where it may come from; never from the command line, which others can see."""
    if file == "-":
        return sys.stdin.readline().strip()
    if file:
        return _read(Path(file), "token-file")
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return given.strip()
    credential = credential_path(TOKEN_CREDENTIAL)
    return _read(credential, "credential") if credential.exists() else None


def _read(path: Path, field: str) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigurationError(f"{field}: `{path}` cannot be read ({reason})") from None
