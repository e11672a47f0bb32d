"""`fieldpost-collector member`: the people of a tenant, and the way back in for an owner who lost theirs."""

import getpass
import sys
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access import factors, passwords, people
from collector.domain.access.people import Change, NewInvitation, Standing
from collector.domain.access.rules import Act, Role, check_email, check_name
from collector.domain.tenants import store
from collector.domain.tenants.store import ListedMember, NewMember
from common.clock import utc_now

app = typer.Typer(name="member", help="Members of a tenant.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Email = Annotated[str, typer.Argument(help="Address by which the member is known.", callback=checked(check_email))]


class Add(msgspec.Struct):
    tenant: str
    name: str
    email: str
    role: Role


class OfTenant(msgspec.Struct):
    tenant: str


class OneMember(msgspec.Struct):
    tenant: str
    email: str


class Changed(msgspec.Struct):
    tenant: str
    email: str
    name: str | None
    role: Role | None
    status: Standing | None


class Invite(msgspec.Struct):
    tenant: str
    email: str
    role: Role


class Password(msgspec.Struct):
    """The hash alone travels; `recover`: also make the member an active owner."""

    tenant: str
    email: str
    password_hash: str
    recover: bool


def _add(conn: Connection, request: Add) -> ListedMember:
    new = NewMember(name=request.name, email=request.email, role=request.role)
    return people.add(conn, store.get(conn, request.tenant).id, new, _act())


def _list(conn: Connection, request: OfTenant) -> list[ListedMember]:
    return list(store.members(conn, store.get(conn, request.tenant).id))


def _change(conn: Connection, request: Changed) -> ListedMember:
    tenant_id = store.get(conn, request.tenant).id
    found = people.by_email(conn, tenant_id, request.email)
    return people.change(conn, tenant_id, found.id, Change(request.name, request.role, request.status), _act())


def _remove(conn: Connection, request: OneMember) -> ListedMember:
    tenant_id = store.get(conn, request.tenant).id
    found = people.by_email(conn, tenant_id, request.email)
    people.remove(conn, tenant_id, found.id, _act())
    return found


def _invite(conn: Connection, request: Invite) -> NewInvitation:
    return people.invite(conn, store.get(conn, request.tenant).id, request.email, request.role, _act())


def _password(conn: Connection, request: Password) -> ListedMember:
    tenant_id = store.get(conn, request.tenant).id
    if request.recover:
        _make_owner(conn, tenant_id, request.email)
    found = people.by_email(conn, tenant_id, request.email)
    people.set_password(conn, request.email, request.password_hash, _act())
    return found


def _reset_second_factor(conn: Connection, request: OneMember) -> ListedMember:
    found = people.by_email(conn, store.get(conn, request.tenant).id, request.email)
    if not factors.turn_off(conn, found.email, _act()):
        raise Refusal(f"email: {found.email!r} has no second factor")
    return found


def _make_owner(conn: Connection, tenant_id: int, email: str) -> None:
    known = next((member for member in store.members(conn, tenant_id) if member.email == email), None)
    if known is None:
        people.add(conn, tenant_id, NewMember(name=email, email=email, role="owner"), _act())
        return
    people.change(conn, tenant_id, known.id, Change(None, "owner", "active"), _act())


def _act() -> Act:
    return Act(control.BY, utc_now())


ADD = control.command("member.add", Add, ListedMember, _add)
LIST = control.command("member.list", OfTenant, list[ListedMember], _list)
CHANGE = control.command("member.change", Changed, ListedMember, _change)
REMOVE = control.command("member.remove", OneMember, ListedMember, _remove)
INVITE = control.command("member.invite", Invite, NewInvitation, _invite)
PASSWORD = control.command("member.password", Password, ListedMember, _password)
SECOND_FACTOR = control.command("member.reset_second_factor", OneMember, ListedMember, _reset_second_factor)


@app.command("add")
def add(
    context: typer.Context,
    email: Email,
    *,
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="Name that people read; the address where it is not given.")] = "",
    role: Annotated[Role, typer.Option(help="What the member may do.")] = "viewer",
    as_json: Json = False,
) -> None:
    """Make somebody a member of a tenant."""
    request = Add(tenant, checked(check_name)(name or email), email, role)
    _show(control.call(settings_of(context), ADD, request), as_json=as_json)


@app.command("list")
def list_members(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the members of a tenant."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([member._asdict() for member in found])
        return
    table(found, ListedMember._fields)


@app.command("change")
def change(
    context: typer.Context,
    email: Email,
    *,
    tenant: Tenant,
    name: Annotated[str | None, typer.Option(help="Name that people read.")] = None,
    role: Annotated[Role | None, typer.Option(help="What the member may do.")] = None,
    status: Annotated[Standing | None, typer.Option(help="`suspended` members cannot log on.")] = None,
    as_json: Json = False,
) -> None:
    """Change a member's name, role or status."""
    named = None if name is None else checked(check_name)(name)
    _show(control.call(settings_of(context), CHANGE, Changed(tenant, email, named, role, status)), as_json=as_json)


@app.command("remove")
def remove(context: typer.Context, email: Email, *, tenant: Tenant) -> None:
    """Remove a member; the open sessions end."""
    control.call(settings_of(context), REMOVE, OneMember(tenant, email))
    typer.echo(f"{email} is removed")


@app.command("invite")
def invite(
    context: typer.Context,
    email: Email,
    *,
    tenant: Tenant,
    role: Annotated[Role, typer.Option(help="What the member may do.")] = "viewer",
    as_json: Json = False,
) -> None:
    """Invite an address; the secret is shown this once."""
    made = control.call(settings_of(context), INVITE, Invite(tenant, email, role))
    if as_json:
        show(made._asdict())
        return
    table(list(made._asdict().items()), ("", ""))


@app.command("password")
def password(
    context: typer.Context,
    email: Email,
    *,
    tenant: Tenant,
    recover: Annotated[bool, typer.Option("--recover", help="Also make this member an active owner.")] = False,
) -> None:
    """Set a member's password, read from standard input; all sessions of the member end."""
    request = Password(tenant, email, passwords.hashed(_read_password()), recover)
    control.call(settings_of(context), PASSWORD, request)
    typer.echo(f"the password of {email} is set{'; the member is an active owner' if recover else ''}")


@app.command("reset-second-factor")
def reset_second_factor(context: typer.Context, email: Email, *, tenant: Tenant) -> None:
    """Let a member who has lost the second factor in with the password alone, in every tenant."""
    control.call(settings_of(context), SECOND_FACTOR, OneMember(tenant, email))
    typer.echo(f"{email} has no second factor any more")


def _read_password() -> str:
    """From the terminal twice, or one line of standard input; never an argument, which others could see."""
    if not sys.stdin.isatty():
        return _checked(sys.stdin.readline().rstrip("\r\n"))
    first = _checked(getpass.getpass("Password: "))
    if getpass.getpass("Again: ") != first:
        raise Refusal("password: the two differ")
    return first


def _checked(text: str) -> str:
    try:
        return passwords.check_password(text)
    except ValueError as error:
        raise Refusal(str(error)) from None


def _show(member: ListedMember, *, as_json: bool) -> None:
    if as_json:
        show(member._asdict())
        return
    table([member], ListedMember._fields)
