"""`/ui/schedules`: every schedule with its next edge and what is wrong with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.domain.accounts import store as accounts
from collector.domain.agents import store as agents
from collector.domain.schedules import executions, overrides, store
from collector.domain.schedules.rules import Shown
from collector.web.auth import Reader
from collector.web.pages import schedule_rows
from collector.web.pages.schedule_rows import Around, Row
from collector.web.rendering import show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
PER_PAGE = 50
T = TypeVar("T")

State = Literal["all", "trouble", "active", "paused", "dry_run"]
STATES: dict[State, str] = {
    "all": "All",
    "trouble": "In trouble",
    "active": "Active",
    "paused": "Paused",
    "dry_run": "Dry run",
}
PageNumber = Annotated[int, Query(ge=1, le=100_000)]


class Page(NamedTuple):
    """Where one is in a list, as the pager of the kit wants to know it."""

    number: int
    pages: int
    total: int


class Listed(NamedTuple):
    """A row, and the next edge that will be applied."""

    row: Row
    next: Shown | None
    words: str


class Sums(NamedTuple):
    """Of all schedules: money is what is projected; `unknown`: how many have no such figure."""

    projected: float
    unknown: int
    matched: int


async def around(db: Gateway, tenant: int, now: datetime) -> Around:
    """What the pages need to know beside the schedules."""
    linked = await db.read(accounts.all_linked, tenant)
    listed = await db.read(agents.agents, tenant)
    return Around(
        accounts={one.account_id: one for one in linked},
        agents={one.id: one for one in listed},
        last=await db.read(executions.latest, tenant),
        now=now,
    )


@router.get("/ui/schedules")
async def listing(  # noqa: PLR0917 - a parameter of the request each
    request: Request,
    visitor: Reader,
    db: Gateway,
    state: str = "all",
    account: str = "",
    q: str = "",
    page: PageNumber = 1,
) -> Response:
    now, wanted = utc_now(), state if state in get_args(State) else "all"
    known = await around(db, visitor.tenant, now)
    found = schedule_rows.rows(await db.read(store.all_of, visitor.tenant), known)
    there = [row for row in found if _fits(row, account, q.strip().lower())]
    rows = [row for row in there if has_state(row, wanted)]
    return show(
        request,
        "schedules/list.html",
        rows=[_listed(row, now) for row in of_page(rows, page)],
        page=paged(len(rows), page),
        counts=[(name, text, sum(has_state(row, name) for row in there)) for name, text in STATES.items()],
        sums=sums(found),
        total=len(found),
        state=wanted,
        account=account,
        q=q,
        accounts=_choices(known, found),
        accounts_linked=bool(known.accounts),
        held=len(await db.read(overrides.all_of, visitor.tenant, now)),
        local=schedule_rows.local,
    )


def paged(total: int, number: int, size: int = PER_PAGE) -> Page:
    return Page(number, max(1, -(-total // size)), total)


def of_page(rows: Sequence[T], number: int, size: int = PER_PAGE) -> Sequence[T]:
    return rows[(number - 1) * size : number * size]


def has_state(row: Row, state: str) -> bool:
    if state == "trouble":
        return any(tag.level != "info" for tag in row.trouble)
    if state == "dry_run":
        return row.one.dry_run
    return state == "all" or row.one.status == state.upper()


def sums(rows: Iterable[Row]) -> Sums:
    known = [row.one.projected_savings for row in rows]
    return Sums(
        projected=sum(amount for amount in known if amount is not None),
        unknown=sum(amount is None for amount in known),
        matched=sum(row.one.matched for row in rows),
    )


def _fits(row: Row, account: str, text: str) -> bool:
    return account in {"", row.one.account_id} and (not text or text in row.one.name.lower() or text in row.one.id)


def _listed(row: Row, now: datetime) -> Listed:
    words = schedule_rows.hours_in_words(schedule_rows.window_of(row.one))
    return Listed(row, schedule_rows.next_of(row.one, now), words)


def _choices(known: Around, found: Iterable[Row]) -> list[tuple[str, str]]:
    used = {row.one.account_id for row in found}
    named = {key: known.accounts[key].name if key in known.accounts else "not linked" for key in used}
    return [("", "All accounts"), *((key, f"{named[key]} ({key})") for key in sorted(named))]
