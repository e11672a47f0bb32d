"""Queries of what became of the edges of schedules."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import product
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select

from collector.core.upsert import upsert
from collector.domain.schedules.tables import aws_execution, aws_schedule

Outcome = Literal["SUCCEEDED", "PARTIAL", "FAILED", "MISSED", "DRY_RUN"]
OUTCOMES: tuple[Outcome, ...] = ("SUCCEEDED", "PARTIAL", "FAILED", "MISSED", "DRY_RUN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An execution as it is stored; each result also has when it was reported (`at`) and what an hour cost (`rate`)."""

    tenant_id: int
    schedule_id: str
    edge: datetime
    action: str
    at: datetime
    status: Outcome
    results: dict[str, dict[str, Any]]
    told_at: datetime | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many resources there are of each result."""
        return dict(Counter(sorted(result["result"] for result in self.results.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which executions are wanted; `since` belongs to them, `until` no longer."""

    schedule_id: str | None = None
    account_id: str | None = None
    status: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


class Page(NamedTuple):
    """Some of them, and how many there are in all."""

    rows: Sequence[Done]
    total: int


class Last(NamedTuple):
    """How the latest edge of a schedule went that was reported."""

    schedule_id: str
    edge: datetime
    action: str
    at: datetime
    status: Outcome


def latest(conn: Connection, tenant_id: int) -> dict[str, Last]:
    """The latest edge of each schedule that has reported any."""
    return {row.schedule_id: Last._make(row) for row in conn.execute(_LATEST, {"tenant_id": tenant_id})}


def find(conn: Connection, tenant_id: int, schedule_id: str, edge: datetime, action: str) -> Done | None:
    place = {"tenant_id": tenant_id, "schedule_id": schedule_id, "edge": edge, "action": action}
    row = conn.execute(_ONE, place).mappings().one_or_none()
    return Done(**row) if row else None


def save(conn: Connection, tenant_id: int, one: Done) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"an execution of another tenant than {tenant_id}")
    _SAVE(conn, [one])


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> Page:
    """The wanted ones, newest first."""
    given = {item.name: getattr(query, item.name) for item in fields(query)}
    values = {"tenant_id": tenant_id, **{f"of_{name}": value for name, value in given.items() if value is not None}}
    shape = tuple(value is not None for value in given.values())
    total: int = conn.execute(_COUNTS[shape], values).scalar_one()
    if offset >= total:
        return Page([], total)
    rows = conn.execute(_PAGES[shape], {**values, "skip": offset, "take": limit}).mappings()
    return Page([Done(**row) for row in rows], total)


def since(
    conn: Connection, tenant_id: int, schedule_id: str, begin: datetime, *, until: datetime | None = None
) -> list[Done]:
    """Those of all edges from an instant on, in their order; `until` belongs to them no longer."""
    place = {"tenant_id": tenant_id, "schedule_id": schedule_id, "begin": begin, "end": until or _NEVER}
    return [Done(**row) for row in conn.execute(_SINCE, place).mappings()]


_NEVER = datetime.max.replace(tzinfo=UTC)
_X, _S = aws_execution.c, aws_schedule.c

_SAVE = upsert(aws_execution, objects=True)
_ONE = select(aws_execution).where(
    _X.tenant_id == bindparam("tenant_id"),
    _X.schedule_id == bindparam("schedule_id"),
    _X.edge == bindparam("edge"),
    _X.action == bindparam("action"),
)
_SINCE = (
    select(aws_execution)
    .where(
        _X.tenant_id == bindparam("tenant_id"),
        _X.schedule_id == bindparam("schedule_id"),
        _X.edge >= bindparam("begin"),
        _X.edge < bindparam("end"),
    )
    .order_by(_X.edge)
)

_NEWER = aws_execution.alias()
_NEWEST = (
    select(func.max(_NEWER.c.edge))
    .where(_NEWER.c.tenant_id == _S.tenant_id, _NEWER.c.schedule_id == _S.id)
    .correlate(aws_schedule)
    .scalar_subquery()
)
_LATEST = (
    select(_X.schedule_id, _X.edge, _X.action, _X.at, _X.status)
    .join_from(aws_schedule, aws_execution, and_(_S.tenant_id == _X.tenant_id, _S.id == _X.schedule_id))
    .where(_S.tenant_id == bindparam("tenant_id"), _X.edge == _NEWEST)
)

_OF_ACCOUNT = select(_S.id).where(_S.tenant_id == bindparam("tenant_id"), _S.account_id == bindparam("of_account_id"))
_FILTERS: tuple[ColumnElement[bool], ...] = (
    _X.schedule_id == bindparam("of_schedule_id"),
    _X.schedule_id.in_(_OF_ACCOUNT),
    _X.status == bindparam("of_status"),
    _X.edge >= bindparam("of_since"),
    _X.edge < bindparam("of_until"),
)
"""In the order of a query's fields."""


def _matching(shape: tuple[bool, ...]) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_FILTERS, shape, strict=True) if is_set]
    return and_(_X.tenant_id == bindparam("tenant_id"), *chosen)


_SHAPES = tuple(product((False, True), repeat=len(_FILTERS)))
_COUNTS = {shape: select(func.count()).select_from(aws_execution).where(_matching(shape)) for shape in _SHAPES}
_PAGES = {
    shape: select(aws_execution)
    .where(_matching(shape))
    .order_by(_X.edge.desc(), _X.schedule_id, _X.action)
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
    for shape in _SHAPES
}
