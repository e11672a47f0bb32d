"""Random histories of a service in whole seconds; and what the definition says of each second, without regard to cost.

Both are plain numbers and words: what is compared with the product must not be made by it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from collector.domain.services.rules import (
    Baseline,
    Impact,
    Inputs,
    OnStale,
    Pin,
    ServiceStatus,
    Span,
    Work,
)

LENGTH = 240
"""Seconds that a history is looked at; what happens in it may begin before and end after that."""

_EPOCH = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
_FOREVER = 10**9
_WORDS: tuple[ServiceStatus, ...] = (
    "operational",
    "under_maintenance",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)
"""Each worse than the one before."""
_WHEN_STALE: dict[OnStale, int] = {"hold": 0, "degraded": 2, "major": 4}

Stretch = tuple[int, int | None]
"""Seconds, the last one exclusive; None: for ever."""


class Fact(NamedTuple):
    """Something that was `rank` bad for a while; `public`: whether everybody may know."""

    rank: int
    stretch: Stretch
    public: bool = True


class Job(NamedTuple):
    """A maintenance window; `excluded`: when it does not count."""

    stretch: Stretch
    excluded: Stretch | None
    suppresses: bool
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`heard`: when agents said something; None where nobody watches."""

    since: int
    heard: tuple[Stretch, ...] | None
    findings: tuple[Fact, ...]
    incidents: tuple[Fact, ...]
    jobs: tuple[Job, ...]
    words: tuple[Fact, ...]
    publishes: bool
    on_stale: OnStale


class Second(NamedTuple):
    """How a second was."""

    rank: int
    known: bool
    excluded: bool


def at(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


def word(rank: int) -> ServiceStatus:
    return _WORDS[rank]


def draw(random: Random) -> History:
    few = random.choice((0, 1, 2, 4))
    return History(
        since=random.randint(-30, 60),
        heard=None if _now_and_then(random, 0.3) else tuple(_stretch(random) for _ in range(random.randint(0, 4))),
        findings=tuple(Fact(random.randrange(5), _stretch(random)) for _ in range(few)),
        incidents=tuple(_fact(random) for _ in range(random.choice((0, 0, 1, 3)))),
        jobs=tuple(_job(random) for _ in range(random.choice((0, 1, 2)))),
        words=tuple(_fact(random) for _ in range(random.choice((0, 0, 0, 1, 2)))),
        publishes=_now_and_then(random, 0.5),
        on_stale=random.choice(tuple(_WHEN_STALE)),
    )


def inputs(history: History) -> Inputs:
    """The same as the product is told it."""
    return Inputs(
        service_id=1,
        since=at(history.since),
        fresh=None if history.heard is None else tuple(span(one) for one in history.heard),
        baselines=tuple(Baseline(check="A", status=word(one.rank), span=span(one.stretch)) for one in history.findings),
        impacts=tuple(
            Impact(incident_id=1, title="", status=word(one.rank), span=span(one.stretch), public=one.public)
            for one in history.incidents
        ),
        works=tuple(
            Work(
                maintenance_id=1,
                title="",
                span=span(one.stretch),
                excluded=None if one.excluded is None else span(one.excluded),
                suppresses=one.suppresses,
                public=one.public,
            )
            for one in history.jobs
        ),
        pins=tuple(
            Pin(id=number, status=word(one.rank), reason="", by="", span=span(one.stretch))
            for number, one in enumerate(history.words)
        ),
        publish_baseline=history.publishes,
        on_stale=history.on_stale,
    )


def span(stretch: Stretch) -> Span:
    began, ended = stretch
    return Span(at(began), None if ended is None else at(ended))


def second(history: History, now: int, *, public: bool) -> Second:
    """The definition, word by word."""
    sees_agents = history.publishes or not public
    jobs = [one for one in history.jobs if one.public or not public]
    working = [one for one in jobs if _holds(one.stretch, now)]
    incidents = [one for one in history.incidents if (one.public or not public) and _holds(one.stretch, now)]
    rank, known = _agents(history, now) if sees_agents else (0, True)
    if any(one.suppresses for one in working):
        rank = 1
    elif working:
        rank = max(rank, 1)
    rank = max([rank, *(one.rank for one in incidents)])
    words = [(one.stretch[0], number) for number, one in enumerate(history.words) if _holds(one.stretch, now)]
    if words:
        rank = history.words[max(words)[1]].rank
    excluded = any(one.excluded is not None and _holds(one.excluded, now) for one in jobs)
    return Second(rank, known or bool(working or incidents or words), excluded)


def _agents(history: History, now: int) -> tuple[int, bool]:
    """What agents found; and whether anything is known of it."""
    rank = max((one.rank for one in history.findings if _holds(one.stretch, now)), default=0)
    if history.heard is None or any(_holds(one, now) for one in history.heard):
        return rank, True
    ever = any(one[0] <= now and _holds(one, one[0]) for one in history.heard)
    if not ever or history.on_stale == "hold":
        return rank, False
    return max(rank, _WHEN_STALE[history.on_stale]), True


def _holds(stretch: Stretch, now: int) -> bool:
    return stretch[0] <= now < (_FOREVER if stretch[1] is None else stretch[1])


def _now_and_then(random: Random, share: float) -> bool:
    return random.random() < share


def _stretch(random: Random) -> Stretch:
    began = random.randint(-20, LENGTH + 10)
    return began, None if _now_and_then(random, 0.1) else random.randint(began - 5, began + LENGTH // 2)


def _fact(random: Random) -> Fact:
    return Fact(random.randrange(5), _stretch(random), _now_and_then(random, 0.5))


def _job(random: Random) -> Job:
    excluded = _stretch(random) if _now_and_then(random, 0.6) else None
    return Job(_stretch(random), excluded, _now_and_then(random, 0.5), _now_and_then(random, 0.7))
