"""All that there is to read of a page, for a copy of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.statuspage import store
from collector.domain.statuspage.rules import Page, PublicIncident, PublicWindow
from collector.domain.statuspage.store import Listed, Overview, Past, Span

MOST = 10_000
MOST_OF_MONTH = 200


class OfMonth(NamedTuple):
    """What happened in a month, or the latest of it."""

    incidents: Listed
    windows: Sequence[PublicWindow]


class Everything(NamedTuple):
    """What a page is made of; `months` as they were asked for."""

    page: Page
    overview: Overview
    pasts: Sequence[Past]
    incidents: Sequence[PublicIncident]
    feed: Sequence[PublicIncident | PublicWindow]
    months: Sequence[OfMonth]
    at: datetime


def gather(conn: Connection, page: Page, spans: Sequence[Span], now: datetime) -> Everything:
    tenant_id = page.tenant_id
    return Everything(
        page=page,
        overview=store.overview(conn, tenant_id, now),
        pasts=store.pasts(conn, tenant_id, now),
        incidents=store.incidents(conn, tenant_id, now, 0, MOST).rows,
        feed=store.feed(conn, tenant_id, now, MOST),
        months=[_month(conn, tenant_id, span, now) for span in spans],
        at=now,
    )


def _month(conn: Connection, tenant_id: int, span: Span, now: datetime) -> OfMonth:
    return OfMonth(
        store.incidents_of(conn, tenant_id, span, 0, MOST_OF_MONTH),
        store.windows_of(conn, tenant_id, span, now, MOST_OF_MONTH),
    )
