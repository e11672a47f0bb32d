"""What the worker does for status pages beside mailing."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.statuspage import mailing, subscribers


def forget(keep: timedelta) -> Callable[[Connection, datetime, int], int]:
    """Work that forgets mails older than that, addresses that never confirmed, and those that no mail reaches."""

    @across_tenants("retention serves all of them")
    def forget_some(conn: Connection, now: datetime, limit: int) -> int:
        gone = subscribers.forget(conn, now, limit)
        return max(gone, mailing.retire(conn, now - keep, limit))

    return forget_some
