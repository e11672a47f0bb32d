"""What happens to a maintenance window is told once: an event for receivers, an entry in the activity log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.maintenance import rules, store
from collector.domain.maintenance.rules import Linked, Step, Window
from collector.domain.maintenance.store import Noted
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event
from common.clock import iso


class Shown(NamedTuple):
    """A window with the services that it concerns."""

    window: Window
    services: Sequence[Linked]


def shown(conn: Connection, window: Window) -> Shown:
    return Shown(window, store.services_of(conn, window.tenant_id, [window.id]).get(window.id, []))


def take(conn: Connection, window: Window, steps: Iterable[tuple[Step, datetime]], act: Act) -> list[Step]:
    """Note what happened, and when; those steps that nobody has noted before."""
    tenant_id, number = window.tenant_id, window.id
    return [
        step for step, at in steps if store.note(conn, tenant_id, number, Noted(step, at, act.at, act.by))
    ]  # one statement each: a window has four at most


def tell(conn: Connection, window: Window, step: Step, act: Act, about: Mapping[str, object] | None = None) -> None:
    """`about`: what is special about this time."""
    one, special = shown(conn, window), about or {}
    data = {**rules.document(window, one.services, act.at), **special}
    outbox.emit(conn, window.tenant_id, [Event(f"maintenance.{step}", data, act.at)])
    log(conn, window, f"maintenance_{step}", act, special)


def log(conn: Connection, window: Window, action: str, act: Act, about: Mapping[str, object] | None = None) -> None:
    """Leave an activity entry."""
    properties = {
        "by": act.by,
        "maintenance_id": window.id,
        "title": window.title,
        "scheduled_start": iso(window.scheduled_start),
        "scheduled_end": iso(window.scheduled_end),
        **(about or {}),
    }
    activity.append(conn, window.tenant_id, [Entry(action, properties, act.at)])
