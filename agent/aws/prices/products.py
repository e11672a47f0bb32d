"""What a product of AWS's price lists is to us: the same attributes come from the query API and from the offer files.

Pure; names of attributes are compared in lower case without blanks, as the two sources write them differently.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Attributes = Mapping[str, str]

ENGINES = {
    "MySQL": "mysql",
    "PostgreSQL": "postgres",
    "MariaDB": "mariadb",
    "Aurora MySQL": "aurora-mysql",
    "Aurora PostgreSQL": "aurora-postgresql",
}
SYSTEMS = {"Linux": "linux", "Windows": "windows"}
CACHES = ("Redis", "Memcached")
_REGION_PREFIX = re.compile(r"^[A-Z]{2,4}\d{0,2}-")
_MIB_OF_GIB = 1 / 1024
_MILLION = 1e6
_METRICS_OF_DETAILED = 7


@dataclass(frozen=True, slots=True)
class Sold:
    """`per`: what a unit of the list is in units of the key."""

    service: str
    key: str
    per: float = 1.0


_USAGE: Mapping[str, Mapping[str, Sold]] = {
    "AmazonEC2": {
        "EBS:VolumeUsage": Sold("ebs", "standard/gb"),
        "EBS:VolumeIOUsage": Sold("ebs", "standard/io", _MILLION),
        "EBS:VolumeUsage.gp2": Sold("ebs", "gp2/gb"),
        "EBS:VolumeUsage.gp3": Sold("ebs", "gp3/gb"),
        "EBS:VolumeP-IOPS.gp3": Sold("ebs", "gp3/iops"),
        "EBS:VolumeP-Throughput.gp3": Sold("ebs", "gp3/mbps", _MIB_OF_GIB),
        "EBS:VolumeUsage.piops": Sold("ebs", "io1/gb"),
        "EBS:VolumeP-IOPS.piops": Sold("ebs", "io1/iops"),
        "EBS:VolumeUsage.io2": Sold("ebs", "io2/gb"),
        "EBS:VolumeP-IOPS.io2": Sold("ebs", "io2/iops"),
        "EBS:VolumeUsage.st1": Sold("ebs", "st1/gb"),
        "EBS:VolumeUsage.sc1": Sold("ebs", "sc1/gb"),
        "EBS:SnapshotUsage": Sold("ebs", "snapshot/gb"),
        "EBS:SnapshotArchiveStorage": Sold("ebs", "archive/gb"),
        "NatGateway-Hours": Sold("vpc", "nat"),
        "NatGateway-Bytes": Sold("vpc", "nat/gb"),
    },
    "AmazonVPC": {
        "PublicIPv4:InUseAddress": Sold("vpc", "ipv4"),
        "VpcEndpoint-Hours": Sold("vpc", "endpoint"),
        "VpcEndpoint-Bytes": Sold("vpc", "endpoint/gb"),
    },
    "AmazonRDS": {
        "RDS:GP2-Storage": Sold("rds", "gp2/gb"),
        "RDS:GP3-Storage": Sold("rds", "gp3/gb"),
        "RDS:PIOPS-Storage": Sold("rds", "io1/gb"),
        "RDS:PIOPS": Sold("rds", "io1/iops"),
        "RDS:ChargedBackupUsage": Sold("rds", "backup/gb"),
        "ExtendedSupport:Yr1-Yr2:MySQL5.7": Sold("rds", "extended/vcpu"),
    },
    "AmazonDynamoDB": {
        "ReadCapacityUnit-Hrs": Sold("dynamodb", "rcu"),
        "WriteCapacityUnit-Hrs": Sold("dynamodb", "wcu"),
        "TimedStorage-ByteHrs": Sold("dynamodb", "storage/gb"),
    },
    "AWSLambda": {
        "Lambda-GB-Second": Sold("lambda", "x86_64"),
        "Lambda-GB-Second-ARM": Sold("lambda", "arm64"),
    },
    "AmazonCloudWatch": {
        "TimedStorage-ByteHrs": Sold("logs", "storage/gb"),
        "DataProcessing-Bytes": Sold("logs", "ingest/gb"),
        "CW:MetricMonitorUsage": Sold("cloudwatch", "detailed", _METRICS_OF_DETAILED),
    },
    "AmazonS3": {
        "TimedStorage-ByteHrs": Sold("s3", "standard/gb"),
        "TimedStorage-INT-FA-ByteHrs": Sold("s3", "it/gb"),
        "TimedStorage-SIA-ByteHrs": Sold("s3", "ia/gb"),
    },
    "AmazonECR": {"TimedStorage-ByteHrs": Sold("ecr", "gb")},
}
_BALANCERS = {
    "Load Balancer-Application": "alb",
    "Load Balancer-Network": "nlb",
    "Load Balancer-Gateway": "gwlb",
    "Load Balancer": "clb",
}


def named(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes by their plain names: `Pre Installed S/W` and `preInstalledSw` are the same."""
    return {plain(name): value for name, value in attributes.items()}


def plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def sold(code: str, attributes: Attributes) -> Sold | None:
    """Which price a product is; None for what no factor asks for. `attributes` as `named` gives them."""
    usage = _REGION_PREFIX.sub("", attributes.get("usagetype", ""))
    known = _USAGE.get(code, {}).get(usage)
    if known is not None:
        return known
    read = _READERS.get(code)
    return read(usage, attributes) if read else None


def _instance(usage: str, attributes: Attributes) -> Sold | None:
    """Shared tenancy, in use (not a reservation), nothing preinstalled, the licence included."""
    wanted = {
        "tenancy": ("Shared",),
        "capacitystatus": ("Used",),
        "preinstalledsw": ("NA",),
        "licensemodel": ("No License required",),
        "marketoption": ("OnDemand", ""),
    }
    if not usage.startswith("BoxUsage") or any(attributes.get(name, "") not in these for name, these in wanted.items()):
        return None
    system = SYSTEMS.get(attributes.get("operatingsystem", ""))
    return Sold("ec2", f"{system}/{attributes['instancetype']}") if system else None


def _database(usage: str, attributes: Attributes) -> Sold | None:
    engine = ENGINES.get(attributes.get("databaseengine", ""))
    single = usage.startswith("InstanceUsage:") and attributes.get("deploymentoption") == "Single-AZ"
    return Sold("rds", f"{engine}/{attributes['instancetype']}") if engine and single else None


def _cache(usage: str, attributes: Attributes) -> Sold | None:
    wanted = usage.startswith("NodeUsage:") and attributes.get("cacheengine") in CACHES
    return Sold("elasticache", attributes["instancetype"]) if wanted else None


def _balancer(usage: str, attributes: Attributes) -> Sold | None:
    kind = _BALANCERS.get(attributes.get("productfamily", ""))
    return Sold("elb", kind) if kind and usage == "LoadBalancerUsage" else None


def _search(usage: str, attributes: Attributes) -> Sold | None:
    return Sold("opensearch", attributes["instancetype"]) if usage.startswith("ESInstance:") else None


def _warehouse(usage: str, attributes: Attributes) -> Sold | None:
    return Sold("redshift", attributes["instancetype"]) if usage.startswith("Node:") else None


def _notebook(usage: str, _attributes: Attributes) -> Sold | None:
    kind, _, name = usage.partition(":")
    return Sold("sagemaker", name) if kind == "Notebk" and name.startswith("ml.") else None


_READERS: Mapping[str, Callable[[str, Attributes], Sold | None]] = {
    "AmazonEC2": _instance,
    "AmazonRDS": _database,
    "AmazonElastiCache": _cache,
    "AWSELB": _balancer,
    "AmazonES": _search,
    "AmazonRedshift": _warehouse,
    "AmazonSageMaker": _notebook,
}
CODES = tuple(sorted({*_USAGE, *_READERS}))
"""Services of the price list that something is read from."""
