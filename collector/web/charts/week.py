"""Pure: a week of a schedule by the clock of its zone, row by row, whatever that clock does in it.

A row holds the wall times of a date from 00:00 to 24:00. What the clock shows twice is there twice, one half above the
other; what it leaves out is a gap.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from common.windows import Desired, desired, resolve, spans
from common.wire_aws import Window

Share = Literal["whole", "upper", "lower"]
"""How much of a row's height something has: half of it where the clock shows a time twice."""

DAYS = 7
MINUTES = 1440
_YEAR = 366
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)


class Piece(NamedTuple):
    """A part of a row, in minutes since 00:00 of its wall clock, and the instants that it stands for."""

    row: int
    begin: float
    end: float
    share: Share
    since: datetime
    until: datetime


class Band(NamedTuple):
    """What is to be during a part of a row."""

    piece: Piece
    state: Desired


class Gap(NamedTuple):
    """Minutes of a row that the clock leaves out."""

    begin: float
    end: float


class Note(NamedTuple):
    """Something at an instant: a start or stop without its opposite, one that is left out (`off`) or went wrong."""

    at: datetime
    kind: Literal["start", "stop", "off", "failed"]
    text: str


class Spell(NamedTuple):
    """A time during which the schedule, or something that it applies to, is left alone."""

    since: datetime
    until: datetime
    kind: Literal["pause", "override"]


class Spot(NamedTuple):
    """Where an instant is."""

    row: int
    minute: float
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A row. `lasts`: how long the date is; `remark`: what clocks do on it; `single`: what was said of that date."""

    date: date
    bands: Sequence[Band]
    gaps: Sequence[Gap]
    lasts: timedelta
    remark: str
    single: Literal["", "skipped", "extra"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Seven rows, and what is drawn over them."""

    zone: str
    days: Sequence[Day]
    notes: Sequence[tuple[Spot, Note]]
    spells: Sequence[tuple[Piece, Spell]]
    now: Spot | None


def monday(at: datetime, zone: str) -> date:
    """The first day of the week in which an instant is by that zone's clock."""
    local = at.astimezone(ZoneInfo(zone)).date()
    return local - timedelta(days=local.weekday())


def bounds(first: date, zone: str) -> tuple[datetime, datetime]:
    """The instants between which the week is that begins on this day."""
    clock = ZoneInfo(zone)
    return resolve(first, "00:00", clock), resolve(first + timedelta(days=DAYS), "00:00", clock)


def next_change(zone: str, now: datetime) -> date | None:
    """The next date within a year on which the clocks change."""
    clocks = ZoneInfo(zone)
    for begin in (now + day * _DAY for day in range(_YEAR)):
        if begin.astimezone(clocks).utcoffset() != (begin + _DAY).astimezone(clocks).utcoffset():
            turn = next(_turns(clocks, begin, begin + _DAY))
            return (turn - _SECOND).astimezone(clocks).date()
    return None


def week(
    window: Window,
    first: date,
    *,
    now: datetime | None = None,
    notes: Iterable[Note] = (),
    spells: Iterable[Spell] = (),
) -> Week:
    """The seven days from `first` on."""
    zone = ZoneInfo(window.timezone)
    begin, end = (at + side for at, side in zip(bounds(first, window.timezone), (-_DAY, _DAY), strict=True))
    shifts = [at for span in spans((window,), begin, end) for at in span]
    bands = _joined([Band(one, desired((window,), one.since)) for one in _pieces(zone, first, shifts)])
    placed = ((_spot(note.at, zone, first), note) for note in notes)
    return Week(
        zone=window.timezone,
        days=tuple(_day(window, first, row, bands) for row in range(DAYS)),
        notes=tuple((spot, note) for spot, note in placed if spot),
        spells=tuple((piece, one) for one in spells for piece in _covered(zone, first, one)),
        now=_spot(now, zone, first) if now else None,
    )


