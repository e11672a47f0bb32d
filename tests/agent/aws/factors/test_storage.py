"""Log groups, buckets and image repositories that keep more than anybody needs."""

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import ACCOUNT, NO_PRICES, REGION, ago, found, snapshot, tags, undecided, wished

LOGS = catalogue()["CLOUDWATCH_LOG_RETENTION"]
UPLOADS = catalogue()["S3_INCOMPLETE_MPU"]
LIFECYCLE = catalogue()["S3_LIFECYCLE"]
ECR = catalogue()["ECR_LIFECYCLE"]
GIB = 1024**3


# --- logs ----------------------------------------------------------------------------------------------------------


def group(name: str = "/app", *, days: float = 300, gib: float = 1000, **fields: object) -> Resource:
    return {
        "logGroupName": name,
        "arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*",
        "creationTime": int(ago(days).timestamp() * 1000),
        "storedBytes": int(gib * GIB),
        "logGroupClass": "STANDARD",
        **fields,
    }


def groups(*all_: Resource, tagged: dict[str, str] | None = None) -> Snapshot:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/app"
    return snapshot(
        {"logs.groups": list(all_), "tagging.resources": [{"ResourceARN": arn, "Tags": tags(tagged)}] if tagged else []}
    )


def test_a_group_without_retention_saves_what_is_older_than_a_month() -> None:
    one = found(LOGS, groups(group()))["/app"]
    assert one.savings == pytest.approx(1000 * 0.03 * 0.9)
    assert (one.risk, "--retention-in-days 30" in one.cli) == ("LOW", True)


def test_a_trail_is_kept_for_longer_and_changed_with_more_care() -> None:
    one = found(LOGS, groups(group("/aws/cloudtrail")))["/aws/cloudtrail"]
    assert one.savings == pytest.approx(1000 * 0.03 * 0.7)
    assert one.risk == "MEDIUM"


@pytest.mark.parametrize(
    "left_alone",
    [
        group(retentionInDays=365),
        group(gib=0.9),
        group(days=29),
        group(logGroupClass="DELIVERY"),
        group(logGroupClass="INFREQUENT_ACCESS"),
    ],
)
def test_groups_that_are_left_alone(left_alone: Resource) -> None:
    assert found(LOGS, groups(left_alone)) == {}


def test_a_group_that_must_be_kept_is_left_alone_and_exclusions_are_seen() -> None:
    assert found(LOGS, groups(group(), tagged={"compliance": "sox"})) == {}
    marked = found(LOGS, groups(group(), tagged={"fieldpost:exclude": "all"}))["/app"]
    assert marked.metadata["tags"] == {"fieldpost:exclude": "all"}


def test_logs_without_a_price_have_no_number() -> None:
    assert found(LOGS, groups(group()), NO_PRICES)["/app"].savings is None


# --- uploads -------------------------------------------------------------------------------------------------------

