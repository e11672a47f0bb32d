"""Auto Scaling groups: the group is the unit, its members are never touched one by one."""

from moto.autoscaling.models import autoscaling_backends

from tests.standins.aws.estate.plot import Plot

_IDLE = "IDLE_ASG"


def plant(plot: Plot) -> None:
    for copy in range(plot.copies):
        idle = f"batch-idle-{copy}"
        members = _group(plot, idle, size=2, minimum=0, tags={"env": "dev"})
        _load(plot, idle, members, cpu=1.0, network=1500)
        plot.expect(f"C:{_IDLE}", idle, 2 * plot.monthly("m5.large"), money="at_least", aliases=[_arn(plot, idle)])
        busy = f"web-{copy}"
        members = _group(plot, busy, size=3, minimum=2, tags={"env": "prod"})
        _load(plot, busy, members, cpu=55.0, network=40e6)
        plot.forbid(busy, "it has work", _IDLE, aliases=[_arn(plot, busy)])
    scheduled = "office-group"
    members = _group(plot, scheduled, size=2, minimum=2, tags={"env": "test", "Schedule": "office-hours"})
    _load(plot, scheduled, members, cpu=50.0, network=30e6)
    empty = "drained"
    _group(plot, empty, size=0, minimum=0, tags={"env": "prod"})
    plot.forbid(empty, "it has no members", _IDLE, aliases=[_arn(plot, empty)])


def _arn(plot: Plot, name: str) -> str:
    return str(autoscaling_backends[plot.account][plot.region].autoscaling_groups[name].arn)


def _group(plot: Plot, name: str, *, size: int, minimum: int, tags: dict[str, str]) -> list[str]:
    """A group over a launch configuration; its members are a hundred days old like everything ordinary."""
    api = plot.client("autoscaling")
    api.create_launch_configuration(
        LaunchConfigurationName=f"lc-{name}", ImageId=plot.image, InstanceType="m5.large",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3"}}],
    )  # fmt: skip
    api.create_auto_scaling_group(
        AutoScalingGroupName=name, LaunchConfigurationName=f"lc-{name}", MinSize=minimum, MaxSize=6,
        DesiredCapacity=size, VPCZoneIdentifier=",".join([plot.subnet(0), plot.subnet(1)]),
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()],
    )  # fmt: skip
    group = autoscaling_backends[plot.account][plot.region].autoscaling_groups[name]
    vars(group)["created_time"] = plot.ago(100)
    members = [state.instance for state in group.instance_states]
    for instance in members:
        instance.launch_time = plot.ago(20)
        for volume in plot.volumes_of(instance):
            volume.volume_type, volume.iops, volume.throughput = "gp3", 3000, 125
            plot.settle(volume, 100)
        plot.forbid(instance.id, "it belongs to a group, which is the unit", "IDLE_EC2", "OVER_PROVISIONED_EC2")
    return [str(instance.id) for instance in members]


def _load(plot: Plot, name: str, members: list[str], *, cpu: float, network: float) -> None:
    plot.metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": name}, cpu, samples=len(members))
    for metric in ("NetworkIn", "NetworkOut"):
        plot.metric("AWS/EC2", metric, {"AutoScalingGroupName": name}, network, samples=len(members))
        for member in members:
            plot.metric("AWS/EC2", metric, {"InstanceId": member}, network)
    for member in members:
        plot.metric("AWS/EC2", "CPUUtilization", {"InstanceId": member}, cpu)
