"""Parameters that several resources of the status family read alike."""

from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict

from collector.api.params import MAX_ID, MAX_SAFE, capped_number, given_once, whole_number

MAX_LIMIT = 200
_AT_LEAST_1 = {"minimum": 1}

ItemId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra={"minimum": 1})]
"""What cannot be an id is the id of nothing: 404."""


class Body(BaseModel):
    """What a request says: unknown fields are ignored, wrong types are not."""

    model_config = ConfigDict(strict=True)


class Paging(NamedTuple):
    """Which part of a list is wanted."""

    limit: int
    offset: int


def offset_number(value: object) -> int:
    """A validator for how many items are left out; a second spelling of the same number (`007`) is refused."""
    if isinstance(value, int) or value == "0":
        return int(value)
    try:
        return whole_number(at_most=MAX_SAFE)(value)
    except ValueError:
        raise ValueError(f"a whole number from 0 to {MAX_SAFE}") from None


Offset = Annotated[int, BeforeValidator(offset_number), Query(json_schema_extra={"minimum": 0})]
Limit = Annotated[
    int,
    BeforeValidator(capped_number(cap=MAX_LIMIT)),
    Query(description=f"More than {MAX_LIMIT} is served as {MAX_LIMIT}.", json_schema_extra=_AT_LEAST_1),
]


def paging(default: int) -> Callable[..., Awaitable[Paging]]:
    """A dependency: `limit`, so many where nothing is said, and `offset`."""

    async def wanted(request: Request, limit: Limit = default, offset: Offset = 0) -> Paging:
        given_once(request, "limit", "offset")
        return Paging(limit, offset)

    return wanted


PageOf50 = Annotated[Paging, Depends(paging(50))]
PageOf100 = Annotated[Paging, Depends(paging(100))]