def hours(lasts: timedelta) -> str:
    """How long a date is: `24 h`, `23 h 30 min`."""
    whole, rest = divmod(lasts // _MINUTE, 60)
    return f"{whole} h {rest} min" if rest else f"{whole} h"


def clock(minute: float) -> str:
    """A wall time of a row."""
    whole, rest = divmod(int(minute), 60)
    return f"{whole:02}:{rest:02}"


def _day(window: Window, first: date, row: int, bands: Sequence[Band]) -> Day:
    day = first + timedelta(days=row)
    own = [band for band in bands if band.piece.row == row]
    gaps = _gaps([band.piece for band in own])
    lasts = sum((band.piece.until - band.piece.since for band in own), timedelta())
    return Day(
        date=day,
        bands=own,
        gaps=gaps,
        lasts=lasts,
        remark=_remark(own, gaps, lasts),
        single=_single(window, day),
    )


def _single(window: Window, day: date) -> Literal["", "skipped", "extra"]:
    if day.isoformat() in window.skip:
        return "skipped"
    return "extra" if day.isoformat() in window.extra and day.isoweekday() not in window.weekdays else ""


def _remark(bands: Sequence[Band], gaps: Sequence[Gap], lasts: timedelta) -> str:
    if not bands:
        return "The calendar of this zone leaves this date out."
    said = [
        f"The clocks go forward: {clock(gap.begin)} to {clock(gap.end)} does not exist; the day has {hours(lasts)}."
        for gap in gaps
    ]
    twice = [band.piece for band in bands if band.piece.share == "lower"]
    if twice:
        begin, end = twice[0].begin, twice[-1].end
        said.append(f"The clocks go back: {clock(begin)} to {clock(end)} comes twice; the day has {hours(lasts)}.")
    return " ".join(said)


def _pieces(zone: ZoneInfo, first: date, more: Iterable[datetime]) -> Iterator[Piece]:
    """What is between cuts: at midnight, where the clocks change or repeat themselves, and at these instants."""
    begin, end = (at + side for at, side in zip(bounds(first, zone.key), (-_DAY, _DAY), strict=True))
    turns = [*_turns(zone, begin, end), *more, *_midnights(zone, first)]
    cuts = sorted({begin, end, *(at for at in turns if begin < at < end)})
    for since, until in pairwise(cuts):
        spot = _spot(since, zone, first)
        if spot:
            last = spot.minute + (until - since) / _MINUTE
            yield Piece(spot.row, spot.minute, last, spot.share, since, until)


def _turns(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Where the offset of a zone changes, and both ends of what the clock then shows twice."""
    while begin < end:
        before, after = (at.astimezone(zone).utcoffset() or timedelta() for at in (begin, begin + _HOUR))
        if before != after:
            turn = _exactly(zone, begin, begin + _HOUR)
            yield from (turn, turn - abs(after - before), turn + abs(after - before))
        begin += _HOUR


def _exactly(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of the new offset."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _midnights(zone: ZoneInfo, first: date) -> Iterator[datetime]:
    """Every instant at which the clock shows 00:00 around that week; a date can begin twice."""
    for row in range(-1, DAYS + 2):
        wall = datetime.combine(first + timedelta(days=row), time(), zone)
        yield from (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _spot(at: datetime, zone: ZoneInfo, first: date) -> Spot | None:
    """Where an instant is; None outside the week."""
    local = at.astimezone(zone)
    row = (local.date() - first).days
    if not 0 <= row < DAYS:
        return None
    minute = (local.replace(tzinfo=None) - datetime.combine(local.date(), time())) / _MINUTE
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    halves: tuple[Share, Share] = ("upper", "lower")
    return Spot(row, minute, halves[local.fold] if twice else "whole")


def _covered(zone: ZoneInfo, first: date, spell: Spell) -> list[Piece]:
    pieces = _pieces(zone, first, (spell.since, spell.until))
    return [piece for piece in pieces if spell.since <= piece.since < spell.until]


def _joined(bands: Sequence[Band]) -> list[Band]:
    """Without cuts between which nothing changes."""
    made: list[Band] = []
    for band in bands:
        last = made[-1] if made else None
        if last and _goes_on(last, band):
            made[-1] = Band(last.piece._replace(end=band.piece.end, until=band.piece.until), band.state)
        else:
            made.append(band)
    return made


def _goes_on(last: Band, band: Band) -> bool:
    same = (last.state, last.piece.row, last.piece.share) == (band.state, band.piece.row, band.piece.share)
    return same and last.piece.until == band.piece.since and last.piece.end == band.piece.begin


def _gaps(pieces: Sequence[Piece]) -> list[Gap]:
    found: list[Gap] = []
    reached = 0.0
    for begin, end in [*sorted((piece.begin, piece.end) for piece in pieces), (MINUTES, MINUTES)]:
        if begin > reached:
            found.append(Gap(reached, begin))
        reached = max(reached, end)
    return found
