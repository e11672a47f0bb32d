"""Pure: what the assignment wants of each area, and when an area has to be looked at."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agent.power.known import Area
from agent.power.matching import Wanted
from agent.power.messages import PROTECTION, Looked, Seen
from agent.power.projection import Projection
from common.windows import latest_edge, next_edge
from common.wire import Assignment
from common.wire_aws import Account, Override, Schedule

ENFORCED_EVERY = timedelta(minutes=15)
LOOK_EVERY = timedelta(hours=1)
WORTH_EVERY = timedelta(days=1)
PROTECTION_EVERY = timedelta(days=1)
FORGET_AFTER = timedelta(hours=1)
_LONGEST_WAIT = timedelta(minutes=15)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds for one area."""

    account: Account
    schedules: tuple[Schedule, ...]
    overrides: tuple[Override, ...]

    def worth_as(self, other: "Orders | None") -> bool:
        """Whether the same resources come into question at the same prices."""
        return other is not None and (self.account, self.schedules) == (other.account, other.schedules)


class News(NamedTuple):
    """What was said of a schedule, at which of its revisions."""

    revision: int
    projection: Projection


@dataclass(slots=True)
class Post:
    """What the executor keeps in mind of an area while it runs; none of it has to survive a restart.

    `worths`: each resource as it was when its price was asked for last; `absent`: since when it is not seen any more;
    `matched`: what was last said of each schedule, and when; `protection`: what is known of each instance, and
    `protection_at`: since when of all of them.
    """

    area: Area
    orders: Orders | None = None
    looked_at: datetime | None = None
    next_at: datetime | None = None
    worth_at: datetime | None = None
    failures: int = 0
    worths: dict[str, Seen] = field(default_factory=dict)
    absent: dict[str, datetime] = field(default_factory=dict)
    matched: dict[str, tuple[News, datetime]] = field(default_factory=dict)
    protection: dict[str, bool] = field(default_factory=dict)
    protection_at: datetime | None = None
    visit: asyncio.Task[None] | None = None

    @property
    def topic(self) -> str:
        return f"schedules of {self.area.account} in {self.area.region}"

    def take(self, orders: Orders | None) -> bool:
        """Follow new orders from now on; whether they are new."""
        if orders == self.orders:
            return False
        if orders is not None and not orders.worth_as(self.orders):
            self.worth_at = None
        self.orders, self.next_at, self.failures = orders, None, 0
        return True

    def due(self, now: datetime) -> bool:
        """Whether to look now: the time has come, or the clock went back behind the last look."""
        if self.orders is None:
            return False
        return self.next_at is None or self.next_at <= now or (self.looked_at is not None and self.looked_at > now)

    def revision(self, schedule: str) -> int | None:
        """The one at which it was last said what a schedule matches."""
        known = self.matched.get(schedule)
        return known[0].revision if known else None

    def wants_worth(self, now: datetime) -> bool:
        return self.worth_at is None or now - self.worth_at >= WORTH_EVERY or self.worth_at > now

    def wants_protection(self, now: datetime) -> bool:
        """Whether to ask again of what is known: once a day, and at the first look after the time of a stop."""
        if self.orders is None or self.protection_at is None or self.protection_at > now:
            return True
        edges = [latest_edge((one.window,), now) for one in self.orders.schedules]
        stops = [edge.at for edge in edges if edge is not None and edge.action == "STOP"]
        return now - self.protection_at >= PROTECTION_EVERY or any(at > self.protection_at for at in stops)

    def learn(self, looked: Looked, now: datetime, *, again: bool) -> None:
        """Of stop protection. What could not be asked stays as it was known."""
        there = {seen.resource.id for seen in looked.resources}
        self.protection = {name: is_on for name, is_on in self.protection.items() if name in there} | looked.protection
        if again and PROTECTION not in looked.gaps:
            self.protection_at = now

    def put_off(self, now: datetime) -> None:
        """Nothing came of a look or of a call."""
        self.failures += 1
        self.next_at = now + min(timedelta(minutes=2 ** min(self.failures - 1, 4)), _LONGEST_WAIT)


def orders_of(assignment: Assignment) -> dict[Area, Orders]:
    """By area; schedules of accounts that are not (or no longer) this agent's are nobody's."""
    accounts = {account.account: account for account in assignment.accounts}
    schedules: dict[Area, list[Schedule]] = {}
    for one in sorted(assignment.schedules, key=lambda one: one.schedule):
        if one.account in accounts:
            schedules.setdefault(Area(one.account, one.region), []).append(one)
    return {
        area: Orders(accounts[area.account], tuple(found), _overrides(assignment.overrides, area))
        for area, found in schedules.items()
    }


def next_look(orders: Orders, worth_at: datetime | None, again: Iterable[datetime], now: datetime) -> datetime:
    """The first moment at which anything may have to be done, or to be found out."""
    running = [one for one in orders.schedules if not one.paused or one.paused_until is not None]
    every = ENFORCED_EVERY if any(one.enforce for one in running) else LOOK_EVERY
    moments = [now + every, (worth_at or now) + WORTH_EVERY, *again]
    moments += [one.until for one in orders.overrides]
    moments += [one.paused_until for one in running if one.paused and one.paused_until]
    edges = [next_edge((one.window,), max(now, (one.paused_until if one.paused else None) or now)) for one in running]
    moments += [edge.at for edge in edges if edge is not None]
    return min((moment for moment in moments if moment > now), default=_NEVER)


def covers(look: Wanted, schedule: Schedule) -> bool:
    """Whether a look that asks for so much shows everything that a schedule may apply to."""
    tagged = not schedule.tags or schedule.tags in look.tags
    return tagged and set(schedule.resource_types) <= set(look.types) and set(schedule.resources) <= set(look.ids)


def worth_of(seen: Seen, worths: Mapping[str, Seen]) -> Seen:
    """What was found out of its price when that was asked for last."""
    known = worths.get(seen.resource.key)
    if known is None:
        return seen
    return Seen(seen.resource, seen.arn, known.rate, known.price_label, known.running_hours, known.note)


def _overrides(overrides: Iterable[Override], area: Area) -> tuple[Override, ...]:
    found = [one for one in overrides if (one.account, one.region) == (area.account, area.region)]
    return tuple(sorted(found, key=lambda one: (one.resource, one.until)))
