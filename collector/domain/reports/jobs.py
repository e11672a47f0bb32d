"""What the worker does for reports beside mailing."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.reports import mailing


def forget(keep: timedelta) -> Callable[[Connection, datetime, int], int]:
    """Work that forgets mails older than that."""

    @across_tenants("retention serves all of them")
    def forget_some(conn: Connection, now: datetime, limit: int) -> int:
        return mailing.retire(conn, now - keep, limit)

    return forget_some
