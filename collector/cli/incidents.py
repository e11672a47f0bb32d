"""`fieldpost-collector incident`: what went wrong, and the rules by which alerts report it."""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, opening, rules, store
from collector.domain.incidents.opening import Rule
from collector.domain.incidents.rules import IMPACTS, Change, Impacted, NotAllowed, Shown, Wanted
from collector.domain.services import store as services
from collector.domain.services.rules import Severity, Visibility
from collector.domain.tenants import store as tenants
from common.clock import iso, utc_now

app = typer.Typer(name="incident", help="What went wrong, and what is told of it.", no_args_is_help=True)
rule_app = typer.Typer(name="rule", help="On which services critical alerts open incidents.", no_args_is_help=True)
app.add_typer(rule_app)

MOST = 200


class Asked(msgspec.Struct):
    tenant: str
    status: rules.Status | None
    severity: Severity | None
    limit: int


class One(msgspec.Struct):
    tenant: str
    id: int


class Affects(msgspec.Struct):
    """A service by its slug, or its id in digits."""

    which: str
    impact: Impacted | None = None


class Create(msgspec.Struct):
    tenant: str
    title: str
    description: str
    severity: Severity
    visibility: Visibility
    services: list[Affects]


class Update(msgspec.Struct):
    tenant: str
    id: int
    fields: dict[str, str | None]
    status: rules.Status | None = None
    message: str | None = None
    is_public: bool | None = None
    services: list[Affects] | None = None


class OfTenant(msgspec.Struct):
    tenant: str


class NewRule(msgspec.Struct):
    tenant: str
    tag: str
    visibility: Visibility


class OneRule(msgspec.Struct):
    tenant: str
    which: str


def _list(conn: Connection, request: Asked) -> list[Shown]:
    query = store.Query(status=request.status, severity=request.severity)
    return store.page(conn, tenants.get(conn, request.tenant).id, query, 0, request.limit)[1]


def _show(conn: Connection, request: One) -> Shown:
    return _there(store.find(conn, tenants.get(conn, request.tenant).id, request.id), request.id)


def _create(conn: Connection, request: Create) -> Shown:
    tenant_id = tenants.get(conn, request.tenant).id
    wanted = Wanted(
        title=request.title,
        description=request.description,
        severity=request.severity,
        visibility=request.visibility,
        services=_chosen(conn, tenant_id, request.services),
    )
    return changes.create(conn, tenant_id, wanted, Act(control.BY, utc_now()))


def _update(conn: Connection, request: Update) -> Shown:
    tenant_id = tenants.get(conn, request.tenant).id
    wanted = Change(
        fields=request.fields,
        status=request.status,
        message=request.message,
        is_public=request.is_public,
        services=None if request.services is None else _chosen(conn, tenant_id, request.services),
    )
    try:
        found = changes.change(conn, tenant_id, request.id, wanted, Act(control.BY, utc_now()))
    except NotAllowed as error:
        others = f"; it can become {', '.join(error.allowed)}" if error.allowed else ""
        raise Refusal(f"{error}{others}") from error
    return _there(found, request.id)


def _there(found: Shown | None, number: int) -> Shown:
    if found is None:
        raise Refusal(f"incident {number}: this tenant has no such incident")
    return found


def _chosen(conn: Connection, tenant_id: int, wanted: Sequence[Affects]) -> dict[int, Impacted | None]:
    return {_service(conn, tenant_id, one.which): one.impact for one in wanted}


def _service(conn: Connection, tenant_id: int, which: str) -> int:
    found = services.by_slug(conn, tenant_id, which)
    if found is not None:
        return found.id
    if which.isascii() and which.isdigit():
        return int(which)
    raise Refusal(f"service: {which!r}; expected the slug or id of a service of this tenant")


def _rules(conn: Connection, request: OfTenant) -> list[Rule]:
    return opening.all_rules(conn, tenants.get(conn, request.tenant).id)


def _add_rule(conn: Connection, request: NewRule) -> Rule:
    tenant_id = tenants.get(conn, request.tenant).id
    return opening.add(conn, tenant_id, request.tag, request.visibility, Act(control.BY, utc_now()))


def _remove_rule(conn: Connection, request: OneRule) -> Rule:
    found = opening.remove(conn, tenants.get(conn, request.tenant).id, request.which, Act(control.BY, utc_now()))
    if found is None:
        raise Refusal(f"{request.which!r}; expected the id or tag of an incident rule")
    return found


LIST = control.command("incident.list", Asked, list[Shown], _list)
SHOW = control.command("incident.show", One, Shown, _show)
CREATE = control.command("incident.create", Create, Shown, _create)
UPDATE = control.command("incident.update", Update, Shown, _update)
RULES = control.command("incident.rules", OfTenant, list[Rule], _rules)
ADD_RULE = control.command("incident.rule.add", NewRule, Rule, _add_rule)
REMOVE_RULE = control.command("incident.rule.remove", OneRule, Rule, _remove_rule)

# --- commands ------------------------------------------------------------------------------------------------------

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Number = Annotated[int, typer.Argument(help="Id of the incident.", min=1)]
Title = Annotated[str, typer.Option(help="What everybody reads first.")]
Services = Annotated[
    list[str] | None,
    typer.Option("--service", help="Slug or id of a service that is affected, repeatable; `main-api=partial_outage`."),
]
Message = Annotated[str | None, typer.Option(help="What is told of it.")]
Internally = Annotated[bool, typer.Option("--internal", help="Not for the status page.")]


