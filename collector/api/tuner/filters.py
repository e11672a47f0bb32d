"""Which recommendations are wanted, as lists and sums of them are asked for."""

import math
from typing import Annotated, NamedTuple

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator

from collector.api.params import MAX_SAFE, given_once, name, one_of, whole_number
from collector.api.tuner.params import account_id
from collector.core import problems
from collector.domain.costs import listing, rules

MAX_LIMIT = 200


def amount(value: object) -> float:
    """A validator for an amount of money."""
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not math.isfinite(number) or number < 0:
        raise ValueError("a number of at least 0")
    return number


def yes_or_no(value: object) -> bool:
    """A validator for a switch."""
    return value if isinstance(value, bool) else one_of("true", "false")(value) == "true"


OfAccount = Annotated[str | None, BeforeValidator(account_id), Query(alias="accountId")]
OfRegion = Annotated[str | None, BeforeValidator(name), Query()]
OfCategory = Annotated[str | None, BeforeValidator(one_of(*rules.CATEGORIES)), Query()]
OfStatus = Annotated[rules.Status | None, BeforeValidator(one_of(*rules.STATUSES)), Query()]
Least = Annotated[float | None, BeforeValidator(amount), Query(alias="minSavings", json_schema_extra={"minimum": 0})]
Suppressed = Annotated[bool, BeforeValidator(yes_or_no), Query(alias="includeSuppressed")]


async def of_any_account(  # noqa: PLR0917 - a parameter of the document each
    request: Request,
    account: OfAccount = None,
    region: OfRegion = None,
    category: OfCategory = None,
    status: OfStatus = None,
    least: Least = None,
    suppressed: Suppressed = False,  # noqa: FBT002 - likewise
) -> listing.Query:
    given_once(request, "accountId", "region", "category", "status", "minSavings", "includeSuppressed")
    return listing.Query(
        account_id=account,
        region=region,
        category=category,
        status=status,
        min_savings=least,
        suppressed=suppressed,
    )


OfAny = Annotated[listing.Query, Depends(of_any_account)]


async def of_one_account(wanted: OfAny) -> listing.Query:
    if wanted.account_id is None:
        raise problems.invalid("accountId", "", "12-digit string")
    return wanted


OfOne = Annotated[listing.Query, Depends(of_one_account)]


class Paging(NamedTuple):
    """Which page of a list is wanted."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


_AT_LEAST_1 = {"minimum": 1}
Page = Annotated[int, BeforeValidator(whole_number(at_most=MAX_SAFE)), Query(json_schema_extra=_AT_LEAST_1)]
Limit = Annotated[int, BeforeValidator(whole_number(at_most=MAX_LIMIT)), Query(json_schema_extra=_AT_LEAST_1)]


async def paging_of(request: Request, page: Page = 1, limit: Limit = 50) -> Paging:
    given_once(request, "page", "limit")
    return Paging(page, limit)


WantedPage = Annotated[Paging, Depends(paging_of)]
