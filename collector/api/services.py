"""How a service is written: in the status family and where it is administered."""

from datetime import datetime

from collector.domain.services.listing import Seen
from collector.domain.services.rules import Reason

Shown = dict[str, object]


def shown(seen: Seen) -> Shown:
    """As documented, and what follows beside it."""
    service, derived = seen.service, seen.derived
    return {
        "id": service.id,
        "slug": service.slug,
        "name": service.name,
        "description": service.description,
        "current_status": derived.status,
        "visibility": service.visibility,
        "tags": service.tags,
        "reasons": [_reason(one) for one in derived.reasons],
        "data_state": derived.data_state,
        "stale_since": derived.stale_since,
        "updated_at": seen.updated_at,
        "group": service.group_name,
        "kind": service.kind,
    }


def _reason(one: Reason) -> Shown:
    since: datetime = one.since
    return {"source": one.source, "id": one.id, "status": one.status, "since": since, "title": one.title}
