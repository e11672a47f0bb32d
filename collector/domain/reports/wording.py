"""Pure: a report as a mail, in plain words and in a little HTML that loads nothing; times are UTC."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from collector.domain.reports.rules import Agents, Alerts, Fleet, Money, Report, Schedules, Services, Tickets

_SUBJECT = 160
_UNKNOWN = "unknown"


class Mail(NamedTuple):
    """A mail without its envelope."""

    subject: str
    text: str
    html: str


class Part(NamedTuple):
    """A section: sentences, then rows under a head."""

    title: str
    said: Sequence[str]
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def mail_of(report: Report, url: str) -> Mail:
    """`url`: where the pages of this collector are; empty where nobody has said so."""
    parts = list(_parts(report))
    link = f"{url}/ui/report?week={report.week}" if url else ""
    title = f"Week {report.week} of {report.tenant}"
    span = f"{report.week.begin:%Y-%m-%d} to {report.week.last:%Y-%m-%d}, in UTC"
    out = "You get this because you, or an administrator, asked for it on the page Report, where it can be stopped."
    text = "\n\n".join([title, span, *(_text(part) for part in parts), *([link] if link else []), f"-- \n{out}"])
    body = "".join(_html(part) for part in parts)
    shown = f'<p><a href="{escape(link)}">The report with its pictures</a></p>' if link else ""
    html = (
        "<!doctype html><html lang=en><head><meta charset=utf-8></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(span)}</p>{body}{shown}<hr><p><small>{escape(out)}</small></p></body></html>\n"
    )
    return Mail(_line(f"[Fieldpost] {title}: {_headline(report)}"), f"{text}\n", html)


def _headline(report: Report) -> str:
    score = _UNKNOWN if report.fleet.average_after is None else f"{report.fleet.average_after:g}"
    incidents = len(report.incidents) + report.more_incidents
    return f"score {score}, {report.fleet.bands_after['critical']} critical, {incidents} incidents"


def _parts(report: Report) -> Iterator[Part]:
    yield _fleet(report.fleet)
    yield _tickets(report.tickets)
    yield _alerts(report.alerts)
    yield _incidents(report)
    yield _services(report.services)
    yield _schedules(report.schedules)
    yield _money(report.money)
    yield _agents(report.agents)


def _fleet(fleet: Fleet) -> Part:
    before, after = _number(fleet.average_before), _number(fleet.average_after)
    said = [
        f"{fleet.connections} connections, average score {after} ({before} a week before).",
        _counts(fleet.bands_after),
    ]
    rows = [(one.name, _number(one.before), _number(one.after)) for one in fleet.worst]
    return Part("Fleet", said, ("Worst connections", "Before", "After") if rows else (), rows)


def _tickets(tickets: Tickets) -> Part:
    opened = sum(tickets.opened.values())
    took = "" if tickets.hours is None else f" after {tickets.hours:g} h on average"
    said = [f"{opened} opened, {tickets.resolved} resolved{took}; {tickets.open} open at the end."]
    rows = [(one.connection, one.title, "resolved" if one.resolved_at else "open") for one in tickets.critical]
    return Part("Tickets", said, ("Connection", "Critical finding", "State") if rows else (), rows)


def _alerts(alerts: Alerts) -> Part:
    critical, warning = alerts.triggered.get("critical", 0), alerts.triggered.get("warning", 0)
    said = [
        f"{critical} critical and {warning} warnings triggered, {alerts.resolved} resolved.",
        f"{alerts.open} open at the end.",
    ]
    if alerts.silent:
        said.append(f"Agents fell silent: {alerts.silent} times.")
    rows = [(one.name, str(one.alerts)) for one in alerts.noisy]
    return Part("Alerts", said, ("Alerted about most", "Alerts") if rows else (), rows)


def _incidents(report: Report) -> Part:
    if not report.incidents:
        return Part("Incidents", ["None."])
    rows = [(one.title, one.severity, f"{one.started_at:%Y-%m-%d %H:%M}", one.status) for one in report.incidents]
    more = [f"{report.more_incidents} more are not listed."] if report.more_incidents else []
    return Part("Incidents", more, ("Incident", "Severity", "Began (UTC)", "State"), rows)


def _services(services: Services) -> Part:
    unknown = f"; {services.unknown} not observed" if services.unknown else ""
    said = [f"{services.whole} of {services.number} up all the time that was observed{unknown}."]
    rows = [(one.name, f"{one.uptime.percent:.3f} %") for one in services.worst if one.uptime.percent is not None]
    return Part("Services", said, ("Service", "Uptime") if rows else (), rows)


def _schedules(schedules: Schedules) -> Part:
    if not schedules.number:
        return Part("Schedules", ["None."])
    said = [f"{schedules.number} schedules saved {_usd(schedules.usd)} in {schedules.hours:g} stopped hours."]
    if schedules.unpriced:
        said.append(f"Of {schedules.unpriced:g} of these hours the price is unknown; they are not in the sum.")
    return Part("Schedules", said)


def _money(money: Money) -> Part:
    found = _worth(money.found.number, money.found.savings, money.found_unpriced)
    now = _worth(money.open_now.number, money.open_now.savings, money.unpriced_now)
    said = [f"{found} found; {money.done.number} implemented.", f"Open now: {now}."]
    return Part("Recommendations", said)


def _agents(agents: Agents) -> Part:
    said = [f"{agents.number} agents; {agents.records} records were lost."]
    if agents.silent_now:
        said.append("Silent now: " + ", ".join(one.name for one in agents.silent_now) + ".")
    rows = [(one.name, one.reason, str(one.records)) for one in agents.lost]
    return Part("Agents", said, ("Agent", "Why", "Records") if rows else (), rows)


def _worth(number: int, savings: float, unpriced: int) -> str:
    if not number:
        return "none"
    priced = f"{_usd(savings)} a month" if number > unpriced else "an unknown amount"
    return f"{number} worth {priced}" + (f", {unpriced} of unknown price" if unpriced else "")


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in found.items()) + "."


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:g}"


def _usd(amount: float) -> str:
    return f"{amount:,.2f} USD (estimated)"


def _text(part: Part) -> str:
    lines = [part.title.upper(), *part.said]
    if part.rows:
        lines += ["", " | ".join(part.head), *("  " + " | ".join(row) for row in part.rows)]
    return "\n".join(lines)


def _html(part: Part) -> str:
    said = "".join(f"<p>{escape(one)}</p>" for one in part.said)
    if not part.rows:
        return f"<h2>{escape(part.title)}</h2>{said}"
    head = "".join(f"<th align=left>{escape(one)}</th>" for one in part.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in part.rows)
    table = f"<table cellpadding=4><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<h2>{escape(part.title)}</h2>{said}{table}"


def _line(text: str) -> str:
    """One line of a header, whatever people have called their things."""
    flat = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return flat if len(flat) <= _SUBJECT else f"{flat[: _SUBJECT - 1]}…"
