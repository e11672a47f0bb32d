"""P13: a service's uptime, against an oracle that asks of each second anew how the service was."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from math import floor
from random import Random
from typing import NamedTuple

from collector.domain.services import uptime
from collector.domain.services.rules import Impact, Inputs, View
from collector.domain.services.uptime import POLICY_NAMES, PolicyName, Uptime
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._histories import LENGTH, History, at, draw, inputs, second, span, word

_WEIGHTS = {
    "default": {4: Fraction(1), 3: Fraction(3, 10)},
    "strict": {4: Fraction(1), 3: Fraction(1)},
    "degraded-counts": {4: Fraction(1), 3: Fraction(3, 10), 2: Fraction(1, 10)},
}
"""The manual's table once more: an oracle that read the product's own would agree with its mistakes."""
_LEAST = 60
_VIEWS: tuple[View, ...] = ("internal", "public")


class _Counted(NamedTuple):
    """Seconds by how bad they were, and those that do not count or of which nothing is known."""

    observed: Counter[int]
    excluded: int
    unknown: int


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    histories = 1_000 if terms.quick else 20_000
    counts = Counter(histories=histories)
    for number in range(histories):
        random = chance(terms, number)
        found = _compare(draw(random), random, findings, f"history {number}")
        counts["with_a_percentage" if found.percent is not None else "too_little_observed"] += 1
        counts["seconds"] += round(found.observed_s + found.excluded_s + found.unknown_s)
    did = (
        f"drew histories of {LENGTH} s (findings, silence, incidents, maintenance, operators' words), worked out "
        "the uptime of each second by second, and added downtime to each"
    )
    return findings.verdict(did, {**counts, "differences": len(findings)})


def _compare(history: History, random: Random, findings: Findings, name: str) -> Uptime:
    policy, view = random.choice(POLICY_NAMES), random.choice(_VIEWS)
    lo, hi = random.choice(((0, LENGTH), (0, LENGTH), (17, 150)))
    given = inputs(history)
    found = uptime.uptime(given, at(lo), at(hi), policy=policy, view=view)
    counted = _count(history, min(max(lo, history.since), hi), hi, public=view == "public")
    where = f"{name} ({policy}, {view}, {lo} to {hi})"
    _same(found, counted, findings, where)
    more = uptime.uptime(_worse(given, random), at(lo), at(hi), policy=policy, view=view)
    if found.percent is not None and more.percent is not None:
        findings.expect(more.percent <= found.percent, f"{where}: downtime raised {found.percent} to {more.percent}")
    return found


def _count(history: History, lo: int, hi: int, *, public: bool) -> _Counted:
    observed: Counter[int] = Counter()
    excluded = unknown = 0
    for now in range(lo, hi):
        one = second(history, now, public=public)
        if one.excluded:
            excluded += 1
        elif one.known:
            observed[one.rank] += 1
        else:
            unknown += 1
    return _Counted(observed, excluded, unknown)


def _same(found: Uptime, counted: _Counted, findings: Findings, where: str) -> None:
    wanted = _percent(counted.observed, found.policy)
    findings.expect(found.percent == wanted, f"{where}: {found.percent} percent; expected {wanted}")
    findings.expect(found.percent is None or 0 <= found.percent <= 100, f"{where}: {found.percent} percent")  # noqa: PLR2004 - percent
    seconds = {word(rank): float(length) for rank, length in counted.observed.items()}
    told = {status: length for status, length in found.seconds.items() if length}
    findings.expect(told == seconds, f"{where}: {told}; expected {seconds}")
    rest = (found.excluded_s, found.unknown_s)
    findings.expect(rest == (counted.excluded, counted.unknown), f"{where}: excluded and unknown {rest}; {counted}")


def _percent(observed: Counter[int], policy: PolicyName) -> float | None:
    whole = observed.total()
    if whole < _LEAST:
        return None
    down = sum((length * _WEIGHTS[policy].get(rank, Fraction(0)) for rank, length in observed.items()), Fraction(0))
    return floor((1 - down / whole) * 100_000) / 1000


def _worse(given: Inputs, random: Random) -> Inputs:
    began = random.randrange(LENGTH)
    stretch = (began, began + random.randint(1, LENGTH))
    outage = Impact(incident_id=2, title="", status="major_outage", span=span(stretch), public=True)
    return replace(given, impacts=(*given.impacts, outage))
