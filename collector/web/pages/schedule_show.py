"""`/ui/schedules/{id}`: one schedule: its week, what comes, what it applies to, what it did, what is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.schedules import executions, matches, overrides, store, worth
from collector.domain.schedules.executions import OUTCOMES, Done, Outcome
from collector.domain.schedules.matches import Look
from collector.domain.schedules.overrides import Held
from collector.domain.schedules.rules import Saved, Shown
from collector.domain.schedules.store import Kept
from collector.web.auth import Reader, Visitor
from collector.web.charts.week import bounds, monday, next_change
from collector.web.filters import money, plural
from collector.web.pages import schedule_rows, schedule_weeks
from collector.web.pages.schedule_rows import Coming, Row
from collector.web.pages.schedule_weeks import WeekShown
from collector.web.pages.schedules import PageNumber, around, of_page, paged
from collector.web.rendering import show
from common.clock import iso, utc_now
from common.wire_aws import Matched

router = APIRouter(include_in_schema=False)
EXECUTIONS_PER_PAGE = 20
_EDGES = 20
_RECENT = 5
_A_WEEK = 60
_NAMED = 200
"""So many resources are offered while one types."""
_FIRST, _LAST = date(2000, 1, 3), date(2199, 12, 1)
_WORST = ("FAILED", "MISSED", "WAITING", "LATE", "MANUAL", "OVERRIDDEN", "SKIPPED", "DRY_RUN", "APPLIED", "ALREADY")
_BAD_SHOWN = 10
_LEVELS = {
    **dict.fromkeys(("SUCCEEDED", "APPLIED", "ALREADY"), "ok"),
    **dict.fromkeys(("PARTIAL", "WAITING", "LATE"), "warning"),
    **dict.fromkeys(("FAILED", "MISSED"), "serious"),
    **dict.fromkeys(("DRY_RUN", "MANUAL", "OVERRIDDEN"), "info"),
}
"""Colours of outcomes and results."""

WeekOf = Annotated[str, Query(alias="week", max_length=10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands at the top of every page of one schedule."""

    one: Kept
    row: Row
    next: Shown | None
    zone: str
    base: str
    tabs: Sequence[tuple[str, str, bool]]

    @property
    def next_local(self) -> str:
        return schedule_rows.local(self.next) if self.next else ""


