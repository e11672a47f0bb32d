"""The activity log: what happened, who did it, all of it to take along, and the proof that nobody altered it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal, NamedTuple

import orjson
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BeforeValidator, Field
from starlette.responses import Response, StreamingResponse

from collector.api import csv
from collector.api.family import Gateway
from collector.api.params import MAX_ID, end_of, start_of, word
from collector.core.problems import rate_limited
from collector.domain.activity import store
from collector.domain.activity.store import Filter, Listed, Place, Search
from collector.web import filters, forms, paging, proving
from collector.web.auth import Reader
from collector.web.paging import Page
from collector.web.rendering import show
from common.clock import iso

router = APIRouter(include_in_schema=False)
PATH = "/ui/activity"
COLUMNS = ("id", "occurred_at", "action_type", "by", "page_path", "properties")
PROOFS_PER_MINUTE = 6
_LIST, _PROOF = "activity/list.html", "activity/proof.html"
_SLICE = 1_000
_SHORT = 120

Text = Annotated[str, Field(max_length=200)]


class Wanted(forms.Form):
    """The filters. `before`: for what is searched, where to look on: an instant, and the number of an entry."""

    action: Annotated[str | None, AfterValidator(lambda value: value and word(value))] = None
    since: Annotated[datetime | None, BeforeValidator(start_of)] = None
    until: Annotated[datetime | None, BeforeValidator(end_of)] = None
    by: Text = ""
    text: Text = ""
    before: datetime | None = None
    before_id: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    page: str = ""

    @property
    def filter(self) -> Filter:
        return Filter(action_type=self.action, since=self.since, until=self.until)

    @property
    def searches(self) -> bool:
        """Whether entries have to be looked into, which no index can do."""
        return bool(self.by or self.text)

    @property
    def narrowed(self) -> bool:
        return self.searches or any((self.action, self.since, self.until))

    def search(self, place: Place | None) -> Search:
        return Search(by=self.by, text=self.text, before=place)

    def place(self) -> Place | None:
        return Place(self.before, self.before_id) if self.before and self.before.tzinfo else None


class Line(NamedTuple):
    """One entry: `about` in a line, `details` in full."""

    id: int
    occurred_at: datetime
    action: str
    by: str
    page_path: str | None
    about: str
    details: Sequence[tuple[str, str]]


class Listing(NamedTuple):
    """The rows of a page; `page` counts them, or `older` leads on where they had to be searched for."""

    rows: Sequence[Listed]
    page: Page | None
    older: Place | None


@router.get(PATH)
async def page(request: Request, visitor: Reader, db: Gateway) -> Response:
    wanted = _wanted(request)
    found = await _found(request, wanted, visitor.tenant, db)
    return show(
        request,
        _LIST,
        lines=[_line(row) for row in found.rows],
        page=found.page,
        older=found.older,
        wanted=wanted,
        given=dict(request.query_params),
        named_actions=[(one, filters.words(one)) for one in await db.read(store.action_types, visitor.tenant)],
    )


@router.get(PATH + "/export.{form}")
async def export(request: Request, form: Literal["csv", "jsonl"], visitor: Reader, db: Gateway) -> Response:
    wanted = _wanted(request)
    parts = _as_csv if form == "csv" else _as_lines
    kind = "text/csv" if form == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="activity.{form}"'}
    return StreamingResponse(parts(_slices(db, visitor.tenant, wanted)), headers=headers, media_type=kind)


@router.get(PATH + "/proof")
async def proof(request: Request, visitor: Reader, db: Gateway) -> Response:
    quota = await request.app.state.limiter.hit("proof", str(visitor.tenant), per_minute=PROOFS_PER_MINUTE)
    if not quota.allowed:
        raise rate_limited(quota.retry_after)
    return show(request, _PROOF, proof=await proving.prove(db, visitor.tenant, request.app.state.settings))


async def _found(request: Request, wanted: Wanted, tenant: int, db: Gateway) -> Listing:
    if wanted.searches:
        look_for = wanted.search(wanted.place())
        found = await db.read(store.search, tenant, wanted.filter, look_for, paging.ROWS)
        return Listing(found.rows, None, found.next)
    number = paging.wanted(request)
    total, rows = await db.read(store.page, tenant, wanted.filter, paging.offset(number), paging.ROWS)
    return Listing(rows, paging.page(number, total), None)


async def _slices(db: Gateway, tenant: int, wanted: Wanted) -> AsyncIterator[Sequence[Listed]]:
    """All that fit, newest first, read a piece at a time."""
    place: Place | None = None
    while True:
        look_for = wanted.search(place)
        found = await db.read(partial(store.search, limit=_SLICE), tenant, wanted.filter, look_for, heavy=True)
        yield found.rows
        if found.next is None:
            return
        place = found.next


async def _as_csv(slices: AsyncIterator[Sequence[Listed]]) -> AsyncIterator[str]:
    yield csv.header(COLUMNS)
    async for rows in slices:
        yield csv.lines(COLUMNS, ({**_shown(row), "by": _by(row), "properties": _json(row.properties)} for row in rows))


async def _as_lines(slices: AsyncIterator[Sequence[Listed]]) -> AsyncIterator[str]:
    async for rows in slices:
        yield "".join(_json(_shown(row)) + "\n" for row in rows)


def _shown(row: Listed) -> dict[str, object]:
    """By the names of the API."""
    return {
        "id": row.id,
        "action_type": row.action_type,
        "page_path": row.page_path,
        "properties": row.properties,
        "occurred_at": iso(row.occurred_at),
    }


def _line(row: Listed) -> Line:
    details = [(name, _text(value)) for name, value in row.properties.items()]
    about = " · ".join(f"{filters.words(name)}: {value}" for name, value in details if value and name != "by")
    short = about if len(about) <= _SHORT else f"{about[: _SHORT - 1]}…"
    return Line(row.id, row.occurred_at, row.action_type, _by(row), row.page_path, short, details)


def _by(row: Listed) -> str:
    return _text(row.properties.get("by"))


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return _json(value)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _wanted(request: Request) -> Wanted:
    return forms.check([pair for pair in request.query_params.multi_items() if pair[0] != "part"], Wanted)
