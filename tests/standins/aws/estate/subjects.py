"""What schedules are for: forty machines of which one refuses, groups, databases, and all that must be left alone."""

from collections.abc import Callable

from moto.ec2.models.instances import Instance

from tests.standins.aws.estate.databases import Base, create
from tests.standins.aws.estate.plot import Plot

SCHEDULED = "office-hours"
TAG = {"Schedule": SCHEDULED, "env": "test"}
REGION = "eu-west-1"


def plant(plot: Plot) -> None:
    """In one region of the first account and, smaller, of the second."""
    if plot.region != REGION:
        return
    for number in range(39):
        _subject(plot, f"office-{number:02}")
    _subject(plot, "office-protected", refusal="DisableApiStop", protected=True)
    _subject(plot, "office-spot-once", refusal="one-time Spot", spot="one-time")
    _subject(plot, "office-spot-kept", spot="persistent")
    _subject(plot, "office-instance-store", refusal="instance-store root", then=_on_instance_store)
    _subject(plot, "office-member", refusal="ASG member", tags={"aws:autoscaling:groupName": "elsewhere"})
    _subject(plot, "office-node", refusal="EKS node", tags={"eks:cluster-name": "test"})
    _subject(plot, "office-kms", then=_without_grant)
    _subject(plot, "office-hibernating", then=_hibernates)
    _subject(plot, "office-exotic", kind="p3.2xlarge")
    _databases(plot)


def _subject(
    plot: Plot,
    name: str,
    *,
    kind: str = "m5.large",
    refusal: str = "",
    protected: bool = False,
    spot: str | None = None,
    tags: dict[str, str] | None = None,
    then: Callable[[Instance], None] | None = None,
) -> None:
    instance = plot.instance(kind, name=name, tags={**TAG, **(tags or {})}, protected=protected, spot=spot)
    plot.busy(instance)
    if then is not None:
        then(instance)
    plot.key.scheduled.append(
        {"account": plot.account, "region": plot.region, "type": "EC2", "resourceId": instance.id, "refusal": refusal}
    )
    plot.forbid(instance.id, "a schedule has it, and it has work", "IDLE_EC2", "SCHEDULE_CANDIDATE")


def _on_instance_store(instance: Instance) -> None:
    instance.root_device_type = "instance-store"


def _without_grant(instance: Instance) -> None:
    vars(instance)["kms_grant_missing"] = True


def _hibernates(instance: Instance) -> None:
    instance.hibernation_options = {"Configured": True}


def _databases(plot: Plot) -> None:
    for name, refusal in (("office-db", ""), ("office-primary", "has a replica")):
        create(plot, Base(name=name, tags=TAG))
        plot.key.scheduled.append(
            {
                "account": plot.account,
                "region": plot.region,
                "type": "RDS",
                "resourceId": f"{name}-0",
                "refusal": refusal,
            }
        )
    plot.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier="office-replica", SourceDBInstanceIdentifier="office-primary-0",
        Tags=[{"Key": key, "Value": value} for key, value in TAG.items()],
    )  # fmt: skip
    plot.key.scheduled.append(
        {
            "account": plot.account, "region": plot.region, "type": "RDS", "resourceId": "office-replica",
            "refusal": "is a replica",
        }
    )  # fmt: skip
