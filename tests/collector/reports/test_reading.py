"""What a report says of a week, counted by hand."""

from dataclasses import replace
from datetime import timedelta

from collector.core.database import Database
from collector.domain.fleet import store as fleets
from collector.domain.reports import reading, rules
from collector.domain.reports.rules import Event, Scored
from collector.domain.reports.weeks import Week
from collector.domain.reports.wording import mail_of
from collector.domain.services import uptime
from collector.domain.services.rules import Baseline, Inputs, Span
from tests.collector import accounts, builders
from tests.collector.reports.making import DAY, HOUR, found, happened, lost, scored, watched

WEEK = Week.parse("2026-W20")
LATER = WEEK.end + 3 * DAY


async def test_what_people_have_called_things_is_no_markup_in_a_mail(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    [series] = await watched(database, tenant, ["<b>&"], WEEK.begin)
    await scored(database, tenant, series, WEEK.begin + HOUR, 20)
    await happened(database, tenant, "<img src=x>", WEEK.begin, None)
    mail = mail_of(await database.read(reading.report, tenant, WEEK, LATER), "")
    assert "<b>&" in mail.text
    assert "&lt;b&gt;&amp;" in mail.html
    assert "<img" not in mail.html


async def test_an_empty_tenant_has_a_report_as_well(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    made = await database.read(reading.report, tenant, WEEK, LATER)
    assert (made.fleet.connections, made.fleet.average_after, made.is_over) == (0, None, True)
    assert [day.average for day in made.fleet.days] == [None] * 7
    mail = mail_of(made, "")
    assert "average score unknown" in mail.text
    assert "http" not in mail.text + mail.html


async def test_scores_are_those_at_both_ends_and_each_midnight(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    series = await watched(database, tenant, ["falls", "rises", "silent", "old"], WEEK.begin)
    falls, rises, _, old = series
    await scored(database, tenant, falls, WEEK.begin - HOUR, 90)
    await scored(database, tenant, falls, WEEK.begin + 2 * DAY, 40)
    await scored(database, tenant, rises, WEEK.begin - 2 * DAY, 50, daily=True)
    await scored(database, tenant, rises, WEEK.end - HOUR, 100)
    await scored(database, tenant, rises, WEEK.end, 1)  # belongs to the next week
    await scored(database, tenant, old, WEEK.begin - 8 * DAY, 10)
    fleet = (await database.read(reading.report, tenant, WEEK, LATER)).fleet
    assert (fleet.average_before, fleet.average_after) == (70.0, 70.0)
    assert fleet.bands_after == {"healthy": 1, "warning": 0, "critical": 1, "unknown": 2}
    assert [one.name for one in fleet.worst] == ["falls"]
    assert [(one.name, one.change) for one in (*fleet.fell, *fleet.rose)] == [("falls", -50), ("rises", 50)]
    assert [day.average for day in fleet.days] == [70.0, 70.0, 45.0, 45.0, 45.0, 40.0, 70.0]


async def test_a_week_that_is_not_over_ends_now(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    now = WEEK.begin + 2 * DAY + HOUR
    made = await database.read(reading.report, tenant, WEEK, now)
    assert (made.until, made.is_over, len(made.fleet.days)) == (now, False, 3)


async def test_tickets_incidents_and_gaps_count_where_they_belong(database: Database) -> None:
    agent = await builders.agent(database)
    tenant = agent.tenant
    await watched(database, tenant, ["prod"], WEEK.begin)
    [(connection, *_)] = await database.read(fleets.fleet, tenant)
    await found(database, tenant, connection, "critical", opened=WEEK.begin, ended=WEEK.begin + 4 * HOUR)
    await found(database, tenant, connection, "critical", opened=WEEK.begin + HOUR)
    await found(database, tenant, connection, "warning", opened=WEEK.begin - HOUR, ended=WEEK.end + HOUR)
    await found(database, tenant, connection, "warning", opened=WEEK.end)
    await happened(database, tenant, "before", WEEK.begin - DAY, WEEK.begin - HOUR)
    await happened(database, tenant, "into it", WEEK.begin - DAY, WEEK.begin + HOUR)
    await happened(database, tenant, "for ages", WEEK.begin - 200 * DAY, None)
    await lost(database, tenant, agent.id, 17, WEEK.begin + HOUR)
    made = await database.read(reading.report, tenant, WEEK, LATER)
    tickets = made.tickets
    assert (tickets.opened, tickets.resolved, tickets.open, tickets.hours) == ({"critical": 2}, 1, 2, 4.0)
    assert [one.resolved_at is None for one in tickets.critical] == [True, False]
    assert [(one.title, one.lasted) for one in made.incidents] == [("into it", HOUR), ("for ages", timedelta(days=7))]
    assert (made.agents.records, made.agents.lost[0].name) == (17, "agent-1")
    mail = mail_of(made, "https://ops.example")
    assert "https://ops.example/ui/report?week=2026-W20" in mail.text
    assert "into it | major" in mail.text


async def test_nothing_of_another_tenant_is_in_it(database: Database) -> None:
    agent = await builders.agent(database)
    await watched(database, agent.tenant, ["prod"], WEEK.begin)
    [(connection, *_)] = await database.read(fleets.fleet, agent.tenant)
    await found(database, agent.tenant, connection, "critical", opened=WEEK.begin)
    await happened(database, agent.tenant, "theirs", WEEK.begin, None)
    await lost(database, agent.tenant, agent.id, 17, WEEK.begin)
    stranger = (await accounts.account(database)).tenant
    made = await database.read(reading.report, stranger, WEEK, LATER)
    assert (made.fleet.connections, made.tickets.opened, made.incidents, made.agents.records) == (0, {}, [], 0)


def test_what_has_fallen_or_lasts_is_counted_within_the_week() -> None:
    fleet = rules.fleet([(1, "a", 90), (2, "gone", 1)], [(1, "a", 20)], [])
    assert fleet.fell == [Scored(1, "a", 90, 20)]
    event = Event(1, "x", "major", "resolved", WEEK.begin - DAY, None, timedelta())
    assert rules.event(event, WEEK.begin, WEEK.end).lasted == timedelta(days=7)


def test_a_service_is_quiet_where_nothing_was_and_all_was_observed() -> None:
    begin, end = WEEK.begin, WEEK.end
    by_people = Inputs(service_id=1, since=begin - DAY)
    watched_well = replace(by_people, fresh=(Span(begin - DAY, begin - HOUR), Span(begin, None)))
    for quiet in (by_people, watched_well, replace(watched_well, fresh=(Span(begin - DAY, end),))):
        assert rules.is_quiet(quiet, begin, end)
        assert uptime.uptime(quiet, begin, end).percent == 100
    for other in (
        replace(by_people, since=begin + HOUR),
        replace(watched_well, fresh=(Span(begin, end - HOUR),)),
        replace(watched_well, fresh=()),
        replace(watched_well, baselines=(Baseline(check="A", status="major_outage", span=Span(begin, begin + HOUR)),)),
    ):
        assert not rules.is_quiet(other, begin, end)
