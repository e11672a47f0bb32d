"""A week of a schedule as a picture. What runs is a bar, what is stopped a line, so that no colour is needed."""

from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from collector.web.charts import svg
from collector.web.charts.week import MINUTES, Band, Day, Note, Piece, Share, Spell, Spot, Week, clock

_WIDTH, _LEFT, _PLOT = 722, 92, 624
_TOP, _ROW, _BAR = 26, 34, 22
_HOURS = range(0, 25, 3)
_EVERY_SCREEN = frozenset({0, 6, 12, 18, 24})
_LABELLED = 170
"""A bar of so many minutes has room for its times."""
_SAMPLE = (34, 16)

LEGEND = {
    "RUNNING": "is to run",
    "STOPPED": "is to be stopped",
    "UNMANAGED": "left as it is",
    "gap": "does not exist on this day",
    "lower": "comes twice: first above, then below",
    "start": "start",
    "stop": "stop",
    "off": "not done: paused",
    "failed": "went wrong",
    "pause": "paused",
    "override": "some resources are overridden",
    "now": "now",
}


def picture(week: Week, title: str) -> Markup:
    """Seven rows of 24 hours by the clock of the schedule."""
    today = week.now.row if week.now else None
    parts = [
        *_hours(len(week.days)),
        *(part for row, day in enumerate(week.days) for part in _day(row, day, is_today=row == today)),
        *(_spell(piece, spell) for piece, spell in week.spells),
        *(_note(spot, note) for spot, note in week.notes),
        *(_now(week.now) if week.now else ()),
    ]
    height = _TOP + len(week.days) * _ROW + 4
    return svg.picture(title, _WIDTH, height, *parts, kind="chart week")


def legend(week: Week) -> list[tuple[Markup, str]]:
    """What occurs in a week: how it is drawn, and what that means."""
    bands = [band for day in week.days for band in day.bands]
    shown = {
        *(band.state for band in bands),
        *(note.kind for _, note in week.notes),
        *(spell.kind for _, spell in week.spells),
        *(["gap"] if any(day.gaps for day in week.days) else []),
        *(["lower"] if any(band.piece.share == "lower" for band in bands) else []),
        *(["now"] if week.now else []),
    }
    return [(_sample(kind), text) for kind, text in LEGEND.items() if kind in shown]


def _x(minute: float) -> float:
    return _LEFT + minute * _PLOT / MINUTES


def _y(row: int) -> float:
    return _TOP + row * _ROW


def _hours(rows: int) -> Iterator[Markup]:
    for hour in _HOURS:
        x, always = _x(hour * 60), hour in _EVERY_SCREEN
        anchor = "end" if hour == _HOURS[-1] else "middle"
        yield svg.element("text", f"{hour:02}", x=x, y=_TOP - 8, text_anchor=anchor, class_=None if always else "wide")
        yield svg.path([(x, _TOP), (x, _TOP + rows * _ROW)], class_="axis")


def _day(row: int, day: Day, *, is_today: bool) -> Iterator[Markup]:
    middle = _y(row) + _ROW / 2 - 2
    short, kind = f"{day.date:%a} {day.date.day}", "day today" if is_today else "day"
    yield _text(f"{short} {day.date:%b}", _LEFT - 10, middle, class_=f"{kind} wide", text_anchor="end")
    yield _text(short, _LEFT - 10, middle, class_=f"{kind} slim", text_anchor="end")
    yield svg.path([(_LEFT, _y(row) + _ROW), (_LEFT + _PLOT, _y(row) + _ROW)], class_="axis")
    for gap in day.gaps:
        yield _gap(_x(gap.begin), _y(row), _x(gap.end) - _x(gap.begin), _ROW)
    for band in day.bands:
        yield from _band(band)


def _band(band: Band) -> Iterator[Markup]:
    piece = band.piece
    x, width = _x(piece.begin), _x(piece.end) - _x(piece.begin)
    y, height = _lane(piece.row, piece.share)
    yield _state(band.state, x, y, width, height)
    if band.state == "RUNNING" and piece.share == "whole" and piece.end - piece.begin >= _LABELLED:
        text = f"{clock(piece.begin)}\u2013{clock(piece.end)}"
        yield _text(text, x + width / 2, y + height / 2, class_="in wide")


