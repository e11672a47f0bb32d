"""Times and pages, as the schedules of the tuner family are asked for them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import Query
from pydantic import BeforeValidator

from collector.api.params import MAX_SAFE, end_of, start_of, whole_number
from collector.core import problems
from common.clock import iso

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)

From = Annotated[datetime | None, BeforeValidator(start_of), Query(alias="from")]
To = Annotated[datetime | None, BeforeValidator(end_of), Query()]
_AT_LEAST_1 = {"minimum": 1}
Page = Annotated[int, BeforeValidator(whole_number(at_most=MAX_SAFE)), Query(json_schema_extra=_AT_LEAST_1)]


class Span(NamedTuple):
    """From `begin` on and before `end`."""

    begin: datetime
    end: datetime


def span(begin: datetime, end: datetime, longest: timedelta) -> Span:
    """A span that is no longer than that, or the field that is wrong."""
    for field, at in (("from", begin), ("to", end)):
        if not FIRST <= at <= LAST:
            raise problems.invalid(field, at.isoformat(), f"a time from {iso(FIRST)} to {iso(LAST)}")
    if not begin < end <= begin + longest:
        raise problems.invalid("to", iso(end), f"a time after `from`, {iso(begin)}, at most {longest.days} days")
    return Span(begin, end)


def ends_at(field: str, until: datetime, now: datetime, longest: timedelta) -> datetime:
    """When something is to end that lasts so long at most; to the second."""
    if until.tzinfo is None or not now < until <= now + longest:
        raise problems.invalid(field, until.isoformat(), f"a time within the next {longest.days} days, with its zone")
    return until.astimezone(UTC).replace(microsecond=0)


def pagination(page: int, limit: int, total: int) -> dict[str, int]:
    return {"currentPage": page, "totalPages": -(-total // limit), "totalItems": total, "itemsPerPage": limit}
