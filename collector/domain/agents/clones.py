"""Pure: one agent, or two machines that speak as one.

A restart, a reboot and a move to another host look alike at first: a new start speaks, and the one before is silent
from then on. A clone shows in that the one before goes on speaking. Then the one that was heard of later is parked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from common.identity import Origin

MARGIN = timedelta(seconds=30)
"""What was sent so soon after another start took over may have been on its way."""
ALIVE_BEATS = 3
LEAST_ALIVE = timedelta(minutes=1)
"""Agents ask for their assignment at least this often, whatever their heartbeat is."""


class Instance(NamedTuple):
    """One start of an agent, as far as it is known; all times are the collector's."""

    instance: str
    host: str
    boot: str
    first_seen_at: datetime
    last_seen_at: datetime
    superseded_at: datetime | None = None
    parked_at: datetime | None = None

    @property
    def is_current(self) -> bool:
        return self.superseded_at is None and self.parked_at is None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A request: who made it, when it was sent by the agent's word, and when it came."""

    origin: Origin
    sent_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """`parked`: nothing of this request counts; `changed`: what is to be remembered."""

    parked: bool
    changed: tuple[Instance, ...] = ()


WELL = Verdict(parked=False)


def alive_for(heartbeat_s: int) -> timedelta:
    """How long after its last word an agent counts as alive."""
    return max(ALIVE_BEATS * timedelta(seconds=heartbeat_s), LEAST_ALIVE)


def judge(known: Sequence[Instance], spoken: Spoken, *, alive: timedelta) -> Verdict:
    """Whether this start of the agent is to be believed."""
    own = next((one for one in known if one.instance == spoken.origin.instance), None)
    current = next((one for one in known if one.is_current), None)
    if own is None:
        return _newcomer(current, spoken, alive)
    heard = own._replace(last_seen_at=max(own.last_seen_at, spoken.now))
    if own.parked_at is not None:
        return Verdict(parked=True, changed=(heard,))
    if own.superseded_at is None:
        return Verdict(parked=False, changed=(heard,))
    if spoken.sent_at <= own.superseded_at + MARGIN:
        return WELL  # an echo
    return _returned(heard, current, spoken.now, alive)


def _newcomer(current: Instance | None, spoken: Spoken, alive: timedelta) -> Verdict:
    now = spoken.now
    new = Instance(spoken.origin.instance, spoken.origin.host, spoken.origin.boot, now, now)
    if current is None:
        return Verdict(parked=False, changed=(new,))
    if _elsewhere(current.host, spoken.origin.host) and now - current.last_seen_at <= alive:
        return Verdict(parked=True, changed=(new._replace(parked_at=now),))
    return Verdict(parked=False, changed=(new, current._replace(superseded_at=now)))


def _returned(own: Instance, current: Instance | None, now: datetime, alive: timedelta) -> Verdict:
    """It was taken for dead and is not."""
    back = own._replace(superseded_at=None)
    if current is None:
        return Verdict(parked=False, changed=(back,))
    if not _lives(current, now, alive):
        return Verdict(parked=False, changed=(back, current._replace(superseded_at=now)))
    if (own.first_seen_at, own.instance) > (current.first_seen_at, current.instance):
        return Verdict(parked=True, changed=(own._replace(parked_at=now),))
    return Verdict(parked=False, changed=(back, current._replace(parked_at=now)))


def _lives(one: Instance, now: datetime, alive: timedelta) -> bool:
    """It spoke lately, and more than once: a single word may have been long on its way."""
    return now - one.last_seen_at <= alive and one.first_seen_at < one.last_seen_at


def _elsewhere(one: str, other: str) -> bool:
    """Two machines; one that cannot be told from others is never another one."""
    return bool(one and other) and one != other


def accepted(known: Sequence[Instance], instance: str, now: datetime) -> tuple[Instance, ...]:
    """An operator says which one is right: what changes, nothing where that one is not parked."""
    right = next((one for one in known if one.instance == instance and one.parked_at is not None), None)
    if right is None:
        return ()
    others = (one._replace(parked_at=now) for one in known if one.is_current)
    return (right._replace(parked_at=None, superseded_at=None), *others)


def is_due(verdict: Verdict, known: Sequence[Instance], *, every: timedelta) -> bool:
    """Whether the verdict has to be written now; that somebody was heard of again can wait for a while."""
    before = {one.instance: one for one in known}
    return any(_matters(before.get(one.instance), one, every) for one in verdict.changed)


def _matters(before: Instance | None, after: Instance, every: timedelta) -> bool:
    if before is None or before._replace(last_seen_at=after.last_seen_at) != after:
        return True
    return after.last_seen_at - before.last_seen_at >= every or before.first_seen_at == before.last_seen_at
