"""Readings that judges of several categories take the same way: parameters, the start of the instance, growth."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from agent.oracle.catalogue import Facts, Query, Seen, Verdict
from agent.oracle.judging import Growth, counter_note, growth, noted, number, skipped, text, unknown
from agent.oracle.queries import INSTANCE, METRICS, PARAMETERS, TIME_MODEL

HOUR_S = 3600.0
KEEP_HOUR_S = 7500
"""How long a check that judges the last hour keeps its samples: one an hour stays, and runs may be late."""

Grown = Callable[[Seen, Growth], Verdict]


def in_pdb(facts: Facts) -> bool:
    return facts.cdb and not facts.in_root


def parameter(seen: Seen, name: str) -> str:
    """A parameter's value; "" when it is not set or the release does not know it."""
    return next((text(row["value"]) for row in seen.of(PARAMETERS) if row["name"] == name), "")


def amount(seen: Seen, name: str) -> float | None:
    """A parameter that is a number; None when it is not set."""
    value = parameter(seen, name)
    return float(value) if value else None


def started_s(seen: Seen) -> float | None:
    """Seconds since 1970 at which the instance started."""
    rows = seen.of(INSTANCE)
    return number(rows[0]["started_s"]) if rows else None


def values(seen: Seen, query: Query, name: str = "name") -> dict[str, float]:
    """Names and numbers of a view that has a row for each; one that is NULL is left out."""
    found = {text(row[name]): number(row["value"]) for row in seen.of(query)}
    return {key: value for key, value in found.items() if value is not None}


def _scoped(seen: Seen, query: Query, name: str, *, own: bool) -> Mapping[str, float]:
    """The values of the instance, or (`own`) those of the container; the other ones where these are missing."""
    found: dict[str, float] = {}
    for scope in ("INSTANCE", "CONTAINER") if own else ("CONTAINER", "INSTANCE"):
        rows = [row for row in seen.of(query) if row["scope"] == scope]
        found |= {text(row[name]): value for row in rows if (value := number(row["value"])) is not None}
    return found


def metric(seen: Seen, name: str) -> float | None:
    """A metric of the last minute; inside a PDB its own one."""
    return _scoped(seen, METRICS, "metric_name", own=in_pdb(seen.facts)).get(name)


def time_model(seen: Seen) -> Mapping[str, float]:
    """`DB time` and `DB CPU` since the start, in microseconds; inside a PDB its own ones."""
    return _scoped(seen, TIME_MODEL, "stat_name", own=in_pdb(seen.facts))


def instance_time(seen: Seen) -> Mapping[str, float]:
    """The same of the whole instance, to compare waits of the whole instance with."""
    return _scoped(seen, TIME_MODEL, "stat_name", own=False)


def since_last_run(seen: Seen, counters: Mapping[str, float], judge: Grown) -> Verdict:
    """What `judge` says of how much the counters grew since the last run; they are noted for the next one."""
    started = started_s(seen)
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    since = growth(seen, counters, started_s=started)
    verdict = skipped(since) if isinstance(since, str) else judge(seen, since)
    return noted(verdict, counter_note(seen, counters, started_s=started))


def within_the_hour(seen: Seen, counters: Mapping[str, float], judge: Grown) -> Verdict:
    """The same for about the last hour, however often the check runs: a single event in a short interval stays single.

    The check keeps its samples for `KEEP_HOUR_S`.
    """
    started = started_s(seen)
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    epoch = counter_note(seen, {}, started_s=started)
    same = [sample for sample in seen.history if all(sample.values.get(key) == epoch[key] for key in epoch)]
    old = [sample for sample in same if (seen.now - sample.at).total_seconds() >= HOUR_S - 300]
    first = old[-1:] or same[:1] or seen.history[-1:]
    return since_last_run(replace(seen, history=first), counters, judge)


def an_hour(since: Growth, name: str) -> float:
    """The count of the last hour: a longer stretch is scaled down to one, a shorter one is not made more."""
    return since.of[name] / max(1.0, since.seconds / HOUR_S)
