"""AWS accounts with recommendations, as scans of an agent leave them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle

from collector.core.database import Database
from collector.domain.accounts import store as accounts
from collector.domain.accounts.store import Linked
from collector.domain.costs import intake
from common.wire_aws import Evidence, Recommendation
from tests.collector import builders
from tests.collector.api.tuner.aws import ACCOUNT, REGION, T0, finding, scan

EVIDENCE = Evidence("CPUUtilization", "max over 14 days", 6.2)
OTHER = "987654321098"
LONG = "arn:aws:elasticloadbalancing:eu-central-1:987654321098:loadbalancer/app/" + "team-orders-production-" * 4
LATER = datetime(2026, 5, 15, 3, 0, tzinfo=UTC)


def linked(
    tenant: int, agent: str | None, account: str = ACCOUNT, name: str = "Production", **changes: object
) -> Linked:
    made = Linked(
        tenant_id=tenant,
        account_id=account,
        name=name,
        role_arn=f"arn:aws:iam::{account}:role/fieldpost",
        external_id="uuid-12345-abcde",
        regions=[REGION],
        linked_at=T0,
        agent_id=agent,
        status="ACTIVE",
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of one dataclass


async def account(
    db: Database, tenant: int, *found: Recommendation, number: str = ACCOUNT, name: str = "Production"
) -> str:
    """A linked account in which a scan has found this; returns the agent that looks after it."""
    agent = (await builders.agent(db, tenant)).id
    await db.write(accounts.save, tenant, linked(tenant, agent, number, name))
    await scanned(db, tenant, agent, *found, number=number)
    return agent


async def scanned(
    db: Database,
    tenant: int,
    agent: str,
    *found: Recommendation,
    number: str = ACCOUNT,
    at: datetime = T0,
    gone: tuple[str, ...] = (),
) -> None:
    factors = tuple({"SNAPSHOT_CLEANUP", *(one.factor for one in found)})
    for part in range(0, max(len(found), 1), 500):
        one = scan(
            *found[part : part + 500],
            name=f"scan-{number}-{at:%d}",
            at=at,
            account=number,
            factors=factors,
            gone=gone,
            part=part // 500 + 1,
            parts=max(1, -(-len(found) // 500)),
        )
        await db.write(intake.apply, tenant, agent, [one])


def mixed() -> Sequence[Recommendation]:
    """A few of each kind: large and small, risky, without a price, with a long name, covered by another one."""
    return (
        finding("i-0a1b2c3d4e5f6a7b8", 412.08, factor="EC2_RIGHTSIZING", category="OverProvisioned", risk="MEDIUM",
                resource_name="orders-batch-01", description="m5.4xlarge uses 6 % of its CPU at most",
                action="Resize to m5.xlarge in a maintenance window", current_cost=560.64, recommended_cost=148.56,
                cli="aws ec2 modify-instance-attribute --instance-id i-0a1b2c3d4e5f6a7b8 --instance-type m5.xlarge",
                price_label="REGION_SCALED", evidence=(EVIDENCE,)),
        finding("orders-db", 180.5, factor="RDS_GRAVITON", category="Modernization", service="RDS", risk="HIGH",
                resource_name="orders-db", description="db.r5.large has a Graviton successor",
                action="Change the class to db.r6g.large", price_label="ESTIMATE"),
        finding(LONG, 24.1, factor="IDLE_LOAD_BALANCER", resource_name=LONG.rpartition("/")[2], service="ELB",
                description="The load balancer has had no request for 30 days", action="Delete the load balancer"),
        finding(),
        finding("vol-0ffee", None, factor="UNATTACHED_EBS_CLEANUP", resource_name="",
                description="The volume is attached to nothing", action="Snapshot and delete the volume"),
        finding("snap-0covered", 3.2, suppressed_by="UNATTACHED_EBS_CLEANUP"),
    )  # fmt: skip


def many(count: int) -> Sequence[Recommendation]:
    kinds = cycle([("Cleaner", "SNAPSHOT_CLEANUP"), ("OverProvisioned", "EC2_RIGHTSIZING"), ("Modernization", "GP3")])
    return [
        finding(f"snap-{n:06}", 5_000 - n if n % 50 else None, category=category, factor=factor)
        for n, (category, factor) in zip(range(count), kinds, strict=False)
    ]
