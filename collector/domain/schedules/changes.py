"""Making, changing, pausing and deleting schedules; every change reaches the agent and the activity log."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.accounts.rules import IN_REACH
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents.tables import agent
from collector.domain.assignments import store as assignments
from collector.domain.schedules import matches, store
from collector.domain.schedules.store import Kept
from common.clock import iso
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
    enforce: bool = False
    hibernate: bool = False
    dry_run: bool = False


Option = Literal["enforce", "hibernate", "dry_run"]

_LOOKED_UP = ("type", "account_id", "region", "tag_rules", "resource_ids", "hours", "resource_types")
"""What decides what it applies to, and what it saves."""


def create(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> Kept:
    made = Kept(tenant_id=tenant_id, id=new_id("sched"), created_at=act.at, updated_at=act.at, **_given(wanted))
    check_place(conn, tenant_id, wanted.account_id, wanted.region)
    store.save(conn, tenant_id, made)
    _follow(conn, made, "schedule_created", act)
    return made


def change(conn: Connection, tenant_id: int, schedule_id: str, wanted: Wanted, act: Act) -> Kept | None:
    """Replace everything that people write; what it matched is looked up anew. None where there is no such thing."""
    known = store.held(conn, tenant_id, schedule_id)
    if known is None:
        return None
    check_place(conn, tenant_id, wanted.account_id, wanted.region)
    made = replace(known, **_given(wanted), updated_at=act.at)
    if any(getattr(known, name) != getattr(made, name) for name in _LOOKED_UP):
        made = replace(made, revision=known.revision + 1, matches={}, projected_savings=None)
        matches.forget(conn, tenant_id, known.id)
    store.save(conn, tenant_id, made)
    if known.account_id != made.account_id:
        rebuild(conn, tenant_id, known.account_id, act.at)
    _follow(conn, made, "schedule_changed", act)
    return made


class Switch(NamedTuple):
    """One way of applying a schedule, to be on or off."""

    option: Option
    on: bool


def set_option(conn: Connection, tenant_id: int, schedule_id: str, wanted: Switch, act: Act) -> Kept | None:
    """Change only how it is applied; None where there is no such thing."""
    known = store.held(conn, tenant_id, schedule_id)
    if known is None:
        return None
    given = {name: getattr(known, name) for name in Wanted.__slots__}
    given[wanted.option] = wanted.on
    return change(conn, tenant_id, schedule_id, Wanted(**given), act)


def pause(conn: Connection, tenant_id: int, schedule_id: str, until: datetime | None, act: Act) -> Kept | None:
    """Leave resources as they are, until then or until somebody resumes; the last word on how long holds."""
    known = store.held(conn, tenant_id, schedule_id)
    if known is None or (known.status, known.paused_until) == ("PAUSED", until):
        return known
    made = replace(known, status="PAUSED", paused_until=until, updated_at=act.at)
    store.save(conn, tenant_id, made)
    _follow(conn, made, "schedule_paused", act)
    return made


def resume(conn: Connection, tenant_id: int, schedule_id: str, act: Act, *, apply: bool = False) -> Kept | None:
    """Go on; `apply`: with the latest edge that passed in the meantime, instead of the next one.

    `NotThere` when the account was unlinked.
    """
    known = store.held(conn, tenant_id, schedule_id)
    if known is None or (known.status == "ACTIVE" and not (apply and known.since)):
        return known
    check_place(conn, tenant_id, known.account_id, known.region)
    made = replace(known, status="ACTIVE", paused_until=None, since=None if apply else act.at, updated_at=act.at)
    store.save(conn, tenant_id, made)
    _follow(conn, made, "schedule_resumed", act)
    return made


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def end_pauses(conn: Connection, now: datetime, limit: int) -> int:
    """Go on with what was paused until now; agents have done so by themselves. How many there were."""
    due = store.paused_until(conn, now, limit)
    for known in due:
        made = replace(known, status="ACTIVE", paused_until=None, since=known.paused_until, updated_at=now)
        store.save(conn, known.tenant_id, made)
        _follow(conn, made, "schedule_resumed", Act("fieldpost", now))
    return len(due)


def delete(conn: Connection, tenant_id: int, schedule_id: str, act: Act) -> bool:
    known = store.held(conn, tenant_id, schedule_id)
    if known is None:
        return False
    store.remove(conn, tenant_id, schedule_id)
    _follow(conn, known, "schedule_deleted", act)
    return True


def check_place(conn: Connection, tenant_id: int, account_id: str, region: str) -> None:
    """`NotThere` unless the account is linked and the region one of its own."""
    linked = accounts.find(conn, tenant_id, account_id)
    if linked is None:
        raise NotThere("accountId", "a linked AWS account")
    if region not in linked.regions:
        raise NotThere("region", f"one of {', '.join(linked.regions)}")


def rebuild(conn: Connection, tenant_id: int, account_id: str, now: datetime) -> None:
    """Tell the agent of the account."""
    linked = accounts.find(conn, tenant_id, account_id)
    assignments.rebuild(conn, tenant_id, (linked.agent_id if linked else None) or "", now)


def in_reach(conn: Connection, tenant_id: int, account_id: str, now: datetime) -> bool:
    """Whether the agent of the account has been heard of lately."""
    linked = accounts.find(conn, tenant_id, account_id)
    place = {"tenant_id": tenant_id, "agent_id": (linked.agent_id if linked else None) or ""}
    seen = conn.execute(_SEEN, place).scalar_one_or_none()
    return seen is not None and now - seen <= IN_REACH


def _given(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Wanted.__slots__}


def _follow(conn: Connection, one: Kept, action: str, act: Act) -> None:
    rebuild(conn, one.tenant_id, one.account_id, act.at)
    until = {"until": iso(one.paused_until)} if one.paused_until else {}
    about = {"by": act.by, "schedule_id": one.id, "name": one.name, "account_id": one.account_id, **until}
    activity.append(conn, one.tenant_id, [Entry(action, about, act.at)])


_SEEN = select(agent.c.last_seen_at).where(
    agent.c.tenant_id == bindparam("tenant_id"), agent.c.id == bindparam("agent_id"), agent.c.state == "active"
)
