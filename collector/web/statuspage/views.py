"""Pure: what people read of a page, shaped for its templates."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from collector.domain.services.rules import RANK, ServiceStatus
from collector.domain.services.uptime import Strip
from collector.domain.statuspage import rules
from collector.domain.statuspage.rules import PublicIncident, PublicService, PublicWindow
from collector.domain.statuspage.store import Overview, Span
from collector.domain.statuspage.wording import STATUS
from collector.web import filters
from collector.web.charts import bars

MOST_UPDATES = 5
"""Of one incident on the first page; its own page has all of them."""
MOST_WINDOWS = 10
MANY = 40
"""With more services than that, groups in which all is well are folded."""
MONTHS = 24
"""How far back the history can be read."""


_NO_TROUBLE = ("operational", "under_maintenance")


class Banner(NamedTuple):
    """How everything is, in a few words; `level`: the class of its colour."""

    level: str
    text: str
    detail: str


class Row(NamedTuple):
    """One service."""

    service: PublicService
    bars: Markup | None
    uptime: str


class Group(NamedTuple):
    """Services that belong together; `title` empty for those without a group. What is well folds in a long list."""

    title: str
    status: ServiceStatus
    rows: Sequence[Row]
    folded: bool


class Home(NamedTuple):
    """The first page."""

    banner: Banner
    groups: Sequence[Group]
    incidents: Sequence[PublicIncident]
    running: Sequence[PublicWindow]
    upcoming: Sequence[PublicWindow]


class Month(NamedTuple):
    """One of the history; `before` and `after` are names of its neighbours, where there are any."""

    name: str
    title: str
    span: Span
    before: str
    after: str


def home(found: Overview, strips: Mapping[str, Strip]) -> Home:
    return Home(
        banner(found),
        groups(found.services, strips),
        found.incidents,
        [one for one in found.windows if one.status == "active"],
        [one for one in found.windows if one.status != "active"],
    )


def banner(found: Overview) -> Banner:
    status = rules.overall(found.services, found.incidents)
    affected = sum(one.status != "operational" for one in found.services)
    if not found.services and status == "operational":
        return Banner("unknown", "No services are shown here yet", "")
    if status == "operational":
        return Banner("ok", "All services operational", "")
    of_all = f"{affected:,} of {filters.plural(len(found.services), 'service')} affected" if affected else ""
    return Banner(filters.level(status), filters.words(STATUS[status]), of_all)


def groups(services: Iterable[PublicService], strips: Mapping[str, Strip]) -> list[Group]:
    """By name, those without a group last; inside a group by name. In a long list what is worse comes first."""
    found: dict[str, list[Row]] = {}
    for one in services:
        found.setdefault(one.group, []).append(_row(one, strips.get(one.slug)))
    titles = sorted(found, key=lambda title: (not title, title.casefold()))
    many = sum(map(len, found.values())) > MANY
    made = [_group(title, found[title], many=many) for title in titles]
    return sorted(made, key=lambda one: -RANK[one.status]) if many else made


def month(name: str, now: datetime) -> Month | None:
    """Of a name like 2026-11; None for what is no month, is to come, or is too long ago."""
    year, dash, number = name.partition("-")
    if not (dash and name.isascii() and len(year) == 4 and len(number) == 2 and (year + number).isdigit()):  # noqa: PLR2004 - YYYY-MM
        return None
    place, today = int(year) * 12 + int(number) - 1, now.astimezone(UTC)
    latest = today.year * 12 + today.month - 1
    if not (1 <= int(number) <= 12 and latest - MONTHS < place <= latest):  # noqa: PLR2004 - months of a year
        return None
    return Month(
        name,
        f"{_first(place):%B %Y}",
        Span(_first(place), _first(place + 1)),
        _name(place - 1) if place - 1 > latest - MONTHS else "",
        _name(place + 1) if place < latest else "",
    )


def this_month(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m}"


def months(now: datetime, count: int) -> list[Month]:
    """The latest ones, this one first."""
    today = now.astimezone(UTC)
    latest = today.year * 12 + today.month - 1
    return [found for back in range(count) if (found := month(_name(latest - back), now)) is not None]


def trouble(strip: Strip, last: date) -> str:
    """What the bars say to those who do not see them."""
    bad = [(place, one) for place, one in enumerate(strip.worst) if one is not None and one not in _NO_TROUBLE]
    said = f"{filters.plural(len(strip.worst), 'day')} up to {last.isoformat()}: {_percent(strip)}" + (
        "" if strip.whole.percent is None else " uptime"
    )
    if not bad:
        return said
    place, worst = bad[-1]
    at = last - timedelta(days=len(strip.worst) - 1 - place)
    return f"{said}, trouble on {filters.plural(len(bad), 'day')}, last on {at.isoformat()} ({STATUS[worst]})"


def _group(title: str, rows: Sequence[Row], *, many: bool) -> Group:
    status = max((one.service.status for one in rows), key=RANK.__getitem__)
    ordered = sorted(rows, key=lambda one: -RANK[one.service.status]) if many else rows
    return Group(title, status, ordered, many and status == "operational")


def _row(one: PublicService, strip: Strip | None) -> Row:
    if strip is None:
        return Row(one, None, "")
    last = strip.whole.ended_at.astimezone(UTC).date()
    return Row(one, bars.strip(strip.worst, title=trouble(strip, last)), _percent(strip))


def _percent(strip: Strip) -> str:
    return bars.NOTHING if strip.whole.percent is None else filters.percent(strip.whole.percent, 3)


def _first(place: int) -> datetime:
    return datetime(place // 12, place % 12 + 1, 1, tzinfo=UTC)


def _name(place: int) -> str:
    return f"{place // 12:04}-{place % 12 + 1:02}"
