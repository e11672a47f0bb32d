"""Leaving a resource alone for a while, whatever its schedules say, and letting go of it again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.schedules import overrides
from collector.domain.schedules.changes import check_place, rebuild
from collector.domain.schedules.overrides import Held, Keep, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What is to be left as it is; its end is checked."""

    place: Place
    keep: Keep
    until: datetime
    reason: str = ""


def hold(conn: Connection, tenant_id: int, wanted: Hold, act: Act) -> Held:
    """`NotThere` unless the account is linked. What was wanted of the resource before is over."""
    check_place(conn, tenant_id, wanted.place.account_id, wanted.place.region)
    made = Held(
        tenant_id=tenant_id,
        **wanted.place._asdict(),
        keep=wanted.keep,
        until=wanted.until,
        author=act.by,
        reason=wanted.reason,
        created_at=act.at,
    )
    overrides.put(conn, tenant_id, made)
    overrides.note(conn, tenant_id, made, "resource_override_set", act)
    rebuild(conn, tenant_id, made.account_id, act.at)
    return made


def release(conn: Connection, tenant_id: int, place: Place, act: Act) -> bool:
    """Its schedules apply again; False where there was no override."""
    known = overrides.find(conn, tenant_id, place)
    if known is None or known.until <= act.at:
        return False
    overrides.remove(conn, tenant_id, [place])
    overrides.note(conn, tenant_id, known, "resource_override_removed", act)
    rebuild(conn, tenant_id, known.account_id, act.at)
    return True


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def end_over(conn: Connection, now: datetime, limit: int) -> int:
    """Forget overrides that are over, which agents have done by themselves; how many there were."""
    over = overrides.ended(conn, now, limit)
    for one in over:
        overrides.remove(conn, one.tenant_id, [one.place])
        overrides.note(conn, one.tenant_id, one, "resource_override_ended", Act("fieldpost", now))
    for tenant_id, account_id in sorted({(one.tenant_id, one.account_id) for one in over}):
        rebuild(conn, tenant_id, account_id, now)
    return len(over)
