"""What pages of services, incidents and maintenance are made of: reasons, boxes, wall clocks, timelines."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from collector.core.problems import Refusal
from collector.domain.maintenance.rules import Unfit
from collector.domain.services.rules import Derived, Reason, ReasonSource
from collector.domain.services.store import Words
from collector.domain.services.timeline import Segment
from collector.web import picking, reasons, walltime
from collector.web.charts import statuses
from collector.web.forms import NotFilled
from collector.web.refusing import on_form
from tests.collector.builders import T0

DAY = timedelta(days=1)
FEW = [Words(n, f"s-{n}", f"Service {n}", ["hot"] if n == 3 else [], "internal") for n in range(1, 6)]
MANY = [Words(n, f"s-{n}", f"Service {n:03}", [], "internal") for n in range(1, 200)]


@pytest.mark.parametrize(
    ("source", "given", "text", "url"),
    [
        ("alert", ("TABLESPACE", "connection/7"), "TABLESPACE is critical", "/ui/connections/7"),
        ("incident", (12, "Down"), "Down", "/ui/incidents/12"),
        ("maintenance", (3, "Patch"), "Patch", "/ui/maintenance/3"),
        ("override", (1, "we know"), "we know", ""),
        ("stale", ("", ""), "its agents have fallen silent", ""),
    ],
)
def test_a_reason_leads_to_what_it_is(source: ReasonSource, given: tuple[int | str, str], text: str, url: str) -> None:
    reason = Reason(source=source, id=given[0], status="partial_outage", since=T0, title=given[1])
    (line,) = reasons.lines(Derived(status="partial_outage", reasons=(reason,)))
    assert (line.text, line.url) == (text, url)


def test_few_services_are_all_there_the_chosen_ones_first() -> None:
    found = picking.picked(FEW, {4}, "")
    assert [one.id for one in found.options] == [4, 1, 2, 3, 5]
    assert not found.searches
    assert [one.id for one in picking.picked(FEW, set(), "HOT").options] == [3]


def test_of_many_services_the_chosen_and_the_found_ones_are_there() -> None:
    assert picking.picked(MANY, set(), "").options == []
    found = picking.picked(MANY, {150, 999}, "service 0")
    assert [one.id for one in found.options[:3]] == [150, 1, 2]
    assert (len(found.options), found.more) == (1 + picking.SHOWN, 99 - picking.SHOWN)


def test_what_is_no_number_is_no_box_of_ours() -> None:
    pairs = [("service", text) for text in ("3", "3", "x", "-1", "0", "²", "9" * 400, "4")]
    assert picking.numbers(pairs) == [3, 4]


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-06-01T02:00", "UTC", "2026-06-01T02:00"),
        ("2026-06-01T02:00", "Europe/Berlin", "2026-06-01T00:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),
    ],
)
def test_a_wall_clock_says_one_instant(text: str, zone: str, instant: str) -> None:
    found = walltime.instant("from", text, zone)
    assert walltime.shown(found) == instant
    assert walltime.said(found).endswith("UTC")


@pytest.mark.parametrize("text", ["", "soon", "2026-06-01T02:00Z", "0001-01-01T00:00", "9999-12-31T23:59"])
def test_what_no_wall_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"from: .*; expected a date and a time"):
        walltime.instant("from", text, "UTC")


def test_zones_can_be_chosen_from_and_made_up_ones_cannot() -> None:
    assert walltime.zones()[0] == "UTC"
    assert "Europe/Berlin" in walltime.zones()
    with pytest.raises(Unfit):
        walltime.instant("from", "2026-06-01T02:00", "../etc/passwd")


def test_an_hour_of_outage_is_seen_among_ninety_days() -> None:
    lo, hi = T0 - 90 * DAY, T0
    cut = T0 - 3 * DAY
    segments = [
        Segment(lo, cut, "operational", known=True, excluded=False),
        Segment(cut, cut + DAY / 24, "major_outage", known=True, excluded=False),
        Segment(cut + DAY / 24, hi, "operational", known=False, excluded=False),
    ]
    picture = statuses.timeline(segments, lo, hi, title="Payments <90>")
    ET.fromstring(str(picture))  # noqa: S314 - our own markup
    assert "Major outage, 1 h from" in picture
    assert "not observed" in picture
    assert picture.index("Major outage") > picture.index("Operational")
    assert "&lt;90&gt;" in picture


def test_a_stretch_that_does_not_count_says_so() -> None:
    segment = Segment(T0, T0 + DAY, "under_maintenance", known=True, excluded=True)
    assert statuses.said(segment) == "Under maintenance (not counted)"


def test_an_empty_timeline_is_one_all_the_same() -> None:
    ET.fromstring(str(statuses.timeline([], T0, T0, title="new")))  # noqa: S314 - our own markup


def test_a_refusal_stands_beside_its_field_or_over_the_form() -> None:
    pairs = [("name", "kept")]
    for error, where, said in (
        (Unfit("service_ids", [], "some"), "service", "expected some"),
        (Refusal("the slug is taken"), "", "The slug is taken."),
        (ValueError("name: 'x'; expected more"), "name", "expected more"),
    ):
        with pytest.raises(NotFilled) as found, on_form(pairs, {"service_ids": "service"}):
            raise error
        assert (dict(found.value.errors), dict(found.value.given)) == ({where: said}, {"name": "kept"})


def test_an_error_that_is_a_bug_stays_one() -> None:
    with pytest.raises(ValueError, match="bug"), on_form([]):
        raise ValueError("a bug")


def test_the_next_hour_is_a_whole_one() -> None:
    assert walltime.next_hour(datetime(2026, 6, 1, 23, 59, 1, tzinfo=UTC)).isoformat() == "2026-06-02T00:00:00+00:00"
