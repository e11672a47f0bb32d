"""The picture of a week against the clock of its zone, watched minute by minute."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from collector.web.charts import week_picture
from collector.web.charts.week import DAYS, Band, Note, Spell, Week, bounds, clock, hours, monday, week
from common.windows import desired, edges
from common.wire_aws import Window

MINUTE = timedelta(minutes=1)
WORK_DAYS = (1, 2, 3, 4, 5)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
BERLIN = Window("Europe/Berlin", WORK_DAYS, "07:00", "19:00")
SPRING, AUTUMN = date(2026, 3, 23), date(2026, 10, 19)

ODD_WEEKS = (
    ("Europe/Berlin", SPRING),
    ("Europe/Berlin", AUTUMN),
    ("Europe/Berlin", date(2026, 5, 11)),
    ("America/New_York", date(2026, 3, 2)),
    ("America/New_York", date(2026, 10, 26)),
    ("Australia/Lord_Howe", date(2026, 3, 30)),
    ("America/Santiago", date(2026, 3, 30)),
    ("America/Havana", date(2026, 10, 26)),
    ("Pacific/Apia", date(2011, 12, 26)),
    ("America/St_Johns", date(2010, 11, 1)),
    ("Antarctica/Troll", date(2026, 10, 19)),
    ("Asia/Kathmandu", date(2026, 1, 5)),
    ("America/Sao_Paulo", date(2018, 10, 29)),
    ("Asia/Gaza", date(2016, 10, 24)),
)

clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Window, date]:
    zone, first = draw(st.sampled_from(ODD_WEEKS))
    start, stop = draw(st.one_of(st.none(), clocks)), draw(st.one_of(st.none(), clocks))
    if start == stop:
        start, stop = "22:30", "06:00"
    days = st.integers(-1, 8).map(lambda n: (first + timedelta(days=n)).isoformat())
    skip, extra = (tuple(draw(st.sets(days, max_size=2))) for _ in range(2))
    weekdays = tuple(draw(st.sets(st.integers(1, 7), min_size=1)))
    return Window(zone, weekdays, start, stop, skip, extra), first


def running(drawn: Week) -> Counter[datetime]:
    """Every minute that the bars of a picture stand for, and how often."""
    found: Counter[datetime] = Counter()
    for band in (band for day in drawn.days for band in day.bands if band.state == "RUNNING"):
        at = band.piece.since
        while at < band.piece.until:
            found[at] += 1
            at += MINUTE
    return found


@settings(max_examples=20, deadline=None)
@given(cases())
@example((Window("Europe/Berlin", EVERY_DAY, "02:30", "02:45"), SPRING))
@example((Window("Europe/Berlin", EVERY_DAY, "22:00", "02:30"), AUTUMN))
@example((Window("Europe/Berlin", (1, 2, 3, 7), "00:01", "00:00"), SPRING))
def test_the_bars_cover_exactly_the_minutes_during_which_something_is_to_run(case: tuple[Window, date]) -> None:
    window, first = case
    zone = ZoneInfo(window.timezone)
    drawn = week(window, first)
    minutes = running(drawn)
    begin, end = bounds(first, window.timezone)
    at = begin - timedelta(days=1)
    wanted = set()
    while at < end + timedelta(days=1):
        if 0 <= (at.astimezone(zone).date() - first).days < DAYS and desired((window,), at) == "RUNNING":
            wanted.add(at)
        at += timedelta(minutes=23)
    assert wanted <= set(minutes)
    assert all(desired((window,), minute) == "RUNNING" for minute in list(minutes)[::23])
    assert set(minutes.values()) <= {1}
    inside = {edge.at for edge in edges(window, begin, end)} - {begin}  # what stops there was drawn a week before
    flips = inside if window.start and window.stop else set()
    rims = {at for band in _bands(drawn) if band.state == "RUNNING" for at in (band.piece.since, band.piece.until)}
    assert flips - rims <= {edge for edge in flips if not 0 <= (edge.astimezone(zone).date() - first).days < DAYS}


@settings(max_examples=20, deadline=None)
@given(cases())
def test_every_instant_of_the_week_stands_where_the_wall_clock_shows_it(case: tuple[Window, date]) -> None:
    window, first = case
    zone = ZoneInfo(window.timezone)
    drawn = week(window, first)
    covered: dict[tuple[int, int, str], int] = Counter()
    for row, day in enumerate(drawn.days):
        assert sum((band.piece.until - band.piece.since for band in day.bands), timedelta()) == day.lasts
        for band in day.bands:
            piece = band.piece
            shows = piece.since.astimezone(zone)
            assert (shows.date(), clock(piece.begin)) == (day.date, f"{shows:%H:%M}")
            assert piece.end - piece.begin == (piece.until - piece.since) / MINUTE
            for minute in range(int(piece.begin), int(piece.end)):
                covered[row, minute, piece.share] += 1
        for gap in day.gaps:
            for minute in range(int(gap.begin), int(gap.end)):
                covered[row, minute, "whole"] += 1
    assert set(covered.values()) == {1}
    for row in range(DAYS):
        for minute in range(0, 1440, 5):
            shares = {share for share in ("whole", "upper", "lower") if (row, minute, share) in covered}
            assert shares in ({"whole"}, {"upper", "lower"}), (row, minute)


def _bands(drawn: Week) -> list[Band]:
    return [band for day in drawn.days for band in day.bands]


def said(window: Window, first: date) -> list[str]:
    return [day.remark for day in week(window, first).days if day.remark]


def test_a_day_on_which_the_clocks_change_is_said_in_words() -> None:
    assert said(BERLIN, SPRING) == ["The clocks go forward: 02:00 to 03:00 does not exist; the day has 23 h."]
    assert said(BERLIN, AUTUMN) == ["The clocks go back: 02:00 to 03:00 comes twice; the day has 25 h."]
    assert said(BERLIN, date(2026, 5, 11)) == []
    lord_howe = Window("Australia/Lord_Howe", WORK_DAYS, "07:00", "19:00")
    assert said(lord_howe, date(2026, 3, 30)) == [
        "The clocks go back: 01:30 to 02:00 comes twice; the day has 24 h 30 min."
    ]
    apia = Window("Pacific/Apia", WORK_DAYS, "07:00", "19:00")
    assert said(apia, date(2011, 12, 26)) == ["The calendar of this zone leaves this date out."]


def test_a_usual_day_is_stopped_then_runs_then_is_stopped() -> None:
    drawn = week(BERLIN, date(2026, 5, 11))
    rows = [[(band.state, clock(band.piece.begin), clock(band.piece.end)) for band in day.bands] for day in drawn.days]
    work = [("STOPPED", "00:00", "07:00"), ("RUNNING", "07:00", "19:00"), ("STOPPED", "19:00", "24:00")]
    assert rows == [*[work] * 5, *[[("STOPPED", "00:00", "24:00")]] * 2]
    assert {hours(day.lasts) for day in drawn.days} == {"24 h"}


def test_a_date_that_is_skipped_or_extra_is_named() -> None:
    window = Window("Europe/Berlin", WORK_DAYS, "07:00", "19:00", ("2026-05-14",), ("2026-05-16", "2026-05-15"))
    days = week(window, date(2026, 5, 11)).days
    assert [day.single for day in days] == ["", "", "", "skipped", "", "extra", ""]
    assert [band.state for band in days[3].bands] == ["UNMANAGED"]


@pytest.mark.parametrize(
    ("zone", "first"), [("Europe/Berlin", date(2026, 5, 11)), ("Pacific/Auckland", date(2026, 5, 11))]
)
def test_a_week_begins_on_monday_by_the_clock_of_the_zone(zone: str, first: date) -> None:
    begin, end = bounds(first, zone)
    assert monday(begin, zone) == monday(end - MINUTE, zone) == first
    assert monday(begin - MINUTE, zone) == first - timedelta(days=7)


def test_notes_spells_and_now_are_placed_and_what_is_outside_is_left_out() -> None:
    noon = datetime(2026, 5, 13, 10, 0, tzinfo=UTC)
    notes = [Note(noon, "failed", "1 failed"), Note(noon + timedelta(days=9), "off", "paused")]
    spells = [Spell(noon, noon + timedelta(days=30), "pause"), Spell(noon, noon + timedelta(hours=20), "override")]
    drawn = week(BERLIN, date(2026, 5, 11), now=noon, notes=notes, spells=spells)
    assert [(spot.row, clock(spot.minute), note.kind) for spot, note in drawn.notes] == [(2, "12:00", "failed")]
    assert drawn.now is not None
    assert (drawn.now.row, drawn.now.minute) == (2, 720)
    shown = [(spell.kind, piece.row, clock(piece.begin), clock(piece.end)) for piece, spell in drawn.spells]
    assert shown[:2] == [("pause", 2, "12:00", "24:00"), ("pause", 3, "00:00", "24:00")]
    assert shown[-2:] == [("override", 2, "12:00", "24:00"), ("override", 3, "00:00", "08:00")]
    assert week(BERLIN, date(2026, 5, 18), now=noon).now is None


def test_the_picture_is_announced_and_its_legend_names_what_occurs() -> None:
    noon = datetime(2026, 10, 25, 10, 0, tzinfo=UTC)
    drawn = week(BERLIN, AUTUMN, now=noon, notes=[Note(noon, "off", "<b>")])
    markup = week_picture.picture(drawn, "Week of & in Berlin")
    assert isinstance(markup, Markup)
    assert 'aria-label="Week of &amp; in Berlin"' in markup
    assert "<b>" not in markup
    assert "style=" not in markup
    texts = [text for _, text in week_picture.legend(drawn)]
    assert texts == [
        "is to run",
        "is to be stopped",
        "comes twice: first above, then below",
        "not done: paused",
        "now",
    ]
    point = week(
        Window("UTC", EVERY_DAY, None, "19:00"), SPRING, notes=[Note(datetime(2026, 3, 24, 19, tzinfo=UTC), "stop", "")]
    )
    assert [text for _, text in week_picture.legend(point)] == ["left as it is", "stop"]
