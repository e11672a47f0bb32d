"""What people decide about recommendations; each decision leaves its activity entry."""

from dataclasses import dataclass, replace
from datetime import datetime

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


def decide(conn: Connection, tenant_id: int, rec_id: str, decision: Decision, act: Act) -> Kept | None:
    """None where there is no such recommendation; `Refusal` where its status does not allow that."""
    known = store.find(conn, tenant_id, rec_id)
    if known is None:
        return None
    _check(known, decision.status)
    made = replace(
        known,
        status=decision.status,
        reason=decision.reason,
        snoozed_until=decision.until,
        implemented_by=decision.by,
        implemented_at=decision.at,
        updated_at=act.at,
    )
    store.save(conn, tenant_id, [made])
    activity.append(conn, tenant_id, [_entry(made, f"recommendation_{made.status.lower()}", act)])
    return made


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
)
