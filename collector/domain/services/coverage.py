"""Pure: when a database's data said something: from each run that knew about it, for three intervals."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from collector.domain.results.levels import level_of
from collector.domain.results.rules import AGENT_LOGIN, DB_CONNECT, HOST
from collector.domain.services.baselines import MONITORING, Gap
from common.wire import Outcome, Run

INTERVALS = 3
LEAST = timedelta(seconds=90)
USUAL_S = 60  # between two attempts to connect, where nobody says


class Stretch(NamedTuple):
    """Half-open."""

    began_at: datetime
    ended_at: datetime


def informs(run: Run) -> bool:
    """Whether it says something about the database: not if the agent did not even get in to look."""
    return not run.reachable or any(_measured(outcome) for outcome in run.outcomes)


def reach(run: Run, known_s: int | None) -> timedelta:
    """For how long a run speaks; `known_s`: the interval of the attempts to connect, as far as it is known."""
    tried = next((outcome.interval_s for outcome in run.outcomes if outcome.check == DB_CONNECT), 0)
    if tried or known_s:
        return lasts(tried or known_s or USUAL_S)
    other = [outcome.interval_s for outcome in run.outcomes if outcome.interval_s and _measured(outcome)]
    return lasts(min(other, default=USUAL_S))


def lasts(interval_s: int) -> timedelta:
    return max(INTERVALS * timedelta(seconds=interval_s), LEAST)


def union(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Disjoint and ascending; those that touch are one."""
    found: list[Stretch] = []
    for one in sorted(stretches):
        if found and one.began_at <= found[-1].ended_at:
            found[-1] = Stretch(found[-1].began_at, max(found[-1].ended_at, one.ended_at))
        else:
            found.append(one)
    return found


def intersection(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """What two sets of disjoint, ascending stretches have in common."""
    found: list[Stretch] = []
    rest = list(reversed(other))
    for mine in one:
        while rest and rest[-1].ended_at <= mine.began_at:
            rest.pop()
        for theirs in reversed(rest):
            if theirs.began_at >= mine.ended_at:
                break
            found.append(Stretch(max(mine.began_at, theirs.began_at), min(mine.ended_at, theirs.ended_at)))
    return found


def gap_at(stretches: Sequence[Stretch], at: datetime, latest: datetime, tail: timedelta) -> Gap | None:
    """The gap that an instant is in; None where runs came before and after it, so that all is known already.

    The last `tail` of a stretch is what its last run was good for, not what was seen.
    """
    place = bisect_right(stretches, at, key=lambda one: one.began_at) - 1
    if place >= 0 and at <= stretches[place].ended_at - tail:
        return None
    following = stretches[place + 1].began_at if place + 1 < len(stretches) else latest
    return Gap(min(following, latest), first=place < 0)


def _measured(outcome: Outcome) -> bool:
    about_it = outcome.check != AGENT_LOGIN and outcome.category not in {HOST, MONITORING}
    return about_it and level_of(outcome.status, outcome.severity) is not None
