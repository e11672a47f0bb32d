"""What is known of an EC2 instance: how old, whose, at what price, since when stopped, and how much it does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence
from agent.aws.factors._estate import Subject, is_managed, says, too_few, too_young
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Reading, Resource, Series, Snapshot, series, tags_of

_STOPPED = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")
_KEEPER = re.compile(
    r"bastion|jump[-_ ]?(host|box|server)|licen[cs]e|quorum|witness|arbiter|voter"
    r"|(^|[^a-z])(nat|vpn|zookeeper|etcd)([^a-z]|$)",
    re.IGNORECASE,
)
_PLATFORMS: Mapping[str, str] = {
    "Linux/UNIX": "linux",
    "Windows": "windows",
    "Windows BYOL": "linux",
    "Red Hat Enterprise Linux": "rhel",
    "SUSE Linux": "suse",
}
"""By what AWS bills: the prefix of a price key. Windows under an own licence costs what Linux does."""


def state(instance: Resource) -> str:
    return str((instance.get("State") or {}).get("Name", ""))


def is_running(instance: Resource) -> bool:
    return state(instance) == "running"


def is_spot(instance: Resource) -> bool:
    return instance.get("InstanceLifecycle") == "spot"


def is_shared(instance: Resource) -> bool:
    """Whether it runs on ordinary hosts: the others have prices of their own."""
    return str((instance.get("Placement") or {}).get("Tenancy") or "default") == "default"


def is_its_own(instance: Resource) -> bool:
    """Whether it is the unit to decide on: a group or a cluster decides on its members, the market on Spot."""
    return not is_managed(tags_of(instance)) and not is_spot(instance)


def is_keeper(instance: Resource) -> bool:
    """Whether being there is its work: a bastion, a licence host, a vote."""
    return says(tags_of(instance), _KEEPER)


def since(instance: Resource) -> datetime:
    """When it came to be: each start resets its launch time, not the attachment of its root volume."""
    launched: datetime = instance["LaunchTime"]
    times: dict[str, datetime] = {
        str(one.get("DeviceName")): one["Ebs"]["AttachTime"]
        for one in instance.get("BlockDeviceMappings") or ()
        if (one.get("Ebs") or {}).get("AttachTime")
    }
    return min(times.get(str(instance.get("RootDeviceName"))) or min(times.values(), default=launched), launched)


def stopped_since(instance: Resource) -> datetime | None:
    """None where AWS does not say."""
    match = _STOPPED.search(str(instance.get("StateTransitionReason", "")))
    return datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if match else None


def platform(instance: Resource) -> str:
    """The prefix of its price; what has none keeps its name, and no book knows it."""
    details = str(instance.get("PlatformDetails") or "")
    if not details:
        return "windows" if str(instance.get("Platform", "")).lower() == "windows" else "linux"
    return _PLATFORMS.get(details, re.sub(r"[^a-z0-9]+", "-", details.lower()))


def is_paid(address: Resource) -> bool:
    """Whether a public address is Amazon's: one's own cost nothing."""
    return str(address.get("PublicIpv4Pool") or "amazon") == "amazon"


def address_id(address: Resource) -> str:
    return str(address.get("AllocationId") or address["PublicIp"])


def monthly(instance: Resource, book: Book, region: str, *, kind: str = "") -> Price:
    """A month at list price, as the type it is or would be."""
    if not is_shared(instance):
        return UNKNOWN
    key = f"{platform(instance)}/{kind or instance['InstanceType']}"
    return book.price("ec2", key, region).times(HOURS_A_MONTH)


def subject(instance: Resource, *, days: int = 0) -> Subject:
    return Subject(
        resource_id=str(instance["InstanceId"]),
        resource=instance,
        tags=tags_of(instance),
        since=since(instance),
        days=days,
    )


def covered(snapshot: Snapshot, instance: Resource) -> bool:
    """Whether a reservation of its family or a savings plan may already pay for it: then less is saved than listed."""
    family = str(instance["InstanceType"]).partition(".")[0]
    reserved = (one for one in snapshot.of("ec2.reserved_instances") if one.get("State") == "active")
    plans = (one for one in snapshot.of("savingsplans.plans") if one.get("state") == "active")
    return any(str(one.get("InstanceType", "")).startswith(f"{family}.") for one in reserved) or any(
        one.get("savingsPlanType") == "Compute"
        or (one.get("ec2InstanceFamily") == family and one.get("region") in {None, snapshot.region})
        for one in plans
    )


def described(snapshot: Snapshot, instance: Resource) -> dict[str, object]:
    """What every finding of an instance says of it."""
    return {
        "type": instance["InstanceType"],
        "platform": instance.get("PlatformDetails"),
        "lifecycle": instance.get("InstanceLifecycle", "on-demand"),
        "coveredByCommitment": covered(snapshot, instance),
        "savingsBasis": "list",
    }


# --- load ----------------------------------------------------------------------------------------------------------


IDLE_CPU = 5.0
"""Percent: what was ever busier than that is not idle, whatever else it did."""


def metric(instance: Resource, name: str, stat: str, *, days: int = LOOKBACK_DAYS) -> Series:
    return series("AWS/EC2", name, stat, days=days, InstanceId=str(instance["InstanceId"]))


def load_series(instance: Resource) -> list[Series]:
    """What tells whether it does anything; burstable ones may be idle for want of credits."""
    wanted = [metric(instance, "CPUUtilization", "Maximum")]
    wanted += [metric(instance, name, "Sum") for name in ("NetworkIn", "NetworkOut")]
    if str(instance["InstanceType"]).startswith("t"):
        wanted.append(metric(instance, "CPUCreditBalance", "Minimum"))
    return wanted


@dataclass(frozen=True, slots=True)
class Load:
    """The most CPU, the bytes of a day, and whether credits ran out."""

    cpu: float
    bytes_a_day: float
    starved: bool

    def evidence(self) -> tuple[Evidence, ...]:
        return (
            Evidence(metric="CPUUtilization", stat="Maximum", value=round(self.cpu, 2)),
            Evidence(metric="NetworkIn+NetworkOut bytes a day", stat="Sum", value=round(self.bytes_a_day)),
        )


def load(snapshot: Snapshot, instance: Resource) -> Load | str:
    """What it did in 14 days, or why that is not known."""
    if reason := too_young(snapshot, since(instance), LOOKBACK_DAYS):
        return reason
    readings: list[Reading] = []
    for wanted in load_series(instance)[:3]:
        if readings and readings[0].value >= IDLE_CPU:
            return Load(readings[0].value, 0.0, starved=False)
        reading = snapshot.reading(wanted)
        reason = too_few(reading, LOOKBACK_DAYS)
        if reading is None or reason:
            return f"{wanted.metric}: {reason}"
        readings.append(reading)
    credit = snapshot.reading(metric(instance, "CPUCreditBalance", "Minimum"))
    cpu, received, sent = (reading.value for reading in readings)
    return Load(cpu, (received + sent) / LOOKBACK_DAYS, credit is not None and credit.value <= 0)
