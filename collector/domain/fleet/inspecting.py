"""One connection seen close: what it is, what its score follows from, and each check with its evidence and marks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, func, literal_column, select

from collector.domain.agents.tables import agent
from collector.domain.mutes import store as mutes
from collector.domain.mutes.rules import FindingMark, MarkKind
from collector.domain.results.rows import title_of
from collector.domain.results.rules import Outcome
from collector.domain.results.tables import catalogue_entry, check_state, connection, run
from collector.domain.tickets.tables import ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A connection without its checks; `details` is what the score follows from (`results.rules.derive`)."""

    id: int
    key: str
    name: str
    type: str
    host: str
    port: int
    tier: str
    tags: Sequence[str]
    agent_id: str
    agent_name: str
    agent_seen_at: datetime | None
    latest_run_id: int | None
    latest_run_at: datetime | None
    reachable: bool | None
    facts: Mapping[str, object]
    score: int | None
    raw_score: int | None
    summary_text: str
    counts: Mapping[str, int]
    details: Mapping[str, Any]
    status: str | None
    status_at: datetime | None
    series_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The latest outcome of one check: `outcome` as the score weighs it, and everything that explains it.

    `fix`: the exact statement where the agent knows it; `since`: when the findings began that go on since.
    """

    outcome: Outcome
    value: float | None
    unit: str
    warning: float | None
    critical: float | None
    origin: str
    items: Sequence[Mapping[str, Any]]
    remediation: str
    fix: str
    since: datetime | None
    confirmed: int | None
    series_id: int | None
    mute: FindingMark | None
    acknowledged: FindingMark | None
    ticket_id: int | None


class Visit(NamedTuple):
    """One run; `score` is None where it changed nothing about the score."""

    id: int
    started_at: datetime
    ended_at: datetime
    received_at: datetime
    trigger: str
    reachable: bool
    parts: int
    parts_seen: Sequence[int]
    counts: Mapping[str, int]
    score: int | None


def head(conn: Connection, tenant_id: int, connection_id: int) -> Head | None:
    """None for a connection that is missing, removed or another tenant's."""
    found = conn.execute(_HEAD, {"tenant_id": tenant_id, "connection_id": connection_id}).mappings().one_or_none()
    if found is None:
        return None
    row = dict(found)
    for name in ("facts", "counts", "details"):
        row[name] = row[name] or {}
    return Head(
        **{
            **row,
            "agent_name": row["agent_name"] or "",
            "summary_text": row["summary_text"] or "",
            "tags": row["tags"] or (),
        }
    )


def checks(conn: Connection, tenant_id: int, connection_id: int, now: datetime, check: str = "") -> list[Checked]:
    """The latest outcome of every check of a connection, or of one check (as it is stored), by id."""
    wanted: dict[str, object] = {"tenant_id": tenant_id, "connection_id": connection_id}
    marks = {(one.check_id, one.kind): one for one in mutes.marks(conn, tenant_id, connection_id)}
    query = _CHECKS if not check else _CHECK
    rows = conn.execute(query, wanted | ({"check_id": check} if check else {}))
    return [_checked(row, marks, now) for row in rows]


def visits(conn: Connection, tenant_id: int, connection_id: int, offset: int, limit: int) -> tuple[int, list[Visit]]:
    """How many runs are kept, and the wanted ones, newest first."""
    wanted = {"tenant_id": tenant_id, "connection_id": connection_id}
    rows = conn.execute(_VISITS, {**wanted, "skip": offset, "take": limit})
    return conn.execute(_VISIT_COUNT, wanted).scalar_one(), [Visit._make(row) for row in rows]


def _checked(row: Row[*tuple[Any, ...]], marks: Mapping[tuple[str, MarkKind], FindingMark], now: datetime) -> Checked:
    own = title_of({}, row.check_id)
    mute = marks.get((row.check_id, "mute"))
    muted = mute is not None and (mute.expires_at is None or mute.expires_at > now)
    return Checked(
        outcome=Outcome(
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
            muted=muted,
        ),
        value=row.value,
        unit=row.unit,
        warning=row.warning,
        critical=row.critical,
        origin=row.origin,
        items=row.items or (),
        remediation=row.remediation or own.remediation,
        fix=row.fix or "",
        since=row.finding_since,
        confirmed=row.confirmed,
        series_id=row.series_id,
        mute=mute if muted else None,
        acknowledged=marks.get((row.check_id, "acknowledge")),
        ticket_id=row.ticket_id,
    )


_C, _A, _S, _E, _T, _R = connection.c, agent.c, check_state.c, catalogue_entry.c, ticket.c, run.c

_HEAD = (
    select(
        _C.id,
        _C.key,
        _C.name,
        _C.type,
        _C.host,
        _C.port,
        _C.tier,
        _C.tags,
        _C.agent_id,
        _A.name.label("agent_name"),
        _A.last_seen_at.label("agent_seen_at"),
        _C.latest_run_id,
        _C.latest_run_at,
        _C.reachable,
        _C.facts,
        _C.score,
        _C.raw_score,
        _C.summary_text,
        _C.counts,
        _C.details,
        _C.status,
        _C.status_at,
        _C.series_id,
    )
    .select_from(connection.outerjoin(agent, and_(_A.tenant_id == _C.tenant_id, _A.id == _C.agent_id)))
    .where(
        _C.tenant_id == bindparam("tenant_id"),
        _C.id == bindparam("connection_id"),
        _C.removed_at.is_(None),
        _C.listed_at.is_not(None),
    )
)

_CHECKS = (
    select(
        _S.check_id,
        _S.category,
        _S.status,
        _S.severity,
        _S.line,
        _S.value,
        _S.unit,
        _S.cap,
        _S.fix,
        _S.origin,
        _S["items"],
        _S.interval_s,
        _S.observed_at,
        _S.warning,
        _S.critical,
        _S.confirmed,
        _S.finding_since,
        _S.series_id,
        _E.title,
        _E.remediation,
        _E.enabled,
        _E.interval_s.label("usual_interval_s"),
        _T.id.label("ticket_id"),
    )
    .select_from(
        check_state.join(connection, and_(_C.tenant_id == _S.tenant_id, _C.id == _S.connection_id))
        .outerjoin(
            catalogue_entry,
            and_(_E.tenant_id == _S.tenant_id, _E.agent_id == _C.agent_id, _E.check_id == _S.check_id),
        )
        .outerjoin(
            ticket,
            and_(
                _T.tenant_id == _S.tenant_id,
                _T.connection_id == _S.connection_id,
                _T.check_id == _S.check_id,
                _T.status == literal_column("'open'"),  # spelled out, so that the index of open tickets is used
            ),
        )
    )
    .where(_S.tenant_id == bindparam("tenant_id"), _S.connection_id == bindparam("connection_id"))
    .order_by(_S.check_id)
)
_CHECK = _CHECKS.where(_S.check_id == bindparam("check_id"))

_OF_CONNECTION = (_R.tenant_id == bindparam("tenant_id"), _R.connection_id == bindparam("connection_id"))
_VISITS = (
    select(
        _R.id,
        _R.started_at,
        _R.ended_at,
        _R.received_at,
        _R.trigger,
        _R.reachable,
        _R.parts,
        _R.parts_seen,
        _R.counts,
        _R.score,
    )
    .where(*_OF_CONNECTION)
    .order_by(_R.ended_at.desc(), _R.id.desc())
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
)
_VISIT_COUNT = select(func.count()).select_from(run).where(*_OF_CONNECTION)
