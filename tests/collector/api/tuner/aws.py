"""An agent that looks after an AWS account, and what it finds there."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from collector.core.database import Database
from collector.domain.accounts import store as accounts
from collector.domain.accounts.store import Linked
from common.wire import Kind
from common.wire_aws import Recommendation, Scan
from tests.collector.accounts import account, someone
from tests.collector.estate import Reporter, reporter

ACCOUNT = "123456789012"
REGION = "us-east-1"
T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
API = "/tuner/v1/api"


@dataclass(slots=True)
class Estate:
    """A tenant, the agent of its account, and a member who is logged on."""

    tenant: int
    agent: Reporter
    headers: dict[str, str]
    scans: int = 0

    async def scan(self, *found: Recommendation, at: datetime = T0, **changes: object) -> Scan:
        """One whole scan that begins at `at`."""
        self.scans += 1
        made = scan(*found, name=f"scan-{self.scans}", at=at, **changes)
        await self.agent.send((Kind.AWS_SCAN, made))
        return made


async def estate(client: httpx.AsyncClient, database: Database, role: str = "owner") -> Estate:
    tenant = (await account(database)).tenant
    agent = await reporter(database, tenant, client)
    linked = Linked(
        tenant_id=tenant,
        account_id=ACCOUNT,
        name="Production",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/fieldpost",
        external_id="uuid-12345-abcde",
        regions=[REGION],
        linked_at=T0,
        agent_id=agent.agent.id,
        status="ACTIVE",
    )
    await database.write(accounts.save, tenant, linked)
    who = await someone(database, tenant, role)  # type: ignore[arg-type]  # one of the roles
    return Estate(tenant, agent, await who.log_on(client))


def finding(resource: str = "snap-0abcd1234", savings: float | None = 15.36, **changes: object) -> Recommendation:
    given: dict[str, object] = {
        "factor": "SNAPSHOT_CLEANUP",
        "resource": resource,
        "resource_name": "backup-2024-01-15",
        "service": "EC2",
        "category": "Cleaner",
        "description": "EBS snapshot is 180 days old and the volume has been deleted",
        "action": f"Delete EBS snapshot {resource}",
        "cli": f"aws ec2 delete-snapshot --snapshot-id {resource}",
        "current_cost": savings,
        "recommended_cost": None if savings is None else 0.0,
        "monthly_savings": savings,
        "price_label": "UNKNOWN" if savings is None else "BUNDLED",
        "price_as_of": "2026-05-01",
        "risk": "LOW",
        "metadata": {"size": 100, "created": "2024-01-15T10:30:00Z", "volumeId": "vol-deleted"},
    }
    return Recommendation(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct


def scan(*found: Recommendation, name: str = "scan-1", at: datetime = T0, **changes: object) -> Scan:
    given: dict[str, object] = {
        "scan": name,
        "account": ACCOUNT,
        "region": REGION,
        "started_at": at,
        "ended_at": at + timedelta(minutes=1),
        "factors": ("SNAPSHOT_CLEANUP", "IDLE_EC2"),
        "recommendations": found,
    }
    return Scan(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct
