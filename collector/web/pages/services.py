"""`/ui/services`: how all services are, what is wrong first; and one of them with its past and its reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.services import changes, naming, overview, rules, story
from collector.domain.services.gathering import Listed
from collector.domain.services.overview import DAYS, Overview, Wanted
from collector.domain.services.rules import STATUSES, ServiceStatus
from collector.domain.services.story import Story
from collector.domain.services.timeline import Segment
from collector.domain.services.uptime import Uptime
from collector.web import filters, forms, paging, reasons
from collector.web.auth import Reader, Visitor, may
from collector.web.charts import bars, statuses
from collector.web.pages.service_forms import ServiceId
from collector.web.refusing import on_form, on_page
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/services", include_in_schema=False)

Operator = Annotated[Visitor, Depends(may("handle_incidents"))]
UNWELL = "unwell"
RANGES = (30, 90)
SEGMENTS = 50
ROWS = 25
"""Each of them is 90 days to work out."""


class Row(NamedTuple):
    """A service of the list."""

    listed: Listed
    reasons: Sequence[reasons.Line]
    bars: object
    uptime: Uptime | None


class Section(NamedTuple):
    """Rows under a common heading."""

    title: str
    rows: Sequence[Row]


class Tab(NamedTuple):
    """A choice of statuses with how many there are."""

    value: str
    text: str
    number: int


@dataclass(frozen=True, slots=True)
class Asked:
    """As the address of the page says it."""

    search: str
    group: str
    status: str

    def wanted(self) -> Wanted:
        return Wanted(
            search=self.search or None,
            group=self.group or None,
            status=_status(self.status) if self.status not in {"", UNWELL} else None,
            unwell=self.status == UNWELL,
        )


class Said(forms.Form):
    """How a service is, whatever anything else says."""

    status: ServiceStatus
    reason: Annotated[str, Field(max_length=200)]
    hours: Annotated[float, Field(gt=0, le=24)]


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    asked, number = _asked(request), paging.wanted(request)
    now = utc_now()
    found: Overview = await db.read(
        lambda conn: overview.overview(
            conn, visitor.tenant, asked.wanted(), now, offset=paging.offset(number, ROWS), limit=ROWS
        ),
        heavy=True,  # 90 days of each service are worked out, which others need not wait for
    )
    return show(
        request,
        "services/list.html",
        asked=asked,
        sections=sections(found),
        tabs=tabs(found),
        groups=found.groups,
        days=DAYS,
        pager=paging.page(number, found.total, ROWS),
    )


@router.get("/{service_id:int}")
async def service(service_id: ServiceId, request: Request, visitor: Reader, db: Gateway) -> Response:
    return await page(request, visitor, db, service_id)


@router.post("/{service_id:int}/pin")
async def pin(service_id: ServiceId, request: Request, visitor: Operator, db: Gateway) -> Response:
    now, pairs = utc_now(), await forms.fields(request)
    try:
        form = forms.check(pairs, Said)
        with on_form(pairs):
            until = naming.check_until(now + timedelta(hours=form.hours), now)
            said = (form.status, naming.check_line("reason", form.reason), until)
            await db.write(changes.pin, visitor.tenant, service_id, said, Act(visitor.email, now))
    except forms.NotFilled as wrong:
        return await page(request, visitor, db, service_id, wrong=wrong)
    words = f"It counts as {filters.words(form.status).lower()} for {filters.duration(until - now)}."
    return done(request, words, to=f"/ui/services/{service_id}")


@router.post("/{service_id:int}/unpin")
async def unpin(service_id: ServiceId, request: Request, visitor: Operator, db: Gateway) -> Response:
    with on_page():
        await db.write(changes.unpin, visitor.tenant, service_id, Act(visitor.email, utc_now()))
    return done(request, "Its status follows from what is known again.", to=f"/ui/services/{service_id}")


async def page(
    request: Request, visitor: Visitor, db: Gateway, service_id: int, *, wrong: forms.NotFilled | None = None
) -> Response:
    now = utc_now()
    told: Story | None = await db.read(story.story, visitor.tenant, service_id, now, heavy=True)
    if told is None:
        raise problems.not_found()
    length = _range(request)
    incidents, works = story.causes(told)
    return show(
        request,
        "services/one.html",
        status=422 if wrong else 200,
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
        told=told,
        service=told.seen.service,
        reasons=reasons.lines(told.seen.derived),
        source_page=reasons.page_of(told.seen.service.source),
        bars=bars.uptime(told.days, title=f"{told.seen.service.name}: status of each of the last {DAYS} days"),
        picture=picture(told, now, length),
        ranges=[(f"?days={one}#past", f"{one} days", one == length) for one in RANGES],
        segments=newest(told.segments, now - timedelta(days=length)),
        said=statuses.said,
        incidents=incidents,
        works=works,
        statuses=STATUSES,
        hours=_HOURS,
    )


def sections(found: Overview) -> list[Section]:
    """What is wrong, then group by group, as far as this page goes."""
    return [Section(title, [_row(found, one) for one in rows]) for title, rows in groupby(found.rows, key=_title)]


def tabs(found: Overview) -> list[Tab]:
    """The statuses that there are, the worst first."""
    present = [one for one in reversed(STATUSES) if found.counts.get(one)]
    return [
        Tab("", "All", sum(found.counts.values())),
        Tab(UNWELL, "Needs attention", found.unwell),
        *(Tab(one, filters.words(one), found.counts[one]) for one in present),
    ]


def newest(segments: Sequence[Segment], since: datetime) -> Sequence[Segment]:
    """The latest first, and no more than a page takes."""
    return [one for one in reversed(segments) if one.ended_at > since][:SEGMENTS]


def picture(told: Story, now: datetime, days: int) -> object:
    lo = now - timedelta(days=days)
    return statuses.timeline(told.segments, lo, now, title=f"{told.seen.service.name}: the last {days} days")


_HOURS: Sequence[tuple[str, str]] = (("1", "1 hour"), ("4", "4 hours"), ("8", "8 hours"), ("24", "24 hours"))


def _row(found: Overview, one: Listed) -> Row:
    strip = found.strips.get(one.service.id)
    percent = strip.whole.percent if strip else None
    said = bars.NOTHING if percent is None else f"{filters.percent(percent, 3)} uptime"
    drawn = bars.strip(strip.worst if strip else (), title=f"{one.service.name}: last {DAYS} days, {said}")
    return Row(one, reasons.lines(one.derived), drawn, strip.whole if strip else None)


def _title(one: Listed) -> str:
    return "Needs attention" if overview.is_unwell(one) else one.service.group_name or "Without a group"


def _asked(request: Request) -> Asked:
    given: Mapping[str, str] = request.query_params
    return Asked(given.get("search", "").strip()[:128], given.get("group", "")[:128], given.get("status", ""))


def _status(text: str) -> ServiceStatus:
    for one in STATUSES:
        if one == text:
            return one
    raise problems.invalid("status", text, f"one of {UNWELL}, {', '.join(rules.STATUSES)}")


def _range(request: Request) -> int:
    text = request.query_params.get("days", str(RANGES[0]))
    for one in RANGES:
        if text == str(one):
            return one
    raise problems.invalid("days", text, f"one of {', '.join(map(str, RANGES))}")
