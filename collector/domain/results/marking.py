"""Muting and acknowledging a finding: what follows from it, and what is left of it in the activity log."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.fleet.store import watched_by
from collector.domain.mutes import store as mutes
from collector.domain.mutes.rules import FindingMark, MarkKind
from collector.domain.results import findings, store
from collector.domain.results.rules import documented, stored
from collector.domain.results.tables import check_state
from collector.domain.results.targets import Targets
from collector.domain.results.telling import tell
from collector.domain.results.visits import Visits
from common.clock import iso

_DONE: dict[MarkKind, str] = {"mute": "finding_muted", "acknowledge": "finding_acknowledged"}
_UNDONE: dict[MarkKind, str] = {"mute": "finding_unmuted", "acknowledge": "finding_unacknowledged"}


class Wanted(NamedTuple):
    """A mark to be set; `check` as readers call it."""

    connection_id: int
    check: str
    kind: MarkKind
    reason: str
    expires_at: datetime | None = None


def mark(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> FindingMark | None:
    """Set a mark, or replace one; None where this connection has no such check."""
    check = stored(wanted.check)
    place = watched_by(conn, tenant_id, wanted.connection_id)
    known = {"tenant_id": tenant_id, "connection_id": wanted.connection_id, "check_id": check}
    if place is None or conn.execute(_KNOWN, known).one_or_none() is None:
        return None
    made = FindingMark(wanted.connection_id, check, wanted.kind, act.by, wanted.reason, act.at, wanted.expires_at)
    mutes.put(conn, tenant_id, made)
    until = iso(made.expires_at) if made.expires_at else None
    _note(conn, tenant_id, _DONE[wanted.kind], wanted, act, reason=made.reason, expires_at=until)
    _follow(conn, tenant_id, place.agent_id, place.key, act.at)
    return made


def mark_each(conn: Connection, tenant_id: int, wanted: Sequence[Wanted], act: Act) -> int:
    """Set several marks; returns how many, for a check may have gone meanwhile."""
    return sum(mark(conn, tenant_id, one, act) is not None for one in wanted)


def unmark(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> bool:
    """Take a mark away; False where there is none."""
    check = stored(wanted.check)
    place = watched_by(conn, tenant_id, wanted.connection_id)
    if place is None or not mutes.remove(conn, tenant_id, wanted.connection_id, check, wanted.kind):
        return False
    _note(conn, tenant_id, _UNDONE[wanted.kind], wanted, act)
    _follow(conn, tenant_id, place.agent_id, place.key, act.at)
    return True


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def expire(conn: Connection, now: datetime, limit: int) -> int:
    """Take away marks whose time is over; returns how many there were."""
    over = mutes.expired(conn, now, limit)
    for one in over:
        mutes.remove(conn, one.tenant_id, one.connection_id, one.check_id, one.kind)
        gone = Wanted(one.connection_id, one.check_id, one.kind, "")
        _note(conn, one.tenant_id, _UNDONE[one.kind], gone, Act("expiry", now))
        place = watched_by(conn, one.tenant_id, one.connection_id)
        if place is not None:
            _follow(conn, one.tenant_id, place.agent_id, place.key, now)
    return len(over)


def _follow(conn: Connection, tenant_id: int, agent_id: str, key: str, now: datetime) -> None:
    """Score and alerts follow at once; the agent is held, for its next batch would change the same rows."""
    store.lock_agent(conn, tenant_id, agent_id)
    targets = Targets(conn, tenant_id, agent_id, now)
    targets.load([key])
    touched = targets.all()
    Visits(conn, tenant_id, agent_id, targets, now).refresh(touched)
    targets.save()
    muted = mutes.mutes(conn, tenant_id, [target.id for target in touched])
    tell(conn, tenant_id, findings.reconsider(conn, tenant_id, touched, muted, now))


def _note(conn: Connection, tenant_id: int, action: str, wanted: Wanted, act: Act, **about: object) -> None:
    properties = {
        "by": act.by,
        "connection_id": wanted.connection_id,
        "check_id": documented(stored(wanted.check)),
        **about,
    }
    activity.append(conn, tenant_id, [Entry(action, properties, act.at)])


_S = check_state.c

_KNOWN = select(_S.check_id).where(
    _S.tenant_id == bindparam("tenant_id"),
    _S.connection_id == bindparam("connection_id"),
    _S.check_id == bindparam("check_id"),
)
