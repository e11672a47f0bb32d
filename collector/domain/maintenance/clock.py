"""What the clock does to maintenance windows: noted and told once, however late, and whoever comes first."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.maintenance import rules, store, suppression, telling
from collector.domain.maintenance.rules import Step, Window

BY = "fieldpost"


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def turn(conn: Connection, now: datetime, limit: int) -> int:
    """Note what has begun and ended by itself; how many windows that were."""
    due = store.due(conn, now, limit)
    for window in due:
        settle(conn, window, now)
    return len(due)


def settle(conn: Connection, window: Window, now: datetime) -> Window:
    """The window as it is now, stored so; the caller holds its row.

    Times are those that were scheduled, however late they are noted. A window whose beginning and end passed unseen
    is told of once, by its end.
    """
    after = rules.seen(window, now)
    steps = rules.steps(window, after)
    if not steps:
        return window
    after = replace(after, updated_at=now, version=window.version + 1)
    store.save(conn, after.tenant_id, [after])
    act = Act(BY, now)
    new = telling.take(conn, after, steps, act)
    times = dict(steps)
    for step in new:
        if step == "started" and "completed" in new:
            continue
        special: dict[str, object] = {"late_by_s": max(now - times[step], timedelta()) // timedelta(seconds=1)}
        if "started" in new:
            special |= _offline(new)
        telling.tell(conn, after, step, act, special)
    if after.actual_end is not None and after.suppress_alerts:
        let_go(conn, after, after.actual_end)
    return after


def let_go(conn: Connection, window: Window, at: datetime) -> None:
    """It suppresses no alerts any more."""
    services = store.services_of(conn, window.tenant_id, [window.id]).get(window.id, [])
    suppression.let_go(conn, window.tenant_id, [one.id for one in services], at)


def _offline(new: list[Step]) -> dict[str, object]:
    return {"while_offline": True} if "completed" in new else {}
