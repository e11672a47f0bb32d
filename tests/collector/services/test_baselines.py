"""Outcomes from a gap end as they would have if they had been told in time; checked against the confirmation itself."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.results.levels import CRITICAL, UNSEEN, step
from collector.domain.services.baselines import Gap, baseline_of, merged, rewritten
from collector.domain.services.rules import Span
from tests.collector.builders import T0, outcome
from tests.collector.services.histories import span

MINUTE = timedelta(minutes=1)
LAST = 60
OUTCOMES = {
    up: outcome("DB_CONNECT", "ok" if up else "critical", category="availability", interval_s=60)
    for up in (True, False)
}
Numbered = tuple[int, bool]


@st.composite
def histories(draw: st.DrawFn) -> list[bool]:
    """Whether a database was up, minute by minute."""
    up, found = draw(st.booleans()), list[bool]()
    while len(found) < LAST:
        found += [up] * draw(st.integers(1, 20))
        up = not up
    return found[:LAST]


def told_in_time(history: Iterable[Numbered]) -> list[Span]:
    standing, spans = UNSEEN, list[Span]()
    for minute, up in history:
        at = T0 + minute * MINUTE
        before, standing = standing, step(standing, OUTCOMES[up], at)
        if (before.confirmed == CRITICAL) == (standing.confirmed == CRITICAL):
            continue
        if standing.confirmed == CRITICAL:
            spans.append(Span(at, None))
        else:
            spans[-1] = Span(spans[-1].began_at, at)
    return spans


@given(history=histories(), began=st.integers(3, 40), length=st.integers(1, 40))
@settings(max_examples=500, deadline=None)
def test_what_was_found_in_a_gap_is_as_if_it_had_been_told_in_time(
    history: list[bool], began: int, length: int
) -> None:
    """But for what is half confirmed where the link is cut and where it heals: there it may be a minute off."""
    ended = min(began + length, LAST - 5)
    history[began - 1], history[ended + 1] = history[began - 2], history[ended]
    known = list(enumerate(history))
    stored = told_in_time([*known[:began], *known[ended:]])
    late = [(T0 + minute * MINUTE, OUTCOMES[up]) for minute, up in known[began:ended]]
    assert rewritten(stored, late, Gap(T0 + ended * MINUTE, first=False)) == told_in_time(known)


def test_the_first_outcome_of_all_counts_at_once() -> None:
    gap = Gap(T0 + 5 * MINUTE, first=True)
    assert rewritten([], [(T0, OUTCOMES[False]), (T0 + MINUTE, OUTCOMES[True])], gap) == [Span(T0, T0 + 5 * MINUTE)]
    assert rewritten([], [(T0, OUTCOMES[False])], gap._replace(first=False)) == []


def test_stretches_that_touch_are_one() -> None:
    assert merged([span(20, 30), span(0, 10), span(10, 15), span(5, 5), span(40), span(50, 60)]) == [
        span(0, 15),
        span(20, 30),
        span(40),
    ]


@pytest.mark.parametrize(
    ("check", "category", "gate", "status"),
    [
        ("DB_CONNECT", "availability", False, "major_outage"),
        ("ASM_DISKGROUP_STATE", "storage", True, "partial_outage"),
        ("INVALID_OBJECTS", "objects", False, "degraded_performance"),
        ("AGENT_LOGIN", "monitoring", False, None),
        ("AGENT_STALE", "monitoring", True, None),
    ],
)
def test_a_critical_finding_means(check: str, category: str, gate: bool, status: str | None) -> None:  # noqa: FBT001 - a case
    assert baseline_of(check, category, gate=gate) == status
