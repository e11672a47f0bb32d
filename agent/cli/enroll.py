"""`fieldpost-agent enroll`: make this host an agent of a collector."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.admission import read_reply, take_reply, write_request
from agent.config import credential_path
from agent.enrolment import Wanted, enrol, wait_until_active
from agent.settings import Settings
from common.admission import fingerprint
from common.errors import ConfigurationError
from common.identity import PublicKey

TOKEN_VARIABLE = "FIELDPOST_ENROL_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_CREDENTIAL = "enrol.token"  # noqa: S105 - the name of a credential

Url = Annotated[str | None, typer.Option("--url", help="The collector, https://host[:port].")]
RequestFile = Annotated[
    Path | None, typer.Option("--request", help="Write a request that is carried to the collector.")
]
ReplyFile = Annotated[Path | None, typer.Option("--reply", help="Take the collector's reply to that request.")]
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
    url: Url = None,
    request: RequestFile = None,
    reply: ReplyFile = None,
    token_file: TokenFile = None,
    ca_pin: CaPin = None,
    ca_file: CaFile = None,
    name: Name = None,
    new_key: NewKey = False,
    wait: Wait = 0.0,
) -> None:
    """Make a key, pin the collector's CA and trade a one-use token for an agent id; may be repeated safely.

    Without a path to the collector: --request writes a file for it, --reply takes its answer.
    """
    settings: Settings = context.obj
    if sum(given is not None for given in (url, request, reply)) != 1:
        raise ConfigurationError("url, request, reply: expected exactly one of them")
    if request is not None:
        _request(settings, request, name or socket.gethostname(), new_key=new_key)
        return
    if reply is not None:
        _reply(settings, reply)
        return
    if ca_pin and ca_file:
        raise ConfigurationError("ca-pin, ca-file: both given; expected at most one")
    wanted = Wanted(
        url=url or "",
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
    _say_again(again=done.again)
    if enrolment.state == "pending":
        typer.echo(f"waits for approval: an operator runs `fieldpost-collector agent approve {enrolment.agent}`")


def _request(settings: Settings, file: Path, name: str, *, new_key: bool) -> None:
    key_id = write_request(settings.state_dir, file, name=name, new_key=new_key)
    typer.echo(f"fingerprint  {fingerprint(key_id)}")
    typer.echo(f"Carry {file} to the collector, compare the fingerprint there, and bring the reply back:")
    typer.echo(f"  fieldpost-collector agent admit {file.name} --tenant TENANT --reply {file.stem}.reply")
    typer.echo(f"  fieldpost-agent enroll --reply {file.stem}.reply")


def _reply(settings: Settings, file: Path) -> None:
    reply = read_reply(file)
    done = take_reply(settings.state_dir, reply)
    typer.echo(f"enrolled as {done.enrolment.agent}, tenant {done.enrolment.tenant}")
    typer.echo(f"collector    {fingerprint(PublicKey.parse(reply.collector_key).key_id)}")
    _say_again(again=done.again)
    if not done.enrolment.url:
        typer.echo('It names no address of the collector: set link = "carried", or collector_url, in agent.toml.')


def _say_again(*, again: bool) -> None:
    if again:
        typer.echo("This agent was here before: its connections and their history stay, its earlier keys are void.")


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
