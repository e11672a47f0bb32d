"""When the outside hears of a health check: the first run, on demand, hourly, and when band or findings change."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta

from collector.domain.results.batch import Batch
from collector.domain.results.levels import Standing
from collector.domain.results.rows import StateRow, Target
from collector.domain.results.rules import Derived, documented
from collector.domain.results.telling import Telling
from common import scoring

EVERY = timedelta(hours=1)


def completed(batch: Batch, derived: Iterable[tuple[Target, Derived]]) -> list[Telling]:
    """What is told of the connections whose newest run came in, whole; they remember it."""
    told: list[Telling] = []
    for target, found in derived:
        newest = batch.rows.get((target.id, target.latest_run_key or ""))
        if newest is None or len(newest.parts_seen) < newest.parts or target.removed_at is not None:
            continue
        gist = _gist(found.score, batch.states[target.id])
        if target.id in batch.demanded or _is_news(target, gist):
            target.told, target.told_at = gist, target.latest_run_at
            told.append(_telling(target, found))
    return told


def _is_news(target: Target, gist: str) -> bool:
    if target.told_at is None or target.latest_run_at is None or target.told != gist:
        return True
    return target.latest_run_at - target.told_at >= EVERY


def _gist(score: int, states: Mapping[str, StateRow]) -> str:
    return gist_of(score, {check: state.standing for check, state in states.items()})


def gist_of(score: int, standings: Mapping[str, Standing]) -> str:
    """The band and the confirmed findings, short enough to keep."""
    standing = sorted(f"{check}:{one.confirmed}" for check, one in standings.items() if one.confirmed)
    return f"{scoring.band(score)}-{hashlib.sha256(' '.join(standing).encode()).hexdigest()[:16]}"


def _telling(target: Target, found: Derived) -> Telling:
    if target.latest_run_at is None:
        raise AssertionError("a connection that was visited has a time")
    data: dict[str, object] = {
        "check_id": target.latest_run_id,
        "connection_id": target.id,
        "connection_name": target.name,
        "score": found.score,
        "status": scoring.band(found.score),
    }
    worst = found.worst and {
        "check_id": documented(found.worst.check),
        "title": documented(found.worst.title),
        "severity": found.worst.severity,
        "metric_line": found.worst.line,
    }
    return Telling(
        "health_check.completed",
        {**data, "top_finding": worst},
        "health_check_completed",
        data,
        target.latest_run_at,
    )
