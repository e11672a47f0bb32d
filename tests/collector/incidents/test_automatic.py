"""From a critical finding of an agent to an incident on its service, where a rule says so."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.incidents import changes, opening, store
from collector.domain.incidents.rules import MAX_UPDATES, Change, Shown
from collector.domain.services import changes as service_changes
from collector.domain.services import store as services
from common.clock import utc_now
from common.wire import ConnectionInfo, Inventory, Kind
from tests.collector import builders, estate
from tests.collector.accounts import client_of, serving
from tests.collector.estate import Reporter
from tests.collector.services.making import add_service

MINUTE = timedelta(minutes=1)
T = utc_now().replace(microsecond=0) - timedelta(hours=20)
"""When the agent's first run was; nothing in here depends on which day that is."""


@dataclass(slots=True)
class Here:
    """A tenant whose agent watches one connection, tagged `prod`."""

    db: Database
    tenant: int
    agent: Reporter

    async def rule(self, tag: str = "prod", visibility: Any = "internal") -> opening.Rule:
        return await self.db.write(opening.add, self.tenant, tag, visibility, Act("tests", T))

    async def run(self, minutes: float, *outcomes: Any, reachable: bool = True) -> None:
        await self.agent.run("prod", *outcomes, at=T + minutes * MINUTE, reachable=reachable)

    async def incidents(self) -> list[Shown]:
        _, found = await self.db.read(store.page, self.tenant, store.Query(), 0, 50)
        return found

    async def only(self) -> Shown:
        (found,) = await self.incidents()
        return found


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Here]:
    async with serving(database) as app, client_of(app) as http:
        tenant_id = await builders.tenant(database)
        agent = await estate.reporter(database, tenant_id, http)
        info = ConnectionInfo("prod", "PROD", "direct", "db1", 1521, "prod", ("prod",))
        await agent.list_only(info)
        await agent.catalogue(estate.entry("FULL", title="Tablespace full"), estate.entry("FRA", title="FRA full"))
        yield Here(database, tenant_id, agent)


def found(check: str, status: Any = "critical", *, category: str = "storage") -> Any:
    return builders.outcome(check, status, category=category)


def down(status: Any = "critical") -> Any:
    return builders.outcome("DB_CONNECT", status, category="availability")


async def test_without_a_rule_nothing_is_opened(here: Here) -> None:
    await here.run(0, found("FULL"))
    assert await here.incidents() == []


async def test_a_rule_for_another_tag_opens_nothing(here: Here) -> None:
    await here.rule("staging")
    await here.run(0, found("FULL"))
    assert await here.incidents() == []


async def test_a_critical_alert_opens_an_incident_on_its_service(here: Here) -> None:
    rule = await here.rule()
    await here.run(0, found("FULL"), found("OTHER", "warning"))
    one = await here.only()
    assert (one.incident.title, one.incident.severity) == ("PROD: Tablespace full", "degraded")
    assert (one.incident.status, one.incident.visibility) == ("investigating", "internal")
    assert (one.incident.rule_id, one.incident.created_by) == (rule.id, "rule prod")
    assert one.incident.alert_id
    assert one.incident.started_at == one.incident.created_at
    assert [(each.name, each.impact) for each in one.services] == [("PROD", "degraded_performance")]
    (first,) = one.updates
    assert (first.message, first.author, first.is_public) == (
        "critical: Tablespace full (FULL is critical)",
        "rule prod",
        False,
    )


async def test_what_is_found_at_first_sight_opens_an_incident_too(here: Here) -> None:
    await here.rule()
    info = ConnectionInfo("new", "NEW", "direct", "db2", 1521, "prod", ("prod",))
    listed = Inventory((*here.agent.listed.values(), info))
    visit = builders.run([found("FULL")], key="first", at=T, connection="new")
    await here.agent.send((Kind.INVENTORY, listed), (Kind.RUN, visit))
    assert [each.name for each in (await here.only()).services] == ["NEW"]