class Result(NamedTuple):
    """What became of one resource at an edge."""

    resource: str
    type: str
    result: str
    detail: str
    late: int

    @property
    def level(self) -> str:
        return _LEVELS.get(self.result, "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """An execution as it is shown: `bad`: what failed, was missed or waits; `more`: how many more there are of that."""

    done: Done
    edge: str
    counts: str
    bad: Sequence[Result]
    more: int

    @property
    def path(self) -> str:
        """Where it is shown, below the executions of its schedule."""
        return f"{iso(self.done.edge)}/{self.done.action}"

    @property
    def status(self) -> str:
        return self.done.status.replace("_", " ").capitalize()

    @property
    def level(self) -> str:
        return _LEVELS[self.done.status]


class Recorded(NamedTuple):
    """What was saved, in words, and what that rests on."""

    amount: str
    basis: str


class Applies(NamedTuple):
    """A resource that a schedule applies to, and whether it is left alone for now."""

    matched: Matched
    held: Held | None


@router.get("/ui/schedules/{schedule_id}")
async def overview(  # noqa: PLR0917 - a parameter of the request each
    request: Request, schedule_id: str, visitor: Reader, db: Gateway, week: WeekOf = "", resource: str = ""
) -> Response:
    return await overview_page(
        request, visitor, db, await there(db, visitor, schedule_id), week=week, resource=resource
    )


async def overview_page(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    one: Kept,
    *,
    week: str = "",
    resource: str = "",
    errors: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    now = utc_now()
    look = await db.read(matches.last_look, visitor.tenant, one.id, heavy=True)
    held = await _held(db, one, now)
    window = schedule_rows.window_of(one)
    coming = schedule_rows.coming(window, now, _EDGES)
    first = _first(week, now, window.timezone)
    done = await _week_done(db, one, first)
    return show(
        request,
        "schedules/overview.html",
        status=422 if errors else 200,
        head=await head(db, visitor, one, now, ""),
        recorded=recorded(await db.read(worth.last_30_days, visitor.tenant, one, now, heavy=True)),
        week=_week(one, first, done, _concerned(held, look), now),
        this_week=monday(now, window.timezone),
        change=next_change(window.timezone, now),
        coming=[Coming(edge, schedule_rows.is_off(one, edge.at)) for edge in coming],
        hours=schedule_rows.hours_in_words(window),
        window=window,
        in_zone=schedule_rows.in_zone,
        held=held,
        named=[matched.resource for matched in look.matched[:_NAMED]] or one.resource_ids[:_NAMED],
        recent=[_went(each, window.timezone) for each in (await _done(db, one, 0, _RECENT)).rows],
        errors=errors or {},
        given=given or {"resource": resource},
    )


@router.get("/ui/schedules/{schedule_id}/resources")
async def resources(request: Request, schedule_id: str, visitor: Reader, db: Gateway, page: PageNumber = 1) -> Response:
    now, one = utc_now(), await there(db, visitor, schedule_id)
    look = await db.read(matches.last_look, visitor.tenant, one.id, heavy=True)
    held = {each.resource_id: each for each in await _held(db, one, now)}
    rows = [Applies(matched, held.get(matched.resource)) for matched in of_page(look.matched, page)]
    return show(
        request,
        "schedules/resources.html",
        head=await head(db, visitor, one, now, "/resources"),
        rows=rows,
        looked_at=look.at,
        page=paged(len(look.matched), page),
    )


@router.get("/ui/schedules/{schedule_id}/executions")
async def listing(  # noqa: PLR0917 - likewise
    request: Request, schedule_id: str, visitor: Reader, db: Gateway, page: PageNumber = 1, status: str = ""
) -> Response:
    now, one = utc_now(), await there(db, visitor, schedule_id)
    wanted = next((outcome for outcome in OUTCOMES if outcome == status), None)
    found = await _done(db, one, (page - 1) * EXECUTIONS_PER_PAGE, EXECUTIONS_PER_PAGE, wanted)
    zone = schedule_rows.window_of(one).timezone
    return show(
        request,
        "schedules/executions.html",
        head=await head(db, visitor, one, now, "/executions"),
        rows=[_went(each, zone) for each in found.rows],
        page=paged(found.total, page, EXECUTIONS_PER_PAGE),
        outcome=wanted or "",
        outcomes=[("", "All"), *((outcome, outcome.lower()) for outcome in OUTCOMES)],
    )


@router.get("/ui/schedules/{schedule_id}/executions/{edge}/{action}")
async def execution(  # noqa: PLR0917 - likewise
    request: Request, schedule_id: str, edge: str, action: str, visitor: Reader, db: Gateway, page: PageNumber = 1
) -> Response:
    now, one = utc_now(), await there(db, visitor, schedule_id)
    found = await db.read(executions.find, visitor.tenant, one.id, _instant(edge), action)
    if found is None:
        raise not_found()
    results = sorted_results(found)
    return show(
        request,
        "schedules/execution.html",
        head=await head(db, visitor, one, now, "/executions"),
        went=_went(found, schedule_rows.window_of(one).timezone),
        results=of_page(results, page),
        page=paged(len(results), page),
    )


async def there(db: Gateway, visitor: Visitor, schedule_id: str) -> Kept:
    found = await db.read(store.find, visitor.tenant, schedule_id)
    if found is None:
        raise not_found()
    return found


async def head(db: Gateway, visitor: Visitor, one: Kept, now: datetime, here: str) -> Head:
    row = schedule_rows.row(one, await around(db, visitor.tenant, now))
    base = f"/ui/schedules/{one.id}"
    texts = {"": "Overview", "/resources": f"Resources ({one.matched:,})", "/executions": "Executions"}
    tabs = [(base + below, text, below == here) for below, text in texts.items()]
    zone = schedule_rows.window_of(one).timezone
    return Head(one=one, row=row, next=schedule_rows.next_of(one, now), zone=zone, base=base, tabs=tabs)


def recorded(saved: Saved) -> Recorded:
    """Money where a price is known, and what it rests on."""
    if not saved.hours:
        unknown = f"{plural(saved.unknown, 'stop')} with unknown end"
        return Recorded("unknown", unknown) if saved.unknown else Recorded("nothing yet", "no stop was told of")
    said = [f"{saved.hours:,.0f} h stopped"]
    if saved.unpriced:
        said.append(f"{saved.unpriced:,.0f} h of them without a price")
    if saved.unknown:
        said.append(f"{plural(saved.unknown, 'more stop')} with unknown end")
    return Recorded("unknown" if saved.unpriced >= saved.hours else money(saved.usd), ", ".join(said))


def sorted_results(done: Done) -> list[Result]:
    """What needs somebody first."""
    found = [
        Result(name, told["type"], told["result"], told.get("detail", ""), told.get("late_min", 0))
        for name, told in done.results.items()
    ]
    return sorted(found, key=lambda each: (_WORST.index(each.result), each.resource))


def _went(done: Done, zone: str) -> Went:
    bad = [each for each in sorted_results(done) if each.result in _WORST[:3]]
    counts = done.counts
    said = ", ".join(f"{counts[name]:,} {name.lower().replace('_', ' ')}" for name in _WORST if name in counts)
    edge = schedule_rows.in_zone(done.edge, zone)
    return Went(done=done, edge=edge, counts=said, bad=bad[:_BAD_SHOWN], more=max(0, len(bad) - _BAD_SHOWN))


def _week(one: Kept, first: date, done: Sequence[Done], held: Sequence[Held], now: datetime) -> WeekShown:
    window = schedule_rows.window_of(one)
    span = bounds(first, window.timezone)
    notes = schedule_weeks.notes(one, window, span, done, now)
    return schedule_weeks.shown(window, first, now, notes, schedule_weeks.spells(one, held, span[1], now))


def _first(text: str, now: datetime, zone: str) -> date:
    """The Monday of the week that was asked for; of this one where that cannot be read."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return monday(now, zone)
    return min(max(day, _FIRST), _LAST) - timedelta(days=min(max(day, _FIRST), _LAST).weekday())


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise not_found() from None


def _concerned(held: Sequence[Held], look: Look) -> list[Held]:
    """Overrides of what it applies to."""
    matched = {one.resource for one in look.matched}
    return [each for each in held if each.resource_id in matched]


async def _held(db: Gateway, one: Kept, now: datetime) -> list[Held]:
    """Overrides where this schedule applies."""
    found = await db.read(overrides.all_of, one.tenant_id, now)
    return [each for each in found if (each.account_id, each.region) == (one.account_id, one.region)]


async def _done(db: Gateway, one: Kept, offset: int, limit: int, status: Outcome | None = None) -> executions.Page:
    query = executions.Query(schedule_id=one.id, status=status)
    return await db.read(executions.page, one.tenant_id, query, offset, limit, heavy=True)


async def _week_done(db: Gateway, one: Kept, first: date) -> Sequence[Done]:
    begin, end = bounds(first, schedule_rows.window_of(one).timezone)
    query = executions.Query(schedule_id=one.id, since=begin, until=end)
    return (await db.read(executions.page, one.tenant_id, query, 0, _A_WEEK, heavy=True)).rows
