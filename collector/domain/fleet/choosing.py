"""Pure: the fleet as people look at it: how each connection is, which ones are wanted, and what is worst."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from common import scoring

Condition = Literal["unreachable", "critical", "silent", "warning", "stale", "never_run", "healthy"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
"""Worst first."""
Order = Literal["worst", "name", "score"]
ORDERS: tuple[Order, ...] = get_args(Order)

SILENT = 2
"""What `agent.silence` says of one that has not been heard of for long."""
_NO_SCORE = 101
_TIERS = {"prod": 0, "test": 1, "dev": 2}


class Member(NamedTuple):
    """One connection with what it takes to find and to rank it; `silence` is its agent's."""

    id: int
    name: str
    host: str
    score: int | None
    status: str | None
    tier: str
    tags: Sequence[str]
    agent_id: str
    silence: int | None

    @property
    def condition(self) -> Condition:
        if self.score is None:
            return "never_run"
        if self.status == "unreachable":
            return "unreachable"
        if self.silence == SILENT:
            return "silent"
        return "stale" if self.status == "unknown" else scoring.band(self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which connections are wanted; what is empty leaves its filter away."""

    condition: Condition | None = None
    tier: str = ""
    tag: str = ""
    agent_id: str = ""
    text: str = ""
    order: Order = "worst"


class Chosen(NamedTuple):
    """The wanted connections in their order; `counts`: how many there are of each condition, whichever is wanted."""

    members: Sequence[Member]
    counts: Counter[Condition]


class Open(NamedTuple):
    """One open ticket; `muted_until` counts where somebody muted it."""

    connection_id: int
    check_id: str
    category: str
    severity: str
    title: str
    line: str
    muted_by: str | None
    muted_until: datetime | None


def choose(members: Iterable[Member], sought: Sought) -> Chosen:
    fitting = [(member.condition, member) for member in members if _fits(member, sought)]
    counts = Counter(condition for condition, _ in fitting)
    kept = [one for one in fitting if sought.condition in {None, one[0]}]
    return Chosen([member for _, member in sorted(kept, key=_ORDERS[sought.order])], counts)


def worst(tickets: Iterable[Open], now: datetime) -> dict[int, Open]:
    """The worst open ticket of each connection that nobody has muted."""
    found: dict[int, Open] = {}
    for one in sorted(tickets, key=_badness):
        muted = one.muted_by is not None and (one.muted_until is None or one.muted_until > now)
        if not muted:
            found.setdefault(one.connection_id, one)
    return found


def _fits(member: Member, sought: Sought) -> bool:
    return (
        (not sought.tier or member.tier == sought.tier)
        and (not sought.tag or sought.tag in member.tags)
        and (not sought.agent_id or member.agent_id == sought.agent_id)
        and (not sought.text or _mentions(member, sought.text.casefold()))
    )


def _mentions(member: Member, text: str) -> bool:
    return text in member.name.casefold() or text in member.host.casefold()


Ranked = tuple[Condition, Member]


def _by_worst(one: Ranked) -> tuple[int, int, int, str, int]:
    condition, member = one
    return _RANKS[condition], _score(member), _TIERS.get(member.tier, 1), *_by_name(one)


def _by_score(one: Ranked) -> tuple[int, str, int]:
    return _score(one[1]), *_by_name(one)


def _by_name(one: Ranked) -> tuple[str, int]:
    return one[1].name.casefold(), one[1].id


def _score(member: Member) -> int:
    return _NO_SCORE if member.score is None else member.score


_ORDERS: dict[Order, Callable[[Ranked], tuple[object, ...]]] = {
    "worst": _by_worst,
    "name": _by_name,
    "score": _by_score,
}
_RANKS = {condition: rank for rank, condition in enumerate(CONDITIONS)}
_SEVERITIES = {"critical": 0, "warning": 1}


def _badness(one: Open) -> tuple[int, float, str]:
    return _SEVERITIES.get(one.severity, len(_SEVERITIES)), -scoring.weight(one.category), one.check_id
