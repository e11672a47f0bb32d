"""A timeline says at every instant what the status at that instant is."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.services.rules import Impact, Inputs, View, Work
from collector.domain.services.status import derive
from collector.domain.services.timeline import Segment, timeline
from tests.collector.services.histories import LENGTH, T0, inputs, naive, second, span

LO, HI = second(0), second(LENGTH)
TICK = timedelta(microseconds=1)
VIEWS = st.sampled_from(["internal", "public"])


def at(segments: list[Segment], instant: datetime) -> Segment:
    (found,) = [one for one in segments if one.began_at <= instant < one.ended_at]
    return found


def check(history: Inputs, view: View, moments: list[int]) -> None:
    segments = timeline(history, LO, HI, view)
    assert segments[0].began_at == LO
    assert segments[-1].ended_at == HI
    for one, following in pairwise(segments):
        assert one.ended_at == following.began_at
        assert one[2:] != following[2:]
    edges = [one.began_at for one in segments]
    instants = {second(moment) for moment in moments} | {
        edge + by for edge in edges for by in (-TICK, timedelta(0), TICK) if LO <= edge + by < HI
    }
    for instant in instants:
        there = at(segments, instant)
        assert there.status == derive(history, instant, view).status
        assert there[2:] == naive(history, instant, view)


MOMENTS = st.lists(st.integers(0, LENGTH - 1), max_size=8)


@given(history=inputs(), view=VIEWS, moments=MOMENTS)
@settings(max_examples=150, deadline=None)
def test_it_says_at_every_instant_what_the_status_is(history: Inputs, view: View, moments: list[int]) -> None:
    check(history, view, moments)


@pytest.mark.slow
@given(history=inputs(), view=VIEWS, moments=MOMENTS)
@settings(max_examples=800, deadline=None)
def test_it_says_so_of_many_histories(history: Inputs, view: View, moments: list[int]) -> None:
    check(history, view, moments)


def test_nothing_at_all_is_one_stretch() -> None:
    nothing = Inputs(service_id=1, since=T0)
    assert timeline(nothing, LO, HI) == [Segment(LO, HI, "operational", known=True, excluded=False)]


def test_an_instant_has_no_timeline() -> None:
    assert timeline(Inputs(service_id=1, since=T0), LO, LO) == []


def test_an_outage_inside_work_is_seen_where_an_incident_says_so() -> None:
    history = Inputs(
        service_id=1,
        since=T0,
        works=(
            Work(
                maintenance_id=1,
                title="Patch",
                span=span(10, 100),
                excluded=span(20, 90),
                suppresses=True,
                public=True,
            ),
        ),
        impacts=(Impact(incident_id=2, title="Down", status="major_outage", span=span(30, 40), public=True),),
    )
    assert [(one.began_at, one.status, one.excluded) for one in timeline(history, LO, HI)] == [
        (second(0), "operational", False),
        (second(10), "under_maintenance", False),
        (second(20), "under_maintenance", True),
        (second(30), "major_outage", True),
        (second(40), "under_maintenance", True),
        (second(90), "under_maintenance", False),
        (second(100), "operational", False),
    ]
