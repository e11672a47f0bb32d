"""`fieldpost-agent connection`: which databases this agent watches."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from agent.cli import RefusedError, connection_import
from agent.cli.telling import tell_agent
from agent.config import Connection, load_connections, make_connection, save_connections
from agent.identity import usable_state_dir
from agent.oracle.samples import FILE_NAME, Samples
from agent.settings import Settings
from common.errors import ConfigurationError

LOGIN_DEADLINE_S = 20.0

group = typer.Typer(help="Which databases this agent watches.", no_args_is_help=True, rich_markup_mode=None)

Service = Annotated[str | None, typer.Option(help="Service name, with --host.")]
Sid = Annotated[str | None, typer.Option(help="SID, with --host, for what has no service name.")]
Host = Annotated[str | None, typer.Option(help="Host of the listener, with --service or --sid.")]
Port = Annotated[int | None, typer.Option(help="Port of the listener; 1521 without it.")]
Descriptor = Annotated[str | None, typer.Option(help="EZConnect string, TNS descriptor or name in tnsnames.ora.")]
ConfigDir = Annotated[Path | None, typer.Option(help="Folder of tnsnames.ora.")]
WalletDir = Annotated[Path | None, typer.Option(help="Folder of the wallet (ewallet.pem).")]
PasswordFile = Annotated[Path | None, typer.Option(help="File with the password, read at each logon.")]
PasswordEnv = Annotated[str | None, typer.Option(help="Environment variable of the agent with the password.")]
PasswordCredential = Annotated[str | None, typer.Option(help="systemd credential with the password.")]
Mode = Annotated[str | None, typer.Option(help="normal, sysdg or sysdba.")]
Tier = Annotated[str | None, typer.Option(help="prod, test or dev.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be given again.")]
Packs = Annotated[list[str] | None, typer.Option("--pack", help="A licence you hold: diagnostics or tuning.")]
Share = Annotated[
    list[str] | None,
    typer.Option("--share", help="What findings may name: users, machines, sql or none; only users without it."),
]
HostChecks = Annotated[bool, typer.Option("--host-checks", help="This agent runs on the database's own host.")]
Paused = Annotated[bool, typer.Option("--paused", help="Not visited until it is resumed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names of connections; all without one.")]


def register(app: typer.Typer) -> None:
    connection_import.register(group)
    app.add_typer(group, name="connection")


@group.command()
def add(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="What people call this database.")],
    user: Annotated[str, typer.Option(help="The monitoring account; `fieldpost-agent grants` prints its script.")],
    host: Host = None,
    port: Port = None,
    service: Service = None,
    sid: Sid = None,
    descriptor: Descriptor = None,
    config_dir: ConfigDir = None,
    wallet_dir: WalletDir = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    password_credential: PasswordCredential = None,
    mode: Mode = None,
    tier: Tier = None,
    tag: Tags = None,
    pack: Packs = None,
    share: Share = None,
    host_checks: HostChecks = False,
    paused: Paused = False,
) -> None:
    """Add a connection. The password itself never goes here: say in which file, variable or credential it is."""
    if descriptor and (host or port):
        raise ConfigurationError("descriptor: given beside host or port; expected the descriptor alone to name them")
    values: dict[str, Any] = {
        "key": str(uuid4()),
        "name": name,
        "user": user,
        "host": host,
        "port": port,
        "service": service,
        "sid": sid,
        "descriptor": descriptor,
        "config_dir": _absolute(config_dir, "config_dir"),
        "wallet_dir": _absolute(wallet_dir, "wallet_dir"),
        "password_file": _absolute(password_file, "password_file"),
        "password_env": password_env,
        "password_credential": password_credential,
        "mode": mode,
        "tier": tier,
        "tags": tag,
        "packs": pack,
        "share": [] if share == ["none"] else share,
        "host_checks": host_checks,
        "paused": paused,
    }
    connection = make_connection(values)
    settings: Settings = context.obj
    usable_state_dir(settings.state_dir)
    known = load_connections(settings.connections_file)
    if any(other.name == connection.name for other in known):
        raise ConfigurationError(f"name: `{name}`; expected one that no other connection has")
    save_connections(settings.connections_file, [*known, connection])
    typer.echo(f"added {connection.name} ({connection.host}:{connection.port}), key {connection.key}")
    tell_agent(settings.state_dir)


@group.command("list")
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the connections; a password is never shown, only where it comes from."""
    settings: Settings = context.obj
    found = [_described(connection) for connection in load_connections(settings.connections_file)]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for entry in found:
        tags = f"  [{', '.join(entry['tags'])}]" if entry["tags"] else ""
        state = "  (paused)" if entry["paused"] else ""
        typer.echo(
            f"{entry['name']}  {entry['target']}  {entry['user']}  {entry['mode']}  {entry['tier']}{tags}{state}"
        )
    if not found:
        typer.echo("no connection is defined; add one with `fieldpost-agent connection add`")


