"""Functions, log groups, buckets, image repositories, and commitments that end soon."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.ecr.models import ecr_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

from tests.standins.aws.estate.plot import Plot, moment
from tests.standins.aws.estate.rates import ECR_GB, HOURS, LAMBDA_GBS, LOGS_GB, S3_GB, S3_IA_GB
from tests.standins.aws.identities import PARTITION
from tests.standins.aws.marks import mark
from tests.standins.aws.s3 import parts_shelf

GIB = 2**30


def plant(plot: Plot) -> None:
    for copy in range(plot.copies):
        _functions(plot, copy)
        _log_groups(plot, copy)
        _buckets(plot, copy)
        _repositories(plot, copy)
    _ending(plot)


def _functions(plot: Plot, copy: int) -> None:
    per_minute, milliseconds = 60.0, 800.0
    seconds = per_minute * 60 * HOURS * milliseconds / 1000
    wide = _function(plot, f"wide-{copy}", 2048, "x86_64", used=20.0)
    plot.expect("O:LAMBDA_MEMORY", wide, seconds * 0.5 * LAMBDA_GBS / 1.2, money="at_least", aliases=[_arn(plot, wide)])
    plot.allow(wide, "LAMBDA_ARM64", aliases=[_arn(plot, wide)])
    plain = _function(plot, f"plain-{copy}", 1024, "x86_64", used=82.0)
    plot.forbid(plain, "it uses its memory", "LAMBDA_MEMORY", aliases=[_arn(plot, plain)])
    plot.expect("M:LAMBDA_ARM64", plain, seconds * LAMBDA_GBS * 0.16, money="at_least", aliases=[_arn(plot, plain)])
    arm = _function(plot, f"arm-{copy}", 1024, "arm64", used=75.0)
    plot.forbid(arm, "it is arm64 already", "LAMBDA_ARM64", "LAMBDA_MEMORY", aliases=[_arn(plot, arm)])
    blind = _function(plot, f"blind-{copy}", 3008, "arm64", used=None)
    plot.forbid(blind, "nobody knows what memory it uses", "LAMBDA_MEMORY", aliases=[_arn(plot, blind)])
    small = _function(plot, f"small-{copy}", 128, "arm64", used=15.0)
    plot.forbid(small, "it has the smallest size", "LAMBDA_MEMORY", aliases=[_arn(plot, small)])


def _arn(plot: Plot, name: str) -> str:
    return f"arn:aws:lambda:{plot.region}:{plot.account}:function:{name}"


def _function(plot: Plot, name: str, memory: int, architecture: str, *, used: float | None) -> str:
    plot.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handle", MemorySize=memory, Timeout=30,
        Role=plot.roles.arn("OrganizationAccountAccessRole"), Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
        Architectures=[architecture],
    )  # fmt: skip
    function = lambda_backends[plot.account][plot.region].get_function(name)
    function.last_modified = f"{plot.ago(90):%Y-%m-%dT%H:%M:%S}.000+0000"
    named = {"FunctionName": name}
    plot.metric("AWS/Lambda", "Invocations", named, 60.0, resolution=60)
    plot.metric("AWS/Lambda", "Duration", named, 800.0, resolution=60, samples=60)
    if used is not None:
        plot.metric("LambdaInsights", "memory_utilization", {"function_name": name}, used, resolution=60)
        plot.metric("LambdaInsights", "used_memory_max", {"function_name": name}, memory * used / 100, resolution=60)
    return name


def _log_groups(plot: Plot, copy: int) -> None:
    least = 200 * LOGS_GB * (1 - 90 / 400)
    cases: tuple[tuple[str, float, int | None, str, str], ...] = (
        ("/app/forever", 200, None, "STANDARD", ""),
        ("/app/month", 200, 30, "STANDARD", "it has a retention"),
        ("/app/tiny", 0.2, None, "STANDARD", "it holds next to nothing"),
        ("/app/rare", 200, None, "INFREQUENT_ACCESS", "its class is cheap already"),
    )
    for stem, gib, retention, kind, why in cases:
        name = f"{stem}-{copy}"
        _log_group(plot, name, gib, retention, kind)
        arn = f"arn:aws:logs:{plot.region}:{plot.account}:log-group:{name}"
        if why:
            plot.forbid(name, why, "CLOUDWATCH_LOG_RETENTION", aliases=[arn, f"{arn}:*"])
        else:
            factor = "C:CLOUDWATCH_LOG_RETENTION"
            plot.expect(factor, name, least, money="at_least", aliases=[arn, f"{arn}:*"])


def _log_group(plot: Plot, name: str, gib: float, retention: int | None, kind: str) -> None:
    api = plot.client("logs")
    api.create_log_group(logGroupName=name, logGroupClass=kind)
    api.create_log_stream(logGroupName=name, logStreamName="all")
    if retention is not None:
        api.put_retention_policy(logGroupName=name, retentionInDays=retention)
    group = logs_backends[plot.account][plot.region].groups[name]
    group.creation_time = plot.ago(400)
    mark(group, log_group_class=kind)
    group.streams["all"].stored_bytes = int(gib * GIB)


def _buckets(plot: Plot, copy: int) -> None:
    cases: tuple[tuple[str, float, dict[str, Any], str, str], ...] = (
        ("uploads", 40, {}, "S3_INCOMPLETE_MPU", ""),
        ("aborting", 40, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}, "S3_INCOMPLETE_MPU",
         "a rule clears its uploads"),
        ("archive", 5120, {}, "S3_LIFECYCLE", ""),
        ("tiered", 5120, {"Transitions": [{"Days": 60, "StorageClass": "STANDARD_IA"}]}, "S3_LIFECYCLE",
         "a rule moves its objects"),
        ("little", 200, {}, "S3_LIFECYCLE", "200 GiB are not worth a rule"),
    )  # fmt: skip
    for stem, gib, rule, factor, why in cases:
        name = f"{stem}-{plot.account[:4]}-{plot.region}-{copy}"
        _bucket(plot, name, gib, rule, unfinished=factor == "S3_INCOMPLETE_MPU")
        aliases = [f"arn:aws:s3:::{name}"]
        if why:
            plot.forbid(name, why, factor, aliases=aliases)
        elif factor == "S3_INCOMPLETE_MPU":
            plot.expect(f"C:{factor}", name, 300 * S3_GB, aliases=aliases)
        else:
            plot.expect(f"M:{factor}", name, gib * 0.5 * (S3_GB - S3_IA_GB) * 0.7, money="at_least", aliases=aliases)


def _bucket(plot: Plot, name: str, gib: float, rule: dict[str, Any], *, unfinished: bool) -> None:
    api = plot.client("s3")
    where = {} if plot.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": plot.region}}
    api.create_bucket(Bucket=name, **where)
    s3_backends[plot.account][PARTITION].buckets[name].creation_date = moment(plot.ago(300))
    if rule:
        rules = [{"ID": "keep-tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]
        api.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    for number in range(3 if unfinished else 0):
        upload = api.create_multipart_upload(Bucket=name, Key=f"dump-{number}.bin")["UploadId"]
        parts = [
            {"PartNumber": part + 1, "Size": 4 * GIB, "ETag": '"part"', "LastModified": plot.ago(30)}
            for part in range(25)
        ]
        plot.front.world.shelf[plot.account, "", parts_shelf(name, upload)] = parts
    sizes = {"BucketName": name, "StorageType": "StandardStorage"}
    plot.metric("AWS/S3", "BucketSizeBytes", sizes, gib * GIB, resolution=86400)
    objects = {"BucketName": name, "StorageType": "AllStorageTypes"}
    plot.metric("AWS/S3", "NumberOfObjects", objects, gib * 20, resolution=86400)


def _repositories(plot: Plot, copy: int) -> None:
    policy = {"rules": [{"rulePriority": 1, "selection": {
        "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14,
    }, "action": {"type": "expire"}}]}  # fmt: skip
    for stem, rules, why in (("loose", None, ""), ("tidy", policy, "a policy expires its images")):
        name = f"{stem}-{copy}"
        api = plot.client("ecr")
        api.create_repository(repositoryName=name)
        if rules is not None:
            api.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(rules))
        for number in range(5):
            api.put_image(repositoryName=name, imageManifest=_manifest(f"{name}-{number}", 20 * GIB))
        for image in ecr_backends[plot.account][plot.region].repositories[name].images:
            image.image_pushed_at = int((plot.now - timedelta(days=120)).timestamp())
        arn = f"arn:aws:ecr:{plot.region}:{plot.account}:repository/{name}"
        if why:
            plot.forbid(name, why, "ECR_LIFECYCLE", aliases=[arn])
        else:
            plot.expect("C:ECR_LIFECYCLE", name, 4 * 18 * ECR_GB / 1.2, money="at_least", aliases=[arn])


def _manifest(name: str, size: int) -> str:
    digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
    layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": size, "digest": digest}
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7000, "digest": digest},
            "layers": [layer],
        }
    )


def _ending(plot: Plot) -> None:
    """Reserved instances: one set ends within sixty days, one in a year."""
    for name, kind, days, why in (
        ("soon", "x2idn.16xlarge", 30, ""),
        ("later", "x2iedn.xlarge", 400, "it has a year to go"),
    ):
        number = hashlib.sha256(f"{plot.account}{plot.region}{name}".encode()).hexdigest()
        identity = f"{number[:8]}-{number[8:12]}-{number[12:16]}-{number[16:20]}-{number[20:32]}"
        end = plot.now + timedelta(days=days)
        plot.shelve("ec2", "DescribeReservedInstances", {
            "ReservedInstancesId": identity, "InstanceType": kind, "InstanceCount": 1, "State": "active",
            "ProductDescription": "Linux/UNIX", "Scope": "Region", "OfferingClass": "standard",
            "Start": (end - timedelta(days=1095)).replace(tzinfo=None), "End": end.replace(tzinfo=None),
            "Duration": 94608000, "OfferingType": "No Upfront", "InstanceTenancy": "default", "CurrencyCode": "USD",
        })  # fmt: skip
        if why:
            plot.forbid(identity, why, "EC2_RI_EXPIRING")
        else:
            plot.expect("P:EC2_RI_EXPIRING", identity, 0.0, money="any")
    if plot.region == "us-east-1":
        _plans(plot)


def _plans(plot: Plot) -> None:
    """Savings plans belong to the account and are listed at home; these pay for a region that is not looked at."""
    for family, days, why in (("x2gd", 20, ""), ("z1d", 500, "it has more than a year to go")):
        identity = hashlib.sha256(f"{plot.account}{family}".encode()).hexdigest()
        name = f"{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:32]}"
        end = plot.now + timedelta(days=days)
        plot.shelve("savingsplans", "DescribeSavingsPlans", {
            "savingsPlanId": name, "savingsPlanArn": f"arn:aws:savingsplans::{plot.account}:savingsplan/{name}",
            "savingsPlanType": "EC2Instance" if not why else "SageMaker", "ec2InstanceFamily": family,
            "region": "ap-south-1", "state": "active", "commitment": "0.5", "currency": "USD",
            "paymentOption": "No Upfront", "productTypes": ["EC2"], "termDurationInSeconds": 31536000,
            "start": f"{end - timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        })  # fmt: skip
        if why:
            plot.forbid(name, why, "SP_EXPIRING")
        else:
            plot.expect("P:SP_EXPIRING", name, 0.0, money="any")
