"""Pure: visits of which nothing follows but that things are as they were, as of nearly all.

Levels stay, tickets go on, the score is the same, and no data is missing before them. Anything else is None here, and
is taken the long way (`visits`), whose tables these end in as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

import orjson

from collector.core.columns import instant, microseconds
from collector.domain.history import rules as history
from collector.domain.history.rules import Point
from collector.domain.mutes.rules import Mutes
from collector.domain.results import completed, levels, rules
from collector.domain.results.levels import Standing
from collector.domain.results.remembered import Agent, Held, Place
from collector.domain.results.rows import Sighting
from collector.domain.results.rules import AGENT_LOGIN, AGENT_STALE, DB_CONNECT, Derived
from collector.domain.services import coverage
from common import scoring
from common.wire import Outcome, Run

_SPEAKS = frozenset({DB_CONNECT, AGENT_LOGIN, AGENT_STALE})
"""Checks whose line is a part of what is derived."""
_MICROSECOND = timedelta(microseconds=1)
_EVERY = completed.EVERY // _MICROSECOND
_WEIGHED = attrgetter("status", "severity", "cap", "category", "interval_s")


@dataclass(slots=True)
class Row:
    """What is needed of a row of `connection`; instants are microseconds, `facts` is the document as text."""

    id: int
    key: str
    removed_at: int | None
    latest_run_id: int | None
    latest_run_key: str | None
    latest_run_at: int | None
    reachable: bool | None
    facts: str | None
    facts_at: int | None
    facts_run_key: str | None
    score: int | None
    stale_at: int | None
    series_id: int | None
    status: str | None
    told: str | None
    told_at: int | None
    covered_from: int | None
    covered_until: int | None


@dataclass(slots=True)
class Steady:
    """What one connection's runs of a batch leave behind.

    `again`: which run has seen a check last as it was; `changed`: outcomes that say something else, and by which run;
    `derived`: what follows, where it has to be written; `is_whole`: the newest run has brought every check there is.
    """

    row: Row
    place: Place
    received_at: int
    runs: list[Run] = field(default_factory=list)
    counts: list[dict[str, int]] = field(default_factory=list)
    again: dict[str, Run] = field(default_factory=dict)
    changed: dict[str, tuple[Held, Run]] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    derived: Derived | None = None
    is_whole: bool = False


def steady(agent: Agent, row: Row, runs: Sequence[Run], muted: Mutes, now: datetime) -> Steady | None:
    """None where more follows from these runs; the place must then be forgotten, for it may have moved."""
    place = agent.places.get(row.id)
    if place is None or not _is_usual(row):
        return None
    found = Steady(row, place, microseconds(now))
    for run in sorted(runs, key=lambda run: (run.ended_at, run.run)):
        if not _take(found, agent, run, now):
            return None
    return found if _concluded(found, agent, muted, now) else None


def _is_usual(row: Row) -> bool:
    known = row.latest_run_at, row.series_id, row.covered_from, row.covered_until, row.told_at, row.score
    return bool(row.reachable) and row.removed_at is None and None not in known


def _take(found: Steady, agent: Agent, run: Run, now: datetime) -> bool:
    row = found.row
    at = microseconds(rules.observed(run.ended_at, now))
    usual = run.reachable and run.parts == 1 and run.trigger != "demand"
    if not usual or at <= (row.latest_run_at or 0) or not _covers(found, run, at):
        return False
    if not _all_seen(found, agent, run, at):
        return False
    found.runs.append(run)
    row.latest_run_at, row.latest_run_key = at, run.run
    if run.facts and (row.facts_at or 0) < at:
        row.facts, row.facts_at, row.facts_run_key = orjson.dumps(run.facts).decode(), at, run.run
    return True


def _all_seen(found: Steady, agent: Agent, run: Run, at: int) -> bool:
    """Nearly every outcome that ever comes in takes the first way through this loop."""
    place, again, points = found.place, found.again, found.points
    states, when = place.states, instant(at)
    for outcome in run.outcomes:
        check, value = outcome.check, outcome.value
        held = states.get(check)
        if held is None or held.at >= at:
            return False
        if value is not None:
            if held.series_id is None:
                return False
            points.append(Point(held.series_id, at, value))
        if held.is_calm and outcome == held.outcome:
            held.at = at
            again[check] = run
            if held.stands:
                found.sightings.append(Sighting(found.row.id, outcome, when, held.standing, held.standing))
        elif not _moved(found, agent, run, outcome, held, at=at):
            return False
    found.is_whole = len(run.outcomes) == len(states)  # none of them came twice
    found.counts.append(place.counted() if found.is_whole else _counts(run))
    return True


def _counts(run: Run) -> dict[str, int]:
    return rules.counts((outcome.status, outcome.severity) for outcome in run.outcomes)


def _moved(found: Steady, agent: Agent, run: Run, outcome: Outcome, held: Held, *, at: int) -> bool:
    after = levels.step(held.standing, outcome, instant(at))
    if after.confirmed != held.standing.confirmed:
        return False
    _replace(found, agent, run, outcome, held, at=at, after=after)
    if after.confirmed:
        found.sightings.append(Sighting(found.row.id, outcome, instant(at), held.standing, after))
    return True


def _replace(found: Steady, agent: Agent, run: Run, outcome: Outcome, held: Held, *, at: int, after: Standing) -> None:
    place, check = found.place, outcome.check
    new = Held.of(outcome, at, after, series_id=held.series_id, title=agent.title(check))
    place.put(new)
    found.changed[check] = (new, run)
    found.again.pop(check, None)
    speaks = scoring.is_finding(outcome.status) or check in _SPEAKS
    if _WEIGHED(outcome) != _WEIGHED(held.outcome) or (speaks and outcome.line != held.outcome.line):
        place.derived = None


def _covers(found: Steady, run: Run, at: int) -> bool:
    """Take in for how long a run speaks; False where it leaves a gap."""
    if not coverage.informs(run):
        return True
    row, attempts = found.row, found.place.states.get(DB_CONNECT)
    if row.covered_from is None or row.covered_until is None or not row.covered_from <= at <= row.covered_until:
        return False
    reach = coverage.reach(run, attempts.outcome.interval_s if attempts else None)
    row.covered_until = max(row.covered_until, at + reach // _MICROSECOND)
    return True


def _concluded(found: Steady, agent: Agent, muted: Mutes, now: datetime) -> bool:
    """Nothing is in doubt, and what follows is what is stored, but for words."""
    row, place = found.row, found.place
    ends = _ends(found)
    if ends is None or microseconds(now) > ends or any(_refuses(place, check) for check in (AGENT_LOGIN, AGENT_STALE)):
        return False
    silenced = muted.at(now)
    if place.derived is None or place.silenced != silenced:
        place.derived, place.silenced = _derive(agent, place, silenced, now), silenced
        found.derived = place.derived
    elif row.stale_at != place.stale_at:
        found.derived = place.derived
    if place.derived.score != row.score or history.status(score=row.score, reachable=True, known=True) != row.status:
        return False
    unmuted = muted.next_end(now)
    row.stale_at = place.stale_at = ends if unmuted is None else min(ends, microseconds(unmuted))
    found.points.append(Point(row.series_id or 0, row.latest_run_at or 0, float(row.score)))
    return not _is_news(row, place)


def _ends(found: Steady) -> int | None:
    """When the first of the outcomes will be too old; None where there is none."""
    place = found.place
    if found.is_whole:
        lasts = place.whole_lasts()
        return None if lasts is None else (found.row.latest_run_at or 0) + lasts
    return min((held.at + held.lasts for check, held in place.states.items() if check != AGENT_STALE), default=None)


def _refuses(place: Place, check: str) -> bool:
    held = place.states.get(check)
    return held is not None and scoring.is_finding(held.outcome.status)


def _is_news(row: Row, place: Place) -> bool:
    """Whether the outside is to hear of the newest run."""
    if not place.gist:  # neither the score nor what is confirmed changes while a place is remembered
        place.gist = completed.gist_of(row.score or 0, {check: held.standing for check, held in place.states.items()})
    return row.told != place.gist or (row.latest_run_at or 0) - (row.told_at or 0) >= _EVERY


def _derive(agent: Agent, place: Place, silenced: frozenset[str], now: datetime) -> Derived:
    outcomes = [_weighed(agent, held, muted=check in silenced) for check, held in place.states.items()]
    return rules.derive(outcomes, reachable=True, now=now)


def _weighed(agent: Agent, held: Held, *, muted: bool) -> rules.Outcome:
    outcome, about = held.outcome, agent.title(held.outcome.check)
    return rules.Outcome(
        check=outcome.check,
        category=outcome.category,
        status=outcome.status,
        severity=outcome.severity,
        line=outcome.line,
        cap=outcome.cap,
        interval_s=outcome.interval_s or about.interval_s,
        observed_at=instant(held.at),
        title=about.title or outcome.check,
        enabled=about.enabled,
        muted=muted,
    )
