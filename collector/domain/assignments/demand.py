"""Having a connection checked now, by its agent; the request leaves its activity entry."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.assignments import store
from collector.domain.assignments.rules import OPEN, State
from collector.domain.assignments.store import NewJob
from collector.domain.assignments.tables import job
from collector.domain.fleet.store import watched_by

CHECK_WITHIN = timedelta(minutes=15)


class Queued(NamedTuple):
    """A job that was just made, and the agent that is to do it."""

    job: str
    agent: str


class ListedJob(NamedTuple):
    """What became of a job so far."""

    id: str
    kind: str
    state: State
    detail: str
    created_at: datetime
    finished_at: datetime | None


def check_now(conn: Connection, tenant_id: int, connection_id: int, act: Act) -> Queued | None:
    """Ask for all checks of this connection; None when there is no such connection."""
    place = watched_by(conn, tenant_id, connection_id)
    if place is None:
        return None
    new = NewJob(kind="check", target=place.key, deadline=act.at + CHECK_WITHIN)
    made = Queued(store.add_job(conn, tenant_id, place.agent_id, new, act.at), place.agent_id)
    about = {"by": act.by, "connection_id": connection_id, "job_id": made.job, "agent_id": made.agent}
    activity.append(conn, tenant_id, [Entry("check_requested", about, act.at)])
    return made


def find_job(conn: Connection, tenant_id: int, job_id: str) -> ListedJob | None:
    row = conn.execute(_JOB, {"tenant_id": tenant_id, "job_id": job_id}).one_or_none()
    return ListedJob._make(row) if row else None


def waiting(conn: Connection, tenant_id: int, agent_id: str, key: str) -> ListedJob | None:
    """The newest check of this connection that was asked for and is not done."""
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id, "target": key, "states": list(OPEN)}
    row = conn.execute(_WAITING, wanted).first()
    return ListedJob._make(row) if row else None


_J = job.c

_JOB = select(_J.id, _J.kind, _J.state, _J.detail, _J.created_at, _J.finished_at).where(
    _J.tenant_id == bindparam("tenant_id"), _J.id == bindparam("job_id")
)

_WAITING = (
    select(_J.id, _J.kind, _J.state, _J.detail, _J.created_at, _J.finished_at)
    .where(
        _J.tenant_id == bindparam("tenant_id"),
        _J.agent_id == bindparam("agent_id"),
        _J.state.in_(bindparam("states", expanding=True)),
        _J.kind == "check",
        _J.target == bindparam("target"),
    )
    .order_by(_J.created_at.desc())
    .limit(1)
)
