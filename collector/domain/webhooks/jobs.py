"""What the worker does for the outbox beside delivering."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.notifications import store as notifications
from collector.domain.webhooks import lanes


def forget(keep: timedelta) -> Callable[[Connection, datetime, int], int]:
    """Work that forgets events with their deliveries, and what rules knew of alerts, when they are older than that."""

    @across_tenants("retention serves all of them")
    def forget_some(conn: Connection, now: datetime, limit: int) -> int:
        forgotten = lanes.retire(conn, now - keep, limit)
        return max(forgotten, notifications.retire(conn, now - keep, limit))

    return forget_some
