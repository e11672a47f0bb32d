"""What readers get to see of each thing; what is not named here is not shown."""

from collections.abc import Mapping, Sequence

from collector.api.public.envelope import packed
from collector.domain.services.uptime import Day, Uptime
from collector.domain.statuspage import rules
from collector.domain.statuspage.rules import Affected, Page, PublicIncident, PublicService, PublicWindow
from collector.domain.statuspage.store import Days, Measured, Overview
from collector.domain.statuspage.wording import STATUS

Shape = Mapping[str, object]


def summary(page: Page, found: Overview) -> bytes:
    """All that a page says at first sight; nothing in it changes with the clock alone."""
    status = rules.overall(found.services, found.incidents)
    return packed(
        {
            "page": {"slug": page.slug, "title": page.title, "description": page.description},
            "status": status,
            "status_text": f"All services {STATUS[status]}" if status == "operational" else STATUS[status].capitalize(),
            "services": [service(one) for one in found.services],
            "incidents": [incident(one) for one in found.incidents],
            "maintenance": [window(one) for one in found.windows],
        }
    )


def services(found: Sequence[PublicService]) -> bytes:
    return packed({"services": [service(one) for one in found], "total": len(found)})


def incidents(found: Sequence[PublicIncident], *, total: int, limit: int, offset: int) -> bytes:
    return packed(
        {"incidents": [incident(one) for one in found], "total": total, "limit": limit, "offset": offset},
    )


def windows(found: Sequence[PublicWindow]) -> bytes:
    return packed({"maintenance": [window(one) for one in found], "total": len(found)})


def measured(found: Measured) -> bytes:
    percent = {f"uptime_{name}": one.percent for name, one in found.windows.items()}
    windows_of = {name: _window_of(one) for name, one in found.windows.items()}
    return packed({"service": found.slug, **percent, "windows": windows_of})


def days(found: Days) -> bytes:
    return packed({"service": found.slug, "days": [_day(one) for one in found.days]})


def service(one: PublicService) -> Shape:
    return one._asdict()


def incident(one: PublicIncident) -> Shape:
    return {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "severity": one.severity,
        "status": one.status,
        "services": [_affected(found) for found in one.services],
        "updates": [
            {"status": said.status, "message": said.message, "created_at": said.created_at} for said in one.updates
        ],
        "started_at": one.started_at,
        "resolved_at": one.resolved_at,
        "updated_at": one.changed_at,
    }


def window(one: PublicWindow) -> Shape:
    return {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "status": one.status,
        "services": [{"slug": found.slug, "name": found.name} for found in one.services],
        "scheduled_start": one.scheduled_start,
        "scheduled_end": one.scheduled_end,
        "actual_start": one.actual_start,
        "actual_end": one.actual_end,
    }


def _affected(one: Affected) -> Shape:
    return one._asdict()


def _window_of(one: Uptime) -> Shape:
    """Not to the second from when to when: the body would never be the same twice."""
    return {
        "seconds": {status: round(length) for status, length in one.seconds.items()},
        "observed_seconds": round(one.observed_s),
        "excluded_seconds": round(one.excluded_s),
        "unknown_seconds": round(one.unknown_s),
    }


def _day(one: Day) -> Shape:
    return {"date": one.day, "status": one.worst, "uptime": one.uptime.percent}
