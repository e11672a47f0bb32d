"""DynamoDB: capacity that is bought and not used, and requests that would be cheaper by the hour."""

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import (
    ACCOUNT,
    NO_PRICES,
    NOW,
    REGION,
    ago,
    found,
    snapshot,
    tags,
    undecided,
    wished,
)

MODE = catalogue()["DYNAMODB_CAPACITY_MODE"]
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
HOURS = 14 * 24
BOUGHT = 100 * 0.00013 * 730 + 100 * 0.00065 * 730


def table(**fields: object) -> Resource:
    return {
        "TableName": "orders",
        "TableArn": ARN,
        "TableStatus": "ACTIVE",
        "CreationDateTime": ago(100),
        "ProvisionedThroughput": {"ReadCapacityUnits": 100, "WriteCapacityUnits": 100},
        **fields,
    }


def by_request(**fields: object) -> Resource:
    return {**table(), "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}, **fields}


def of(one: Resource, hourly: list[float] | None = None, **more: list[Resource]) -> Snapshot:
    """The table with so many units a second in each hour, of reads and of writes."""
    resources = {"dynamodb.tables": [one], **{name.replace("_", ".", 1): items for name, items in more.items()}}
    points = tuple((NOW, value * 3600) for value in hourly or ())
    readings: dict[Series, Reading | float] = {
        one: Reading(0.0, 1.0, points) for one in wished(MODE, snapshot(resources)) if points
    }
    return snapshot(resources, readings)


def test_capacity_that_is_hardly_used_is_paid_by_the_request() -> None:
    one = found(MODE, of(table(), [0.2] * HOURS))["orders"]
    by_the_request = 0.2 * 3600 * 730 / 1e6 * (0.125 + 0.625)
    assert one.savings == pytest.approx(BOUGHT - by_the_request)
    assert one.label == "ESTIMATE"
    assert "PAY_PER_REQUEST" in one.cli


def test_a_table_with_an_index_follows_its_load() -> None:
    one = found(MODE, of(table(GlobalSecondaryIndexes=[{}]), [7.0] * HOURS))["orders"]
    assert one.savings == pytest.approx(BOUGHT * 0.9)
    assert one.metadata["recommended"] == "autoscaling"


def test_hours_without_a_request_have_no_datapoint() -> None:
    assert found(MODE, of(table()))["orders"].savings == pytest.approx(BOUGHT)
    assert found(MODE, of(table(), [40.0] * (HOURS // 2))).keys() == {"orders"}
    assert found(MODE, of(table(), [70.0] * (HOURS // 2))) == {}


def test_a_steady_load_is_cheaper_by_the_hour() -> None:
    one = found(MODE, of(by_request(), [70.0] * HOURS))["orders"]
    assert one.savings == pytest.approx(70 * 3600 * 730 / 1e6 * 0.75 - BOUGHT)
    assert "ReadCapacityUnits=100,WriteCapacityUnits=100" in one.cli


@pytest.mark.parametrize(
    "look",
    [
        of(table(), [30.0] * HOURS),
        of(table(Replicas=[{"RegionName": "us-east-1"}]), [0.5]),
        of(table(TableClassSummary={"TableClass": "STANDARD_INFREQUENT_ACCESS"}), [0.5]),
        of(table(TableStatus="CREATING"), [0.5]),
        of(table(), [0.5], dynamodb_scalable_targets=[{"ResourceId": "table/orders"}]),
        of(by_request()),
        of(by_request(), [100.0] * (HOURS // 20) + [1.0] * (HOURS - HOURS // 10) + [100.0] * (HOURS // 20)),
        of(by_request(GlobalSecondaryIndexes=[{}]), [70.0] * HOURS),
        of(by_request(), [0.01] * HOURS),
    ],
)
def test_tables_that_are_left_alone(look: Snapshot) -> None:
    assert found(MODE, look) == {}


def test_a_young_table_is_not_judged() -> None:
    assert undecided(MODE, of(table(CreationDateTime=ago(2)))).keys() == {"orders"}


def test_a_table_without_a_price_has_no_number_and_says_its_tags() -> None:
    excluded: list[Resource] = [{"ResourceARN": ARN, "Tags": tags({"fieldpost:exclude": "all"})}]
    one = found(MODE, of(table(), [0.5], tagging_resources=excluded), NO_PRICES)["orders"]
    assert (one.savings, one.label) == (None, "UNKNOWN")
    assert one.metadata["tags"] == {"fieldpost:exclude": "all"}
