"""What people decide about recommendations; each decision leaves its activity entry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.costs import rules, store
from collector.domain.costs.rules import Kept, Status
from collector.domain.costs.tables import recommendation


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decides: done (`by` whom, `at` which instant), put off (`until`), or never."""

    status: Status
    reason: str = ""
    until: datetime | None = None
    by: str | None = None
    at: datetime | None = None


class Made(NamedTuple):
    """`known`: a recommendation as it is now, None where there is none; with a `refusal` it is as it was."""

    known: Kept | None = None
    refusal: Refusal | None = None


def decide(conn: Connection, tenant_id: int, rec_id: str, decision: Decision, act: Act) -> Kept | None:
    """None where there is no such recommendation; `Refusal` where its status does not allow that."""
    made = decide_all(conn, tenant_id, [rec_id], decision, act)[rec_id]
    if made.refusal is not None:
        raise made.refusal
    return made.known


def decide_all(
    conn: Connection, tenant_id: int, rec_ids: Sequence[str], decision: Decision, act: Act
) -> dict[str, Made]:
    """The same decision about several; what is refused leaves the others alone."""
    known = store.known(conn, tenant_id, rec_ids)
    made = {rec_id: _made(known.get(rec_id), decision, act) for rec_id in rec_ids}
    changed = [one.known for one in made.values() if one.known is not None and one.refusal is None]
    store.save(conn, tenant_id, changed)
    activity.append(conn, tenant_id, [_entry(one, f"recommendation_{one.status.lower()}", act) for one in changed])
    return made


def _made(known: Kept | None, decision: Decision, act: Act) -> Made:
    if known is None:
        return Made()
    try:
        _check(known, decision.status)
    except Refusal as refusal:
        return Made(known, refusal)
    changes: dict[str, Any] = {
        "status": decision.status,
        "reason": decision.reason,
        "snoozed_until": decision.until,
        "implemented_by": decision.by,
        "implemented_at": decision.at,
    }
    return Made(replace(known, **changes, updated_at=act.at))


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def wake(conn: Connection, now: datetime, limit: int) -> int:
    """Bring back what was put off until now; returns how many there were."""
    due = [Kept(**row) for row in conn.execute(_DUE, {"now": now, "limit": limit}).mappings()]
    for one in due:
        store.save(conn, one.tenant_id, [replace(rules.reopened(one), updated_at=now)])
        activity.append(conn, one.tenant_id, [_entry(one, "recommendation_woken", Act("fieldpost", now))])
    return len(due)


def _check(known: Kept, wanted: Status) -> None:
    if known.ended_at is not None:
        raise Refusal("The last scan no longer found it: there is nothing left to decide")
    if not rules.may_become(known.status, wanted):
        choices = " or ".join(rules.choices(known.status)) or "nothing else by hand"
        raise Refusal(f"It is {known.status}, which can become {choices}")


def _entry(one: Kept, action: str, act: Act) -> Entry:
    about = {"recommendation_id": one.id, "account_id": one.account_id, "resource_id": one.resource_id}
    return Entry(action, {"by": act.by, **about, "factor": one.factor, "reason": one.reason}, act.at)


_R = recommendation.c

_DUE = (
    select(recommendation)
    .where(_R.status == "SNOOZED", _R.snoozed_until <= bindparam("now"))
    .order_by(_R.snoozed_until)
    .limit(bindparam("limit"))
    .with_for_update()
)
