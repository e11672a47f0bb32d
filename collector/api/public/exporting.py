"""Pure: what machines read of a page as files, for a web server that has nothing else."""

from collections.abc import Iterator

from collector.api.public import atom, badges, shapes
from collector.api.public.envelope import packed
from collector.domain.statuspage import rules
from collector.domain.statuspage.whole import Everything


def files(found: Everything) -> Iterator[tuple[str, bytes]]:
    """Each by its path below the page's own."""
    overview, incidents = found.overview, found.incidents
    yield "summary.json", shapes.summary(found.page, overview)
    yield "services.json", shapes.services(overview.services)
    yield "incidents.json", shapes.incidents(incidents, total=len(incidents), limit=len(incidents), offset=0)
    yield "maintenance.json", shapes.windows(overview.windows)
    yield "feed.atom", atom.feed(found.page, found.feed, atom.IN_FOLDER)
    status = rules.overall(overview.services, overview.incidents)
    yield "badge.svg", badges.svg(badges.of_status(found.page.title, status))
    for incident in incidents:
        yield f"incidents/{incident.id}.json", packed(shapes.incident(incident))
    for service in overview.services:
        yield f"badge/{service.slug}.svg", badges.svg(badges.of_status(service.name, service.status))
    for past in found.pasts:
        slug, measured = past.measured.slug, past.measured
        yield f"services/{slug}/uptime.json", shapes.measured(measured)
        uptime = badges.of_uptime(measured.name, measured.windows["30d"].percent)
        yield f"badge/{slug}.uptime30d.svg", badges.svg(uptime)
        yield f"services/{slug}/days.json", shapes.days(past.days)
