"""Pure: what AWS says of an instance, a database or a group, as something that can be switched."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from agent.aws.snapshot import tags_of
from agent.power.resource import (
    SIZES_TAG,
    Database,
    Group,
    Instance,
    Observed,
    Resource,
    Sizes,
    database_state,
    instance_state,
    sizes_of,
)

Described = Mapping[str, Any]
"""What the API gave, with its own names."""

KMS = "START_FAILED_KMS"
FAILED = "START_FAILED"
_NO_START = (
    "Client.InvalidSnapshot.NotFound",
    "Client.LaunchError",
    "Client.VolumeLimitExceeded",
    "Server.InsufficientInstanceCapacity",
    "Server.InternalError",
)
"""Reasons of a stop that followed a start which did not succeed; the others are somebody's wish."""
_MAX_REASON = 300


class Wanted:
    """What schedules of a region may apply to: whatever carries one of the sets of tags whole, or is named."""

    def __init__(self, tags: Sequence[Mapping[str, str]], ids: Collection[str]) -> None:
        self._sets = [one.items() for one in tags if one]
        self._ids = frozenset(ids)

    def has(self, name: str, arn: str, tags: Mapping[str, str]) -> bool:
        return name in self._ids or arn in self._ids or any(one <= tags.items() for one in self._sets)


# --- EC2 -----------------------------------------------------------------------------------------------------------


def instance_of(said: Described, spots: Mapping[str, str]) -> Resource:
    """`spots`: the kind of the Spot request by instance; one that is not known is taken for one that cannot stop."""
    name, tags = str(said["InstanceId"]), tags_of(said)
    return Resource(
        id=name,
        type="EC2",
        state=instance_state(str((said.get("State") or {}).get("Name", ""))),
        kind=Instance(
            zone=str((said.get("Placement") or {}).get("AvailabilityZone") or ""),
            spot=_spot_of(said, spots),
            root="instance-store" if said.get("RootDeviceType") == "instance-store" else "ebs",
            hibernation=bool((said.get("HibernationOptions") or {}).get("Configured")),
        ),
        name=tags.get("Name", ""),
        tags=tags,
        launched_at=said.get("LaunchTime"),
        fault=fault_of(said),
    )


def _spot_of(said: Described, spots: Mapping[str, str]) -> Literal["", "one-time", "persistent"]:
    if said.get("InstanceLifecycle") != "spot":
        return ""
    return "persistent" if spots.get(str(said["InstanceId"])) == "persistent" else "one-time"


def fault_of(said: Described) -> str:
    """Why an instance is stopped though it was started; empty when it was stopped."""
    if (said.get("State") or {}).get("Name") != "stopped":
        return ""
    reason = said.get("StateReason") or {}
    code, text = str(reason.get("Code", "")), str(reason.get("Message", ""))[:_MAX_REASON]
    if code == "Client.InternalError" or "kms" in f"{code} {text}".lower():
        return f"{KMS}: {text or code}"
    return f"{FAILED}: {text or code}" if code in _NO_START else ""


def instance_arn(region: str, account: str, name: str) -> str:
    return f"arn:{partition_of(region)}:ec2:{region}:{account}:instance/{name}"


def partition_of(region: str) -> str:
    known = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-isob-": "aws-iso-b", "us-iso-": "aws-iso"}
    return next((name for start, name in known.items() if region.startswith(start)), "aws")


# --- RDS -----------------------------------------------------------------------------------------------------------


def database_of(said: Described) -> Resource:
    """An instance, also one of Aurora, DocumentDB or Neptune, which is its cluster's member."""
    name, engine = str(said["DBInstanceIdentifier"]), str(said.get("Engine", ""))
    sources = ("ReadReplicaSourceDBInstanceIdentifier", "ReadReplicaSourceDBClusterIdentifier")
    replicas = ("ReadReplicaDBInstanceIdentifiers", "ReadReplicaDBClusterIdentifiers")
    return Resource(
        id=name,
        type="RDS",
        state=database_state(str(said.get("DBInstanceStatus", ""))),
        kind=Database(
            engine=engine,
            cluster=str(said.get("DBClusterIdentifier") or ""),
            source=next((str(said[one]) for one in sources if said.get(one)), ""),
            replicas=tuple(str(one) for key in replicas for one in said.get(key) or ()),
            mirrored=engine.startswith("sqlserver") and bool(said.get("MultiAZ")),
            maintenance=str(said.get("PreferredMaintenanceWindow") or ""),
            restart_at=said.get("AutomaticRestartTime"),
        ),
        name=name,
        tags=tags_of(said),
        launched_at=said.get("InstanceCreateTime"),
    )


def cluster_of(said: Described) -> Resource:
    name, engine = str(said["DBClusterIdentifier"]), str(said.get("Engine", ""))
    elsewhere = ("GlobalClusterIdentifier", "ReplicationSourceIdentifier", "ReadReplicaIdentifiers")
    return Resource(
        id=name,
        type="RDS",
        state=database_state(str(said.get("Status", ""))),
        kind=Database(
            engine=engine,
            is_cluster=True,
            multi_az_cluster=engine in {"mysql", "postgres"},
            across_regions=any(said.get(one) for one in elsewhere),
            serverless_v1=said.get("EngineMode") == "serverless",
            maintenance=str(said.get("PreferredMaintenanceWindow") or ""),
            restart_at=said.get("AutomaticRestartTime"),
        ),
        name=name,
        tags=tags_of(said),
        launched_at=said.get("ClusterCreateTime"),
    )


# --- Auto Scaling --------------------------------------------------------------------------------------------------


def group_of(said: Described) -> Resource:
    name, tags = str(said["AutoScalingGroupName"]), tags_of(said)
    members: Sequence[Described] = said.get("Instances") or ()
    sizes = Sizes(int(said["MinSize"]), int(said["DesiredCapacity"]), int(said["MaxSize"]))
    return Resource(
        id=name,
        type="ASG",
        state="GONE" if said.get("Status") else _group_state(sizes, members),
        kind=Group(
            sizes=sizes,
            saved=sizes_of(tags.get(SIZES_TAG, "")),
            protected=sum(bool(one.get("ProtectedFromScaleIn")) for one in members),
        ),
        name=name,
        tags=tags,
        launched_at=said.get("CreatedTime"),
    )


def _group_state(sizes: Sizes, members: Sequence[Described]) -> Observed:
    """Instances that are on standby were taken out by hand and say nothing. A group that serves while one member is
    being replaced is running: to wait for all of them could be to wait for ever.
    """
    states = [str(one.get("LifecycleState", "")) for one in members]
    moving = [one for one in states if one != "Standby" and not one.startswith("Warmed")]
    if sizes.desired == 0:
        return "STOPPING" if moving else "STOPPED"
    healthy = sum(
        one.get("LifecycleState") == "InService" and one.get("HealthStatus", "Healthy").lower() == "healthy"
        for one in members
    )
    coming = any(one.startswith("Pending") for one in moving)
    return "STARTING" if healthy == 0 or (coming and healthy < sizes.desired) else "RUNNING"
