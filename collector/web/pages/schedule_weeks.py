"""Pure: a week of a schedule as its page and the preview of its form show it: picture, legend, table, what is odd."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from collector.domain.schedules import rules
from collector.domain.schedules.executions import Done
from collector.domain.schedules.overrides import Held
from collector.domain.schedules.rules import Shown
from collector.domain.schedules.store import Kept
from collector.web.charts import week_picture
from collector.web.charts.week import DAYS, Day, Note, Spell, bounds, clock, hours, week
from collector.web.pages.schedule_rows import is_off
from common.windows import implies_state
from common.wire_aws import Window

_BAD = ("FAILED", "MISSED")


class RowOfWeek(NamedTuple):
    """A day in the table beside the picture."""

    name: str
    single: str
    runs: str
    edges: Sequence[str]
    lasts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekShown:
    """`remarks`: what the clocks do in this week."""

    first: date
    zone: str
    picture: Markup
    legend: Sequence[tuple[Markup, str]]
    rows: Sequence[RowOfWeek]
    remarks: Sequence[str]

    @property
    def before(self) -> date:
        return self.first - timedelta(days=DAYS)

    @property
    def after(self) -> date:
        return self.first + timedelta(days=DAYS)


def shown(
    window: Window, first: date, now: datetime | None, notes: Sequence[Note] = (), spells: Iterable[Spell] = ()
) -> WeekShown:
    edges = rules.preview(window, *bounds(first, window.timezone))
    drawn = week(window, first, now=now, notes=[*_points(window, edges), *notes], spells=spells)
    title = f"Week from {first:%A} {first.day} {first:%B %Y}, {window.timezone}; the table below says the same"
    said = {note.at: note.text for note in notes}
    return WeekShown(
        first=first,
        zone=window.timezone,
        picture=week_picture.picture(drawn, title),
        legend=week_picture.legend(drawn),
        rows=[_row(day, edges, said) for day in drawn.days],
        remarks=[f"{day.date:%A} {day.date.day} {day.date:%B}: {day.remark}" for day in drawn.days if day.remark],
    )


def notes(
    one: Kept, window: Window, span: tuple[datetime, datetime], done: Sequence[Done], now: datetime
) -> list[Note]:
    """Edges of a week that went wrong, and those that will be passed over."""
    begin, end = max(span[0], now), span[1]
    coming = rules.preview(window, begin, end) if begin < end else []
    off = [Note(edge.at, "off", f"{edge.action} is not done: paused") for edge in coming if is_off(one, edge.at)]
    return [*off, *(Note(each.edge, "failed", text) for each in done if (text := went_wrong(each)))]


def went_wrong(one: Done) -> str:
    """What became of an edge, if it did not all work."""
    bad = sum(one.counts.get(result, 0) for result in _BAD)
    if one.status not in {"FAILED", "MISSED", "PARTIAL"}:
        return ""
    of = f" for {bad} of {len(one.results)}" if bad else ""
    return f"{one.action} {one.status.lower()}{of}"


def spells(one: Kept, held: Sequence[Held], end: datetime, now: datetime) -> list[Spell]:
    """From now on it may be paused, and some of its resources overridden."""
    paused = [Spell(now, min(one.paused_until or end, end), "pause")] if one.status == "PAUSED" and now < end else []
    return [*paused, *(Spell(each.created_at, each.until, "override") for each in held)]


def _points(window: Window, edges: Sequence[Shown]) -> list[Note]:
    """What only starts or only stops has no bars."""
    if implies_state(window):
        return []
    return [
        Note(edge.at, "start" if edge.action == "START" else "stop", f"{edge.action} {edge.local:%H:%M}")
        for edge in edges
    ]


def _row(day: Day, edges: Sequence[Shown], said: dict[datetime, str]) -> RowOfWeek:
    bars = [band.piece for band in day.bands if band.state == "RUNNING"]
    runs = ", ".join(f"{clock(piece.begin)}\u2013{clock(piece.end)}" for piece in bars)
    rest = "not" if any(band.state == "STOPPED" for band in day.bands) else "left as it is"
    told = [_edge(edge, said) for edge in edges if edge.local.date() == day.date]
    return RowOfWeek(f"{day.date:%a} {day.date.day} {day.date:%b}", day.single, runs or rest, told, hours(day.lasts))


def _edge(edge: Shown, said: dict[datetime, str]) -> str:
    more = [text for text in (edge.remark, said.get(edge.at, "")) if text]
    what = f"{edge.action.capitalize()} {edge.local:%H:%M %Z}"
    return f"{what}: {'; '.join(more)}" if more else what
