"""What the writer remembers of agents between their batches: titles, and the latest outcomes of their connections.

It is good for as long as nobody else has taken a batch of the agent: the time of its last one, which moves with every
batch of whichever replica, is compared while the agent's row is held. It goes with the connection to the database, so
that nothing is remembered of a transaction that failed.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from collector.domain.results import rules
from collector.domain.results.levels import Standing, level_of
from collector.domain.results.rows import Title, title_of
from collector.domain.results.rules import Derived
from common import scoring
from common.wire import Outcome

MOST_STATES = 200_000
"""Outcomes that are remembered at most, some 100 MiB; agents that were not heard of for longest are forgotten."""
FOR_AT_MOST = timedelta(minutes=10)

_KEY = "fieldpost_remembered"
_MICROSECONDS = 1_000_000


@dataclass(slots=True)
class Held:
    """The latest outcome of a check; `at` in microseconds.

    `word`: as what a run counts it; `is_calm`: one more of the same moves no level; `stands`: as a finding.
    """

    outcome: Outcome
    at: int
    lasts: int
    standing: Standing
    series_id: int | None
    is_calm: bool
    stands: bool
    word: str

    @classmethod
    def of(cls, outcome: Outcome, at: int, standing: Standing, *, series_id: int | None, title: Title) -> "Held":
        level = level_of(outcome.status, outcome.severity)
        seconds = outcome.interval_s or title.interval_s or rules.DEFAULT_INTERVAL_S
        return cls(
            outcome,
            at,
            rules.STALE_AFTER * seconds * _MICROSECONDS,
            standing,
            series_id,
            level is None or level == standing.confirmed == standing.recent,
            standing.is_finding,
            outcome.severity if scoring.is_finding(outcome.status) else outcome.status,
        )


@dataclass(slots=True)
class Place:
    """One connection's outcomes, and what followed from them when that was looked at last.

    `counts`: what a run counts that brings all of them; `lasts`: for how long such a run speaks. Both are None where
    nobody has asked since they changed.
    """

    states: dict[str, Held]
    derived: Derived | None = None
    silenced: frozenset[str] = frozenset()
    stale_at: int | None = None
    gist: str = ""
    counts: dict[str, int] | None = None
    lasts: int | None = None

    def put(self, new: Held) -> None:
        """Another outcome of a check that there is."""
        check = new.outcome.check
        before, self.states[check] = self.states[check], new
        if (new.word, new.lasts) != (before.word, before.lasts):
            self.counts = self.lasts = None

    def counted(self) -> dict[str, int]:
        if self.counts is None:
            self.counts = Counter(held.word for held in self.states.values())
        return self.counts

    def whole_lasts(self) -> int | None:
        """None where there is nothing but what the collector says itself."""
        if self.lasts is None:
            own = rules.AGENT_STALE
            self.lasts = min((held.lasts for check, held in self.states.items() if check != own), default=None)
        return self.lasts


@dataclass(slots=True)
class Agent:
    """One agent as it was after its last batch, which came at `last_seen_at` (microseconds)."""

    last_seen_at: int
    since: datetime
    titles: Mapping[str, Title]
    places: dict[int, Place] = field(default_factory=dict)
    counted: int = 0

    def title(self, check: str) -> Title:
        return title_of(self.titles, check)


class Remembered:
    """Agents by id, those heard of last at the end."""

    def __init__(self, most: int = MOST_STATES) -> None:
        self._most = most
        self._agents: OrderedDict[str, Agent] = OrderedDict()
        self._states = 0

    def get(self, agent_id: str, last_seen_at: int | None, now: datetime) -> Agent | None:
        """None where it is not known, or not any more."""
        agent = self._agents.get(agent_id)
        if agent is None:
            return None
        if agent.last_seen_at != last_seen_at or now - agent.since > FOR_AT_MOST:
            self.forget(agent_id)
            return None
        return agent

    def put(self, agent_id: str, agent: Agent) -> None:
        self.forget(agent_id)
        agent.counted = sum(len(place.states) for place in agent.places.values())
        self._agents[agent_id] = agent
        self._states += agent.counted
        while self._states > self._most:
            self.forget(next(iter(self._agents)))

    def forget(self, agent_id: str) -> None:
        gone = self._agents.pop(agent_id, None)
        if gone is not None:
            self._states -= gone.counted


def remembered(info: MutableMapping[str, Any]) -> Remembered:
    """What is remembered by whoever writes through the connection of which this is noted."""
    known: Remembered | None = info.get(_KEY)
    if known is None:
        known = info[_KEY] = Remembered()
    return known
