"""List prices that the key is reckoned with: us-east-1, and a factor for each other region."""

HOURS = 730.0
REGION_FACTOR = {"us-east-1": 1.0, "eu-west-1": 1.115, "eu-central-1": 1.195}
AS_OF = "2026-07-20"

UNPRICED = "m8idb.large"
"""A type that no list of ours has: its money is unknown, and that is not zero."""

EC2 = {
    "t2.medium": 0.0464,
    "t3.small": 0.0208,
    "t3.medium": 0.0416,
    "t3.large": 0.0832,
    "m4.large": 0.1,
    "m4.xlarge": 0.2,
    "c4.xlarge": 0.199,
    "r4.large": 0.133,
    "m5.large": 0.096,
    "m5.xlarge": 0.192,
    "m5.2xlarge": 0.384,
    "m5.4xlarge": 0.768,
    "c5.large": 0.085,
    "c5.xlarge": 0.17,
    "c5.2xlarge": 0.34,
    "r5.large": 0.126,
    "r5.xlarge": 0.252,
    "m6i.large": 0.096,
    "m6i.xlarge": 0.192,
    "c6i.xlarge": 0.17,
    "r6i.large": 0.126,
    "m6g.large": 0.077,
    "m7g.large": 0.0816,
    "m7g.xlarge": 0.1632,
    "m7i.large": 0.1008,
    "p3.2xlarge": 3.06,
}
EBS_GB = {"gp3": 0.08, "gp2": 0.1, "io1": 0.125, "io2": 0.125, "st1": 0.045, "sc1": 0.015, "standard": 0.05}
IOPS = {"gp3": 0.005, "io1": 0.065, "io2": 0.065}
GP3_MBPS = 0.04
SNAPSHOT_GB = 0.05
ARCHIVE_GB = 0.0125
IPV4_HOUR = 0.005
NAT_HOUR = 0.045
ENDPOINT_HOUR = 0.01
ELB_HOUR = {"application": 0.0225, "network": 0.0225, "classic": 0.025, "gateway": 0.0125}
DETAILED_MONITORING = 2.1
RDS_MYSQL = {"db.t3.medium": 0.068, "db.m5.large": 0.171, "db.m5.xlarge": 0.342, "db.m4.large": 0.175}
RDS_POSTGRES = {"db.t3.medium": 0.072, "db.m5.large": 0.178, "db.m5.xlarge": 0.356, "db.m4.large": 0.182}
RDS_GB = {"gp2": 0.115, "gp3": 0.115, "io1": 0.125}
RDS_IOPS = 0.1
RDS_BACKUP_GB = 0.095
EXTENDED_VCPU_HOUR = 0.1
CACHE = {"cache.m4.large": 0.156, "cache.m5.large": 0.156, "cache.r5.large": 0.216, "cache.m5.xlarge": 0.311}
OPENSEARCH = {"m5.large.search": 0.142}
REDSHIFT = {"dc2.large": 0.25}
RCU_HOUR = 0.00013
WCU_HOUR = 0.00065
DYNAMODB_GB = 0.25
LAMBDA_GBS = 0.0000166667
LAMBDA_ARM_GBS = 0.0000133334
LOGS_GB = 0.03
S3_GB = 0.023
S3_IA_GB = 0.0125
ECR_GB = 0.1


def volume_month(kind: str, gib: float, iops: float = 0.0, mbps: float = 0.0) -> float:
    """What a volume costs a month in us-east-1; gp3 pays for what is above its baseline only."""
    if kind == "gp3":
        return gib * EBS_GB[kind] + max(0.0, iops - 3000) * IOPS[kind] + max(0.0, mbps - 125) * GP3_MBPS
    return gib * EBS_GB[kind] + iops * IOPS.get(kind, 0.0)
