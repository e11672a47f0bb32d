"""Random histories of a service, on whole seconds; and, second by second, what the definition says of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from collector.domain.services.rules import (
    RANK,
    STATUSES,
    Baseline,
    Impact,
    Inputs,
    Pin,
    ServiceStatus,
    Span,
    View,
    Work,
)

T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
LENGTH = 150
"""Seconds that a history is looked at; its inputs may begin before and end after that, or be empty."""


def second(number: float) -> datetime:
    return T0 + timedelta(seconds=number)


def span(began: float, ended: float | None = None) -> Span:
    return Span(second(began), None if ended is None else second(ended))


_began = st.integers(-20, LENGTH + 10)
_statuses = st.sampled_from(STATUSES)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    began = draw(_began)
    return span(began, draw(st.none() | st.integers(began - 5, began + 90)))


@st.composite
def works(draw: st.DrawFn) -> Work:
    return Work(
        maintenance_id=draw(st.integers(1, 9)),
        title="Work",
        span=draw(spans()),
        excluded=draw(st.none() | spans()),
        suppresses=draw(st.booleans()),
        public=draw(st.booleans()),
    )


_baselines = st.builds(Baseline, check=st.sampled_from(["A", "B"]), status=_statuses, span=spans())
_impacts = st.builds(
    Impact, incident_id=st.integers(1, 9), title=st.just("Down"), status=_statuses, span=spans(), public=st.booleans()
)
_pins = st.builds(
    Pin, id=st.integers(1, 99), status=_statuses, reason=st.just("so"), by=st.just("ann@example.com"), span=spans()
)


@st.composite
def inputs(draw: st.DrawFn) -> Inputs:
    pins = draw(st.lists(_pins, max_size=2, unique_by=lambda pin: pin.id))
    return Inputs(
        service_id=1,
        since=second(draw(st.integers(-30, 60))),
        fresh=draw(st.none() | st.lists(spans(), max_size=4).map(tuple)),
        baselines=tuple(draw(st.lists(_baselines, max_size=4))),
        impacts=tuple(draw(st.lists(_impacts, max_size=3))),
        works=tuple(draw(st.lists(works(), max_size=2))),
        pins=tuple(pins),
        publish_baseline=draw(st.booleans()),
        on_stale=draw(st.sampled_from(["hold", "degraded", "major"])),
    )


def holds(one: Span, at: datetime) -> bool:
    return one.began_at <= at < (one.ended_at or datetime.max.replace(tzinfo=UTC))


def naive(given: Inputs, at: datetime, view: View) -> tuple[ServiceStatus, bool, bool]:
    """Status, known, excluded: the definition, word by word, without regard to cost."""
    everybody = view == "public"
    agents = given.publish_baseline or not everybody
    works = [one for one in given.works if holds(one.span, at) and (one.public or not everybody)]
    impacts = [one for one in given.impacts if holds(one.span, at) and (one.public or not everybody)]
    found: list[ServiceStatus] = [one.status for one in given.baselines if agents and holds(one.span, at)]
    watched = given.fresh is not None and agents
    fresh = not watched or any(holds(one, at) for one in given.fresh or ())
    heard = any(one.began_at <= at and holds(one, one.began_at) for one in given.fresh or ())
    known = fresh
    if watched and not fresh and heard and given.on_stale != "hold":
        found.append("major_outage" if given.on_stale == "major" else "degraded_performance")
        known = True
    status = worst(found)
    if any(one.suppresses for one in works):
        status = "under_maintenance"
    elif works:
        status = worst([status, "under_maintenance"])
    status = worst([status, *(one.status for one in impacts)])
    pins = [one for one in given.pins if holds(one.span, at)]
    if pins:
        status = max(pins, key=lambda one: (one.span.began_at, one.id)).status
    known = known or bool(works) or bool(impacts) or bool(pins)
    ran = [one.excluded for one in given.works if one.excluded and (one.public or not everybody)]
    return status, known, any(holds(one, at) for one in ran)


def worst(statuses: list[ServiceStatus]) -> ServiceStatus:
    return max(statuses, key=lambda status: RANK[status]) if statuses else "operational"
