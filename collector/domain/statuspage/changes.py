"""What may be set of a tenant's status page; each change leaves its activity entry."""

from uuid import uuid4

from sqlalchemy import Connection

from collector.core.upsert import upsert
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.statuspage import mailing, store
from collector.domain.statuspage.rules import Page, Terms
from collector.domain.statuspage.tables import status_page
from collector.domain.tenants import administration


def shown(conn: Connection, tenant_id: int) -> Terms:
    """As it was set; off where it never was."""
    found = store.page(conn, tenant_id)
    return (
        Terms(found.enabled, found.title, found.description)
        if found
        else Terms(enabled=False, title="", description="")
    )


def put(conn: Connection, tenant_id: int, terms: Terms, act: Act) -> Page:
    """Its feed keeps its name whatever changes. Without a title it has the tenant's name."""
    known = store.page(conn, tenant_id)
    title = terms.title or administration.get(conn, tenant_id).name
    wanted = terms._replace(title=title)
    if known is not None and wanted == Terms(known.enabled, known.title, known.description):
        return known
    row = {
        "tenant_id": tenant_id,
        **wanted._asdict(),
        "feed_id": known.feed_id if known else str(uuid4()),
        "created_at": act.at,
        "updated_at": act.at,
    }
    _SAVE(conn, [row])
    if not wanted.enabled:
        mailing.silence(conn, tenant_id)
    verb = "changed" if known is not None and known.enabled == wanted.enabled else "switched"
    about = {"by": act.by, "enabled": wanted.enabled, "title": wanted.title}
    activity.append(conn, tenant_id, [Entry(f"status_page_{verb}", about, act.at)])
    made = store.page(conn, tenant_id)
    if made is None:
        raise AssertionError("what was just written is there")
    return made


_SAVE = upsert(status_page)
