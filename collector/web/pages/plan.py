"""`/ui/settings/plan` and `/status-page`: what the tenant has and uses, and what it shows to everybody."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.admin.statuspage import Reach
from collector.api.family import Gateway
from collector.core.database import Database
from collector.core.problems import not_found
from collector.domain.access import store as access
from collector.domain.access.rules import Act
from collector.domain.agents import administration as agents
from collector.domain.fleet import store as fleet
from collector.domain.services import policies
from collector.domain.services.uptime import POLICY_NAMES, WEIGHTS, PolicyName
from collector.domain.statuspage import changes, subscribers
from collector.domain.statuspage import rules as page_rules
from collector.domain.statuspage.rules import Terms
from collector.domain.statuspage.subscribers import NoSuchSubscriber
from collector.domain.tenants import administration, rules
from collector.domain.tenants import store as tenants
from collector.domain.tenants.rules import PLANS, Plan
from collector.domain.tenants.store import ListedTenant
from collector.domain.webhooks import store as webhooks
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.pages import settings
from collector.web.pages.credentials import is_good
from collector.web.pages.settings import told
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(prefix=settings.PREFIX, include_in_schema=False)

Owner = Annotated[Visitor, Depends(may("change_plan"))]
Changer = Annotated[Visitor, Depends(may("change_webhooks"))]
PLAN, STATUS_PAGE = f"{settings.PREFIX}/plan", f"{settings.PREFIX}/status-page"
_MOST_SUBSCRIBERS = 50
_GROUPS = {"health": "health", "tuneops": "tickets", "activity": "activity log", "team": "team"}


class ChangedPlan(forms.Form):
    """`rate_limit`: on the enterprise plan, requests per minute and key."""

    plan: Plan
    rate_limit: int | None = None


class Policy(forms.Form):
    policy: PolicyName


class StatusPage(forms.Form):
    """Without a title it has the tenant's name."""

    enabled: bool = False
    title: Annotated[str, Field(max_length=1000)] = ""
    description: Annotated[str, Field(max_length=10_000)] = ""


class Offered(NamedTuple):
    """A plan, what it includes of the health API, and how often a key may ask."""

    name: Plan
    includes: str
    per_minute: int
    here: bool


class Used(NamedTuple):
    """How much there is of something; None where there is no limit."""

    what: str
    number: int
    limit: int | None


@router.get("/plan")
async def plan(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _plan(request, visitor, db)


@router.post("/plan")
async def change_plan(request: Request, visitor: Owner, db: Gateway) -> Response:
    try:
        form = await forms.filled(request, ChangedPlan)
        with told(form):
            limit = rules.check_rate_limit(form.plan, form.rate_limit)
            terms = administration.Terms(form.plan, limit)
            await db.write(administration.change_plan, visitor.tenant, terms, _act(visitor))
    except forms.NotFilled as wrong:
        return await _plan(request, visitor, db, wrong)
    return done(request, f"The plan is {form.plan} now.", to=PLAN)


@router.post("/uptime-policy")
async def choose_policy(request: Request, visitor: Owner, db: Gateway) -> Response:
    chosen = (await forms.filled(request, Policy)).policy
    await db.write(policies.choose, visitor.tenant, chosen, _act(visitor))
    return done(request, f"Uptime is counted by the policy {chosen}.", to=PLAN)


@router.get("/status-page")
async def status_page(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _status_page(request, visitor, db)


@router.post("/status-page")
async def put_status_page(request: Request, visitor: Changer, db: Gateway) -> Response:
    try:
        form = await forms.filled(request, StatusPage)
        with told(form):
            title, about = page_rules.check_title(form.title), page_rules.check_description(form.description)
            terms = Terms(enabled=form.enabled, title=title, description=about)
            made = await db.write(changes.put, visitor.tenant, terms, _act(visitor))
    except forms.NotFilled as wrong:
        return await _status_page(request, visitor, db, wrong)
    return done(request, f"The status page is {'on' if made.enabled else 'off'}.", to=STATUS_PAGE)


@router.post("/status-page/subscribers/{subscriber_id}/remove")
async def remove_subscriber(subscriber_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    try:
        gone = await db.write(subscribers.remove, visitor.tenant, subscriber_id, _act(visitor))
    except NoSuchSubscriber as error:
        raise not_found() from error
    return done(request, f"{page_rules.masked(gone.email)} gets no mails any more.", to=STATUS_PAGE)


def offered(now: ListedTenant) -> list[Offered]:
    return [
        Offered(
            name=name,
            includes=", ".join(_GROUPS[group] for group in _GROUPS if group in terms.groups) or "no access",
            per_minute=rules.per_minute(name, now.rate_limit if name == now.plan else None),
            here=name == now.plan,
        )
        for name, terms in rules.TERMS.items()
    ]


async def _plan(request: Request, visitor: Visitor, db: Database, wrong: forms.NotFilled | None = None) -> Response:
    now = await db.read(administration.get, visitor.tenant)
    return settings.page(
        request,
        "plan.html",
        visitor,
        status=422 if wrong else 200,
        about=now,
        offered=offered(now),
        used=await _used(db, visitor),
        plans=[(name, name) for name in PLANS],
        policies=[(name, name) for name in POLICY_NAMES],
        policies_said=[(name, _policy_text(name)) for name in POLICY_NAMES],
        policy=await db.read(policies.policy, visitor.tenant),
        **settings.errors(wrong),
    )


async def _used(db: Database, visitor: Visitor) -> list[Used]:
    keys = await db.read(access.keys, visitor.tenant)
    now = utc_now()
    receivers = await db.read(webhooks.endpoints, visitor.tenant, ("webhook", "email", "syslog"))
    known = await db.read(agents.agents, visitor.tenant)
    return [
        Used("Connections", len(await db.read(fleet.fleet, visitor.tenant)), None),
        Used("Agents", sum(agent.state == "active" for agent in known), None),
        Used("Members", len(await db.read(tenants.members, visitor.tenant)), None),
        Used("API keys in use", sum(is_good(one, now) for one in keys), None),
        Used("Webhooks and channels", len(receivers), webhooks.MAX_ENDPOINTS),
    ]


async def _status_page(
    request: Request, visitor: Visitor, db: Database, wrong: forms.NotFilled | None = None
) -> Response:
    app_settings = request.app.state.settings
    reach = Reach(app_settings.public_url, bool(app_settings.smtp_host))
    rows, total = await db.read(subscribers.listed, visitor.tenant, 0, _MOST_SUBSCRIBERS)
    return settings.page(
        request,
        "status_page.html",
        visitor,
        status=422 if wrong else 200,
        terms=await db.read(changes.shown, visitor.tenant),
        path=f"/status/{visitor.tenant_slug}",
        url=reach.url,
        trouble=reach.trouble,
        subscribers=[
            (one, one.email if visitor.may("change_webhooks") else page_rules.masked(one.email)) for one in rows
        ],
        total=total,
        **settings.errors(wrong),
    )


def _policy_text(name: PolicyName) -> str:
    return ", ".join(f"a {status.replace('_', ' ')} by {weight / 10:g} %" for status, weight in WEIGHTS[name].items())


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())
