"""Rules that maintenance recurs by: made, followed some weeks ahead, and ended."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.incidents.rules import check_text, check_title
from collector.domain.maintenance import changes, recurrence, rules, store
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.clock import BY
from collector.domain.maintenance.recurrence import AHEAD, Recurring
from collector.domain.maintenance.rules import LONGEST, Unfit, Window
from collector.domain.maintenance.tables import recurrence as recurrence_table
from collector.domain.services.rules import Visibility
from common.ids import new_id

_EVERY = timedelta(days=1)
"""How often a rule is followed further."""

_TOLD_AHEAD = timedelta(days=7)
"""How long before it begins a window is announced; of a rule that has just been made the next one in any case."""


class NoSuchRule(Refusal):
    """There is none of that id in this tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of `recurrence`; the fields are its columns."""

    tenant_id: int
    id: str
    title: str
    description: str
    visibility: Visibility
    rule: str
    timezone: str
    first_start: str
    minutes: int
    services: list[int]
    exclude_from_sla: bool
    suppress_alerts: bool
    expanded_until: datetime
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None


def checked(wanted: Recurring) -> Recurring:
    """As it is stored; `Unfit` names the field that cannot be used."""
    made = replace(
        wanted,
        title=_written("title", wanted.title),
        description=_written("description", wanted.description),
        rule=recurrence.normal(wanted.rule),
        services=rules.check_services(wanted.services),
    )
    recurrence.check(made)
    return made


def create(conn: Connection, tenant_id: int, wanted: Recurring, act: Act) -> Rule:
    """Store what was checked, and make the windows of the first weeks."""
    changes.check_known(conn, tenant_id, wanted.services)
    given = {name: getattr(wanted, name) for name in Recurring.__slots__ if name != "services"}
    made = Rule(
        tenant_id=tenant_id,
        id=new_id("recur"),
        services=list(wanted.services),
        expanded_until=act.at,
        created_at=act.at,
        created_by=act.by,
        **given,
    )
    _SAVE(conn, [made])
    _log(conn, made, "recurrence_created", act)
    return follow(conn, made, act)


def all_of(conn: Connection, tenant_id: int) -> list[Rule]:
    """Ended ones too, the newest first."""
    return [Rule(**row) for row in conn.execute(_ALL, {"tenant_id": tenant_id}).mappings()]


def find(conn: Connection, tenant_id: int, rule_id: str) -> Rule:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "rule": rule_id}).mappings().one_or_none()
    if row is None:
        raise NoSuchRule(f"no recurring maintenance {rule_id}")
    return Rule(**row)


def windows(conn: Connection, tenant_id: int, rule_id: str, now: datetime) -> list[Window]:
    """What it has made that is not over."""
    made = store.of_rule(conn, tenant_id, find(conn, tenant_id, rule_id).id, now - LONGEST)
    return [one for one in made if rules.state(one, now) in rules.OPEN]


def end(conn: Connection, tenant_id: int, rule_id: str, act: Act) -> Rule:
    """No more windows; those that have not begun are cancelled."""
    known = _held(conn, tenant_id, rule_id)
    if known.ended_at is not None:
        return known
    for one in store.of_rule(conn, tenant_id, rule_id, act.at - LONGEST):
        if "cancel" in rules.possible(one, act.at):
            changes.move(conn, tenant_id, one.id, "cancel", act)
    return _ended(conn, tenant_id, known, act)


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def extend(conn: Connection, now: datetime, limit: int) -> int:
    """Make the windows that have come into reach; of how many rules."""
    due = conn.execute(_DUE, {"before": now + AHEAD - _EVERY, "limit": limit}).mappings().all()
    for row in due:
        follow(conn, Rule(**row), Act(BY, now))
    return len(due)


def follow(conn: Connection, rule: Rule, act: Act) -> Rule:
    """Make what is missing up to some weeks ahead; the caller holds the row.

    Each instant that the rule gives makes one window, also where that was moved or cancelled since. What has passed
    while nobody was there is not made up for: that work was never announced.
    """
    known = store.known_services(conn, rule.tenant_id, rule.services)
    if not known:
        return _ended(conn, rule.tenant_id, rule, act, why="none of its services is left")
    since, until = max(rule.expanded_until, act.at), act.at + AHEAD
    made = {one.occurrence for one in store.of_rule(conn, rule.tenant_id, rule.id, since)}
    starts = recurrence.starts(rule.rule, rule.timezone, rule.first_start, since=since, until=until)
    for start in starts:
        if start not in made:
            wanted = _wanted(rule, start, tuple(one for one in rule.services if one in known))
            changes.add(conn, rule.tenant_id, wanted, act, (rule.id, start))
    _announce(conn, rule, act)
    followed = replace(rule, expanded_until=max(until, rule.expanded_until))
    _save(conn, followed)
    return followed


def _announce(conn: Connection, rule: Rule, act: Act) -> None:
    """A window at a time as they come near, not all that a rule makes in one go."""
    made = store.of_rule(conn, rule.tenant_id, rule.id, act.at - LONGEST)
    ahead = [one for one in made if rules.state(one, act.at) == "scheduled"]
    for place, one in enumerate(sorted(ahead, key=lambda one: one.scheduled_start)):
        if place == 0 or one.scheduled_start <= act.at + _TOLD_AHEAD:
            changes.announce(conn, rule.tenant_id, one, act)


def _ended(conn: Connection, tenant_id: int, rule: Rule, act: Act, *, why: str = "") -> Rule:
    made = replace(rule, tenant_id=tenant_id, ended_at=act.at)
    _save(conn, made)
    _log(conn, made, "recurrence_ended", act, **({"reason": why} if why else {}))
    return made


def _wanted(rule: Rule, start: datetime, services: tuple[int, ...]) -> Wanted:
    return Wanted(
        title=rule.title,
        description=rule.description,
        visibility=rule.visibility,
        scheduled_start=start,
        scheduled_end=start + timedelta(minutes=rule.minutes),
        services=services,
        exclude_from_sla=rule.exclude_from_sla,
        suppress_alerts=rule.suppress_alerts,
    )


def _written(field: str, text: str) -> str:
    try:
        return check_title(text) if field == "title" else check_text(text)
    except ValueError as error:
        raise Unfit(field, text[:80], str(error)) from None


def _held(conn: Connection, tenant_id: int, rule_id: str) -> Rule:
    row = conn.execute(_HELD, {"tenant_id": tenant_id, "rule": rule_id}).mappings().one_or_none()
    if row is None:
        raise NoSuchRule(f"no recurring maintenance {rule_id}")
    return Rule(**row)


def _save(conn: Connection, rule: Rule) -> None:
    place = {"of_tenant": rule.tenant_id, "of_rule": rule.id}
    conn.execute(_MOVE, {**place, "new_reach": rule.expanded_until, "new_end": rule.ended_at})


def _log(conn: Connection, rule: Rule, action: str, act: Act, **about: object) -> None:
    properties = {
        "by": act.by,
        "recurrence_id": rule.id,
        "title": rule.title,
        "rule": rule.rule,
        "timezone": rule.timezone,
        "first_start": rule.first_start,
        "minutes": rule.minutes,
        **about,
    }
    activity.append(conn, rule.tenant_id, [Entry(action, properties, act.at)])


_R = recurrence_table.c
_SAVE = upsert(recurrence_table, objects=True)
_ALL = select(recurrence_table).where(_R.tenant_id == bindparam("tenant_id")).order_by(_R.id.desc())
_ONE = select(recurrence_table).where(_R.tenant_id == bindparam("tenant_id"), _R.id == bindparam("rule"))
_HELD = _ONE.with_for_update()
_MOVE = (
    update(recurrence_table)
    .where(_R.tenant_id == bindparam("of_tenant"), _R.id == bindparam("of_rule"))
    .values(
        expanded_until=bindparam("new_reach", type_=_R.expanded_until.type),
        ended_at=bindparam("new_end", type_=_R.ended_at.type),
    )
)
_DUE = (
    select(recurrence_table)
    .where(_R.ended_at.is_(None), _R.expanded_until < bindparam("before"))
    .order_by(_R.expanded_until)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
