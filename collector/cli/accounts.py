"""`fieldpost-collector account`: linked AWS accounts, and which agent looks after each."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.domain.access.rules import Act, check_name
from collector.domain.accounts import changing, linking, naming
from collector.domain.accounts.changing import Change, Shown
from collector.domain.accounts.entrusting import UnknownAgent
from collector.domain.accounts.linking import NewLink
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="account", help="AWS accounts that agents look after.", no_args_is_help=True)

WAIT_S = 20.0
_LOOK_EVERY_S = 0.5


class OfTenant(msgspec.Struct):
    tenant: str


class One(msgspec.Struct):
    tenant: str
    account: str


class Link(msgspec.Struct):
    tenant: str
    account: str
    name: str
    role_arn: str
    external_id: str
    regions: tuple[str, ...]
    scan_hours: int
    agent: str | None


class Move(msgspec.Struct):
    tenant: str
    account: str
    agent: str
    force: bool


class Moving(msgspec.Struct):
    """Which agent the account waits for, and who gets it then."""

    before: str
    after: str
    since: datetime
    reason: str


class Account(msgspec.Struct):
    """An account; the external id is left out. `missing`: rights that its role lacks."""

    account: str
    name: str
    status: str
    agent: str | None
    regions: list[str]
    role_arn: str
    scan_hours: int
    linked_at: datetime
    last_sync_at: datetime | None
    reason: str
    verification_job: str
    verified_by_job: str
    verified_at: datetime | None
    missing: list[str]
    warnings: list[str]
    moving: Moving | None


def _list(conn: Connection, request: OfTenant) -> list[Account]:
    return [_told(one) for one in changing.shown(conn, _tenant(conn, request), utc_now())]


def _show(conn: Connection, request: One) -> Account:
    found = changing.show(conn, _tenant(conn, request), request.account, utc_now())
    if found is None:
        raise _unknown(request.account)
    return _told(found)


def _link(conn: Connection, request: Link) -> Account:
    new = NewLink(
        account_id=request.account,
        name=request.name,
        role_arn=request.role_arn,
        external_id=request.external_id,
        regions=request.regions,
        scan_hours=request.scan_hours,
        agent_id=request.agent,
    )
    try:
        linking.link(conn, _tenant(conn, request), new, _act())
    except UnknownAgent as error:
        raise _no_agent(str(error)) from None
    return _show(conn, One(request.tenant, request.account))


def _verify(conn: Connection, request: One) -> str:
    job = linking.verify(conn, _tenant(conn, request), request.account, _act())
    if job is None:
        raise _unknown(request.account)
    return job


def _move(conn: Connection, request: Move) -> Account:
    wanted = Change(agent_id=request.agent, force=request.force)
    try:
        changed = changing.change(conn, _tenant(conn, request), request.account, wanted, _act())
    except UnknownAgent as error:
        raise _no_agent(str(error)) from None
    if changed is None:
        raise _unknown(request.account)
    return _show(conn, One(request.tenant, request.account))


def _unlink(conn: Connection, request: One) -> None:
    if not linking.unlink(conn, _tenant(conn, request), request.account, _act()):
        raise _unknown(request.account)


def _tenant(conn: Connection, request: OfTenant | One | Link | Move) -> int:
    return tenants.get(conn, request.tenant).id


def _told(found: Shown) -> Account:
    one, verification = found.account, found.account.verification or {}
    return Account(
        account=one.account_id,
        name=one.name,
        status=one.status,
        agent=one.agent_id,
        regions=one.regions,
        role_arn=one.role_arn,
        scan_hours=one.scan_hours,
        linked_at=one.linked_at,
        last_sync_at=one.last_sync_at,
        reason=one.reason,
        verification_job=one.verification_job,
        verified_by_job=str(verification.get("job", "")),
        verified_at=one.verified_at,
        missing=list(verification.get("missing", [])),
        warnings=list(verification.get("warnings", [])),
        moving=Moving(*found.moving) if found.moving else None,
    )


def _act() -> Act:
    return Act(control.BY, utc_now())


def _unknown(account: str) -> Refusal:
    return Refusal(f"account: {account!r}; expected one that `account list` shows")


def _no_agent(agent: str) -> Refusal:
    return Refusal(f"agent: {agent!r}; expected an active one that `agent list` shows")


LIST = control.command("account.list", OfTenant, list[Account], _list)
SHOW = control.command("account.show", One, Account, _show)
LINK = control.command("account.link", Link, Account, _link)
VERIFY = control.command("account.verify", One, str, _verify)
MOVE = control.command("account.move", Move, Account, _move)
UNLINK = control.command("account.unlink", One, type(None), _unlink)


def _valid(rule: Callable[[str], str]) -> Callable[[Any], Any]:
    """A callback for an option; the rule's error says what is expected."""

    def check(given: Any) -> Any:
        for value in given if isinstance(given, list) else [given]:
            try:
                rule(value)
            except ValueError as error:
                raise typer.BadParameter(f"`{value}`; expected {error}") from None
        return given

    return check


Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Which = Annotated[str, typer.Argument(help="Id of the AWS account, 12 digits.", callback=_valid(naming.account))]
RoleArn = Annotated[str, typer.Option("--role-arn", help="The role to assume.", callback=_valid(naming.role))]
ExternalId = Annotated[
    str,
    typer.Option(
        "--external-id", help="What the role's trust policy wants to be told.", callback=_valid(naming.external_id)
    ),
]
Regions = Annotated[
    list[str], typer.Option("--region", help="Where to look; repeatable.", callback=_valid(naming.region))
]


