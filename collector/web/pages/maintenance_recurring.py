"""`/ui/maintenance/recurring`: maintenance that comes again, from simple choices, shown before it is made."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.domain.access.rules import Act
from collector.domain.maintenance import recurring, rules
from collector.domain.maintenance.recurrence import MINUTES, Recurring
from collector.domain.maintenance.recurring import Rule
from collector.domain.maintenance.rules import Unfit
from collector.domain.services import store
from collector.domain.services.rules import Visibility
from collector.web import forms, occurrences, picking, repeats, walltime
from collector.web.auth import Reader, Visitor, may
from collector.web.occurrences import Frequency, Occurrence
from collector.web.pages.maintenance import SHOWS
from collector.web.pages.maintenance_forms import NAMES
from collector.web.refusing import on_form, on_page
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/maintenance/recurring", include_in_schema=False)

Operator = Annotated[Visitor, Depends(may("handle_incidents"))]
_LIST = "/ui/maintenance/recurring"
_NAMES = {**NAMES, "rule": "frequency"}
_TABS = [*((f"/ui/maintenance?show={one}" if one else "/ui/maintenance", text, False) for one, text in SHOWS)]

Pairs = Sequence[tuple[str, str]]


class Fields(forms.Form):
    """A rule in choices. `first_start` is a wall-clock time of `zone`."""

    title: str = ""
    description: str = ""
    visibility: Visibility = "internal"
    frequency: Frequency = "weekly"
    weekday: tuple[str, ...] = ()
    every: Annotated[int, Field(ge=1, le=52)] = 1
    first_start: str = ""
    until: str = ""
    zone: Annotated[str, Field(max_length=60)] = "UTC"
    minutes: Annotated[int, Field(ge=MINUTES[0], le=MINUTES[-1])] = 60
    exclude_from_sla: bool = False
    suppress_alerts: bool = False
    service: tuple[int, ...] = ()
    find: str = ""
    do: str = ""
    form_id: str = ""

    def wanted(self) -> Recurring:
        first = _wall(self.first_start)
        return Recurring(
            title=self.title,
            description=self.description,
            visibility=self.visibility,
            rule=occurrences.rule_of(self.frequency, self.weekday, self.every, first, self.until),
            timezone=self.zone,
            first_start=first.strftime(walltime.FORM),
            minutes=self.minutes,
            services=self.service,
            exclude_from_sla=self.exclude_from_sla,
            suppress_alerts=self.suppress_alerts,
        )


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    found = await db.read(recurring.all_of, visitor.tenant)
    found.sort(key=lambda one: one.ended_at is not None)
    return show(request, "maintenance/recurring.html", found=found, tabs=[*_TABS, (_LIST, "Recurring", True)])


@router.get("/new")
async def new(request: Request, visitor: Operator, db: Gateway) -> Response:
    start = walltime.shown(walltime.next_hour(utc_now()))
    given = {"first_start": start, "exclude_from_sla": "on", "suppress_alerts": "on"}
    chosen = picking.numbers(list(request.query_params.multi_items()))
    return await _form(request, visitor, db, given, chosen=chosen)


@router.post("/new")
async def create(request: Request, visitor: Operator, db: Gateway) -> Response:
    """Shown before it is made: only the form that was previewed has the button that makes it."""
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _again(request, visitor, db, pairs)
    try:
        form = forms.check(pairs, Fields)
        with on_form(pairs, _NAMES):
            wanted = await asyncio.to_thread(recurring.checked, form.wanted())  # a rule may take a while to follow
            if form.do != "make":
                return await _again(request, visitor, db, pairs, shown=await _preview(wanted, now), rule=wanted.rule)
            work = partial(recurring.create, tenant_id=visitor.tenant, wanted=wanted, act=Act(visitor.email, now))
            target = await repeats.once(request, db, form.form_id, work, place=_page)
    except forms.NotFilled as wrong:
        return await _again(request, visitor, db, pairs, wrong=wrong)
    return done(request, "It recurs. The windows of the next 30 days are made.", to=target)


@router.get("/{rule_id}")
async def one(rule_id: str, request: Request, visitor: Reader, db: Gateway) -> Response:
    now = utc_now()
    with on_page():
        rule: Rule = await db.read(recurring.find, visitor.tenant, rule_id)
        made = await db.read(recurring.windows, visitor.tenant, rule_id, now)
    services = await db.read(store.some, visitor.tenant, rule.services)
    arguments = (rule.rule, rule.timezone, rule.first_start, rule.minutes, now)
    shown = () if rule.ended_at else await asyncio.to_thread(occurrences.preview, *arguments)
    return show(
        request,
        "maintenance/rule.html",
        rule=rule,
        windows=[(window, rules.state(window, now)) for window in made],
        services=sorted(services.values(), key=lambda each: each.name),
        shown=shown,
    )


@router.post("/{rule_id}/end")
async def end(rule_id: str, request: Request, visitor: Operator, db: Gateway) -> Response:
    with on_page():
        await db.write(recurring.end, visitor.tenant, rule_id, Act(visitor.email, utc_now()))
    return done(request, "It does not recur any more; what had not begun is cancelled.", to=f"{_LIST}/{rule_id}")


async def _again(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    pairs: Pairs,
    *,
    wrong: forms.NotFilled | None = None,
    shown: Sequence[Occurrence] = (),
    rule: str = "",
) -> Response:
    given = forms.shown(pairs)
    days = [value for name, value in pairs if name == "weekday"]
    chosen, find = picking.numbers(pairs), picking.sought(pairs)
    return await _form(
        request, visitor, db, given, chosen=chosen, find=find, wrong=wrong, shown=shown, rule=rule, days=days
    )


async def _form(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    given: Mapping[str, str],
    *,
    chosen: Iterable[int],
    find: str = "",
    wrong: forms.NotFilled | None = None,
    shown: Sequence[Occurrence] = (),
    rule: str = "",
    days: Sequence[str] = (),
) -> Response:
    return show(
        request,
        "maintenance/recurring_form.html",
        status=422 if wrong else 200,
        given=given,
        errors=wrong.errors if wrong else {},
        picker=await picking.picker(db, visitor, chosen, find),
        zones=walltime.zones(),
        frequencies=occurrences.CHOICES,
        weekdays=occurrences.WEEKDAYS,
        days=days,
        shown=shown,
        rule=rule,
        form_id=repeats.fresh(),
    )


async def _preview(wanted: Recurring, now: datetime) -> Sequence[Occurrence]:
    arguments = (wanted.rule, wanted.timezone, wanted.first_start, wanted.minutes, now)
    return await asyncio.to_thread(occurrences.preview, *arguments)


def _wall(text: str) -> datetime:
    try:
        return datetime.strptime(text, walltime.FORM)  # noqa: DTZ007 - a wall-clock time has no offset
    except ValueError:
        raise Unfit("first_start", text[:40], "a date and a time, such as 2026-06-01T02:00") from None


def _page(rule: Rule) -> str:
    return f"{_LIST}/{rule.id}"
