"""Commitments: steady hours of EC2 that are paid on demand, and commitments that are about to end."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from agent.aws.catalogue import HOURS_A_MONTH, Book, Estimate, Factor, Result
from agent.aws.factors._estate import Cost, Subject, estimated, finding, is_scheduled
from agent.aws.factors._instances import is_running, is_spot, monthly, platform, since
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Resource, Snapshot, tags_of

COMPUTE = "SAVINGS_PLAN_COMPUTE"
RESERVED_ENDS = "EC2_RI_EXPIRING"
PLAN_ENDS = "SP_EXPIRING"
DISCOUNT = 0.28
"""Typical for one year without payment in advance."""
STEADY_DAYS = 30
AHEAD_DAYS = 60
BEHIND_DAYS = 30
_PLANS = "savingsplans.plans"
_COMMITTED = ("ec2.reserved_instances", _PLANS)


# --- steady hours --------------------------------------------------------------------------------------------------


def _steady(snapshot: Snapshot) -> Iterator[Resource]:
    """Running without a stop for a month; without what a reservation of its type pays for, or would if renewed."""
    reserved: Counter[str] = Counter()
    for one in snapshot.of("ec2.reserved_instances"):
        if one.get("State") == "active" or (one.get("State") == "retired" and _ends_soon(snapshot, one["End"])):
            reserved[str(one["InstanceType"])] += int(one["InstanceCount"])
    for instance in sorted(snapshot.of("ec2.instances"), key=lambda one: one["LaunchTime"]):
        steady = snapshot.age_days(instance["LaunchTime"]) >= STEADY_DAYS
        if not is_running(instance) or is_spot(instance) or not steady or is_scheduled(tags_of(instance)):
            continue
        kind = str(instance["InstanceType"])
        if reserved[kind]:
            reserved[kind] -= 1
            continue
        yield instance


def estimate_compute(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    return settle_compute(snapshot, book, ())


def settle_compute(snapshot: Snapshot, book: Book, followed: Iterable[Estimate]) -> Iterable[Result]:
    """One finding of a region, of what is still to be paid once the others are followed.

    Plans apply to all regions: what they pay is taken off in each, so as not to promise.
    """
    steady = list(_steady(snapshot))
    if not steady:
        return
    prices = [monthly(instance, book, snapshot.region) for instance in steady]
    known = [price for price in prices if price.value is not None]
    total = known[0] if known else UNKNOWN
    for price in known[1:]:
        total = total.plus(price)
    less = sum(_hourly(plan) for plan in _active(snapshot)) / (1 - DISCOUNT) * HOURS_A_MONTH
    less += _saved({str(one["InstanceId"]): price.value for one, price in zip(steady, prices, strict=True)}, followed)
    if total.value is not None:
        total = Price(max(0.0, total.value - less), total.label, total.as_of)
    if total.value != 0:
        yield _compute(snapshot, steady, total, unpriced=len(prices) - len(known))


def _saved(costs: Mapping[str, float | None], followed: Iterable[Estimate]) -> float:
    """What other findings save on these instances; where that is not known, all that they cost."""
    saved = 0.0
    for one in followed:
        touched = [costs[name] or 0.0 for name in (one.resource_id, *one.contains) if name in costs]
        saved += sum(touched) if one.savings is None else min(one.savings, sum(touched))
    return saved


def _active(snapshot: Snapshot) -> Iterator[Resource]:
    """Plans that pay for instances of this region, or would if they were renewed as is said elsewhere."""
    for plan in snapshot.of(_PLANS):
        here = plan["savingsPlanType"] == "Compute" or plan.get("region") == snapshot.region
        ended = plan["state"] == "retired" and -timedelta(days=BEHIND_DAYS) <= _end(plan) - snapshot.at <= timedelta()
        if (plan["state"] == "active" or ended) and plan["savingsPlanType"] != "SageMaker" and here:
            yield plan


def _hourly(plan: Resource) -> float:
    return float(plan["commitment"])


def _compute(snapshot: Snapshot, steady: list[Resource], total: Price, *, unpriced: int) -> Result:
    name, known = f"compute/{snapshot.region}", not snapshot.lacks(_COMMITTED)
    hourly = "" if total.value is None else f" of {total.value * (1 - DISCOUNT) / HOURS_A_MONTH:.3f} USD an hour"
    return finding(
        snapshot,
        Subject(resource_id=name, resource=steady[0], tags={}, days=STEADY_DAYS, name=name),
        Cost(now=total, then=estimated(total.times(1 - DISCOUNT))),
        description=f"{len(steady)} instances of {snapshot.region} have run on demand for {STEADY_DAYS} days and more",
        action=f"Buy a compute savings plan{hourly}, once the instances have the size that they need"
        + ("" if known else "; which commitments are there could not be read"),
        cli="aws savingsplans describe-savings-plans-offerings --plan-types Compute --payment-options 'No Upfront'"
        " --durations 31536000",
        risk="HIGH",
        confidence="MEDIUM" if known else "LOW",
        metadata={
            "instances": len(steady),
            "withoutPrice": unpriced,
            "platforms": sorted({platform(instance) for instance in steady}),
            "oldest": min(since(instance) for instance in steady).isoformat(),
            "assumedDiscount": DISCOUNT,
            "commitmentsKnown": known,
        },
    )


# --- commitments that end ------------------------------------------------------------------------------------------


def _ends_soon(snapshot: Snapshot, end: datetime) -> bool:
    return -timedelta(days=BEHIND_DAYS) <= end - snapshot.at <= timedelta(days=AHEAD_DAYS)


def estimate_reserved(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """One that a later one of its type follows is left alone."""
    every = snapshot.of("ec2.reserved_instances")
    for one in every:
        followed = any(
            other["InstanceType"] == one["InstanceType"]
            and other["State"] in {"active", "queued"}
            and other["End"] > one["End"]
            for other in every
        )
        if one["State"] in {"active", "retired"} and _ends_soon(snapshot, one["End"]) and not followed:
            yield _reserved(snapshot, book, one)


def _reserved(snapshot: Snapshot, book: Book, one: Resource) -> Result:
    name, kind, count = str(one["ReservedInstancesId"]), str(one["InstanceType"]), int(one["InstanceCount"])
    system = "windows" if "Windows" in str(one["ProductDescription"]) else "linux"
    on_demand = book.price("ec2", f"{system}/{kind}", snapshot.region).times(count * HOURS_A_MONTH)
    return finding(
        snapshot,
        Subject(resource_id=name, resource=one, tags=tags_of(one), name=name, since=one["Start"]),
        Cost(now=on_demand, then=estimated(on_demand.times(1 - DISCOUNT))),
        description=f"The reservation of {count} x {kind} {_ends(snapshot, one['End'])}",
        action=f"Renew the reservation of {count} x {kind} if they still run, or cover them by a savings plan",
        cli=f"aws ec2 describe-reserved-instances-offerings --instance-type {kind} --offering-class standard",
        risk="HIGH",
        confidence="MEDIUM",
        metadata={"type": kind, "instances": count, "end": one["End"].isoformat(), "assumedDiscount": DISCOUNT},
    )


def _ends(snapshot: Snapshot, end: datetime) -> str:
    return f"{'ends' if end > snapshot.at else 'ended'} on {end:%Y-%m-%d}"


def estimate_plans(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """What a plan pays for would cost its commitment without the discount; the list of prices has no part in it."""
    del book
    every = snapshot.of("savingsplans.plans")
    for plan in every:
        end = _end(plan)
        followed = any(
            other["savingsPlanType"] == plan["savingsPlanType"]
            and other["state"] in {"active", "queued"}
            and _end(other) > end
            for other in every
        )
        if plan["state"] in {"active", "retired"} and _ends_soon(snapshot, end) and not followed:
            yield _plan(snapshot, plan, end)


def _end(plan: Resource) -> datetime:
    return datetime.fromisoformat(str(plan["end"])).astimezone(UTC)


def _plan(snapshot: Snapshot, plan: Resource, end: datetime) -> Result:
    name, kind = str(plan["savingsPlanId"]), str(plan["savingsPlanType"])
    paid = Price(_hourly(plan) * HOURS_A_MONTH, "ESTIMATE", f"{snapshot.at:%Y-%m-%d}")
    return finding(
        snapshot,
        Subject(resource_id=name, resource=plan, tags=tags_of(plan), name=name),
        Cost(now=paid.times(1 / (1 - DISCOUNT)), then=paid),
        description=f"The {kind} savings plan of {plan['commitment']} USD an hour {_ends(snapshot, end)}",
        action=f"Renew {name}, by what is used of it and no more",
        cli=f"aws savingsplans describe-savings-plans-offerings --plan-types {kind}",
        risk="HIGH",
        confidence="MEDIUM",
        metadata={"commitment": plan["commitment"], "end": end.isoformat(), "assumedDiscount": DISCOUNT},
    )


FACTORS = (
    Factor(
        key=COMPUTE,
        number=64,
        category="PotentialBenefits",
        service="EC2",
        kind="COMMIT",
        title="Steady instances that are paid on demand",
        collections=("ec2.instances",),
        optional=_COMMITTED,
        estimate=estimate_compute,
        settle=settle_compute,
    ),
    Factor(
        key=RESERVED_ENDS,
        number=65,
        category="PotentialBenefits",
        service="EC2",
        kind="COMMIT",
        title="Reservations of instances that end",
        collections=("ec2.reserved_instances",),
        estimate=estimate_reserved,
    ),
    Factor(
        key=PLAN_ENDS,
        number=65,
        category="PotentialBenefits",
        service="EC2",
        kind="COMMIT",
        title="Savings plans that end",
        collections=("savingsplans.plans",),
        estimate=estimate_plans,
        home=True,
    ),
)
