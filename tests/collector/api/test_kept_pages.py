"""Pages that are kept: whoever changes what one shows, the next reader sees it."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from collector.core.database import Database
from collector.core.tenancy import for_everybody
from collector.domain.access.rules import Act
from collector.domain.incidents import rules as incident_rules
from collector.domain.incidents import store as incidents
from collector.domain.results import marking
from collector.domain.results.ingest import refresh_stale
from collector.domain.results.marking import Wanted
from collector.domain.retention import store as retention
from collector.domain.retention.rules import Keep
from collector.domain.services import changes as services
from collector.domain.services.changes import Terms
from collector.domain.tickets import rules as ticket_rules
from collector.domain.tickets import store as tickets
from common.clock import utc_now
from tests.collector.accounts import Account, account, client_of, serving
from tests.collector.builders import outcome
from tests.collector.estate import Reporter, info, reporter
from tests.collector.tokens import token

CONNECTIONS, TICKETS, INCIDENTS = "/api/v1/health/connections", "/api/v1/tuneops/tickets", "/api/v1/incidents"
KEEP = Keep(raw=14, hourly=90, daily=1095, runs=90, records=90, findings=1095, executions=400, services=400)


@dataclass(slots=True)
class Reader:
    """Asks for the same pages again and again, and each time for one that nobody has asked for yet."""

    db: Database
    tenant: int
    http: httpx.AsyncClient
    credentials: dict[str, dict[str, str]]
    asked: int = 0
    shown: dict[str, object] = field(default_factory=dict)

    async def look(self) -> None:
        self.shown = {path: await self._page(path, 50) for path in self.credentials}

    async def sees(self, step: Awaitable[object], *moved: str) -> None:
        """These pages show something else after it, and all show what is stored."""
        before = self.shown
        await step
        await self.look()
        self.asked += 1
        anew = {path: await self._page(path, 100 - self.asked) for path in self.credentials}
        assert self.shown == anew
        assert {path for path in before if before[path] != self.shown[path]} == set(moved)

    async def _page(self, path: str, size: int) -> object:
        wanted = f"limit={size}" if path == INCIDENTS else f"per_page={size}"
        answer = await self.http.get(f"{path}?{wanted}", headers=self.credentials[path])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found["incidents"] if path == INCIDENTS else found["data"]

    async def tell(self, method: str, path: str, **body: object) -> None:
        answer = await self.http.request(method, f"{INCIDENTS}{path}", json=body, headers=self.credentials[INCIDENTS])
        assert answer.status_code < 300, answer.text


@pytest.fixture
async def holder(database: Database) -> Account:
    return await account(database)


@pytest.fixture
async def reader(database: Database, holder: Account) -> AsyncIterator[Reader]:
    bearer = await token(database, holder.tenant)
    async with serving(database) as app, client_of(app) as http:
        credentials = {CONNECTIONS: holder.headers, TICKETS: holder.headers, INCIDENTS: bearer.headers}
        found = Reader(database, holder.tenant, http, credentials)
        await found.look()
        yield found


@pytest.fixture
async def agent(database: Database, reader: Reader) -> Reporter:
    return await reporter(database, reader.tenant, reader.http)


async def forget(db: Database, now: datetime) -> None:
    with for_everybody("a chore"):
        while await db.write(retention.forgetting(KEEP), now, 50) == 50:
            pass


async def test_whatever_agents_chores_and_people_change_of_connections_and_tickets_is_seen(
    database: Database, reader: Reader, agent: Reporter
) -> None:
    now, by = utc_now(), Act("tests", utc_now())
    await reader.sees(agent.list_only(info("a"), info("b")), CONNECTIONS)
    bad = outcome("A", "critical")
    await reader.sees(agent.run("a", outcome("A"), at=now - timedelta(minutes=9)), CONNECTIONS)
    await reader.sees(agent.run("a", bad, at=now - timedelta(minutes=8)), CONNECTIONS, TICKETS)
    await reader.sees(agent.run("a", bad, at=now - timedelta(minutes=7)), CONNECTIONS, TICKETS)
    place = (await database.read(tickets.page, reader.tenant, tickets.Query(), 0, 1))[1][0].ticket.connection_id
    await reader.sees(database.write(marking.mark, reader.tenant, Wanted(place, "A", "mute", "why"), by), CONNECTIONS)
    await reader.sees(database.write(marking.unmark, reader.tenant, Wanted(place, "A", "mute", ""), by), CONNECTIONS)
    await reader.sees(agent.list_only(info("a", name="renamed"), info("b")), CONNECTIONS, TICKETS)
    with for_everybody("a sweep"):
        await reader.sees(database.write(refresh_stale, now + timedelta(days=2), 50), CONNECTIONS)
    await reader.sees(agent.list_only(info("b")), CONNECTIONS, TICKETS)
    await reader.sees(forget(database, now + timedelta(days=2000)), TICKETS)


async def test_whatever_is_said_of_incidents_and_what_becomes_of_their_services_is_seen(
    database: Database, reader: Reader
) -> None:
    by = Act("tests", utc_now())
    made = await database.write(services.create, reader.tenant, Terms(name="Payments"), by)
    await reader.sees(reader.tell("POST", "", title="Down", services=[{"id": made.id}]), INCIDENTS)
    number = (await database.read(incidents.page, reader.tenant, incidents.Query(), 0, 1))[1][0].incident.id
    await reader.sees(reader.tell("PATCH", f"/{number}", title="Down again"), INCIDENTS)
    await reader.sees(reader.tell("POST", f"/{number}/updates", message="We look at it."), INCIDENTS)
    update = (await database.read(incidents.page, reader.tenant, incidents.Query(), 0, 1))[1][0].updates[-1]
    await reader.sees(database.write(incidents.reword, reader.tenant, update.id, "We know."), INCIDENTS)
    renaming = database.write(services.change, reader.tenant, made.id, Terms(name="Payments of shops"), by)
    await reader.sees(renaming, INCIDENTS)
    await reader.sees(reader.tell("POST", f"/{number}/resolve", root_cause="A cable."), INCIDENTS)
    await reader.sees(database.write(services.delete, reader.tenant, made.id, by), INCIDENTS)
    total, shown = await database.read(incidents.page, reader.tenant, incidents.Query(), 0, 50)
    said = [incident_rules.document(one) for one in shown]
    assert await database.read(incidents.documents, reader.tenant, incidents.Query(), 0, 50) == (total, said)


async def test_a_ticket_is_told_in_the_same_words_on_every_way(
    database: Database, reader: Reader, agent: Reporter
) -> None:
    await agent.list_only(info("a"))
    await agent.run("a", outcome("A", "critical"))
    total, listed = await database.read(tickets.page, reader.tenant, tickets.Query(), 0, 50)
    documents = await database.read(tickets.documents, reader.tenant, tickets.Query(), 0, 50)
    assert total == documents[0] == 1
    said = orjson.dumps(documents[1], option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    assert orjson.loads(said) == [ticket_rules.document(one.ticket, one.connection_name) for one in listed]
