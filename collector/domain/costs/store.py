"""Queries of recommendations, and of what is known of each region."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from collector.core.upsert import upsert
from collector.domain.costs.rules import CATEGORIES, Kept, Status
from collector.domain.costs.tables import aws_region, recommendation


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which recommendations of an account are wanted."""

    account_id: str
    region: str | None = None
    category: str | None = None
    status: Status | None = None
    min_savings: float | None = None


class Counted(NamedTuple):
    """How many there are of a category, and what they would save together; unknown money is left out."""

    number: int
    savings: float


class Found(NamedTuple):
    """A page, and what all pages come to."""

    rows: list[Kept]
    by_category: dict[str, Counted]

    @property
    def total(self) -> int:
        return sum(one.number for one in self.by_category.values())

    @property
    def savings(self) -> float:
        return round(sum(one.savings for one in self.by_category.values()), 2)


@dataclass(slots=True)
class Region:
    """What is known of the scans of a region; see the table."""

    tenant_id: int
    account_id: str
    region: str
    judged: dict[str, int] = field(default_factory=dict)
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)
    undecided: list[dict[str, Any]] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)
    scanned_at: datetime | None = None


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> Found:
    """The wanted ones, those that save most first; what saves nobody knows how much comes last."""
    values = {"tenant_id": tenant_id, **_values(query)}
    shape = _shape(query)
    counted = {
        row.category: Counted(row.number, round(row.savings or 0.0, 2)) for row in conn.execute(_SUMS[shape], values)
    }
    rows = conn.execute(_PAGES[shape], {**values, "skip": offset, "take": limit}).mappings()
    return Found([Kept(**row) for row in rows], {one: counted.get(one, Counted(0, 0.0)) for one in CATEGORIES})


def find(conn: Connection, tenant_id: int, rec_id: str) -> Kept | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "rec_id": rec_id}).mappings().one_or_none()
    return Kept(**row) if row else None


def known(conn: Connection, tenant_id: int, ids: Iterable[str]) -> dict[str, Kept]:
    rows = conn.execute(_SOME, {"tenant_id": tenant_id, "ids": list(ids)}).mappings()
    return {row["id"]: Kept(**row) for row in rows}


def unseen(conn: Connection, tenant_id: int, account_id: str, region: str, since: datetime) -> list[Kept]:
    """Those that stand, and that no scan has found that began at this instant or later."""
    place = {"tenant_id": tenant_id, "account_id": account_id, "region": region, "since": since}
    return [Kept(**row) for row in conn.execute(_UNSEEN, place).mappings()]


def save(conn: Connection, tenant_id: int, rows: Sequence[Kept]) -> None:
    if any(row.tenant_id != tenant_id for row in rows):
        raise ValueError(f"a recommendation of another tenant than {tenant_id}")
    _SAVE(conn, rows)


def end_all(conn: Connection, tenant_id: int, account_id: str, at: datetime) -> None:
    """Nobody looks at this account any more."""
    conn.execute(_END, {"of_tenant": tenant_id, "of_account": account_id, "at": at})
    conn.execute(_FORGET_REGIONS, {"of_tenant": tenant_id, "of_account": account_id})


def region_of(conn: Connection, tenant_id: int, account_id: str, region: str) -> Region:
    place = {"tenant_id": tenant_id, "account_id": account_id, "region": region}
    row = conn.execute(_REGION, place).mappings().one_or_none()
    return Region(**row) if row else Region(tenant_id, account_id, region)


def save_region(conn: Connection, tenant_id: int, one: Region) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"a region of another tenant than {tenant_id}")
    _SAVE_REGION(conn, [one])


def _values(query: Query) -> dict[str, object]:
    given = {item.name: getattr(query, item.name) for item in fields(query)}
    return {f"of_{name}": value for name, value in given.items() if value is not None}


Shape = tuple[bool, bool, bool, bool, bool]
"""Which filters are set: region, category, status, least savings; and whether what has ended is left out."""


def _shape(query: Query) -> Shape:
    return (
        query.region is not None,
        query.category is not None,
        query.status is not None,
        query.min_savings is not None,
        query.status != "IMPLEMENTED",  # what was done and has had its effect is still asked for
    )


_R, _A = recommendation.c, aws_region.c

_SAVE = upsert(recommendation, objects=True)
_END = (
    update(recommendation)
    .where(_R.tenant_id == bindparam("of_tenant"), _R.account_id == bindparam("of_account"), _R.ended_at.is_(None))
    .values(ended_at=bindparam("at", type_=_R.ended_at.type))
)
_FORGET_REGIONS = delete(aws_region).where(
    _A.tenant_id == bindparam("of_tenant"), _A.account_id == bindparam("of_account")
)
_SAVE_REGION = upsert(aws_region, objects=True)

_ONE = select(recommendation).where(_R.tenant_id == bindparam("tenant_id"), _R.id == bindparam("rec_id"))
_SOME = select(recommendation).where(
    _R.tenant_id == bindparam("tenant_id"), _R.id.in_(bindparam("ids", expanding=True))
)
_UNSEEN = select(recommendation).where(
    _R.tenant_id == bindparam("tenant_id"),
    _R.account_id == bindparam("account_id"),
    _R.region == bindparam("region"),
    _R.ended_at.is_(None),
    _R.seen_at < bindparam("since"),
)
_REGION = select(aws_region).where(
    _A.tenant_id == bindparam("tenant_id"),
    _A.account_id == bindparam("account_id"),
    _A.region == bindparam("region"),
)

_FILTERS: tuple[ColumnElement[bool], ...] = (
    _R.region == bindparam("of_region"),
    _R.category == bindparam("of_category"),
    _R.status == bindparam("of_status"),
    _R.monthly_savings >= bindparam("of_min_savings"),
    _R.ended_at.is_(None),
)


def _matching(shape: Shape) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_FILTERS, shape, strict=True) if is_set]
    of_account = _R.account_id == bindparam("of_account_id")
    return and_(_R.tenant_id == bindparam("tenant_id"), of_account, _R.suppressed_by == "", *chosen)


_SHAPES: tuple[Shape, ...] = tuple(product((False, True), repeat=len(_FILTERS)))  # type: ignore[arg-type]  # five each
_PAGES = {
    shape: select(recommendation)
    .where(_matching(shape))
    .order_by(_R.monthly_savings.is_(None), _R.monthly_savings.desc(), _R.id)
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
    for shape in _SHAPES
}
_SUMS = {
    shape: select(_R.category, func.count().label("number"), func.sum(_R.monthly_savings).label("savings"))
    .where(_matching(shape))
    .group_by(_R.category)
    for shape in _SHAPES
}
