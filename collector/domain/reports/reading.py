"""A report of a week, made of everything that was kept of it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.domain.costs import listing
from collector.domain.reports import rules, store
from collector.domain.reports.rules import Agents, Alerts, Day, Fleet, Money, Report, Saving, Schedules, Served, Tickets
from collector.domain.reports.weeks import Week
from collector.domain.schedules import store as schedules
from collector.domain.schedules import worth
from collector.domain.services import gathering, policies, uptime
from collector.domain.tenants import administration

_HOUR = timedelta(hours=1)
_TOP = 5


def report(conn: Connection, tenant_id: int, week: Week, now: datetime) -> Report:
    """Up to now, where the week is not over; scores are those of connections that are watched now."""
    until = min(week.end, now)
    number, events = store.incidents(conn, tenant_id, week.begin, until, rules.MOST_LINES)
    return Report(
        tenant=administration.get(conn, tenant_id).name,
        week=week,
        until=until,
        made_at=now,
        fleet=_fleet(conn, tenant_id, week, until),
        tickets=_tickets(conn, tenant_id, week.begin, until),
        alerts=_alerts(conn, tenant_id, week.begin, until),
        incidents=[rules.event(one, week.begin, until) for one in events],
        more_incidents=number - len(events),
        services=_services(conn, tenant_id, week.begin, until),
        schedules=_schedules(conn, tenant_id, week.begin, until),
        money=_money(conn, tenant_id, week.begin, until),
        agents=_agents(conn, tenant_id, week.begin, until),
    )


def _fleet(conn: Connection, tenant_id: int, week: Week, until: datetime) -> Fleet:
    ends = [*(at for at in week.days if at < until), until]
    days = [Day(at, *store.average(conn, tenant_id, at)) for at in ends]
    return rules.fleet(store.scores(conn, tenant_id, week.begin), store.scores(conn, tenant_id, until), days)


def _tickets(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> Tickets:
    number, took = store.resolved(conn, tenant_id, begin, end)
    return Tickets(
        opened=store.opened(conn, tenant_id, begin, end),
        resolved=number,
        open=store.open_tickets(conn, tenant_id, end),
        hours=None if took is None else round(took / _HOUR, 1),
        critical=store.critical(conn, tenant_id, begin, end, rules.WORST),
    )


def _alerts(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> Alerts:
    found = store.triggered(conn, tenant_id, begin, end)
    return Alerts(
        triggered={
            name: sum(number for (severity, _), number in found.items() if severity == name)
            for name in ("critical", "warning")
        },
        resolved=store.alerts_resolved(conn, tenant_id, begin, end),
        open=store.open_alerts(conn, tenant_id, end),
        silent=sum(number for (_, rule), number in found.items() if rule == "agent_silent"),
        noisy=store.noisy(conn, tenant_id, begin, end, _TOP),
    )


def _services(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> rules.Services:
    policy = policies.policy(conn, tenant_id)
    found = [
        (one, inputs) for one, inputs in gathering.followed(conn, tenant_id, None, begin, end) if inputs.since < end
    ]
    served = [
        Served(one.id, one.name, uptime.uptime(inputs, begin, end, policy=policy))
        for one, inputs in found
        if not rules.is_quiet(inputs, begin, end)
    ]
    return rules.services(served, len(found) - len(served), policy)


def _schedules(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> Schedules:
    found = []
    for one in schedules.all_of(conn, tenant_id):
        saved = worth.between(conn, tenant_id, one, begin, end)
        found.append(Saving(one.id, one.name, saved.usd, saved.hours, saved.unpriced))
    return rules.schedules(found, store.executions(conn, tenant_id, begin, end))


def _money(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> Money:
    now = listing.sums(conn, tenant_id, listing.Query(status="GENERATED"))
    found, unpriced = store.found(conn, tenant_id, begin, end)
    return Money(
        open_now=now.total,
        unpriced_now=now.unpriced,
        by_category=now.by_category,
        realised=now.realised,
        found=found,
        found_unpriced=unpriced,
        done=store.done(conn, tenant_id, begin, end),
    )


def _agents(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> Agents:
    number, silent = store.agents(conn, tenant_id)
    return Agents(number=number, lost=store.lost(conn, tenant_id, begin, end), silent_now=silent)