def _lane(row: int, share: Share) -> tuple[float, float]:
    """Where the bar of a row is, and how high; what comes twice has half of it each time."""
    top, half = _y(row) + 4, _BAR / 2
    return (top + half + 1 if share == "lower" else top), (_BAR if share == "whole" else half - 1)


def _state(state: str, x: float, y: float, width: float, height: float) -> Markup:
    if state == "RUNNING":
        return svg.element("rect", x=x, y=y, width=width, height=height, rx=2, class_="run")
    middle = y + height / 2
    return svg.path([(x, middle), (x + width, middle)], class_="stopped" if state == "STOPPED" else "alone")


def _gap(x: float, y: float, width: float, height: float) -> Markup:
    box = svg.element("rect", x=x, y=y, width=width, height=height, class_="gap")
    crossed = [((x, y), (x + width, y + height)), ((x, y + height), (x + width, y))]
    return svg.group([box, *(svg.path(line, class_="crossed") for line in crossed)])


def _spell(piece: Piece, spell: Spell) -> Markup:
    y = _y(piece.row) + (_ROW - 6 if spell.kind == "override" else _ROW - 2)
    return svg.path([(_x(piece.begin), y), (_x(piece.end), y)], class_=spell.kind)


def _note(spot: Spot, note: Note) -> Markup:
    y, height = _lane(spot.row, spot.share)
    return svg.group([svg.element("title", note.text), *_sign(note.kind, _x(spot.minute), y + height / 2)])


def _sign(kind: str, x: float, y: float) -> Sequence[Markup]:
    if kind == "start":
        return [svg.path([(x - 1, y - 8), (x + 11, y), (x - 1, y + 8), (x - 1, y - 8)], class_="sign")]
    if kind == "stop":
        return [svg.element("rect", x=x - 7, y=y - 7, width=14, height=14, class_="sign")]
    if kind == "off":
        lines = ([(x - 7, y - 7), (x + 7, y + 7)], [(x - 7, y + 7), (x + 7, y - 7)])
        return [svg.path(line, class_=paint) for paint in ("under", "cross") for line in lines]
    return [svg.element("circle", cx=x, cy=y, r=9, class_="bad"), _text("!", x, y, class_="in")]


def _text(content: str | Markup, x: float, y: float, *, class_: str, text_anchor: str = "middle") -> Markup:
    return svg.element("text", content, x=x, y=y, class_=class_, text_anchor=text_anchor, dominant_baseline="central")


def _now(spot: Spot) -> Iterable[Markup]:
    x, y = _x(spot.minute), _y(spot.row)
    return (
        svg.path([(x, y), (x, y + _ROW)], class_="now"),
        svg.path([(x - 6, y - 2), (x + 6, y - 2), (x, y + 6), (x - 6, y - 2)], class_="now-tip"),
    )


def _sample(kind: str) -> Markup:
    width, height = _SAMPLE
    middle, centre = height / 2, width / 2
    if kind in {"RUNNING", "STOPPED", "UNMANAGED"}:
        parts = [_state(kind, 1, 2, width - 2, height - 4)]
    elif kind == "gap":
        parts = [_gap(1, 1, width - 2, height - 2)]
    elif kind == "lower":
        parts = [_state("RUNNING", 1, 1, width - 2, 6), _state("RUNNING", 1, 9, width - 2, 6)]
    elif kind in {"pause", "override"}:
        parts = [svg.path([(1, middle), (width - 1, middle)], class_=kind)]
    elif kind == "now":
        parts = [svg.path([(centre, 0), (centre, height)], class_="now")]
    else:
        parts = [*_sign(kind, centre, middle)]
    return svg.element(
        "svg",
        Markup().join(parts),
        class_="chart week sample",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        aria_hidden="true",
    )
