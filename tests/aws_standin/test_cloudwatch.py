"""Metrics by namespace, name and dimensions exactly; percentiles; 500 series in one call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_standin.conftest import Client

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def cloudwatch(client: Client) -> Any:
    return client("cloudwatch", "OrganizationAccountAccessRole", region="eu-central-1")


def put(cloudwatch: Any, name: str, values: list[float], namespace: str = "AWS/EC2", instance: str = "i-1") -> None:
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "InstanceId", "Value": instance}],
            "Timestamp": NOW - timedelta(minutes=5 * (index + 1)),
            "Value": value,
        }
        for index, value in enumerate(values)
    ]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def query(number: int, name: str, stat: str, namespace: str = "AWS/EC2", instance: str = "i-1") -> dict[str, Any]:
    dimensions = [{"Name": "InstanceId", "Value": instance}]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": 14 * 86400, "Stat": stat}}


def read(cloudwatch: Any, queries: list[dict[str, Any]]) -> list[list[float]]:
    given = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=NOW - timedelta(days=14), EndTime=NOW)
    return [result["Values"] for result in given["MetricDataResults"]]


def test_one_value_over_the_window_for_each_statistic(cloudwatch: Any) -> None:
    put(cloudwatch, "Hundred", [float(value) for value in range(1, 101)])
    stats = ["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p95", "p99", "p99.5"]
    values = read(cloudwatch, [query(number, "Hundred", stat) for number, stat in enumerate(stats)])
    assert [value for (value,) in values] == [50.5, 5050, 1, 100, 100, 95, 99, 100]


def test_a_metric_of_another_namespace_or_dimension_is_another_metric(cloudwatch: Any) -> None:
    put(cloudwatch, "Lonely", [1.0])
    others = [query(0, "Lonely", "Sum", namespace="CWAgent"), query(1, "Lonely", "Sum", instance="i-2")]
    assert read(cloudwatch, others) == [[], []]


def test_more_than_500_queries_are_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="500"):
        read(cloudwatch, [query(number, "Hundred", "Sum") for number in range(501)])


def test_an_unknown_statistic_is_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="median"):
        read(cloudwatch, [query(0, "Hundred", "median")])


def test_metrics_are_listed_with_their_dimensions(cloudwatch: Any) -> None:
    put(cloudwatch, "mem_used_percent", [40.0], namespace="CWAgent")
    (metric,) = cloudwatch.list_metrics(Namespace="CWAgent", MetricName="mem_used_percent")["Metrics"]
    assert metric["Dimensions"] == [{"Name": "InstanceId", "Value": "i-1"}]


def test_statistics_come_by_period(cloudwatch: Any) -> None:
    put(cloudwatch, "Hourly", [2.0] * 24)
    given = cloudwatch.get_metric_statistics(
        Namespace="AWS/EC2",
        MetricName="Hourly",
        Dimensions=[{"Name": "InstanceId", "Value": "i-1"}],
        StartTime=NOW - timedelta(hours=2),
        EndTime=NOW,
        Period=3600,
        Statistics=["Sum"],
        ExtendedStatistics=["p50"],
    )
    assert [point["Sum"] for point in given["Datapoints"]] == [24.0, 24.0]
    assert given["Datapoints"][0]["ExtendedStatistics"] == {"p50": 2.0}
