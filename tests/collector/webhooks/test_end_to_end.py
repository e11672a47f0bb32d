"""From an agent's batch to a receiver with the reference library: the documented events of the health family."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.notifications import changes as rules
from collector.domain.notifications import jobs
from collector.domain.notifications.rules import Terms
from collector.domain.webhooks.rules import EVENT_TYPES
from common.clock import utc_now
from tests.collector import builders, estate
from tests.collector.accounts import account, client_of, serving
from tests.collector.webhooks.receiving import dispatching, drain, hook, receiver, vault_in

ALERT = {
    "alert_id", "rule", "severity", "title", "connection", "metric", "value", "threshold", "unit", "triggered_at",
}  # fmt: skip


async def test_what_an_agent_reports_reaches_a_receiver(database: Database, tmp_path: Path) -> None:
    acme, vault = await account(database), vault_in(tmp_path)
    async with (
        receiver() as there,
        serving(database) as app,
        client_of(app) as http,
        dispatching(database, vault, there.port) as dispatcher,
    ):
        made = await hook(database, acme.tenant, there.url, vault)
        agent = await estate.reporter(database, acme.tenant, http)
        await agent.list_only(estate.info("prod", name="PROD"))
        await agent.catalogue(estate.entry("TABLESPACE_USED_PCT", title="Tablespace nearly full"))
        now = utc_now()
        await agent.run("prod", _used("critical", 97.0), at=now - timedelta(minutes=2))
        await drain(dispatcher)
        begun = _by_event(there.opened(made.secret))
        await agent.run("prod", _used("ok", 40.0), at=now - timedelta(minutes=1))
        await drain(dispatcher)
        everything = _by_event(there.opened(made.secret))
    assert set(begun) == {"health_check.completed", "tuneops.ticket_created", "alert.triggered"}
    others = ("schedule.", "incident.", "maintenance.")  # what the findings of a database have no part in
    assert set(everything) == {kind for kind in EVENT_TYPES if not kind.startswith(others)}
    completed = begun["health_check.completed"]
    assert set(completed) == {
        "check_id", "connection_id", "connection_name", "score", "status", "top_finding",
    }  # fmt: skip
    assert completed["top_finding"]["check_id"] == "TABLESPACE_USED_PCT"
    alert = begun["alert.triggered"]
    assert set(alert) >= ALERT
    assert (alert["value"], alert["threshold"], alert["connection"]["name"]) == (97.0, 95.0, "PROD")
    assert everything["tuneops.ticket_resolved"]["resolution_hours"] >= 0
    assert everything["alert.resolved"]["alert_id"] == alert["alert_id"]
    assert "resolved_at" in everything["alert.resolved"]


async def test_a_rule_hears_of_what_an_agent_reports(database: Database, tmp_path: Path) -> None:
    acme, vault = await account(database), vault_in(tmp_path)
    async with (
        receiver() as there,
        serving(database) as app,
        client_of(app) as http,
        dispatching(database, vault, there.port) as dispatcher,
    ):
        made = await hook(database, acme.tenant, there.url, vault, events=())
        terms = Terms(channels=(made.id,), severities=("critical",))
        await database.write(rules.add, acme.tenant, "critical", terms, Act("tests", utc_now()))
        agent = await estate.reporter(database, acme.tenant, http)
        await agent.list_only(estate.info("prod", name="PROD"))
        await agent.run("prod", _used("critical", 97.0), builders.outcome("OTHER", "warning"))
        await database.write(jobs.tell_due, utc_now() + timedelta(minutes=1), 50)
        await drain(dispatcher)
        [body] = there.opened(made.secret)
    assert body["event"] == "alert.triggered"


def _used(status: Any, value: float) -> Any:
    return builders.outcome(
        "TABLESPACE_USED_PCT", status, value=value, unit="%", warning=85.0, critical=95.0, category="storage"
    )


def _by_event(bodies: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {body["event"]: body["data"] for body in bodies}