@group.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the connection.")]) -> None:
    """Stop watching a database; what was found stays at the collector."""
    settings: Settings = context.obj
    known = load_connections(settings.connections_file)
    chosen = _chosen(known, [name])
    save_connections(settings.connections_file, [connection for connection in known if connection not in chosen])
    typer.echo(f"removed {name}")
    tell_agent(settings.state_dir)


@group.command()
def pause(context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the connection.")]) -> None:
    """Visit a database no more until it is resumed; the collector keeps showing it."""
    _set_paused(context.obj, name, paused=True)


@group.command()
def resume(context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the connection.")]) -> None:
    """Visit a paused database again."""
    _set_paused(context.obj, name, paused=False)


def _set_paused(settings: Settings, name: str, *, paused: bool) -> None:
    known = load_connections(settings.connections_file)
    chosen = _chosen(known, [name])
    changed = [replace(connection, paused=paused) if connection in chosen else connection for connection in known]
    save_connections(settings.connections_file, changed)
    typer.echo(f"{'paused' if paused else 'resumed'} {name}")
    tell_agent(settings.state_dir)


@group.command("test")
def try_logon(context: typer.Context, names: Names = None, *, as_json: AsJson = False) -> None:
    """Log on and say which database answered; exit code 1 when one does not."""
    settings: Settings = context.obj
    chosen = _chosen(load_connections(settings.connections_file), names or [])
    results = asyncio.run(_test_all(chosen, settings.state_dir))
    if as_json:
        typer.echo(json.dumps(results, indent=2))
    for result in [] if as_json else results:
        typer.echo(f"{'ok' if result['ok'] else 'FAILED':6}  {result['name']}  {result['detail']}")
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


async def _test_all(connections: list[Connection], state_dir: Path) -> list[dict[str, Any]]:
    with Samples(state_dir / FILE_NAME) as samples:
        return list(await asyncio.gather(*(_test(connection, samples) for connection in connections)))


async def _test(connection: Connection, samples: Samples) -> dict[str, Any]:
    from agent.oracle.logins import LoginFailure  # noqa: PLC0415 - the driver is loaded here alone
    from agent.oracle.logon import logon  # noqa: PLC0415 - likewise

    try:
        async with logon(connection, samples, deadline_s=LOGIN_DEADLINE_S) as opened:
            detail = f"Oracle {opened.version}, logged on in {opened.login_seconds:.2f} s"
            return {"name": connection.name, "ok": True, "detail": detail}
    except LoginFailure as failure:
        return {"name": connection.name, "ok": False, "detail": str(failure)}


def _chosen(connections: tuple[Connection, ...], names: list[str]) -> list[Connection]:
    known = {connection.name: connection for connection in connections}
    for name in names:
        if name not in known:
            raise RefusedError(f"name: `{name}`; expected one of {', '.join(known) or '(none is defined)'}")
    return [known[name] for name in names] if names else list(connections)


def _described(connection: Connection) -> dict[str, Any]:
    source = (
        (connection.password_file and f"file {connection.password_file}")
        or (connection.password_env and f"variable {connection.password_env}")
        or f"credential {connection.password_credential}"
    )
    named = connection.service or connection.sid
    return {
        "key": connection.key,
        "name": connection.name,
        "type": connection.type,
        "target": connection.descriptor or f"{connection.host}:{connection.port}/{named}",
        "user": connection.user,
        "password": source,
        "mode": connection.mode,
        "tier": connection.tier,
        "tags": list(connection.tags),
        "packs": sorted(connection.packs),
        "share": sorted(connection.share),
        "host_checks": connection.host_checks,
        "paused": connection.paused,
    }


def _absolute(path: Path | None, field: str) -> Path | None:
    """The path from the root, which must be there: the agent has another working folder than this command."""
    if path is None:
        return None
    whole = path.absolute()
    if not whole.exists():
        raise ConfigurationError(f"{field}: `{whole}`; expected something that exists")
    return whole
