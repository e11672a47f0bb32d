"""EC2 where moto is lax: whole batches are judged before anything moves, states take time, images can be hidden."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.models.instances import Instance, StateReason

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.marks import mark, marked
from tests.standins.aws.world import Answer, Handlers, World, page

_INSTANCE_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def backend_of(call: Call) -> EC2Backend:
    return ec2_backends[call.account][call.region]


def settle(backend: EC2Backend) -> None:
    """Finish the changes of state whose time has come."""
    now = time.monotonic()
    for instance in backend.all_instances():
        _complete(instance, backend)
        due: tuple[float, str] | None = marked(instance, "settles")
        if due is None or due[0] > now:
            continue
        mark(instance, settles=None)
        _enter(instance, due[1])
        if due[1] == "stopped" and marked(instance, "kms_grant_missing"):
            instance.state_reason = StateReason("Client.InternalError: Client error on launch", "Client.InternalError")


def _enter(instance: Instance, state: str) -> None:
    instance._state.name = state
    instance._state.code = _CODES[state]


def _stop(call: Call, world: World) -> Answer:
    return _switch(call, world, refuse=_refuse_stop, change=_stopping, key="StoppingInstances")


def _start(call: Call, world: World) -> Answer:
    return _switch(call, world, refuse=_refuse_start, change=_starting, key="StartingInstances")


def _switch(
    call: Call,
    world: World,
    *,
    refuse: Callable[[Instance, Call, World], None],
    change: Callable[[Instance, World], None],
    key: str,
) -> Answer:
    """Nothing moves unless every instance of the batch may."""
    backend = backend_of(call)
    settle(backend)
    instances = _named(backend, call.get("InstanceIds", []))
    _dry_run(call)
    for instance in instances:
        refuse(instance, call, world)
    changes = []
    for instance in instances:
        before = {"Code": instance._state.code, "Name": instance._state.name}
        change(instance, world)
        after = {"Code": instance._state.code, "Name": instance._state.name}
        changes.append({"InstanceId": instance.id, "PreviousState": before, "CurrentState": after})
    return {key: changes}


def _named(backend: EC2Backend, ids: Sequence[str]) -> list[Instance]:
    if not ids:
        raise AwsError("MissingParameter", "The request must contain the parameter InstanceId")
    malformed = [one for one in ids if not _INSTANCE_ID.fullmatch(one)]
    if malformed:
        raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{malformed[0]}"')
    known = {instance.id: instance for instance in backend.all_instances()}
    missing = [one for one in ids if one not in known]
    if missing:
        said = (
            f"The instance ID '{missing[0]}' does not exist"
            if len(missing) == 1
            else f"The instance IDs '{', '.join(missing)}' do not exist"
        )
        raise AwsError("InvalidInstanceID.NotFound", said)
    return [known[one] for one in dict.fromkeys(ids)]


def _dry_run(call: Call) -> None:
    if call.get("DryRun"):
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def _refuse_stop(instance: Instance, call: Call, _: World) -> None:
    name = instance.id
    if instance.state in {"pending", "shutting-down", "terminated"}:
        raise AwsError(
            "IncorrectInstanceState", f"This instance '{name}' is not in a state from which it can be stopped."
        )
    if instance.disable_api_stop:
        raise AwsError(
            "OperationNotPermitted",
            f"The instance '{name}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.",
        )
    _refuse_bound(instance, "stop")
    if call.get("Hibernate") and not (instance.hibernation_options or {}).get("Configured"):
        raise AwsError(
            "UnsupportedHibernationConfiguration",
            f"The following instances are not configured for hibernation: {name}.",
        )


def _refuse_start(instance: Instance, _: Call, world: World) -> None:
    if instance.state in {"stopping", "shutting-down", "terminated"}:
        raise AwsError(
            "IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be started."
        )
    _refuse_bound(instance, "start")
    if instance.state == "stopped" and world.faults.has("capacity", instance.instance_type):
        raise AwsError(
            "InsufficientInstanceCapacity",
            f"We currently do not have sufficient {instance.instance_type} capacity in the Availability Zone you "
            f"requested ({instance.placement.zone}). Our system will be working on provisioning additional capacity.",
            500,
        )


def _refuse_bound(instance: Instance, verb: str) -> None:
    if instance.lifecycle == "spot" and marked(instance, "spot_type") == "one-time":
        raise AwsError(
            "UnsupportedOperation",
            f"You can't {verb} the Spot Instance '{instance.id}' because it is associated with a one-time Spot Instance"
            f" request. You can only {verb} Spot Instances associated with persistent Spot Instance requests.",
        )
    if instance.root_device_type != "ebs":
        raise AwsError(
            "UnsupportedOperation",
            f"The instance '{instance.id}' does not have an 'ebs' root device type and cannot be {_PAST[verb]}.",
        )


_PAST = {"stop": "stopped", "start": "started"}


def _stopping(instance: Instance, world: World) -> None:
    if instance.state in {"stopped", "stopping"}:
        return
    instance.stop()
    instance._reason = f"User initiated ({datetime.now(UTC):%Y-%m-%d %H:%M:%S} GMT)"
    _enter(instance, "stopping")
    mark(instance, settles=(time.monotonic() + world.transition_s, "stopped"))


def _starting(instance: Instance, world: World) -> None:
    if instance.state in {"running", "pending"}:
        return
    instance.start()
    instance.launch_time = datetime.now(UTC).replace(tzinfo=None)
    _enter(instance, "pending")
    if world.faults.has("kms", instance.id):
        mark(instance, kms_grant_missing=True)
    fails = marked(instance, "kms_grant_missing")
    mark(instance, settles=(time.monotonic() + world.transition_s, "stopped" if fails else "running"))


def _settled(call: Call, _: World) -> Answer:
    settle(backend_of(call))
    return None


def _run(call: Call, _: World) -> Answer:
    """moto forgets whether a Spot request is one-time or persistent: what it launches next is of this kind."""
    backend = backend_of(call)
    settle(backend)
    options = (call.get("InstanceMarketOptions") or {}).get("SpotOptions") or {}
    mark(backend, spot_type=options.get("SpotInstanceType", "one-time"))
    return None


def _complete(instance: Instance, backend: EC2Backend) -> None:
    """What EC2 says of every instance and moto of none."""
    if marked(instance, "platform_details") is None:
        windows = instance.platform == "windows"
        mark(instance, platform_details="Windows" if windows else "Linux/UNIX")
        mark(instance, usage_operation="RunInstances:0002" if windows else "RunInstances")
        mark(instance, ena_support=marked(instance, "ena_support", default=True))
    if instance.lifecycle == "spot" and marked(instance, "spot_type") is None:
        mark(instance, spot_type=marked(backend, "spot_type", "one-time"))


def _images(call: Call, _: World) -> Answer:
    """Disabled images are hidden unless asked for, deprecated ones of others always."""
    backend = backend_of(call)
    filters = {one["Name"]: one.get("Values", []) for one in call.get("Filters", [])}
    images = backend.describe_images(
        ami_ids=call.get("ImageIds"), filters=filters, exec_users=call.get("ExecutableUsers"), owners=call.get("Owners")
    )
    shown = [image for image in images if image.state != "disabled" or call.get("IncludeDisabled")]
    rows, token = page(shown, int(call.get("MaxResults") or 1000), call.get("NextToken"))
    return {"Images": list(rows), "NextToken": token}


def _snapshots(call: Call, _: World) -> Answer:
    backend = backend_of(call)
    filters = {one["Name"]: one.get("Values", []) for one in call.get("Filters", [])}
    owners = {call.account if owner == "self" else owner for owner in call.get("OwnerIds", [])}
    found = backend.describe_snapshots(call.get("SnapshotIds"), filters)
    users = {call.account if user == "self" else user for user in call.get("RestorableByUserIds", [])}
    mine = [one for one in found if (not owners or one.owner_id in owners) and _restorable(one, users)]
    rows, token = page(mine, int(call.get("MaxResults") or 1000), call.get("NextToken"))
    return {"Snapshots": list(rows), "NextToken": token}


def _restorable(snapshot: Snapshot, users: Collection[str]) -> bool:
    """`all` are the public ones; without anybody named, all that one may see."""
    if not users:
        return True
    given = {*snapshot.create_volume_permission_userids, snapshot.owner_id}
    return bool(given & set(users)) or ("all" in users and "all" in snapshot.create_volume_permission_groups)


def _interfaces(call: Call, _: World) -> Answer:
    """What a gateway or an endpoint holds is in use, whatever moto says."""
    backend = backend_of(call)
    held = [gateway._eni for gateway in backend.nat_gateways.values()]
    held += [backend.enis[eni] for one in backend.vpc_end_points.values() for eni in one.network_interface_ids]
    for interface in held:
        mark(interface, status="in-use")
    return None


HANDLERS: Handlers = {
    ("ec2", "StopInstances"): _stop,
    ("ec2", "StartInstances"): _start,
    ("ec2", "RunInstances"): _run,
    ("ec2", "DescribeInstances"): _settled,
    ("ec2", "DescribeInstanceStatus"): _settled,
    ("ec2", "TerminateInstances"): _settled,
    ("ec2", "DescribeImages"): _images,
    ("ec2", "DescribeSnapshots"): _snapshots,
    ("ec2", "DescribeNetworkInterfaces"): _interfaces,
}
