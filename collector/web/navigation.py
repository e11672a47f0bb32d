"""What stands in the menu of every page, in this order."""

from collections.abc import Sequence
from typing import NamedTuple


class Item(NamedTuple):
    """One entry: its icon is a name of Lucide's."""

    path: str
    title: str
    icon: str


class Shown(NamedTuple):
    """An entry of the menu as one page shows it."""

    path: str
    title: str
    icon: str
    here: bool


class Group(NamedTuple):
    """A few entries with a common title."""

    title: str
    items: Sequence[Shown]


MENU: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "Oracle",
        (
            Item("/ui/fleet", "Fleet", "database"),
            Item("/ui/tickets", "Tickets", "ticket"),
            Item("/ui/alerts", "Alerts", "bell"),
        ),
    ),
    (
        "AWS",
        (
            Item("/ui/recommendations", "Recommendations", "piggy-bank"),
            Item("/ui/schedules", "Schedules", "calendar-clock"),
            Item("/ui/accounts", "Accounts", "cloud"),
        ),
    ),
    (
        "Status",
        (
            Item("/ui/services", "Services", "activity"),
            Item("/ui/incidents", "Incidents", "siren"),
            Item("/ui/maintenance", "Maintenance", "wrench"),
        ),
    ),
    (
        "Collector",
        (
            Item("/ui/agents", "Agents", "radio-tower"),
            Item("/ui/report", "Report", "file-text"),
            Item("/ui/activity", "Activity", "scroll-text"),
            Item("/ui/settings", "Settings", "settings"),
            Item("/ui/docs", "API", "braces"),
            Item("/ui/manual", "Manual", "book-open"),
        ),
    ),
)


def of(_visitor: object, path: str) -> Sequence[Group]:
    """The menu, with the page that is open marked."""
    return [Group(title, [_shown(item, path) for item in items]) for title, items in MENU]


_BELOW = {"/ui/fleet": "/ui/connections/"}
"""Pages that belong to an entry without lying below its path."""


def _shown(item: Item, path: str) -> Shown:
    here = path == item.path or path.startswith((item.path + "/", _BELOW.get(item.path, item.path + "/")))
    return Shown(item.path, item.title, item.icon, here)
