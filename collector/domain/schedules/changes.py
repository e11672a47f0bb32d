"""Making, changing, pausing and deleting schedules; every change reaches the agent and the activity log."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.assignments import store as assignments
from collector.domain.schedules import store
from collector.domain.schedules.store import Kept, Status
from common.ids import new_id


class NotThere(Refusal):
    """The account is not linked, or is not looked at in that region; `field` says which."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(expected)
        self.field = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A schedule as somebody wants it; its parts are checked."""

    name: str
    type: Literal["TAG_BASED", "RESOURCE_BASED"]
    account_id: str
    region: str
    tag_rules: dict[str, str] = field(default_factory=dict)
    resource_ids: list[str] = field(default_factory=list)
    hours: dict[str, Any]
    resource_types: list[str]


def create(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> Kept:
    given = {name: getattr(wanted, name) for name in Wanted.__slots__}
    made = Kept(tenant_id=tenant_id, id=new_id("sched"), created_at=act.at, updated_at=act.at, **given)
    _check_place(conn, tenant_id, wanted)
    store.save(conn, tenant_id, made)
    _follow(conn, made, "schedule_created", act)
    return made


def change(conn: Connection, tenant_id: int, schedule_id: str, wanted: Wanted, act: Act) -> Kept | None:
    """Replace everything that people write; what it matched is looked up anew. None where there is no such thing."""
    known = store.find(conn, tenant_id, schedule_id)
    if known is None:
        return None
    _check_place(conn, tenant_id, wanted)
    given = {name: getattr(wanted, name) for name in Wanted.__slots__}
    made = replace(known, **given, matches={}, projected_savings=None, updated_at=act.at)
    store.save(conn, tenant_id, made)
    if known.account_id != made.account_id:
        _rebuild(conn, known, act)
    _follow(conn, made, "schedule_changed", act)
    return made


def switch(conn: Connection, tenant_id: int, schedule_id: str, status: Status, act: Act) -> Kept | None:
    """Pause or resume; asked for what it is already, nothing changes."""
    known = store.find(conn, tenant_id, schedule_id)
    if known is None or known.status == status:
        return known
    made = replace(known, status=status, updated_at=act.at)
    store.save(conn, tenant_id, made)
    _follow(conn, made, "schedule_paused" if status == "PAUSED" else "schedule_resumed", act)
    return made


def delete(conn: Connection, tenant_id: int, schedule_id: str, act: Act) -> bool:
    known = store.find(conn, tenant_id, schedule_id)
    if known is None:
        return False
    store.remove(conn, tenant_id, schedule_id)
    _follow(conn, known, "schedule_deleted", act)
    return True


def _check_place(conn: Connection, tenant_id: int, wanted: Wanted) -> None:
    linked = accounts.find(conn, tenant_id, wanted.account_id)
    if linked is None:
        raise NotThere("accountId", "a linked AWS account")
    if wanted.region not in linked.regions:
        raise NotThere("region", f"one of {', '.join(linked.regions)}")


def _follow(conn: Connection, one: Kept, action: str, act: Act) -> None:
    _rebuild(conn, one, act)
    about = {"by": act.by, "schedule_id": one.id, "name": one.name, "account_id": one.account_id}
    activity.append(conn, one.tenant_id, [Entry(action, about, act.at)])


def _rebuild(conn: Connection, one: Kept, act: Act) -> None:
    linked = accounts.find(conn, one.tenant_id, one.account_id)
    assignments.rebuild(conn, one.tenant_id, (linked.agent_id if linked else None) or "", act.at)