@app.command("list")
def list_accounts(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the tenant's AWS accounts."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show(found)
        return
    rows = [(one.account, one.name, one.status, _who(one), ",".join(one.regions), one.last_sync_at) for one in found]
    table(rows, ("account", "name", "status", "agent", "regions", "last_sync_at"))


@app.command("show")
def show_account(context: typer.Context, account: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show one account: who looks after it, what its role lacks, what to mind."""
    _print(control.call(settings_of(context), SHOW, One(tenant, account)), as_json=as_json)


@app.command("link")
def link_account(
    context: typer.Context,
    account: Which,
    *,
    tenant: Tenant,
    role_arn: RoleArn,
    external_id: ExternalId,
    region: Regions,
    name: Annotated[str, typer.Option(help="What people call it; its id without one.")] = "",
    agent: Annotated[str | None, typer.Option(help="Who looks after it; else who lists the role in aws.toml.")] = None,
    scan_hours: Annotated[int, typer.Option(min=1, max=168, help="How often it is scanned.")] = 24,
    as_json: Json = False,
) -> None:
    """Link an AWS account; its agent verifies it at once."""
    if naming.owner(role_arn) != account:
        raise typer.BadParameter(f"--role-arn: `{role_arn}`; expected a role of the account {account}")
    regions = tuple(dict.fromkeys(region))
    wanted = Link(tenant, account, _name(name or account), role_arn, external_id, regions, scan_hours, agent)
    _print(control.call(settings_of(context), LINK, wanted), as_json=as_json)


@app.command("verify")
def verify_account(context: typer.Context, account: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Have the agent prove that the account can be used, and wait for it; exit code 1 when it cannot."""
    settings = settings_of(context)
    job = control.call(settings, VERIFY, One(tenant, account))
    found = _answer(settings, One(tenant, account), job)
    _print(found, as_json=as_json)
    if found.status != "ACTIVE" or found.missing:
        raise typer.Exit(1)


@app.command("move")
def move_account(
    context: typer.Context,
    account: Which,
    *,
    tenant: Tenant,
    to: Annotated[str, typer.Option(help="The agent that is to look after it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Do not wait for the agent so far: its host is gone for good.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Have another agent look after an account, as soon as the one so far has confirmed that it let go."""
    _print(control.call(settings_of(context), MOVE, Move(tenant, account, to, force)), as_json=as_json)


@app.command("unlink")
def unlink_account(context: typer.Context, account: Which, *, tenant: Tenant) -> None:
    """Let go of an account: its schedules are paused and its recommendations end."""
    control.call(settings_of(context), UNLINK, One(tenant, account))
    typer.echo(f"{account} is not linked any more")


def _answer(settings: Settings, which: One, job: str) -> Account:
    """The account as soon as the agent has spoken."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = control.call(settings, SHOW, which)
        if found.verified_by_job == job:
            return found
        time.sleep(_LOOK_EVERY_S)
    raise Refusal(f"the agent of the AWS account {which.account} did not answer within {WAIT_S:.0f} s")


def _print(one: Account, *, as_json: bool) -> None:
    if as_json:
        show(one)
        return
    typer.echo(f"{one.account} ({one.name}): {one.status}{f', {one.reason}' if one.reason else ''}")
    typer.echo(f"agent: {_who(one)}")
    if one.moving:
        typer.echo(f"waits: {one.moving.reason}")
    typer.echo(f"regions: {', '.join(one.regions)}; role: {one.role_arn}; scanned every {one.scan_hours} h")
    for action in one.missing:
        typer.echo(f"missing: {action}")
    for warning in one.warnings:
        typer.echo(f"warning: {warning}")


def _who(one: Account) -> str:
    return f"{one.moving.before} -> {one.moving.after}" if one.moving else one.agent or "-"


def _name(value: str) -> str:
    try:
        return check_name(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
