"""`fieldpost-collector agent`: tokens that enrol agents, and the agents themselves."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import admitting, control
from collector.cli.context import Json, settings_of, show, table
from collector.core import certificates
from collector.core.settings import Settings
from collector.domain.access.rules import Act
from collector.domain.agents import administration, instances, rules, store
from collector.domain.agents.store import ListedAgent
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="agent", help="Agents and the tokens that enrol them.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]


class IssueToken(msgspec.Struct):
    tenant: str
    uses: int
    valid_for_s: float
    requires_approval: bool
    agent: str | None = None


class Issued(msgspec.Struct):
    """A token that is shown this once."""

    token: str
    uses: int
    expires_at: datetime


class OfTenant(msgspec.Struct):
    tenant: str


class OneAgent(msgspec.Struct):
    tenant: str
    agent: str


class OneInstance(msgspec.Struct):
    tenant: str
    agent: str
    instance: str


class ParkedInstance(msgspec.Struct):
    agent: str
    instance: str
    host: str
    since: datetime
    last_seen_at: datetime


class Queued(msgspec.Struct):
    agent: str
    job: str


class Done(msgspec.Struct):
    agent: str
    state: rules.State


def _issue(conn: Connection, request: IssueToken) -> Issued:
    valid_for = timedelta(seconds=request.valid_for_s)
    wanted = administration.Wanted(rules.uses(request.uses), valid_for, request.requires_approval, request.agent)
    made = administration.add_token(conn, tenants.get(conn, request.tenant).id, wanted, _act())
    return Issued(made.secret, made.uses, made.expires_at)


def _list(conn: Connection, request: OfTenant) -> list[ListedAgent]:
    return list(store.agents(conn, tenants.get(conn, request.tenant).id))


def _approve(conn: Connection, request: OneAgent) -> Done:
    administration.approve(conn, tenants.get(conn, request.tenant).id, request.agent, _act())
    return Done(request.agent, "active")


def _revoke(conn: Connection, request: OneAgent) -> Done:
    administration.revoke(conn, tenants.get(conn, request.tenant).id, request.agent, _act())
    return Done(request.agent, "revoked")


def _rotate(conn: Connection, request: OneAgent) -> Queued:
    tenant_id = tenants.get(conn, request.tenant).id
    return Queued(request.agent, administration.rotate_key(conn, tenant_id, request.agent, _act()))


def _parked(conn: Connection, request: OfTenant) -> list[ParkedInstance]:
    found = instances.all_parked(conn, tenants.get(conn, request.tenant).id)
    return [ParkedInstance(agent, *one) for agent, parked in found.items() for one in parked]


def _accept(conn: Connection, request: OneInstance) -> Done:
    instances.accept(conn, tenants.get(conn, request.tenant).id, request.agent, request.instance, _act())
    return Done(request.agent, "active")


def _act() -> Act:
    return Act(control.BY, utc_now())


ISSUE = control.command("agent.token", IssueToken, Issued, _issue)
LIST = control.command("agent.list", OfTenant, list[ListedAgent], _list)
APPROVE = control.command("agent.approve", OneAgent, Done, _approve)
REVOKE = control.command("agent.revoke", OneAgent, Done, _revoke)
ROTATE = control.command("agent.rotate", OneAgent, Queued, _rotate)
PARKED = control.command("agent.parked", OfTenant, list[ParkedInstance], _parked)
ACCEPT = control.command("agent.accept", OneInstance, Done, _accept)


@app.command("token")
def issue_token(
    context: typer.Context,
    *,
    tenant: Tenant,
    uses: Annotated[int, typer.Option(help="How many agents it may enrol.")] = 1,
    valid_for: Annotated[str, typer.Option(help="How long it is good, such as 30m, 24h, 7d.")] = "24h",
    approval: Annotated[bool, typer.Option("--approval", help="Agents wait for `agent approve`.")] = False,
    agent: Annotated[
        str | None, typer.Option(help="Whoever uses it becomes this agent again, such as a host that was rebuilt.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an enrolment token; it is shown this once, with the pin by which agents recognise the collector."""
    settings = settings_of(context)
    lifetime = rules.lifetime(valid_for).total_seconds()
    issued = control.call(settings, ISSUE, IssueToken(tenant, uses, lifetime, approval, agent))
    pin = _pin(settings)
    if as_json:
        show({**msgspec.structs.asdict(issued), "ca_pin": pin})
        return
    table([("token", issued.token), ("ca pin", pin), ("expires", issued.expires_at)], ("", ""))


@app.command("list")
def list_agents(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the tenant's agents, revoked ones too."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([agent._asdict() for agent in found])
        return
    table(found, ListedAgent._fields)


@app.command("approve")
def approve(context: typer.Context, agent: str, tenant: Tenant) -> None:
    """Let an agent in that waits for approval."""
    done = control.call(settings_of(context), APPROVE, OneAgent(tenant, agent))
    typer.echo(f"{done.agent} is {done.state}")


@app.command("revoke")
def revoke(context: typer.Context, agent: str, tenant: Tenant) -> None:
    """Shut an agent out for good."""
    done = control.call(settings_of(context), REVOKE, OneAgent(tenant, agent))
    typer.echo(f"{done.agent} is {done.state}")


@app.command("rotate")
def rotate(context: typer.Context, agent: str, tenant: Tenant) -> None:
    """Have an agent replace its key; it does so as soon as it fetches its assignment."""
    queued = control.call(settings_of(context), ROTATE, OneAgent(tenant, agent))
    typer.echo(f"{queued.agent} replaces its key; job {queued.job}")


@app.command("parked")
def parked(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show machines that speak as an agent that another machine is; nothing of theirs is taken."""
    found = control.call(settings_of(context), PARKED, OfTenant(tenant))
    if as_json:
        show(found)
        return
    table([msgspec.structs.astuple(one) for one in found], ParkedInstance.__struct_fields__)


@app.command("accept")
def accept(
    context: typer.Context,
    agent: str,
    *,
    tenant: Tenant,
    instance: Annotated[str, typer.Option(help="Which of the parked ones, as `agent parked` shows it.")],
) -> None:
    """Declare a parked machine the right one; the one that was believed so far is parked instead."""
    done = control.call(settings_of(context), ACCEPT, OneInstance(tenant, agent, instance))
    typer.echo(f"{done.agent} is the machine with the instance {instance} from now on")


app.command("admit")(admitting.admit)


def _pin(settings: Settings) -> str | None:
    if settings.tls != "auto" or settings.behind_proxy:
        return None
    files = certificates.ensure(settings.tls_dir, settings.server_names, utc_now())
    return certificates.pin(files.ca.read_bytes())
