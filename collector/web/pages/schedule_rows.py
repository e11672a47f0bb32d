"""Pure: what the pages of schedules say of one at a glance: its state, its next edge, what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from collector.domain.accounts.rules import IN_REACH
from collector.domain.accounts.store import Linked
from collector.domain.agents.store import ListedAgent
from collector.domain.schedules import rules
from collector.domain.schedules.executions import Last
from collector.domain.schedules.rules import Shown
from collector.domain.schedules.store import Kept
from common import schedule_document
from common.wire_aws import Window

_INSTANT = timedelta(microseconds=1)
_HORIZONS = tuple(timedelta(days=days) for days in (14, 70, 400))
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LOOKS = tuple(timedelta(days=days) for days in (3, 8, 64, 512))
"""Most find their next edge in the first: each look costs by its length."""
_PAIR = 2
_RANKS = {"serious": 0, "warning": 1, "info": 2}
_BAD = {"FAILED": "serious", "MISSED": "serious", "PARTIAL": "warning"}
_WENT = {"FAILED": "failed", "MISSED": "was missed", "PARTIAL": "was done in part"}


class Tag(NamedTuple):
    """A word about a schedule, and the class of its colour."""

    text: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is known beside the schedules themselves."""

    accounts: Mapping[str, Linked]
    agents: Mapping[str, ListedAgent]
    last: Mapping[str, Last]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A schedule as a list shows it; `trouble`: what needs somebody, the worst first."""

    one: Kept
    account: str
    tags: Sequence[Tag]
    trouble: Sequence[Tag]
    last: Last | None

    @property
    def rank(self) -> tuple[int, str, str]:
        """Trouble first, then by name."""
        worst = min((_RANKS[tag.level] for tag in self.trouble), default=len(_RANKS))
        return worst, self.one.name.lower(), self.one.id


def rows(found: Sequence[Kept], around: Around) -> list[Row]:
    return sorted((row(one, around) for one in found), key=lambda row: row.rank)


def row(one: Kept, around: Around) -> Row:
    linked = around.accounts.get(one.account_id)
    last = around.last.get(one.id)
    return Row(one=one, account=linked.name if linked else "", tags=tags(one), trouble=trouble(one, around), last=last)


def tags(one: Kept) -> list[Tag]:
    """How it is applied, in words."""
    state = Tag("Active", "ok") if one.status == "ACTIVE" else Tag("Paused", "warning")
    options = (("Dry run", one.dry_run), ("Enforce", one.enforce), ("Hibernate", one.hibernate))
    return [state, *(Tag(text, "info") for text, on in options if on)]


def trouble(one: Kept, around: Around) -> list[Tag]:
    """What needs somebody, the worst first."""
    found = [*_of_account(one, around), *_of_edge(around.last.get(one.id)), *_of_look(one)]
    return sorted(found, key=lambda tag: _RANKS[tag.level])


def _of_account(one: Kept, around: Around) -> list[Tag]:
    linked = around.accounts.get(one.account_id)
    if linked is None:
        return [Tag("Its account is not linked any more: nothing is started or stopped", "serious")]
    if linked.status == "FAILED":
        return [Tag(f"Its account cannot be used: {linked.reason or 'the check of its role failed'}", "serious")]
    agent = around.agents.get(linked.agent_id or "")
    if agent is None:
        return [Tag("No agent looks after its account", "serious")]
    if agent.last_seen_at is None or around.now - agent.last_seen_at > IN_REACH:
        return [Tag(f"Agent {agent.name} is silent: what it does is not known here", "warning")]
    return []


def _of_edge(last: Last | None) -> list[Tag]:
    if last is None or last.status not in _BAD:
        return []
    return [Tag(f"The latest {last.action.lower()} {_WENT[last.status]}", _BAD[last.status])]


def _of_look(one: Kept) -> list[Tag]:
    if not one.looked or not one.matches:
        return [Tag("Its agent has not said yet what it applies to", "info")]
    return [] if one.matched else [Tag("It applies to nothing", "warning")]


# --- edges ---------------------------------------------------------------------------------------------------------


class Coming(NamedTuple):
    """An edge to come; `off`: it will pass without anything being done."""

    edge: Shown
    off: bool


def window_of(one: Kept) -> Window:
    return schedule_document.parse(one.hours)


def next_of(one: Kept, now: datetime) -> Shown | None:
    """The next edge that will be applied; None where it is paused for good, or has none for over a year."""
    if one.status == "PAUSED" and one.paused_until is None:
        return None
    window = window_of(one)
    begin = max(now, one.paused_until - _INSTANT) if one.status == "PAUSED" and one.paused_until else now
    looks = (rules.preview(window, begin + _INSTANT, begin + horizon) for horizon in _LOOKS)
    return next((found[0] for found in looks if found), None)


def coming(window: Window, now: datetime, count: int) -> list[Shown]:
    """The next edges, as the API previews them."""
    found: list[Shown] = []
    for horizon in _HORIZONS:
        found = rules.preview(window, now, now + horizon)
        if len(found) >= count:
            break
    return found[:count]


def is_off(one: Kept, at: datetime) -> bool:
    """Whether an edge to come is passed over, because of the pause as it is now."""
    return one.status == "PAUSED" and (one.paused_until is None or at < one.paused_until)


# --- hours in words ------------------------------------------------------------------------------------------------


def hours_in_words(window: Window) -> str:
    """`Mon-Fri 07:00-19:00, Europe/Berlin`."""
    if window.start and window.stop:
        night = " of the next day" if window.stop < window.start else ""
        clock = f"{window.start}\u2013{window.stop}{night}"
    else:
        clock = f"start at {window.start}" if window.start else f"stop at {window.stop}"
    return f"{weekdays(window.weekdays)} {clock}, {window.timezone}"


def weekdays(days: Sequence[int]) -> str:
    """`Mon-Fri, Sun`."""
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(_run(days) for days in runs)


def _run(days: Sequence[int]) -> str:
    names = [_WEEKDAYS[day - 1] for day in days]
    return ", ".join(names) if len(names) <= _PAIR else f"{names[0]}\u2013{names[-1]}"


def local(shown: Shown) -> str:
    """`Mon 23 Nov 07:00 CET`, by the clock of the schedule."""
    return f"{shown.local:%a %d %b %H:%M %Z}"


def in_zone(at: datetime, zone: str) -> str:
    """`2026-11-23 07:00 CET`."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"