@app.command("list")
def list_incidents(
    context: typer.Context,
    *,
    tenant: Tenant,
    status: Annotated[rules.Status | None, typer.Option(help="Only those in this status.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only those of this severity.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show incidents, newest first."""
    found = control.call(settings_of(context), LIST, Asked(tenant, status, severity, limit))
    if as_json:
        show([rules.document(one) for one in found])
        return
    rows = [
        (one.id, one.status, one.severity, one.visibility, iso(one.started_at), one.title)
        for one in (each.incident for each in found)
    ]
    table(rows, ("id", "status", "severity", "visibility", "started_at", "title"))


@app.command("show")
def show_incident(context: typer.Context, number: Number, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show one incident with whom it affects and what was told of it."""
    _print(control.call(settings_of(context), SHOW, One(tenant, number)), as_json=as_json)


@app.command("create")
def create(
    context: typer.Context,
    *,
    tenant: Tenant,
    title: Title,
    description: Annotated[str, typer.Option(help="Context for the timeline.")] = "",
    severity: Annotated[Severity, typer.Option(help="How bad it is.")] = "degraded",
    visibility: Annotated[Visibility, typer.Option(help="Who may read of it.")] = "public",
    service: Services = None,
    as_json: Json = False,
) -> None:
    """Report an incident."""
    request = Create(
        tenant,
        _written("title", rules.check_title, title),
        _written("description", rules.check_text, description),
        severity,
        visibility,
        _affects(service or []),
    )
    _print(control.call(settings_of(context), CREATE, request), as_json=as_json)


@app.command("update")
def update(
    context: typer.Context,
    number: Number,
    *,
    tenant: Tenant,
    message: Message = None,
    status: Annotated[rules.Status | None, typer.Option(help="What it becomes.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="How bad it is by now.")] = None,
    visibility: Annotated[Visibility | None, typer.Option(help="Who may read of it.")] = None,
    title: Title = "",
    service: Services = None,
    internal: Internally = False,
    as_json: Json = False,
) -> None:
    """Tell how an incident goes on, or change it; what is left out stays. `--service` names all that are affected."""
    given = {"title": title and _written("title", rules.check_title, title), "severity": severity}
    request = Update(
        tenant,
        number,
        {name: text for name, text in {**given, "visibility": visibility}.items() if text},
        status,
        None if message is None else _written("message", rules.check_message, message),
        False if internal else None,
        None if service is None else _affects(service),
    )
    _print(control.call(settings_of(context), UPDATE, request), as_json=as_json)


@app.command("resolve")
def resolve(
    context: typer.Context,
    number: Number,
    *,
    tenant: Tenant,
    message: Message = None,
    root_cause: Annotated[str, typer.Option(help="What it came from.")] = "",
    postmortem: Annotated[str, typer.Option(help="What was learnt, or where that is written.")] = "",
    internal: Internally = False,
    as_json: Json = False,
) -> None:
    """Say that an incident is over."""
    told = {"root_cause": root_cause, "postmortem": postmortem}
    request = Update(
        tenant,
        number,
        {name: _written(name, rules.check_text, text) for name, text in told.items() if text},
        "resolved",
        None if message is None else _written("message", rules.check_message, message),
        False if internal else None,
    )
    _print(control.call(settings_of(context), UPDATE, request), as_json=as_json)


@rule_app.command("list")
def list_rules(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the rules by which critical alerts open incidents."""
    found = control.call(settings_of(context), RULES, OfTenant(tenant))
    _print_rules(found, as_json=as_json)


@rule_app.command("add")
def add_rule(
    context: typer.Context,
    tag: Annotated[str, typer.Argument(help="Tag of services.", callback=checked(opening.check_tag))],
    *,
    tenant: Tenant,
    visibility: Annotated[
        Visibility, typer.Option(help="Of the incidents; internal where the service is.")
    ] = "internal",
    as_json: Json = False,
) -> None:
    """Have a critical alert on a service with this tag open an incident."""
    _print_rules([control.call(settings_of(context), ADD_RULE, NewRule(tenant, tag, visibility))], as_json=as_json)


@rule_app.command("remove")
def remove_rule(
    context: typer.Context,
    which: Annotated[str, typer.Argument(help="Id or tag of the rule.")],
    *,
    tenant: Tenant,
    as_json: Json = False,
) -> None:
    """Take a rule away; what it has opened stays open."""
    _print_rules([control.call(settings_of(context), REMOVE_RULE, OneRule(tenant, which))], as_json=as_json)


def _written(field: str, check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise typer.BadParameter(f"{field}: {text[:40]!r}; expected {error}") from None


def _affects(given: Sequence[str]) -> list[Affects]:
    found = []
    for each in given:
        which, _, impact = each.partition("=")
        known = next((one for one in IMPACTS if one == impact), None)
        if impact and known is None:
            raise typer.BadParameter(f"service: {each[:80]!r}; expected an impact of {', '.join(IMPACTS)}")
        found.append(Affects(which, known))
    return found


def _print(found: Shown, *, as_json: bool) -> None:
    if as_json:
        show(rules.document(found))
        return
    one = found.incident
    affected = ", ".join(f"{each.slug} ({each.impact})" for each in found.services)
    rows = [
        ("id", one.id),
        ("title", one.title),
        ("status", one.status),
        ("severity", one.severity),
        ("visibility", one.visibility),
        ("services", affected),
        ("started_at", iso(one.started_at)),
        ("resolved_at", iso(one.resolved_at) if one.resolved_at else None),
        ("root_cause", one.root_cause),
        ("postmortem", one.postmortem),
    ]
    told = [(iso(each.created_at), f"{each.status}: {each.message} ({each.author})") for each in found.updates]
    table([*rows, *told], ("", ""))


def _print_rules(found: Sequence[Rule], *, as_json: bool) -> None:
    if as_json:
        show([rule._asdict() for rule in found])
        return
    table(
        [(rule.id, rule.tag, rule.visibility, iso(rule.created_at)) for rule in found],
        ("id", "tag", "visibility", "since"),
    )