ABORTS = {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def bucket(name: str = "data") -> Resource:
    return {"Name": name, "CreationDate": ago(400)}


def uploads(*rules: Resource, days: float = 7, parts: bool = True) -> Snapshot:
    upload = {"Bucket": "data", "Key": "k", "UploadId": "u-1", "Initiated": ago(days)}
    part = {"Bucket": "data", "Key": "k", "UploadId": "u-1", "Sizes": [400 * GIB, 600 * GIB]}
    return snapshot(
        {
            "s3.buckets": [bucket()],
            "s3.lifecycle": [{"Bucket": "data", "Rules": list(rules)}] if rules else [],
            "s3.uploads": [upload],
            **({"s3.parts": [part]} if parts else {}),
        },
        gaps={} if parts else {"s3.parts": "AccessDenied"},
    )


def test_parts_of_uploads_that_nobody_completed_are_paid_for() -> None:
    one = found(UPLOADS, uploads())["data"]
    assert one.savings == pytest.approx(23.0)
    assert (one.risk, one.label) == ("LOW", "BUNDLED")


def test_parts_that_may_not_be_listed_make_no_number() -> None:
    one = found(UPLOADS, uploads(parts=False))["data"]
    assert (one.savings, one.label) == (None, "UNKNOWN")


def test_a_rule_that_is_off_aborts_nothing_and_others_must_be_kept() -> None:
    assert found(UPLOADS, uploads({**ABORTS, "Status": "Disabled"})).keys() == {"data"}
    other = {"Status": "Enabled", "Expiration": {"Days": 30}}
    assert "<the rules that are there>" in found(UPLOADS, uploads(other))["data"].cli


@pytest.mark.parametrize("look", [uploads(ABORTS), uploads(days=6.9), snapshot({"s3.buckets": [bucket()]})])
def test_buckets_without_old_uploads_are_left_alone(look: Snapshot) -> None:
    assert found(UPLOADS, look) == {}


# --- classes -------------------------------------------------------------------------------------------------------


def sized(size: float, objects: float | None, *rules: Resource, tagged: dict[str, str] | None = None) -> Snapshot:
    resources: dict[str, list[Resource]] = {
        "s3.buckets": [bucket()],
        "s3.lifecycle": [{"Bucket": "data", "Rules": list(rules)}] if rules else [],
        "tagging.resources": [{"ResourceARN": "arn:aws:s3:::data", "Tags": tags(tagged)}],
    }
    values = {"BucketSizeBytes": size, "NumberOfObjects": objects}
    readings: dict[Series, Reading | float] = {
        one: Reading(value, 3) for one in wished(LIFECYCLE, snapshot(resources)) if (value := values[one.metric])
    }
    return snapshot(resources, readings)


def test_half_of_a_large_bucket_is_assumed_to_move() -> None:
    one = found(LIFECYCLE, sized(10_000 * GIB, 1_000_000))["data"]
    assert one.savings == pytest.approx(5000 * 0.0105 - 500_000 * 0.0025 / 1000)
    assert (one.label, one.confidence) == ("ESTIMATE", "LOW")


@pytest.mark.parametrize(
    "look",
    [
        sized(0.9e12, 1_000_000),
        sized(2e12, 100_000_000),
        sized(2e12, 1000, {"Status": "Enabled", "Transitions": [{"Days": 30}]}),
        sized(2e12, 1000, {"Status": "Enabled", "Expiration": {"Days": 30}}),
        sized(2e12, 1000, tagged={"retention": "7y"}),
        sized(0, None),
    ],
)
def test_buckets_whose_class_is_left_alone(look: Snapshot) -> None:
    assert found(LIFECYCLE, look) == {}


def test_a_large_bucket_without_a_count_of_objects_is_not_judged() -> None:
    assert undecided(LIFECYCLE, sized(2e12, None)).keys() == {"data"}


def test_a_bucket_without_a_price_has_no_number() -> None:
    assert found(LIFECYCLE, sized(2e12, 1000), NO_PRICES)["data"].savings is None


# --- images --------------------------------------------------------------------------------------------------------

ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app"


def image(digest: str, *, days: float, gib: float = 50, **fields: object) -> Resource:
    return {
        "repositoryName": "app",
        "imageDigest": f"sha256:{digest}",
        "imageSizeInBytes": gib * GIB,
        "imagePushedAt": ago(days),
        **fields,
    }


def repository(*images: Resource, **more: list[Resource]) -> Snapshot:
    newest = image("newest", days=0, imageTags=["latest"])
    return snapshot(
        {
            "ecr.repositories": [{"repositoryName": "app", "repositoryArn": ARN, "createdAt": ago(500)}],
            "ecr.images": [newest, *images],
            **{name.replace("_", ".", 1): items for name, items in more.items()},
        }
    )


def test_old_and_untagged_images_that_nobody_pulls_are_counted() -> None:
    look = repository(image("a", days=90, imageTags=["1.0"]), image("b", days=14), image("c", days=13))
    one = found(ECR, look)[ARN]
    assert one.savings == pytest.approx(10.0)
    assert (one.metadata["images"], one.metadata["untagged"], one.resource_name) == (2, 1, "app")


@pytest.mark.parametrize(
    "look",
    [
        repository(),
        repository(image("a", days=89, imageTags=["1.0"])),
        repository(image("a", days=300, lastRecordedPullTime=ago(10))),
        repository(image("a", days=300), lambda_functions=[{"FunctionName": "f", "CodeSha256": "a"}]),
        repository(image("a", days=300), ecr_lifecycle=[{"repositoryName": "app", "lifecyclePolicyText": "{}"}]),
        repository(image("a", days=300), tagging_resources=[{"ResourceARN": ARN, "Tags": tags({"keep": "yes"})}]),
    ],
)
def test_repositories_that_are_left_alone(look: Snapshot) -> None:
    assert found(ECR, look) == {}


def test_images_without_a_price_have_no_number() -> None:
    assert found(ECR, repository(image("a", days=300)), NO_PRICES)[ARN].savings is None
