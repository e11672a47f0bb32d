"""Queries of the read side; each answers from an index, whatever the history holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, select

from collector.core.columns import instant
from collector.core.plain import Found, Plain, Steady
from collector.domain.fleet.rules import State
from collector.domain.mutes.tables import finding_mark
from collector.domain.results.rows import title_of
from collector.domain.results.rules import Outcome
from collector.domain.results.tables import catalogue_entry, check_state, connection


class Listed(NamedTuple):
    """One line of the list of connections."""

    id: int
    name: str
    host: str
    port: int
    type: str
    latest_run_id: int | None
    score: int | None
    last_checked_at: datetime | None
    summary_text: str | None
    raw_score: int | None


class Place(NamedTuple):
    """Where a connection is watched: its agent, and the agent's own name for it."""

    agent_id: str
    key: str


Member = tuple[int, str, int | None]
"""One connection of the fleet: id, name, score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The latest results of a connection that has been checked at least once."""

    run_id: int
    checked_at: datetime
    reachable: bool
    score: int
    raw_score: int
    summary_text: str
    states: Sequence[State]


def page(conn: Connection, tenant_id: int, offset: int, limit: int) -> tuple[int, list[Listed]]:
    """How many connections there are, and the wanted ones by ascending id."""
    total, found = _rows(conn, tenant_id, offset, limit)
    return total, [Listed._make((*head, at and instant(at), summary, raw)) for *head, at, summary, raw in found]


def documents(conn: Connection, tenant_id: int, offset: int, limit: int) -> tuple[int, list[dict[str, object]]]:
    """As `page`, as readers get it, straight from the rows: they ask for it all the time."""
    total, found = _rows(conn, tenant_id, offset, limit)
    return total, [
        {
            "id": number,
            "name": name,
            "host": host,
            "port": port,
            "connection_type": kind,
            "latest_check_id": run_id,
            "score": score,
            "last_checked_at": None if at is None else instant(at),
            "summary_text": summary,
            "raw_score": raw_score,
        }
        for number, name, host, port, kind, run_id, score, at, summary, raw_score in found
    ]


def _rows(conn: Connection, tenant_id: int, offset: int, limit: int) -> tuple[int, Found]:
    found = _PAGE(conn, {"tenant_id": tenant_id, "skip": offset, "take": limit})
    if 0 < len(found) < limit:
        return offset + len(found), found
    return _COUNT(conn, {"tenant_id": tenant_id})[0][0], found


def fleet(conn: Connection, tenant_id: int) -> Sequence[Member]:
    """All connections by ascending id; rows as they come, for there may be thousands."""
    return _FLEET(conn, {"tenant_id": tenant_id})


def watched_by(conn: Connection, tenant_id: int, connection_id: int) -> Place | None:
    """None for a connection that is missing, removed or another tenant's."""
    row = conn.execute(_PLACE, {"tenant_id": tenant_id, "connection_id": connection_id}).one_or_none()
    return None if row is None else Place._make(row)


def latest(conn: Connection, tenant_id: int, connection_id: int, now: datetime) -> Latest | None:
    """None for a connection that is missing, removed, another tenant's or never checked."""
    wanted = {"tenant_id": tenant_id, "connection_id": connection_id}
    head = conn.execute(_HEAD, wanted).one_or_none()
    if head is None:
        return None
    rows = conn.execute(_STATES, {**wanted, "agent_id": head.agent_id})
    return Latest(
        run_id=head.latest_run_id,
        checked_at=head.latest_run_at,
        reachable=head.reachable,
        score=head.score,
        raw_score=head.score if head.raw_score is None else head.raw_score,
        summary_text=head.summary_text,
        states=[_state(row, now) for row in rows],
    )


def _state(row: Row[*tuple[Any, ...]], now: datetime) -> State:
    """What the catalogue says is missing until the agent has uploaded it."""
    own = title_of({}, row.check_id)
    outcome = Outcome(
        check=row.check_id,
        category=row.category,
        status=row.status,
        severity=row.severity,
        line=row.line,
        cap=row.cap,
        interval_s=row.interval_s or row.usual_interval_s or 0,
        observed_at=row.observed_at,
        title=row.title or own.title or row.check_id,
        enabled=row.enabled is not False,
        muted=row.muted_by is not None and (row.muted_until is None or row.muted_until > now),
    )
    return State(outcome, row.fix or row.remediation or own.remediation)


def _shown() -> ColumnElement[bool]:
    c = connection.c
    return and_(c.tenant_id == bindparam("tenant_id"), c.removed_at.is_(None), c.listed_at.is_not(None))


_C = connection.c

_PAGE = Plain(
    select(
        _C.id,
        _C.name,
        _C.host,
        _C.port,
        _C.type,
        _C.latest_run_id,
        _C.score,
        _C.latest_run_at,
        _C.summary_text,
        _C.raw_score,
    )
    .where(_shown())
    .order_by(_C.id)
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
)

_COUNT = Steady(select(func.count()).select_from(connection).where(_shown()))

_FLEET = Plain(select(_C.id, _C.name, _C.score).where(_shown()).order_by(_C.id))

_PLACE = select(_C.agent_id, _C.key).where(_shown(), _C.id == bindparam("connection_id"))

_HEAD = select(
    _C.agent_id, _C.latest_run_id, _C.latest_run_at, _C.reachable, _C.score, _C.raw_score, _C.summary_text
).where(_shown(), _C.id == bindparam("connection_id"), _C.latest_run_id.is_not(None))

_S, _E, _M = check_state.c, catalogue_entry.c, finding_mark.c

_STATES = (
    select(
        _S.check_id,
        _S.category,
        _S.status,
        _S.severity,
        _S.line,
        _S.cap,
        _S.fix,
        _S.observed_at,
        _S.interval_s,
        _E.title,
        _E.remediation,
        _E.enabled,
        _E.interval_s.label("usual_interval_s"),
        _M.author.label("muted_by"),
        _M.expires_at.label("muted_until"),
    )
    .select_from(
        check_state.outerjoin(
            catalogue_entry,
            and_(
                _E.tenant_id == _S.tenant_id,
                _E.agent_id == bindparam("agent_id"),
                _E.check_id == _S.check_id,
            ),
        ).outerjoin(
            finding_mark,
            and_(
                _M.tenant_id == _S.tenant_id,
                _M.connection_id == _S.connection_id,
                _M.check_id == _S.check_id,
                _M.kind == "mute",
            ),
        )
    )
    .where(_S.tenant_id == bindparam("tenant_id"), _S.connection_id == bindparam("connection_id"))
)
