"""A page as a folder of files: no script, links that hold anywhere, for any web server or none at all."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

from collector.api.public import exporting as data
from collector.domain.statuspage.rules import PublicIncident
from collector.domain.statuspage.store import Span
from collector.domain.statuspage.whole import Everything
from collector.web import assets
from collector.web.statuspage import views, writing
from collector.web.statuspage.places import ICON, STYLE, in_folder
from collector.web.statuspage.views import Month
from collector.web.statuspage.writing import History, Sheet

MONTHS = 12


def months(now: datetime) -> list[Month]:
    """Those of the history that are copied, without a link to what is not."""
    found = views.months(now, MONTHS)
    return [*found[:-1], found[-1]._replace(before="")]


def spans(now: datetime) -> list[Span]:
    return [one.span for one in months(now)]


def files(found: Everything) -> Iterator[tuple[str, bytes]]:
    """Each by its path: what machines read, and what people do. `found` was gathered with `spans`."""
    yield from data.files(found)
    for name in (STYLE, ICON):
        yield name, assets.content_of(name)
    for path, text in _pages(found):
        yield path, text.encode()


def zipped(found: Everything) -> bytes:
    """All of them in one file to take along."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files(found):
            archive.writestr(f"{found.page.slug}-status/{path}", content)
    return packed.getvalue()


def _pages(found: Everything) -> Iterator[tuple[str, str]]:
    front, below = _sheet(found, 0), _sheet(found, 1)
    strips = {one.measured.slug: one.strip for one in found.pasts}
    yield "index.html", writing.home(front, views.home(found.overview, strips))
    yield "maintenance.html", writing.maintenance(front, found.overview.windows)
    for month, of_month in zip(months(found.at), found.months, strict=True):
        rows, total = of_month.incidents
        pages = 1 if len(rows) == total else 2
        yield (
            f"history/{month.name}.html",
            writing.history(below, History(month, rows, of_month.windows, 1, pages, total)),
        )
    for incident in _once(found):
        yield f"incidents/{incident.id}.html", writing.incident(below, incident)


def _once(found: Everything) -> Iterable[PublicIncident]:
    """Every incident to which a page leads."""
    rows = [*found.incidents, *found.overview.incidents, *(one for of in found.months for one in of.incidents.rows)]
    return {one.id: one for one in rows}.values()


def _sheet(found: Everything, depth: int) -> Sheet:
    return Sheet(found.page, in_folder(depth), False, views.this_month(found.at), found.at)
