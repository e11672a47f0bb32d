"""What each resource of a look costs an hour and how long it runs, for the projection. Loads boto3."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from agent.aws.catalogue import Book, Collection
from agent.aws.collections import COLLECTIONS
from agent.aws.factors._databases import Database as Billed
from agent.aws.factors._databases import Reserved
from agent.aws.factors._instances import is_spot, since, stopped_since
from agent.aws.pricing import prices_of
from agent.aws.snapshot import Series, Snapshot, tags_of
from agent.aws.sweep import Looking
from agent.power import rates
from agent.power.messages import Seen
from agent.power.rates import Commitments, Rate
from agent.power.resource import Database, Group
from agent.power.rules import GROUP_TAG, refusal

_TEMPLATES = "ec2.launch_template_versions"
_EVERYONE = "ec2.running_instances"
_BRIEF = (
    "Reservations[].Instances[].{InstanceId: InstanceId, InstanceType: InstanceType, Platform: Platform,"
    " PlatformDetails: PlatformDetails, Placement: Placement, InstanceLifecycle: InstanceLifecycle,"
    " Tags: Tags[?Key=='aws:autoscaling:groupName']}"
)
_CONFIGURATIONS = "autoscaling.launch_configurations"
_PERIOD_S = 300
_DETAILED_PERIOD_S = 60
_AT_ONCE = 50
_MAX_NOTE = 300

Described = Mapping[str, Any]


def appraise(looking: Looking, found: Sequence[Seen], state_dir: str) -> list[Seen]:
    """The same with rates and hours; what could not be read is a gap, and what it would have told is not known."""
    before = looking.seen()
    looking.describe(list(_reads(before, found)))
    looking.describe(list(_others(looking.seen())))
    looking.measure(list(dict.fromkeys(one for seen in found for one in _series(before, seen))))
    worth = _Worth(looking.seen(), prices_of(state_dir), found)
    return [worth.of(one) for one in found]


# --- what more is read ---------------------------------------------------------------------------------------------


def _reads(look: Snapshot, found: Sequence[Seen]) -> Iterator[Collection]:
    kinds = {one.resource.type for one in found}
    if kinds & {"EC2", "ASG"}:
        yield COLLECTIONS["ec2.reserved_instances"]
        yield COLLECTIONS["savingsplans.in_force"]
    if "RDS" in kinds:
        yield COLLECTIONS["rds.reserved_instances"]
    yield _spot_prices(look)
    yield _templates(look)
    yield _configurations(look)


def _others(look: Snapshot) -> Iterator[Collection]:
    """Where there are commitments: every instance that runs, as those that always do use them up first."""
    if any(look.of(name) for name in rates.COMMITTED):
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        everyone = COLLECTIONS["ec2.instances"]
        yield replace(everyone, name=_EVERYONE, arguments={"Filters": running}, result=_BRIEF)


def _spot_prices(look: Snapshot) -> Collection:
    types = sorted({str(one["InstanceType"]) for one in look.of("ec2.instances") if is_spot(one)})
    calls = [{"InstanceTypes": types, "StartTime": look.at}] if types else []
    return Collection(
        rates.SPOT_PRICES,
        "ec2",
        "describe_spot_price_history",
        "SpotPriceHistory[]",
        "ec2:DescribeSpotPriceHistory",
        calls=lambda _: calls,
    )


def _templates(look: Snapshot) -> Collection:
    named = {key for group in look.of("autoscaling.groups") if (key := _template_key(group))}
    calls = [{"LaunchTemplateId": name, "Versions": [version]} for name, version in sorted(named)]
    result = (
        "LaunchTemplateVersions[].{Id: LaunchTemplateId, Version: VersionNumber, Default: DefaultVersion,"
        " Data: LaunchTemplateData}"
    )
    return replace(COLLECTIONS[_TEMPLATES], arguments={}, result=result, calls=lambda _: calls)


def _configurations(look: Snapshot) -> Collection:
    names = sorted({str(one["LaunchConfigurationName"]) for one in look.of("autoscaling.groups") if _configured(one)})
    calls = [{"LaunchConfigurationNames": names[place : place + _AT_ONCE]} for place in range(0, len(names), _AT_ONCE)]
    return replace(COLLECTIONS[_CONFIGURATIONS], calls=lambda _: calls)


def _configured(group: Described) -> bool:
    return bool(group.get("LaunchConfigurationName"))


def _template_key(group: Described) -> tuple[str, str] | None:
    """Id and version (a number, `$Latest`, `$Default`) of the template of a group."""
    mixed = (group.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    said = group.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification") or {}
    if not said.get("LaunchTemplateId"):
        return None
    return str(said["LaunchTemplateId"]), str(said.get("Version") or "$Default")


def _series(look: Snapshot, seen: Seen) -> Iterator[Series]:
    one = seen.resource
    if one.type == "EC2":
        yield _of_instance(one.id)
    elif one.type == "ASG":
        yield _of_group(one.id)
    elif isinstance(one.kind, Database) and one.kind.is_cluster:
        yield from map(_of_database, _members(look, one.id))
    else:
        yield _samples("AWS/RDS", "DBInstanceIdentifier", one.id)


def _samples(namespace: str, dimension: str, name: str) -> Series:
    return Series(namespace, "CPUUtilization", "SampleCount", ((dimension, name),), rates.DAYS)


def _of_instance(name: str) -> Series:
    return _samples("AWS/EC2", "InstanceId", name)


def _of_database(said: Described) -> Series:
    return _samples("AWS/RDS", "DBInstanceIdentifier", str(said["DBInstanceIdentifier"]))


def _of_group(name: str) -> Series:
    return _samples("AWS/EC2", "AutoScalingGroupName", name)


def _members(look: Snapshot, cluster: str) -> list[Described]:
    return [one for one in look.of("rds.instances") if one.get("DBClusterIdentifier") == cluster]


# --- what it comes to ----------------------------------------------------------------------------------------------


class _Worth:
    """One look. Commitments are spent by what always runs first, then in the order in which resources are asked for."""

    def __init__(self, look: Snapshot, book: Book, found: Sequence[Seen]) -> None:
        self._look, self._book = look, book
        self._commitments, self._reserved = Commitments(look), Reserved(look)
        self._instances = look.index("ec2.instances", "InstanceId")
        self._databases = look.index("rds.instances", "DBInstanceIdentifier")
        self._clusters = look.index("rds.clusters", "DBClusterIdentifier")
        self._groups = look.index("autoscaling.groups", "AutoScalingGroupName")
        self._configurations = look.index(_CONFIGURATIONS, "LaunchConfigurationName")
        self._spend({one.resource.id for one in found if not refusal(one.resource, "STOP")})

    def _spend(self, scheduled: AbstractSet[str]) -> None:
        """By what no schedule stops: what is left of a commitment then is lost while the scheduled ones are stopped."""
        for said in self._look.of(_EVERYONE):
            if str(said["InstanceId"]) not in scheduled and _group_of(said) not in scheduled:
                rates.instance_rate(said, self._look, self._book, self._commitments)
        for said in self._look.of("rds.instances"):
            one = Billed(said)
            names = {one.id, str(said.get("DBClusterIdentifier") or "")}
            if said["DBInstanceStatus"] == "available" and not names & scheduled:
                self._reserved.take(one)

    def of(self, seen: Seen) -> Seen:
        one = seen.resource
        rate, hours = {"EC2": self._instance, "RDS": self._database, "ASG": self._group}[one.type](seen)
        value = None if rate.price.value is None else round(rate.price.value, 6)
        note = (rate.note or self._unread(seen))[:_MAX_NOTE]
        return msgspec.structs.replace(seen, rate=value, price_label=rate.price.label, running_hours=hours, note=note)

    def _unread(self, seen: Seen) -> str:
        """The gap itself says why."""
        names = ("rds.reserved_instances",) if seen.resource.type == "RDS" else rates.COMMITTED
        return "commitments are not known" if self._look.lacks(names) else ""

    def _instance(self, seen: Seen) -> tuple[Rate, float | None]:
        one = seen.resource
        said = self._instances[one.id]
        spends = None if refusal(one, "STOP") else self._commitments
        detailed = (said.get("Monitoring") or {}).get("State") in {"enabled", "pending"}
        hours = self._hours(_of_instance(one.id), since(said), detailed=detailed)
        stopped = stopped_since(said) if one.state == "STOPPED" else None
        if hours is None and stopped is not None and self._look.age_days(stopped) >= rates.DAYS:
            hours = 0.0
        return rates.instance_rate(said, self._look, self._book, spends), hours

    def _database(self, seen: Seen) -> tuple[Rate, float | None]:
        one, region = seen.resource, self._look.region
        spends = None if refusal(one, "STOP") else self._reserved
        if isinstance(one.kind, Database) and one.kind.is_cluster:
            members = _members(self._look, one.id)
            known = [hours for member in members if (hours := self._database_hours(member)) is not None]
            rate = rates.cluster_rate(self._clusters[one.id], members, region, self._book, spends)
            return rate, max(known, default=None)
        said = self._databases[one.id]
        return rates.database_rate(said, region, self._book, spends), self._database_hours(said)

    def _database_hours(self, said: Described) -> float | None:
        return self._hours(_of_database(said), said["InstanceCreateTime"], detailed=True)

    def _group(self, seen: Seen) -> tuple[Rate, float | None]:
        one = seen.resource
        said = self._groups[one.id]
        fleet = rates.fleet_of(said, _size(one.kind), self._template(said))
        spends = None if refusal(one, "STOP") else self._commitments
        rate = rates.group_rate(fleet, self._look.region, self._book, spends)
        if fleet.detailed is None:
            return rate, None
        born = said["CreatedTime"]
        return rate, self._hours(_of_group(one.id), born, detailed=fleet.detailed, machines=fleet.size)

    def _template(self, group: Described) -> Described | None:
        """What its new instances are made from: a launch configuration or a version of a launch template."""
        if _configured(group):
            return self._configurations.get(str(group["LaunchConfigurationName"]))
        name, version = _template_key(group) or ("", "")
        versions = [one for one in self._look.of(_TEMPLATES) if one["Id"] == name]
        if version == "$Default":
            versions = [one for one in versions if one.get("Default")]
        elif version == "$Latest":
            versions = sorted(versions, key=lambda one: int(one["Version"]))[-1:]
        else:
            versions = [one for one in versions if str(one["Version"]) == version]
        return versions[0]["Data"] if versions else None

    def _hours(self, samples: Series, born: datetime, *, detailed: bool, machines: int = 1) -> float | None:
        """`detailed`: a datapoint a minute, as databases always have it, else one every five."""
        reading = self._look.reading(samples)
        if reading is None:
            return None
        period = _DETAILED_PERIOD_S if detailed else _PERIOD_S
        return rates.month_of(reading.value, period, self._look.age_days(born) * 24, machines=machines)


def _group_of(said: Described) -> str:
    return tags_of(said).get(GROUP_TAG, "")


def _size(kind: object) -> int:
    """How many instances it has when it runs."""
    if not isinstance(kind, Group):
        return 0
    return kind.saved.desired if kind.sizes.desired == 0 and kind.saved else kind.sizes.desired
