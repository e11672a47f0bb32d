"""Auto Scaling where moto is lax: sizes that do not fit together are refused, and tags of groups that are not there."""

from moto.autoscaling.models import FakeAutoScalingGroup, autoscaling_backends

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.world import Answer, Handlers, World


def _group(call: Call, name: str) -> FakeAutoScalingGroup:
    found = autoscaling_backends[call.account][call.region].autoscaling_groups.get(name)
    if found is None:
        raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return found


def _update(call: Call, _: World) -> Answer:
    group = _group(call, str(call.get("AutoScalingGroupName")))
    least, most = call.get("MinSize", group.min_size), call.get("MaxSize", group.max_size)
    wanted = call.get("DesiredCapacity", group.desired_capacity)
    if least > most:
        raise AwsError("ValidationError", f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if not least <= wanted <= most:
        raise AwsError(
            "ValidationError",
            f"Desired capacity:{wanted} must be between the specified min size:{least} and max size:{most}",
        )
    return None


def _tags(call: Call, _: World) -> Answer:
    for tag in call.get("Tags", []):
        _group(call, str(tag.get("ResourceId")))
    return None


HANDLERS: Handlers = {
    ("autoscaling", "UpdateAutoScalingGroup"): _update,
    ("autoscaling", "CreateOrUpdateTags"): _tags,
    ("autoscaling", "DeleteTags"): _tags,
}
