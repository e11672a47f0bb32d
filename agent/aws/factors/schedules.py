"""Instances and databases that have nothing to do at night and at weekends, with the schedule that would fit them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.aws.catalogue import HOURS_A_MONTH, MIN_SAMPLE_SHARE, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors import _weeks
from agent.aws.factors._databases import Database, databases
from agent.aws.factors._estate import MB, Cost, Subject, finding, is_not_production, is_scheduled, kept, too_young
from agent.aws.factors._instances import covered, is_its_own, is_running, monthly, subject
from agent.aws.factors._weeks import Week
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, tags_of

KEY = "SCHEDULE_CANDIDATE"
DAYS = 28
HOUR = 3600
IDLE_CPU = 5.0
IDLE_BYTES = MB
IDLE_SHARE = 0.4
WHOLE = 0.97
"""A window that is not cut at full hours misses some: from here on it counts as always running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that could be stopped: `cpu`, `traffic` are its series by the hour, in units that `scale` makes bytes.

    `sessions` is published of databases: while somebody is connected they are in use.
    """

    subject: Subject
    kind: str
    rate: Price
    cpu: Series
    traffic: tuple[Series, ...]
    scale: float
    sessions: Series | None
    metadata: Mapping[str, object]


def _free(tags: Mapping[str, str]) -> bool:
    """Whether a schedule may be thought of: said not to be production, and without one."""
    return is_not_production(tags) and not is_scheduled(tags)


def _instances(snapshot: Snapshot) -> Iterator[Resource]:
    for instance in kept(snapshot.of("ec2.instances"), KEY):
        may_stop = is_running(instance) and is_its_own(instance) and instance.get("RootDeviceType", "ebs") == "ebs"
        if may_stop and _free(tags_of(instance)):
            yield instance


def _databases(snapshot: Snapshot) -> Iterator[Database]:
    return (one for one in databases(snapshot, KEY) if one.can_stop and _free(one.tags))


def _hourly(namespace: str, metric: str, stat: str, **dimensions: str) -> Series:
    (dimension,) = dimensions.items()
    return Series(namespace, metric, stat, (dimension,), DAYS, HOUR)


def _cpu(instance: Resource) -> Series:
    return _hourly("AWS/EC2", "CPUUtilization", "Maximum", InstanceId=str(instance["InstanceId"]))


def _traffic(instance: Resource) -> tuple[Series, ...]:
    name = str(instance["InstanceId"])
    return tuple(_hourly("AWS/EC2", metric, "Sum", InstanceId=name) for metric in ("NetworkIn", "NetworkOut"))


def _database_series(one: Database) -> tuple[Series, Series, tuple[Series, ...]]:
    """CPU, sessions and the network, which is published in bytes a second."""
    cpu = _hourly("AWS/RDS", "CPUUtilization", "Maximum", DBInstanceIdentifier=one.id)
    sessions = _hourly("AWS/RDS", "DatabaseConnections", "Maximum", DBInstanceIdentifier=one.id)
    names = ("NetworkReceiveThroughput", "NetworkTransmitThroughput")
    return cpu, sessions, tuple(_hourly("AWS/RDS", name, "Average", DBInstanceIdentifier=one.id) for name in names)


def wish(snapshot: Snapshot) -> Iterable[Series]:
    for instance in _instances(snapshot):
        yield from (_cpu(instance), *_traffic(instance))
    for one in _databases(snapshot):
        cpu, sessions, traffic = _database_series(one)
        yield from (cpu, sessions, *traffic)


def _candidates(snapshot: Snapshot, book: Book) -> Iterator[Candidate]:
    for instance in _instances(snapshot):
        yield Candidate(
            subject=subject(instance, days=DAYS),
            kind="EC2",
            rate=monthly(instance, book, snapshot.region),
            cpu=_cpu(instance),
            traffic=_traffic(instance),
            scale=1.0,
            sessions=None,
            metadata={
                "type": instance["InstanceType"],
                "coveredByCommitment": covered(snapshot, instance),
                "savingsBasis": "list",
            },
        )
    for one in _databases(snapshot):
        cpu, sessions, traffic = _database_series(one)
        yield Candidate(
            subject=one.subject(days=DAYS),
            kind="RDS",
            rate=one.class_price(book, snapshot.region),
            cpu=cpu,
            traffic=traffic,
            scale=HOUR,
            sessions=sessions,
            metadata=one.described(),
        )


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    for candidate in _candidates(snapshot, book):
        profile = _profile(snapshot, candidate)
        if isinstance(profile, str):
            yield Undecided(candidate.subject.resource_id, profile)
        elif (week := _weeks.smallest(profile.busy)) and week.idle_share >= IDLE_SHARE and week.length < _weeks.DAY:
            yield _finding(snapshot, candidate, week, profile)


@dataclass(frozen=True, slots=True)
class Profile:
    """The hours of the week that were ever busy, and the hours of a month that it ran."""

    busy: frozenset[int]
    baseline: float


def _profile(snapshot: Snapshot, candidate: Candidate) -> Profile | str:
    """What its weeks look like, or why that is not known."""
    since = candidate.subject.since
    if since and (reason := too_young(snapshot, since, DAYS)):
        return reason
    cpu = _points(snapshot, (candidate.cpu,))
    share = len(cpu) / (DAYS * 24)
    if share < MIN_SAMPLE_SHARE:
        return f"hours with datapoints: {share:.0%} of {DAYS} days"
    traffic = _points(snapshot, candidate.traffic)
    sessions = _points(snapshot, (candidate.sessions,)) if candidate.sessions else {}
    if not traffic and not sessions:
        return "neither its network nor its sessions are published"
    limits = (IDLE_CPU, IDLE_BYTES / candidate.scale, 1.0)
    busy = _weeks.busy_hours((cpu, traffic, sessions), limits)
    return Profile(busy, HOURS_A_MONTH * (1.0 if share >= WHOLE else share))


def _points(snapshot: Snapshot, wanted: Sequence[Series]) -> dict[datetime, float]:
    readings = (snapshot.reading(one) for one in wanted)
    return _weeks.by_hour(point for reading in readings if reading for point in reading.values)


def _finding(snapshot: Snapshot, candidate: Candidate, week: Week, profile: Profile) -> Result:
    name, schedule = candidate.subject.resource_id, week.as_schedule()
    scheduled = min(profile.baseline, week.hours / _weeks.HOURS * HOURS_A_MONTH)
    hour = candidate.rate.times(1 / HOURS_A_MONTH)
    command = (
        f"aws ec2 stop-instances --instance-ids {name}"
        if candidate.kind == "EC2"
        else f"aws rds stop-db-instance --db-instance-identifier {name}"
    )
    return finding(
        snapshot,
        candidate.subject,
        Cost(now=hour.times(profile.baseline), then=hour.times(scheduled)),
        description=f"{name} had nothing to do in {week.idle_share:.0%} of the hours of the last {DAYS} days",
        action=f"Create a schedule for {name}: {schedule['startTime']} to {schedule['stopTime']} UTC,"
        f" {len(week.weekdays)} days a week",
        cli=command,
        about=candidate.kind,
        risk="LOW",
        metadata={
            **candidate.metadata,
            "resourceType": candidate.kind,
            "schedule": schedule,
            "scheduledHours": round(scheduled, 1),
            "baselineHours": round(profile.baseline, 1),
        },
        evidence=[Evidence(metric="idle hours of the week", stat="Minimum", value=_weeks.HOURS - len(profile.busy))],
    )


FACTORS = (
    Factor(
        key=KEY,
        number=69,
        category="PotentialBenefits",
        service="EC2",
        kind="STOP",
        title="What need not run at night and at weekends",
        collections=("ec2.instances", "rds.instances"),
        optional=("ec2.reserved_instances", "savingsplans.plans"),
        metrics=wish,
        estimate=estimate,
    ),
)