async def test_what_is_removed_is_cleared(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    await here.agent.list_only()
    assert (await here.only()).updates[-1].message == "cleared: Tablespace full"


async def test_a_warning_opens_nothing(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL", "warning"))
    assert await here.incidents() == []


async def test_a_database_that_does_not_answer_is_a_major_outage(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"), down(), reachable=False)
    one = await here.only()
    assert one.incident.severity == "major_outage"
    assert [each.impact for each in one.services] == ["major_outage"]


async def test_further_alerts_and_their_end_are_told_in_the_same_incident(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    await here.run(30, found("FULL"), found("FRA"))
    await here.run(60, found("FULL", "ok"), found("FRA"))
    await here.run(90, found("FULL", "ok"), found("FRA", "ok"))
    one = await here.only()
    assert [each.message for each in one.updates] == [
        "critical: Tablespace full (FULL is critical)",
        "critical: Tablespace full (FULL is critical); FRA full (FRA is critical)",
        "critical: FRA full (FRA is critical)",
        "cleared: FRA full",
    ]
    assert {each.is_public for each in one.updates} == {False}
    assert one.incident.status == "investigating"


async def test_a_worse_alert_makes_the_incident_worse_and_its_end_does_not_take_that_back(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    await here.run(1, found("FULL"), down(), reachable=False)
    one = await here.only()
    assert (one.incident.severity, [each.impact for each in one.services]) == ("major_outage", ["major_outage"])
    assert one.incident.title == "PROD: Tablespace full"
    await here.run(30, found("FULL"), down("ok"))
    assert (await here.only()).incident.severity == "major_outage"


async def test_the_title_of_a_public_incident_says_how_bad_it_has_become(here: Here) -> None:
    number = (await here.db.read(services.all_services, here.tenant))[0].id
    terms = service_changes.Terms(visibility="public")
    await here.db.write(service_changes.change, here.tenant, number, terms, Act("tests", T))
    await here.rule(visibility="public")
    await here.run(0, found("FULL"))
    assert (await here.only()).incident.title == "PROD: degraded"
    await here.run(1, found("FULL"), down(), reachable=False)
    assert (await here.only()).incident.title == "PROD: major outage"


async def test_a_worse_alert_counts_also_where_there_is_no_room_for_a_note(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    number = (await here.only()).incident.id
    for count in range(MAX_UPDATES - 1):
        word = Change(message=f"note {count}", is_public=False)
        await here.db.write(changes.change, here.tenant, number, word, Act("ana@example.com", T + MINUTE))
    await here.run(2, found("FULL"), down(), reachable=False)
    one = await here.only()
    assert (one.incident.severity, len(one.updates)) == ("major_outage", MAX_UPDATES)


async def test_incidents_are_held_before_receivers_as_where_people_change_one(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await here.run(30, found("FULL"), found("FRA"))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    held = next(n for n, one in enumerate(statements) if one.startswith("SELECT incident.id FROM incident WHERE"))
    receivers = next(n for n, one in enumerate(statements) if "FROM endpoint" in one)
    assert held < receivers


async def test_what_comes_and_goes_is_one_update_in_ten_minutes(here: Here) -> None:
    await here.rule()
    for minute in range(20):
        await here.run(minute, found("FULL", "critical" if minute % 2 == 0 else "ok"))
    one = await here.only()
    assert len(one.updates) == 3
    assert [each.message.partition(":")[0] for each in one.updates] == ["critical", "critical", "cleared"]
    await here.run(60, found("FULL"))
    assert (await here.only()).updates[-1].message == "critical: Tablespace full (FULL is critical)"


@pytest.mark.parametrize("author", ["ana@example.com", "rule@example.com"])
async def test_what_people_said_in_between_stays_where_it_was(here: Here, author: str) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    number = (await here.only()).incident.id
    await here.run(1, found("FULL", "ok"))
    word = Change(message="Adding a file.", is_public=False)
    await here.db.write(changes.change, here.tenant, number, word, Act(author, T + 2 * MINUTE))
    await here.run(3, found("FULL"))
    assert [each.message for each in (await here.only()).updates][1:] == [
        "cleared: Tablespace full",
        "Adding a file.",
        "critical: Tablespace full (FULL is critical)",
    ]


async def test_what_was_resolved_is_left_and_a_new_alert_opens_another(here: Here) -> None:
    await here.rule()
    await here.run(0, found("FULL"))
    number = (await here.only()).incident.id
    over = Change(status="resolved")
    await here.db.write(changes.change, here.tenant, number, over, Act("ana@example.com", T + MINUTE))
    await here.run(30, found("FULL", "ok"))
    assert len((await here.only()).updates) == 2
    await here.run(60, found("FULL"))
    assert [one.incident.status for one in await here.incidents()] == ["investigating", "resolved"]


async def test_what_a_removed_rule_has_opened_is_still_told_of(here: Here) -> None:
    rule = await here.rule()
    await here.run(0, found("FULL"))
    assert await here.db.write(opening.remove, here.tenant, rule.tag, Act("tests", T)) == rule
    await here.run(30, found("FULL", "ok"))
    assert [each.author for each in (await here.only()).updates] == ["rule prod", "rule"]
    await here.run(60, found("FULL"))
    assert len(await here.incidents()) == 1


async def test_everybody_reads_how_bad_it_is_and_not_why(here: Here) -> None:
    (own,) = await here.db.read(services.all_services, here.tenant)
    await add_service(here.db, here.tenant, T, source=own.source, visibility="public")
    await here.rule(visibility="public")
    await here.run(0, down(), reachable=False)
    one = await here.only()
    assert (one.incident.title, one.incident.description) == ("PROD: major outage", "")
    assert one.incident.visibility == "public"
    assert [(each.is_public, bool(each.message)) for each in one.updates] == [(True, False), (False, True)]


async def test_a_public_rule_tells_nobody_of_an_internal_service(here: Here) -> None:
    await here.rule(visibility="public")
    await here.run(0, found("FULL"))
    assert (await here.only()).incident.visibility == "internal"


async def test_rules_are_one_for_a_tag_and_stand_in_the_activity_log(here: Here) -> None:
    made = await here.rule()
    with pytest.raises(Refusal, match="there is a rule for this tag"):
        await here.rule()
    stranger = await builders.tenant(here.db)
    assert await here.db.write(opening.remove, stranger, made.id, Act("tests", T)) is None
    assert await here.db.write(opening.remove, here.tenant, "nothing", Act("tests", T)) is None
    await here.db.write(opening.remove, here.tenant, made.id, Act("tests", T))
    assert await here.db.read(opening.all_rules, here.tenant) == []
    for action in ("incident_rule_created", "incident_rule_deleted"):
        _, rows = await here.db.read(activity.page, here.tenant, activity.Filter(action_type=action), 0, 9)
        assert [row.properties["tag"] for row in rows] == ["prod"]
