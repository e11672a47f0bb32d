"""One thing of each kind in a tenant, made as people and agents make them; what they are called, by where they stand.

The key of an id is the word before it in paths, as `keys` in `/api/v1/admin/keys/{key_id}`.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from collector.prove import sim
from collector.prove.proof import Terms
from collector.prove.proofs._chance import chance
from collector.prove.proofs._desk import Desk, Reply
from collector.prove.proofs._estate import House
from collector.prove.sim import Agent
from common import wire
from common.clock import iso, utc_now
from common.wire import Catalogue, CatalogueEntry, Kind, Outcome, Run
from common.wire_aws import Recommendation, Scan

ACCOUNT, CHECK = "210987654321", "REDO_SWITCHES"
SCHEDULE = {
    "name": "Office hours",
    "type": "TAG_BASED",
    "accountId": ACCOUNT,
    "region": "us-east-1",
    "tagRules": {"Environment": "Staging"},
    "schedule": {"startTime": "08:00", "stopTime": "18:00", "timezone": "UTC", "weekdays": [1, 2, 3]},
    "resourceTypes": ["EC2"],
}
_RUNS = 3
_ADMIN, _TUNER = "/api/v1/admin", "/api/v1"
_MADE = frozenset({200, 201, 202})

Ids = Mapping[str, str]


class Maker:
    """Makes things as the owners of a tenant, in turn: each of them may write so often a minute."""

    def __init__(self, desk: Desk, house: House) -> None:
        self._desk = desk
        self._house = house
        self._turn = 0
        self.ids: dict[str, str] = {}
        self.missing: list[str] = []

    async def ask(self, method: str, path: str, body: object = None) -> Reply:
        owners = self._house.people["owner"]
        self._turn += 1
        return await self._desk.ask(method, path, bearer=owners[self._turn % len(owners)].access, json=body)

    async def made(self, key: str, path: str, body: object, *fields: str | int) -> None:
        """POST it, and note the id that the answer has."""
        self._note(key, await self.ask("POST", path, body), *fields)

    async def found(self, key: str, path: str, *fields: str | int) -> None:
        self._note(key, await self.ask("GET", path), *fields)

    def _note(self, key: str, answer: Reply, *fields: str | int) -> None:
        value: Any = answer.body
        try:
            for one in fields:
                value = value[one]
        except (KeyError, IndexError, TypeError):
            value = None
        if value is None or answer.status not in _MADE:
            self.missing.append(f"{key} ({answer.status})")
        else:
            self.ids[key] = str(value)

    async def status(self, key: str, path: str, body: object) -> None:
        """The same with the tenant's token."""
        self._note(key, await self._desk.ask("POST", path, bearer=self._house.token, json=body), "id")


async def made(terms: Terms, desk: Desk, house: House) -> Maker:
    """Everything that can be made of a tenant with its people and an agent."""
    maker = Maker(desk, house)
    maker.ids |= {"services": str(house.service), "members": str(house.people["viewer"][0].id)}
    maker.ids |= {"readers": maker.ids["members"], "browsers": house.people["viewer"][0].browser}
    async with _agent(terms, desk, house) as agent:
        maker.ids["agents"] = agent.identity.agent
        await _report(agent)
        await _of_status(maker, house)
        await _of_settings(maker)
        await _of_aws(maker, agent)
        await _of_findings(maker)
    return maker


async def watched(terms: Terms, desk: Desk, house: House) -> None:
    """An agent that reports, and nothing else."""
    async with _agent(terms, desk, house) as agent:
        await _report(agent)


def _agent(terms: Terms, desk: Desk, house: House) -> AbstractAsyncContextManager[Agent]:
    url, random = desk.collectors[0].url, chance(terms, house.slug)
    return sim.enrolled(terms.folder / f"agent-{house.slug}", url, house.enrolment, chance=random)


async def _report(agent: Agent) -> None:
    """Five connections, and what is critical about one of them."""
    agent.say(1)
    entry = CatalogueEntry(CHECK, "redo_logs", "Log switches", "Larger logs", "", "critical", 300, "cheap", "database")
    await _tell(agent, Kind.CATALOGUE, Catalogue("digest", 1, 1, (entry,)))
    for number in range(_RUNS):
        now = utc_now() - timedelta(minutes=_RUNS - number)
        outcome = Outcome(CHECK, "redo_logs", "critical", "critical", "80 switches an hour", value=80, interval_s=300)
        await _tell(agent, Kind.RUN, Run(f"run-{number}", "db1", now, now, "schedule", (outcome,)))


async def _tell(agent: Agent, kind: Kind, body: object) -> None:
    """One more record, delivered."""
    seq = len(agent.journal.lines) + 1
    agent.journal.lines[seq] = wire.record_line(seq, kind, utc_now(), body)
    await agent.deliver(within_s=30)


