"""Pure: badges as SVG, without a script, a font or an image of somebody else's."""

from html import escape
from typing import NamedTuple

from collector.domain.services.rules import ServiceStatus
from collector.domain.statuspage.wording import STATUS

MEDIA_TYPE = "image/svg+xml"

_COLOURS: dict[ServiceStatus, str] = {
    "operational": "#1a7037",
    "under_maintenance": "#1f5fa8",
    "degraded_performance": "#8a5a00",
    "partial_outage": "#b04300",
    "major_outage": "#b3261e",
}
"""White text on each of them has a contrast of at least 4.5."""
_GREY = "#555555"
_HEIGHT = 20
_PADDING = 7
_NARROW, _WIDE = set("iljtfrI.,:;'|!()[] -"), set("mwMW@%")
_MAX_LABEL = 60
_FULL, _NEARLY, _BAD = 99.9, 99.0, 95.0


class Badge(NamedTuple):
    """What is on it: `label` on the left, `value` on the right."""

    label: str
    value: str
    colour: str


def of_status(label: str, status: ServiceStatus) -> Badge:
    return Badge(label, STATUS[status], _COLOURS[status])


def of_uptime(label: str, percent: float | None) -> Badge:
    """Three decimals, which are rounded down already; nothing observed is no 100 %."""
    if percent is None:
        return Badge(label, "no data", _GREY)
    status: ServiceStatus = (
        "operational"
        if percent >= _FULL
        else "degraded_performance"
        if percent >= _NEARLY
        else "partial_outage"
        if percent >= _BAD
        else "major_outage"
    )
    return Badge(label, f"{percent:.3f}% in 30 days", _COLOURS[status])


def svg(badge: Badge) -> bytes:
    label, value = _clean(badge.label), _clean(badge.value)
    left, right = _width(label), _width(value)
    whole = left + right
    title = escape(f"{label}: {value}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{_HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left}" height="{_HEIGHT}" fill="{_GREY}"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{badge.colour}"/>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(label, left / 2, left)}{_text(value, left + right / 2, right)}</g></svg>"
    ).encode()


def _text(text: str, middle: float, room: int) -> str:
    """Fitted to its box, whatever font there is."""
    return f'<text x="{middle:g}" y="14" textLength="{room - 2 * _PADDING}">{escape(text)}</text>'


def _width(text: str) -> int:
    return 2 * _PADDING + round(sum(4 if one in _NARROW else 10 if one in _WIDE else 7 for one in text))


def _clean(text: str) -> str:
    """One line of what XML can hold."""
    flat = "".join(one if one.isprintable() else " " for one in text)
    return flat if len(flat) <= _MAX_LABEL else f"{flat[: _MAX_LABEL - 1]}…"
