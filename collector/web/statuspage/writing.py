"""The pages as text: the same for a request and for a file."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from collector.core.problems import not_found
from collector.domain.statuspage.rules import Page, PublicIncident, PublicWindow
from collector.web.rendering import environment
from collector.web.statuspage import views
from collector.web.statuspage.places import Places
from collector.web.statuspage.views import Home, Month


class Sheet(NamedTuple):
    """Whose page, where its parts are, whether it takes subscribers; `made_at`: of a copy that grows old."""

    page: Page
    places: Places
    mails: bool
    this_month: str
    made_at: datetime | None = None


class History(NamedTuple):
    """What there is to say of a month; `pages`: how many pages it takes."""

    month: Month
    incidents: Sequence[PublicIncident]
    windows: Sequence[PublicWindow]
    number: int
    pages: int
    total: int


def home(sheet: Sheet, found: Home, *, part: str | None = None) -> str:
    return _page(
        sheet, "home.html", part, found=found, most_updates=views.MOST_UPDATES, most_windows=views.MOST_WINDOWS
    )


def incident(sheet: Sheet, found: PublicIncident) -> str:
    return _page(sheet, "incident.html", None, incident=found)


def maintenance(sheet: Sheet, found: Sequence[PublicWindow]) -> str:
    return _page(sheet, "maintenance.html", None, windows=found)


def history(sheet: Sheet, found: History) -> str:
    return _page(sheet, "history.html", None, found=found)


def form(sheet: Sheet, template: str, **parts: object) -> str:
    """One of the pages about subscriptions."""
    return _page(sheet, template, None, **parts)


def _page(sheet: Sheet, name: str, part: str | None, **parts: object) -> str:
    template = environment.get_template(f"status/{name}")
    context = {**sheet._asdict(), "asset": sheet.places.asset, **parts}
    if part is None:
        return template.render(context)
    block = template.blocks.get(part)
    if block is None:
        raise not_found()
    return "".join(block(template.new_context(context)))