async def _of_status(maker: Maker, house: House) -> None:
    start = utc_now() + timedelta(days=1)
    times = {"scheduled_start": iso(start), "scheduled_end": iso(start + timedelta(hours=1))}
    await maker.status("incidents", "/api/v1/incidents", {"title": "Slow", "service_ids": [house.service]})
    await maker.status(
        "maintenance", "/api/v1/maintenance", {"title": "Patch", "service_ids": [house.service], **times}
    )
    rule = {"rule": "FREQ=WEEKLY;BYDAY=SU", "first_start": "2026-01-04T02:00", "minutes": 60}
    body = {"title": "Weekly", "service_ids": [house.service], **rule}
    await maker.made("recurrences", f"{_ADMIN}/recurrences", body, "data", "id")
    maker.ids["recurring"] = maker.ids.get("recurrences", "")


async def _of_settings(maker: Maker) -> None:
    syslog = {"kind": "syslog", "name": "siem", "host": "siem.example.com"}
    webhook = {"name": "hook", "url": "https://hooks.example.com/a", "events": ["incident.created"]}
    scopes = {"name": "dashboards", "scopes": ["read:status"]}
    await maker.made("invitations", f"{_ADMIN}/invitations", {"email": "new@example.com", "role": "dba"}, "data", "id")
    await maker.found("sessions", f"{_ADMIN}/sessions", "data", "sessions", 0, "id")
    await maker.made("keys", f"{_ADMIN}/keys", {"name": "grafana"}, "data", "id")
    await maker.made("tokens", f"{_ADMIN}/tokens", scopes, "data", "id")
    await maker.made("enrolment-tokens", f"{_ADMIN}/enrolment-tokens", {}, "data", "id")
    await maker.made("channels", f"{_ADMIN}/channels", syslog, "data", "id")
    await maker.made("webhooks", f"{_ADMIN}/webhooks", webhook, "data", "id")
    await maker.ask("POST", f"{_ADMIN}/webhooks/{maker.ids.get('webhooks')}/test")
    deliveries = f"{_ADMIN}/webhooks/{maker.ids.get('webhooks')}/deliveries"
    await maker.found("deliveries", deliveries, "data", "deliveries", 0, "id")
    rule = {"name": "all", "channels": [maker.ids.get("channels")]}
    await maker.made("alert-rules", f"{_ADMIN}/alert-rules", rule, "data", "id")
    await maker.made("incident-rules", f"{_ADMIN}/incident-rules", {"tag": "prod"}, "data", "id")
    await maker.found("subscriptions", f"{_ADMIN}/status-page/subscriptions", "data", "subscriptions", 0, "id")


async def _of_aws(maker: Maker, agent: Agent) -> None:
    account = {
        "accountId": ACCOUNT,
        "accountName": "Production",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/Fieldpost",
        "externalId": "6f1c1c9e-3c51-4f39-8f0a-proof",
        "regions": ["us-east-1"],
        "agentId": agent.identity.agent,
    }
    await maker.made("accounts", f"{_TUNER}/accounts", account, "data", "accountId")
    await maker.made("schedules", f"{_TUNER}/scheduler/schedules", SCHEDULE, "data", "id")
    now = utc_now()
    scan = Scan("scan-1", ACCOUNT, "us-east-1", now, now, ("ebs_unattached",), (_RECOMMENDATION,))
    await _tell(agent, Kind.AWS_SCAN, scan)
    found = f"{_TUNER}/recommendations?accountId={ACCOUNT}"
    await maker.found("recommendations", found, "data", "recommendations", 0, "id")
    refresh = {"accountId": ACCOUNT}
    await maker.made("tuner jobs", f"{_TUNER}/recommendations/refresh", refresh, "data", "jobId")


async def _of_findings(maker: Maker) -> None:
    await maker.found("connections", f"{_ADMIN}/findings", "data", "findings", 0, "connection_id")
    await maker.found("tickets", f"{_ADMIN}/findings", "data", "findings", 0, "id")
    await maker.found("alerts", f"{_ADMIN}/alerts", "data", "alerts", 0, "alert_id")
    checked = f"{_ADMIN}/connections/{maker.ids.get('connections')}/check"
    await maker.made("jobs", checked, None, "data", "job")


_RECOMMENDATION = Recommendation(
    factor="ebs_unattached",
    resource="vol-0a1b2c3d",
    resource_name="data",
    service="EC2",
    category="Cleaner",
    description="The volume is attached to nothing",
    action="Delete it",
    cli="aws ec2 delete-volume --volume-id vol-0a1b2c3d",
    current_cost=8.0,
    recommended_cost=0.0,
    monthly_savings=8.0,
    price_label="LIVE_LIST",
    price_as_of="2026-01-01",
    risk="LOW",
)
