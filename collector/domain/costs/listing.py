"""Lists and sums of recommendations, by whatever filters are set."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, select

from collector.domain.costs.rules import CATEGORIES, Kept, Status
from collector.domain.costs.tables import recommendation


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which recommendations are wanted; without `account_id` those of all accounts.

    `suppressed`: also those about a resource for which another one is the one to follow.
    """

    account_id: str | None = None
    region: str | None = None
    category: str | None = None
    status: Status | None = None
    min_savings: float | None = None
    suppressed: bool = False
    factor: str | None = None
    risk: str | None = None
    text: str | None = None
    """What the name or id of the resource or the description has in it, in any case of letters."""


class Counted(NamedTuple):
    """How many there are, and what they would save together; unknown money is left out, and counted."""

    number: int = 0
    savings: float = 0.0
    unpriced: int = 0


class Choices(NamedTuple):
    """By what a tenant's recommendations can be narrowed down."""

    accounts: list[str]
    regions: list[str]
    factors: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What recommendations come to, whole and in parts.

    `unpriced`: how many of them save nobody knows how much; `realised`: what is saved since others were followed.
    """

    total: Counted
    unpriced: int
    realised: float
    by_category: dict[str, Counted]
    by_account: dict[str, Counted]
    by_region: dict[str, Counted]
    by_service: dict[str, Counted]
    by_status: dict[str, Counted]


class Found(NamedTuple):
    """A page, and what all pages come to."""

    rows: list[Kept]
    sums: Sums


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> Found:
    """The wanted ones, those that save most first, then by id; what saves nobody knows how much comes last."""
    values = {"tenant_id": tenant_id, **_values(query), "skip": offset, "take": limit}
    rows = conn.execute(_page(_shape(query)), values).mappings()
    return Found([Kept(**row) for row in rows], sums(conn, tenant_id, query))


def choices(conn: Connection, tenant_id: int) -> Choices:
    """Of what still stands."""
    rows = conn.execute(_CHOICES, {"tenant_id": tenant_id}).all()
    return Choices(*(sorted(set(column)) for column in zip(*rows, strict=True))) if rows else Choices([], [], [])


def sums(conn: Connection, tenant_id: int, query: Query) -> Sums:
    values = {"tenant_id": tenant_id, **_values(query)}
    groups = conn.execute(_groups(_shape(query)), values).all()
    return Sums(
        total=_counted(groups),
        unpriced=sum(row.unpriced for row in groups),
        realised=round(conn.execute(_realised(_place(query)), values).scalar() or 0.0, 2),
        by_category={name: Counted() for name in CATEGORIES} | _parted(groups, "category"),
        by_account=_parted(groups, "account_id"),
        by_region=_parted(groups, "region"),
        by_service=_parted(groups, "service"),
        by_status=_parted(groups, "status"),
    )


def _parted(groups: Iterable[Row[Any]], name: str) -> dict[str, Counted]:
    """Sums for each value of a column, in the order of the values."""
    parts: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in groups:
        parts[getattr(row, name)].append(row)
    return {value: _counted(parts[value]) for value in sorted(parts)}


def _counted(groups: Iterable[Row[Any]]) -> Counted:
    rows = list(groups)
    savings = round(sum((row.savings or 0.0) for row in rows), 2)
    return Counted(sum(row.number for row in rows), savings, sum(row.unpriced for row in rows))


Place = tuple[bool, bool, bool]
"""Which filters of where are set: account, region, category."""
Shape = tuple[bool, bool, bool, bool, bool, bool, bool, bool, bool, bool]
"""Also: status, least savings; whether what has ended is left out, and what is not the one to follow; factor, risk,
text."""


def _place(query: Query) -> Place:
    return (query.account_id is not None, query.region is not None, query.category is not None)


def _shape(query: Query) -> Shape:
    return (
        *_place(query),
        query.status is not None,
        query.min_savings is not None,
        query.status != "IMPLEMENTED",  # what was done and has had its effect is still asked for
        not query.suppressed,
        query.factor is not None,
        query.risk is not None,
        query.text is not None,
    )


def _values(query: Query) -> dict[str, object]:
    return {
        "of_account": query.account_id,
        "of_region": query.region,
        "of_category": query.category,
        "of_status": query.status,
        "of_min_savings": query.min_savings,
        "of_factor": query.factor,
        "of_risk": query.risk,
        "of_text": None if query.text is None else f"%{_plain(query.text)}%",
    }


def _plain(text: str) -> str:
    """A text that stands for itself in a pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_R = recommendation.c

_FILTERS: tuple[ColumnElement[bool], ...] = (
    _R.account_id == bindparam("of_account"),
    _R.region == bindparam("of_region"),
    _R.category == bindparam("of_category"),
    _R.status == bindparam("of_status"),
    _R.monthly_savings >= bindparam("of_min_savings"),
    _R.ended_at.is_(None),
    _R.suppressed_by == "",
    _R.factor == bindparam("of_factor"),
    _R.risk == bindparam("of_risk"),
    func.lower(_R.resource_id + " " + _R.resource_name + " " + _R.description).like(
        func.lower(bindparam("of_text")), escape="\\"
    ),
)
_CHOICES = (
    select(_R.account_id, _R.region, _R.factor)
    .where(_R.tenant_id == bindparam("tenant_id"), _R.ended_at.is_(None))
    .distinct()
)


def _matching(shape: tuple[bool, ...]) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_FILTERS, shape, strict=False) if is_set]
    return and_(_R.tenant_id == bindparam("tenant_id"), *chosen)


@cache
def _page(shape: Shape) -> Select[Any]:
    return (
        select(recommendation)
        .where(_matching(shape))
        .order_by(_R.monthly_savings.is_(None), _R.monthly_savings.desc(), _R.id)
        .offset(bindparam("skip"))
        .limit(bindparam("take"))
    )


@cache
def _groups(shape: Shape) -> Select[Any]:
    by = (_R.account_id, _R.region, _R.service, _R.category, _R.status)
    number = func.count()
    priced = func.count(_R.monthly_savings)
    savings = func.sum(_R.monthly_savings).label("savings")
    return (
        select(*by, number.label("number"), (number - priced).label("unpriced"), savings)
        .where(_matching(shape))
        .group_by(*by)
    )


@cache
def _realised(place: Place) -> Select[Any]:
    return select(func.sum(_R.realised_savings)).where(_matching(place), _R.status == "IMPLEMENTED")
