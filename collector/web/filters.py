"""Numbers, times and words as people read them."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from markupsafe import Markup, escape

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_NONE = "\u2013"
_STEPS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
_BYTE_STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_BYTE_BASE = 1024


def duration(seconds: float | timedelta | None) -> str:
    """At most two units: `3 d 4 h`, `12 min`, `40 s`."""
    if seconds is None:
        return _NONE
    left = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    parts: list[str] = []
    for size, unit in _STEPS:
        count, left = divmod(left, size)
        if count and len(parts) < 2:  # noqa: PLR2004 - two units
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts) or "0 s"


def ago(at: datetime | None, now: datetime) -> str:
    """How far an instant is from now: `4 min ago`, `in 2 h`."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{_coarse(seconds)} ago" if seconds > 0 else f"in {_coarse(-seconds)}"


def when(at: datetime | date | None) -> Markup | str:
    """An instant, in UTC without a script and in the reader's own zone with it."""
    if at is None:
        return _NONE
    return _time(at) if isinstance(at, datetime) else at.isoformat()


def _time(at: datetime, mark: str = "") -> Markup:
    """Nothing in it comes from outside, and pages have hundreds: it is put together without escaping."""
    utc = at.astimezone(UTC)
    machine = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup(f'<time {mark}datetime="{machine}">{utc:%Y-%m-%d %H:%M} UTC</time>')  # noqa: S704 - as said


def age(at: datetime | None) -> Markup | str:
    """An instant that browsers show as how long ago it was; unlike `ago`, the text stays while nothing happens."""
    return "never" if at is None else _time(at, "data-age ")


def money(amount: float | Decimal | None, currency: str = "USD") -> str:
    """An unknown price is never 0."""
    return "unknown" if amount is None else f"{amount:,.2f} {currency}"


def number(value: float | None, digits: int = 0) -> str:
    return _NONE if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    return _NONE if value is None else f"{value:.{digits}f} %"


def size(count: float | None) -> str:
    """Bytes in binary units."""
    if count is None:
        return _NONE
    step = 0
    while count >= _BYTE_BASE and step < len(_BYTE_STEPS) - 1:
        count, step = count / _BYTE_BASE, step + 1
    return f"{count:.0f} {_BYTE_STEPS[step]}" if step == 0 else f"{count:.1f} {_BYTE_STEPS[step]}"


_SHORT = {one: one.upper() for one in ("asm", "rac", "sql", "aws", "api")}
"""What is written in capitals."""


def words(name: str) -> str:
    """A name of the API as a phrase: `partial_outage` becomes `Partial outage`."""
    text = name.replace("_", " ").replace("-", " ").strip()
    first, *rest = text.split(" ")
    return " ".join([_SHORT.get(first) or first[:1].upper() + first[1:], *rest])


def plural(count: int, one: str, many: str = "") -> str:
    """`1 ticket`, `2 tickets`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


_LEVELS: Mapping[str, str] = {
    **dict.fromkeys(("ok", "operational", "healthy", "resolved", "completed", "active_ok", "success"), "ok"),
    **dict.fromkeys(
        ("warning", "degraded", "minor", "degraded_performance", "stale", "medium", "identified", "late", "attention"),
        "warning",
    ),
    **dict.fromkeys(("partial_outage", "major", "high", "failed", "error", "silent", "investigating"), "serious"),
    **dict.fromkeys(("critical", "major_outage", "outage", "down", "unreachable"), "critical"),
    **dict.fromkeys(
        ("maintenance", "under_maintenance", "scheduled", "info", "informational", "monitoring", "low", "pending"),
        "info",
    ),
}


def level(name: str | None) -> str:
    """The class of colour for a severity or status: ok, warning, serious, critical, info or unknown."""
    return _LEVELS.get((name or "").lower(), "unknown")


def _coarse(seconds: float) -> str:
    for span, unit in _STEPS:
        if seconds >= span:
            return f"{int(seconds // span)} {unit}"
    return "1 s"


def lines(text: str) -> Markup:
    """A text of several lines, as it was written."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


FILTERS: dict[str, Callable[..., object]] = {
    "age": age,
    "ago": ago,
    "duration": duration,
    "level": level,
    "lines": lines,
    "money": money,
    "number": number,
    "percent": percent,
    "plural": plural,
    "size": size,
    "when": when,
    "words": words,
}
