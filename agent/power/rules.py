"""Pure: what is never switched, and when it is better to wait; every refusal says why."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from agent.power.resource import Database, Group, Instance, Resource
from common.wire_aws import Action

MAINTENANCE_LEAD = timedelta(minutes=30)
GROUP_TAG = "aws:autoscaling:groupName"
_OWNERS = (
    ("eks:", "EKS"),
    ("aws:eks:", "EKS"),
    ("kubernetes.io/cluster/", "Kubernetes"),
    ("karpenter.sh/", "Karpenter"),
    ("AmazonECSManaged", "ECS"),
    ("aws:ecs:", "ECS"),
    ("elasticbeanstalk:", "Elastic Beanstalk"),
    ("opsworks:", "OpsWorks"),
)
_WEEK = timedelta(days=7)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"([a-z]{3}):(\d\d):(\d\d)-([a-z]{3}):(\d\d):(\d\d)")


def refusal(resource: Resource, action: Action) -> str:
    """Why this resource is left alone; empty when it may be switched."""
    kind = resource.kind
    if isinstance(kind, Instance):
        return _of_instance(kind, resource.tags, action)
    return _of_database(kind) if isinstance(kind, Database) else _of_group(kind, action)


def waits(resource: Resource, action: Action, now: datetime) -> str:
    """Why this is not the moment; empty when it is."""
    kind = resource.kind
    if action == "STOP" and isinstance(kind, Database) and _near_maintenance(kind.maintenance, now):
        return f"maintenance window {kind.maintenance} UTC"
    return ""


def _of_instance(instance: Instance, tags: Mapping[str, str], action: Action) -> str:
    if tags.get(GROUP_TAG):
        return f"member of the Auto Scaling group {tags[GROUP_TAG]}; only the group can be switched"
    owner = next((name for prefix, name in _OWNERS if any(tag.startswith(prefix) for tag in tags)), "")
    if owner:
        return f"node of {owner}; only its group can be switched"
    if instance.spot == "one-time":
        return "one-time Spot instance; it cannot be stopped"
    if instance.root == "instance-store":
        return "its root device is an instance store; it cannot be stopped"
    if action == "STOP" and instance.stop_protected:
        return "stop protection (DisableApiStop) is on"
    return ""


def _of_database(database: Database) -> str:
    if database.cluster:
        return f"member of the cluster {database.cluster}; tag the cluster instead"
    if database.source:
        return f"read replica of {database.source}; RDS does not stop replicas"
    if database.replicas:
        return f"has read replicas ({', '.join(database.replicas)}); RDS does not stop their source"
    if database.across_regions:
        return "part of a global database or replicated to another region"
    if database.multi_az_cluster:
        return "Multi-AZ DB cluster; RDS does not stop it"
    if database.serverless_v1:
        return "Aurora Serverless v1 pauses by itself"
    if database.mirrored:
        return "SQL Server Multi-AZ with mirroring; RDS does not stop it"
    return ""


def _of_group(group: Group, action: Action) -> str:
    if action == "STOP" and group.protected:
        return f"{group.protected} instances are protected from scale-in"
    if action == "START" and group.sizes.empty and group.saved is None:
        return "its sizes are 0/0/0 and no schedule has set them"
    return ""


def _near_maintenance(text: str, now: datetime) -> bool:
    found = _WINDOW.fullmatch(text)
    if found is None:
        return False
    start, end = _into_week(*found.group(1, 2, 3)), _into_week(*found.group(4, 5, 6))
    opens = start - MAINTENANCE_LEAD
    moment = now.astimezone(UTC)
    at = timedelta(days=moment.weekday(), hours=moment.hour, minutes=moment.minute, seconds=moment.second)
    return (at - opens) % _WEEK < (end - opens) % _WEEK


def _into_week(day: str, hour: str, minute: str) -> timedelta:
    return timedelta(days=_DAYS.index(day), hours=int(hour), minutes=int(minute))
