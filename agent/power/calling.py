"""How each kind of resource is started and stopped, call by call. What it is given to call with loads boto3."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from agent.aws.messages import Target
from agent.aws.session import AWSError, Clients, code_of, why
from agent.power.batches import Batch
from agent.power.messages import Call
from agent.power.pacing import OutOfTimeError
from agent.power.proving import permitted
from agent.power.resource import SIZES_TAG, Sizes

DRY_RUN = "DryRunOperation"
_EMPTY = Sizes(0, 0, 0)

Turn = Callable[[], None]
"""Waits until the next call that changes something may be made; `OutOfTimeError` when there is no time for it."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where calls are made, with clients that try nothing again by themselves."""

    target: Target
    region: str
    access: Clients


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a batch, for each call in it."""

    outcome: Literal["accepted", "refused", "would_work", "unproven"]
    code: str = ""
    detail: str = ""


def make(site: Site, batch: Batch, turn: Turn) -> Said:
    """Start or stop them; `AWSError` when AWS refuses."""
    call = batch.first
    if call.type == "EC2":
        return _instances(site, batch, turn)
    if call.dry_run:
        return _proven(site, call)
    return _database(site, call, turn) if call.type == "RDS" else _group(site, call, turn)


def _instances(site: Site, batch: Batch, turn: Turn) -> Said:
    client, call = site.access.client("ec2", site.region), batch.first
    given: dict[str, Any] = {"InstanceIds": [one.resource for one in batch.calls], "DryRun": call.dry_run}
    if call.hibernate and call.action == "STOP":
        given["Hibernate"] = True
    turn()
    try:
        client.start_instances(**given) if call.action == "START" else client.stop_instances(**given)
    except AWSError as error:
        if code_of(error) != DRY_RUN:
            raise
        return Said("would_work")
    return Said("accepted")


def _database(site: Site, call: Call, turn: Turn) -> Said:
    client = site.access.client("rds", site.region)
    starts = call.action == "START"
    turn()
    if call.cluster:
        change = client.start_db_cluster if starts else client.stop_db_cluster
        change(DBClusterIdentifier=call.resource)
    else:
        change = client.start_db_instance if starts else client.stop_db_instance
        change(DBInstanceIdentifier=call.resource)
    return Said("accepted")


def _group(site: Site, call: Call, turn: Turn) -> Said:
    return _restored(site, call, turn) if call.action == "START" else _emptied(site, call, turn)


def _emptied(site: Site, call: Call, turn: Turn) -> Said:
    """Sizes are noted on the group before they are taken away, so that they survive this host."""
    found = site.access.client("autoscaling", site.region).describe_auto_scaling_groups(
        AutoScalingGroupNames=[call.resource]
    )["AutoScalingGroups"]
    if not found:
        return Said("refused", "NotFound", "there is no such Auto Scaling group")
    sizes = Sizes(found[0]["MinSize"], found[0]["DesiredCapacity"], found[0]["MaxSize"])
    if sizes.empty:
        return Said("accepted", detail="its sizes were 0/0/0")
    client = site.access.client("autoscaling", site.region)
    turn()
    client.create_or_update_tags(Tags=[_tag(call) | {"Value": sizes.text, "PropagateAtLaunch": False}])
    turn()
    _resize(client, call, _EMPTY)
    return Said("accepted", detail=f"its sizes were {sizes.text}")


def _restored(site: Site, call: Call, turn: Turn) -> Said:
    if call.sizes is None or call.sizes.empty:
        return Said(
            "refused", "SizesUnknown", f"what sizes to give back is not known; set them, or its tag {SIZES_TAG}"
        )
    client = site.access.client("autoscaling", site.region)
    turn()
    _resize(client, call, call.sizes)
    detail = f"its sizes are {call.sizes.text}"
    try:  # it has started, whatever becomes of the tag; the next stop writes it anew
        turn()
        client.delete_tags(Tags=[_tag(call)])
    except (OutOfTimeError, *AWSError) as error:
        detail += f"; its tag {SIZES_TAG} stays: {why(error, 'autoscaling:DeleteTags')}"
    return Said("accepted", detail=detail)


def _resize(client: Any, call: Call, sizes: Sizes) -> None:
    client.update_auto_scaling_group(
        AutoScalingGroupName=call.resource,
        MinSize=sizes.minimum,
        DesiredCapacity=sizes.desired,
        MaxSize=sizes.maximum,
    )


def _tag(call: Call) -> dict[str, object]:
    return {"ResourceId": call.resource, "ResourceType": "auto-scaling-group", "Key": SIZES_TAG}


def _proven(site: Site, call: Call) -> Said:
    """What has no dry run is proven by the policies of the role."""
    verdict = permitted(site.access, site.target.role_arn, site.region, call)
    if verdict.granted is None:
        return Said("unproven", detail=verdict.detail)
    return (
        Said("would_work", detail=verdict.detail)
        if verdict.granted
        else Said("refused", "AccessDenied", verdict.detail)
    )
