"""All that is told of one service: how it is and was, what it is a part of, and what is ahead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from collector.domain.maintenance import store as windows
from collector.domain.services import gathering, listing, policies, store, uptime
from collector.domain.services.listing import Seen
from collector.domain.services.overview import DAYS
from collector.domain.services.rules import Impact, Inputs, Pin, Work
from collector.domain.services.store import Service
from collector.domain.services.timeline import Segment, timeline
from collector.domain.services.uptime import Day, Uptime

_AHEAD = timedelta(days=31)
_LONGEST = timedelta(days=DAYS)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`days` and `segments`, oldest first, do not begin before the service counts; `ahead`: work that is announced."""

    seen: Seen
    inputs: Inputs
    days: Sequence[Day]
    periods: Mapping[str, Uptime]
    segments: Sequence[Segment]
    ahead: Sequence[Work]
    pin: Pin | None
    parts: Sequence[Service]
    wholes: Sequence[Service]


def story(conn: Connection, tenant_id: int, service_id: int, now: datetime) -> Story | None:
    """None for a service that is missing, gone, or another tenant's."""
    seen = listing.find(conn, tenant_id, service_id, now)
    if seen is None:
        return None
    (inputs,) = gathering.inputs(conn, tenant_id, [service_id], now - _LONGEST, now + _INSTANT).values()
    policy = policies.policy(conn, tenant_id)
    whole = uptime.uptime(inputs, now - _LONGEST, now, policy=policy)
    planned = windows.works(conn, tenant_id, [service_id], now, now + _AHEAD)
    return Story(
        seen=seen,
        inputs=inputs,
        days=uptime.days(inputs, now.astimezone(UTC).date() - timedelta(days=DAYS - 1), now, policy=policy),
        periods={**uptime.windows(inputs, now, policy=policy), f"{DAYS}d": whole},
        segments=timeline(inputs, min(max(inputs.since, now - _LONGEST), now), now),
        ahead=[work for _, work in planned if work.span.began_at > now],
        pin=store.pin(conn, tenant_id, service_id, now),
        parts=sorted(store.some(conn, tenant_id, seen.service.parts).values(), key=lambda one: one.name),
        wholes=store.wholes(conn, tenant_id, service_id),
    )


def causes(told: Story) -> tuple[Sequence[Impact], Sequence[Work]]:
    """The incidents that it suffered, each once, and the work on it, running or over; the latest first."""
    impacts = sorted(told.inputs.impacts, key=lambda one: one.span.began_at, reverse=True)
    works = sorted(told.inputs.works, key=lambda one: one.span.began_at, reverse=True)
    return list({one.incident_id: one for one in reversed(impacts)}.values())[::-1], works
