"""Small estates for the tests of factors: resources as AWS describes them, readings, prices, and who is found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.aws.catalogue import Estimate, Factor, Undecided
from agent.aws.prices.price import UNKNOWN, Label, Price
from agent.aws.snapshot import Reading, Resource, Series, Snapshot

ACCOUNT = "111122223333"
REGION = "eu-west-1"
NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def tags(values: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (values or {}).items()]


def snapshot(
    resources: Mapping[str, Sequence[Resource]] | None = None,
    readings: Mapping[Series, Reading | float] | None = None,
    *,
    gaps: Mapping[str, str] | None = None,
    region: str = REGION,
) -> Snapshot:
    """`resources` by collection (`ec2.volumes`); a reading that is a number has all the samples one could want."""
    return Snapshot(
        account=ACCOUNT,
        region=region,
        at=NOW,
        resources=resources or {},
        readings={of: value if isinstance(value, Reading) else full(value) for of, value in (readings or {}).items()},
        gaps=gaps or {},
    )


def full(value: float) -> Reading:
    """A reading that was sampled every minute for longer than any window."""
    return Reading(float(value), samples=100_000.0)


def daily(values: Sequence[float], *, every: timedelta = timedelta(days=1)) -> Reading:
    """A series with a period, its last value being the newest."""
    points = tuple((NOW - every * (len(values) - place), float(value)) for place, value in enumerate(values))
    return Reading(max(values, default=0.0), samples=100_000.0, values=points)


Value = Callable[[Series], Reading | float | None]


def wished(factor: Factor, look: Snapshot, value: Value = lambda _: None) -> list[Series]:
    """The series that a factor wants, also those that it wants once it knows the `value` of the others."""
    if factor.metrics is None:
        return []
    wanted = list(factor.metrics(look))
    for _ in range(2):
        known = {
            one: said if isinstance(said, Reading) else full(said) for one in wanted if (said := value(one)) is not None
        }
        wanted = list(dict.fromkeys([*wanted, *factor.metrics(replace(look, readings=known))]))
    return wanted


class Book:
    """A price book of a test: `{("ebs", "gp3/gb"): 0.08}`; what is not in it is unknown."""

    def __init__(self, prices: Mapping[tuple[str, str], float], label: Label = "BUNDLED") -> None:
        self._prices = prices
        self._label = label

    def price(self, service: str, key: str, region: str) -> Price:
        assert region
        value = self._prices.get((service, key))
        return UNKNOWN if value is None else Price(value, self._label, "2026-07-01")


PRICES: Mapping[tuple[str, str], float] = {
    ("ebs", "gp2/gb"): 0.10,
    ("ebs", "gp3/gb"): 0.08,
    ("ebs", "gp3/iops"): 0.005,
    ("ebs", "gp3/mbps"): 0.04,
    ("ebs", "io1/gb"): 0.125,
    ("ebs", "io1/iops"): 0.065,
    ("ebs", "io2/gb"): 0.125,
    ("ebs", "io2/iops"): 0.065,
    ("ebs", "st1/gb"): 0.045,
    ("ebs", "sc1/gb"): 0.015,
    ("ebs", "standard/gb"): 0.05,
    ("ebs", "snapshot/gb"): 0.05,
    ("ebs", "archive/gb"): 0.0125,
    ("vpc", "ipv4"): 0.005,
    ("vpc", "nat"): 0.045,
    ("vpc", "nat/gb"): 0.045,
    ("vpc", "endpoint"): 0.01,
    ("elb", "alb"): 0.0225,
    ("elb", "nlb"): 0.0225,
    ("elb", "clb"): 0.025,
    ("elb", "gwlb"): 0.0125,
    ("ec2", "linux/t3.micro"): 0.0104,
    ("ec2", "linux/m4.large"): 0.10,
    ("ec2", "linux/m5.large"): 0.096,
    ("ec2", "linux/m5.xlarge"): 0.192,
    ("ec2", "linux/m5.2xlarge"): 0.384,
    ("ec2", "linux/m6i.large"): 0.096,
    ("ec2", "linux/m6g.large"): 0.077,
    ("ec2", "linux/m7g.large"): 0.0816,
    ("ec2", "windows/m5.large"): 0.188,
    ("rds", "mysql/db.m5.large"): 0.171,
    ("rds", "mysql/db.m5.xlarge"): 0.342,
    ("rds", "mysql/db.m6g.large"): 0.152,
    ("rds", "gp2/gb"): 0.115,
    ("rds", "gp3/gb"): 0.115,
    ("rds", "io1/gb"): 0.125,
    ("rds", "io1/iops"): 0.10,
    ("rds", "backup/gb"): 0.095,
    ("rds", "extended/vcpu"): 0.10,
    ("dynamodb", "rcu"): 0.00013,
    ("dynamodb", "wcu"): 0.00065,
    ("dynamodb", "storage/gb"): 0.25,
    ("lambda", "x86_64"): 0.0000166667,
    ("lambda", "arm64"): 0.0000133334,
    ("logs", "storage/gb"): 0.03,
    ("s3", "standard/gb"): 0.023,
    ("s3", "it/gb"): 0.0125,
    ("s3", "ia/gb"): 0.0125,
    ("ecr", "gb"): 0.10,
    ("cloudwatch", "detailed"): 2.10,
}
BOOK = Book(PRICES)
NO_PRICES = Book({})


def found(factor: Factor, look: Snapshot, book: Book = BOOK) -> dict[str, Estimate]:
    """What a factor finds, by resource."""
    return {result.resource_id: result for result in factor.estimate(look, book) if isinstance(result, Estimate)}


def undecided(factor: Factor, look: Snapshot, book: Book = BOOK) -> dict[str, str]:
    """Whom a factor could not judge, and why."""
    results: Iterable[object] = factor.estimate(look, book)
    return {result.resource_id: result.reason for result in results if isinstance(result, Undecided)}


# --- resources -----------------------------------------------------------------------------------------------------


def volume(volume_id: str = "vol-1", *, tagged: Mapping[str, str] | None = None, **fields: object) -> Resource:
    """An old gp3 volume that nothing is attached to."""
    return {
        "VolumeId": volume_id,
        "State": "available",
        "VolumeType": "gp3",
        "Size": 100,
        "Iops": 3000,
        "Throughput": 125,
        "CreateTime": ago(100),
        "Attachments": [],
        "Encrypted": True,
        "MultiAttachEnabled": False,
        "AvailabilityZone": f"{REGION}a",
        "Tags": tags(tagged),
        **fields,
    }


def attached(volume_id: str = "vol-1", instance_id: str = "i-1", **fields: object) -> Resource:
    """The same in use since it was made."""
    attachment = {
        "InstanceId": instance_id,
        "Device": "/dev/xvda",
        "State": "attached",
        "AttachTime": ago(100),
        "DeleteOnTermination": True,
        "VolumeId": volume_id,
    }
    return {**volume(volume_id), "State": "in-use", "Attachments": [attachment], **fields}


def instance(instance_id: str = "i-1", *, tagged: Mapping[str, str] | None = None, **fields: object) -> Resource:
    """A running m5.large on Linux with a root volume `vol-<id>` since 100 days."""
    return {
        "InstanceId": instance_id,
        "InstanceType": "m5.large",
        "State": {"Name": "running", "Code": 16},
        "StateTransitionReason": "",
        "LaunchTime": ago(100),
        "ImageId": "ami-1",
        "Architecture": "x86_64",
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "EnaSupport": True,
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "PlatformDetails": "Linux/UNIX",
        "Monitoring": {"State": "disabled"},
        "Placement": {"AvailabilityZone": f"{REGION}a", "Tenancy": "default", "GroupName": ""},
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"VolumeId": f"vol-{instance_id}", "AttachTime": ago(100), "Status": "attached"},
            }
        ],
        "NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{instance_id}", "PrivateIpAddresses": [{}]}],
        "ProductCodes": [],
        "Tags": tags(tagged),
        **fields,
    }


def image(image_id: str = "ami-1", *, snapshots: Sequence[str] = (), **fields: object) -> Resource:
    """An own image of 200 days ago, over the given snapshots."""
    return {
        "ImageId": image_id,
        "Name": f"image {image_id}",
        "OwnerId": ACCOUNT,
        "State": "available",
        "Public": False,
        "Architecture": "x86_64",
        "CreationDate": f"{ago(200):%Y-%m-%dT%H:%M:%S.000Z}",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": one}} for one in snapshots],
        "Tags": [],
        **fields,
    }


def ebs_snapshot(snapshot_id: str = "snap-1", volume_id: str = "vol-gone", **fields: object) -> Resource:
    """A completed snapshot of 400 days ago."""
    return {
        "SnapshotId": snapshot_id,
        "VolumeId": volume_id,
        "OwnerId": ACCOUNT,
        "State": "completed",
        "StorageTier": "standard",
        "StartTime": ago(400),
        "VolumeSize": 100,
        "Description": "",
        "Tags": [],
        **fields,
    }


def db_instance(identifier: str = "db-1", *, tagged: Mapping[str, str] | None = None, **fields: object) -> Resource:
    """A MySQL db.m5.large in one zone since 100 days."""
    return {
        "DBInstanceIdentifier": identifier,
        "DBInstanceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{identifier}",
        "DBInstanceClass": "db.m5.large",
        "DBInstanceStatus": "available",
        "Engine": "mysql",
        "EngineVersion": "8.0.39",
        "InstanceCreateTime": ago(100),
        "AllocatedStorage": 100,
        "StorageType": "gp2",
        "MultiAZ": False,
        "ReadReplicaDBInstanceIdentifiers": [],
        "DeletionProtection": False,
        "TagList": tags(tagged),
        **fields,
    }
