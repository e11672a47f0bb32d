"""Why a service is as it is, in words that lead on."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from collector.domain.services.rules import Derived, Reason, ServiceStatus


class Line(NamedTuple):
    """One reason; `url` is empty where it leads nowhere."""

    kind: str
    text: str
    url: str
    status: ServiceStatus
    since: datetime


_KINDS = {
    "alert": "Check",
    "incident": "Incident",
    "maintenance": "Maintenance",
    "override": "Set by hand",
    "stale": "No data",
}


def lines(derived: Derived) -> Sequence[Line]:
    return [_line(one) for one in derived.reasons]


def page_of(source: str) -> str:
    """Where what a service stands for has its page."""
    kind, _, number = source.partition("/")
    return {"connection": f"/ui/connections/{number}", "account": "/ui/accounts"}.get(kind, "")


def _line(one: Reason) -> Line:
    text, url = one.title, ""
    if one.source == "alert":
        text, url = f"{one.id} is critical", page_of(one.title)
    elif one.source == "incident":
        url = f"/ui/incidents/{one.id}"
    elif one.source == "maintenance":
        url = f"/ui/maintenance/{one.id}"
    elif one.source == "stale":
        text = "its agents have fallen silent"
    return Line(_KINDS[one.source], text, url, one.status, one.since)
