"""Query parameters that several endpoints of the health family share: pages and ranges of time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator, WithJsonSchema

from collector.api.health.envelope import Paging
from collector.api.params import MAX_SAFE, capped_number, end_of, given_once, start_of, whole_number

DEFAULT_PER_PAGE = 50
MAX_PER_PAGE = 100

AT_LEAST_1 = {"minimum": 1}

_TIME = WithJsonSchema(
    {
        "type": "string",
        "examples": ["2026-05-01", "2026-05-14T03:00:00Z"],
        "anyOf": [{"format": "date"}, {"format": "date-time"}],
    }
)

Page = Annotated[
    int,
    BeforeValidator(whole_number(at_most=MAX_SAFE)),
    Query(description="Starts at 1.", json_schema_extra=AT_LEAST_1),
]
PerPage = Annotated[
    int,
    BeforeValidator(capped_number(cap=MAX_PER_PAGE)),
    Query(description=f"More than {MAX_PER_PAGE} is served as {MAX_PER_PAGE}.", json_schema_extra=AT_LEAST_1),
]
From = Annotated[
    datetime | None,
    _TIME,
    BeforeValidator(start_of),
    Query(alias="from", description="A date or an instant, inclusive."),
]
To = Annotated[
    datetime | None, _TIME, BeforeValidator(end_of), Query(alias="to", description="A date or an instant, inclusive.")
]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time: `since` belongs to it, `until` no longer; None: open."""

    since: datetime | None
    until: datetime | None


async def paging(request: Request, page: Page = 1, per_page: PerPage = DEFAULT_PER_PAGE) -> Paging:
    given_once(request, "page", "per_page")
    return Paging(page, per_page)


async def span(request: Request, since: From = None, until: To = None) -> Span:
    given_once(request, "from", "to")
    return Span(since, until)


WantedPage = Annotated[Paging, Depends(paging)]
WantedSpan = Annotated[Span, Depends(span)]
