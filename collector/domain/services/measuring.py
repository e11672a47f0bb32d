"""How a service was: its uptime and its timeline, and what of them late data has corrected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.services import gathering, policies, uptime
from collector.domain.services.recording import Rewritten, source
from collector.domain.services.rules import Inputs
from collector.domain.services.tables import service
from collector.domain.services.timeline import Segment, timeline
from collector.domain.services.uptime import WINDOWS, Uptime
from common.clock import iso

_LONGEST = max(WINDOWS.values())


class Measured(NamedTuple):
    """The uptime of a service over each window, by its name."""

    service_id: int
    windows: Mapping[str, Uptime]


@dataclass(frozen=True, slots=True)
class Before:
    """Stretches of the past of which more is about to be known, and what the uptime of their services was without."""

    rewritten: Sequence[Rewritten]
    windows: Mapping[int, Mapping[str, Uptime]]


def measured(conn: Connection, tenant_id: int, service_id: int, now: datetime) -> Measured | None:
    """None for a service that is missing, gone, or another tenant's."""
    found = gathering.inputs(conn, tenant_id, [service_id], now - _LONGEST, now).get(service_id)
    if found is None:
        return None
    return Measured(service_id, uptime.windows(found, now, policy=policies.policy(conn, tenant_id)))


def history(conn: Connection, tenant_id: int, service_id: int, begin: datetime, end: datetime) -> list[Segment] | None:
    """As `measured`; not before the service counts."""
    found = gathering.inputs(conn, tenant_id, [service_id], begin, end).get(service_id)
    if found is None:
        return None
    return timeline(found, min(max(begin, found.since), end), end)


def before(conn: Connection, tenant_id: int, rewritten: Sequence[Rewritten], now: datetime) -> Before | None:
    """To be asked before the past is changed; None where it is not going to be, as nearly always."""
    touched = [one for one in rewritten if one.ended_at > now - _LONGEST]
    if not touched:
        return None
    return Before(touched, _windows(conn, tenant_id, touched, now))


def note(conn: Connection, tenant_id: int, known: Before, now: datetime) -> None:
    """Leave an entry for each connection whose figures are not what they were."""
    after = _windows(conn, tenant_id, known.rewritten, now)
    entries: list[Entry] = []
    for one in known.rewritten:
        was, is_ = known.windows.get(one.connection_id, {}), after.get(one.connection_id, {})
        touched = [name for name, length in WINDOWS.items() if one.ended_at > now - length and name in was]
        if any(was[name].percent != is_[name].percent for name in touched):
            about = {
                "connection_id": one.connection_id,
                "from": iso(one.began_at),
                "to": iso(one.ended_at),
                "uptime_before": {name: was[name].percent for name in touched},
                "uptime_after": {name: is_[name].percent for name in touched},
            }
            entries.append(Entry("uptime_corrected", about, now))
    activity.append(conn, tenant_id, entries)


def percents(
    conn: Connection, tenant_id: int, connection_ids: Sequence[int], now: datetime
) -> dict[int, dict[str, float | None]]:
    """The uptime of each connection's service over each window, for those that have one."""
    whole = [Rewritten(one, now, now) for one in connection_ids]
    return {
        one: {name: window.percent for name, window in windows.items()}
        for one, windows in _windows(conn, tenant_id, whole, now).items()
    }


def _windows(
    conn: Connection, tenant_id: int, rewritten: Iterable[Rewritten], now: datetime
) -> dict[int, Mapping[str, Uptime]]:
    """By connection, of those that have a service."""
    sources = {source(one.connection_id): one.connection_id for one in rewritten}
    rows = conn.execute(_OF_SOURCES, {"tenant_id": tenant_id, "sources": list(sources)})
    services = {row.id: sources[row.source] for row in rows}
    found: Mapping[int, Inputs] = gathering.inputs(conn, tenant_id, list(services), now - _LONGEST, now)
    policy = policies.policy(conn, tenant_id) if found else policies.USUAL
    return {services[number]: uptime.windows(one, now, policy=policy) for number, one in found.items()}


_S = service.c
_OF_SOURCES = select(_S.id, _S.source).where(
    _S.tenant_id == bindparam("tenant_id"),
    _S.source.in_(bindparam("sources", expanding=True)),
    _S.removed_at.is_(None),
)
