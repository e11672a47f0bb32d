"""Pure: a page as files, for a web server that has nothing else, or the far side of a one-way link."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collector.api.public import atom, badges, shapes
from collector.api.public.envelope import packed
from collector.domain.statuspage import rules
from collector.domain.statuspage.rules import Page, PublicIncident, PublicWindow
from collector.domain.statuspage.store import Days, Measured, Overview


class Everything(NamedTuple):
    """What a page is made of."""

    page: Page
    overview: Overview
    measured: Sequence[Measured]
    days: Sequence[Days]
    incidents: Sequence[PublicIncident]
    feed: Sequence[PublicIncident | PublicWindow]


def files(found: Everything, *, url: str) -> Iterator[tuple[str, bytes]]:
    """Each by its path below the page's own."""
    overview, incidents = found.overview, found.incidents
    yield "summary.json", shapes.summary(found.page, overview)
    yield "services.json", shapes.services(overview.services)
    yield "incidents.json", shapes.incidents(incidents, total=len(incidents), limit=len(incidents), offset=0)
    yield "maintenance.json", shapes.windows(overview.windows)
    yield "feed.atom", atom.feed(found.page, found.feed, url=url)
    status = rules.overall(overview.services, overview.incidents)
    yield "badge.svg", badges.svg(badges.of_status(found.page.title, status))
    for incident in incidents:
        yield f"incidents/{incident.id}.json", packed(shapes.incident(incident))
    for service in overview.services:
        yield f"badge/{service.slug}.svg", badges.svg(badges.of_status(service.name, service.status))
    for measured in found.measured:
        yield f"services/{measured.slug}/uptime.json", shapes.measured(measured)
        uptime = badges.of_uptime(measured.name, measured.windows["30d"].percent)
        yield f"badge/{measured.slug}.uptime30d.svg", badges.svg(uptime)
    for days in found.days:
        yield f"services/{days.slug}/days.json", shapes.days(days)
