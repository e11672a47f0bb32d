"""CloudWatch over the index: a metric is its namespace, name and dimensions exactly, and 500 series take no time."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.metrics import DAY, Key, Metrics, is_statistic
from tests.standins.aws.world import Answer, Handlers, World, page

_QUERY_ID = re.compile(r"[a-z]\w*")
_MAX_QUERIES = 500
_MAX_POINTS = 100_800


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _key(namespace: str, name: str, dimensions: Sequence[Mapping[str, str]]) -> Key:
    return namespace, name, tuple(sorted((one["Name"], one["Value"]) for one in dimensions))


def _stamp(value: Any) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value)


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def _window(call: Call) -> tuple[float, float]:
    start, end = _stamp(call.get("StartTime")), _stamp(call.get("EndTime"))
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start, min(end, datetime.now(UTC).timestamp())


def _check_period(period: int, start: float) -> None:
    if period not in {1, 5, 10, 30} and (period < 60 or period % 60):
        raise _invalid("The parameter Period must be 1, 5, 10, 30 or a multiple of 60.")
    age = datetime.now(UTC).timestamp() - start
    if (age > 15 * DAY and period % 300) or (age > 63 * DAY and period % 3600):
        raise _invalid("The requested period is too fine for the age of the data: 300 from 15 days, 3600 from 63 days.")


def _metric_data(call: Call, world: World) -> Answer:
    queries: Sequence[Mapping[str, Any]] = call.get("MetricDataQueries", [])
    _check_queries(queries)
    metrics, window = world.metrics[call.account, call.region], _window(call)
    results = [_result(metrics, query, window) for query in queries if query.get("ReturnData", True)]
    if sum(len(result["Values"]) for result in results) > _MAX_POINTS:
        raise _invalid("The request would return more than 100800 datapoints.")
    if call.get("ScanBy") == "TimestampAscending":
        return {"MetricDataResults": results, "Messages": []}
    for result in results:
        result["Timestamps"].reverse()
        result["Values"].reverse()
    return {"MetricDataResults": results, "Messages": []}


def _check_queries(queries: Sequence[Mapping[str, Any]]) -> None:
    if not queries or len(queries) > _MAX_QUERIES:
        raise _invalid(f"The collection MetricDataQueries must have 1 to {_MAX_QUERIES} members, not {len(queries)}.")
    ids = [str(query.get("Id", "")) for query in queries]
    wrong = [one for one in ids if not _QUERY_ID.fullmatch(one)]
    if wrong:
        raise _invalid(
            f"The value {wrong[0]} for parameter MetricDataQueries.member.Id is not matching expected "
            "pattern ^[a-z][a-zA-Z0-9_]*$."
        )
    if len(set(ids)) < len(ids):
        raise _invalid("The values for parameter id in MetricDataQueries are not unique.")
    if any("MetricStat" not in query for query in queries):
        raise _invalid("Expressions are not known to this stand-in.")


def _result(metrics: Metrics, query: Mapping[str, Any], window: tuple[float, float]) -> dict[str, Any]:
    wanted = query["MetricStat"]
    stat, period, metric = str(wanted["Stat"]), int(wanted["Period"]), wanted["Metric"]
    if not is_statistic(stat):
        raise _invalid(f"The value {stat} for parameter Stat is not a statistic.")
    _check_period(period, window[0])
    key = _key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", []))
    points = metrics.read(key, window, period, [stat])
    return {
        "Id": query["Id"],
        "Label": query.get("Label", metric["MetricName"]),
        "Timestamps": [_time(point.at) for point in points],
        "Values": [point.values[stat] for point in points],
        "StatusCode": "Complete",
    }


def _statistics(call: Call, world: World) -> Answer:
    window, period = _window(call), int(call.get("Period"))
    _check_period(period, window[0])
    if (window[1] - window[0]) / period > 1440:
        raise AwsError("InvalidParameterCombination", "You have requested more than the limit of 1,440 datapoints.")
    plain, extended = list(call.get("Statistics", [])), list(call.get("ExtendedStatistics", []))
    wrong = [one for one in [*plain, *extended] if not is_statistic(one)]
    if wrong or not (plain or extended):
        raise AwsError("InvalidParameterValue", f"The statistics {wrong} are invalid or none is given.")
    key = _key(call.get("Namespace"), call.get("MetricName"), call.get("Dimensions", []))
    points = world.metrics[call.account, call.region].read(key, window, period, [*plain, *extended])
    rows = [
        {
            "Timestamp": _time(point.at),
            "Unit": "None",
            **{stat: point.values[stat] for stat in plain},
            **({"ExtendedStatistics": {stat: point.values[stat] for stat in extended}} if extended else {}),
        }
        for point in points
    ]
    return {"Label": call.get("MetricName"), "Datapoints": rows}


def _list(call: Call, world: World) -> Answer:
    wanted = {one["Name"]: one.get("Value") for one in call.get("Dimensions", [])}
    metrics = world.metrics[call.account, call.region]
    keys = sorted(metrics.found(call.get("Namespace"), call.get("MetricName"), wanted))
    if call.get("RecentlyActive"):
        recent = datetime.now(UTC).timestamp() - 3 * 3600
        keys = [key for key in keys if metrics.series[key].last() >= recent]
    rows, token = page(keys, 500, call.get("NextToken"))
    listed = [
        {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": one, "Value": value} for one, value in dimensions],
        }
        for namespace, name, dimensions in rows
    ]
    return {"Metrics": listed, "NextToken": token}


def _put(call: Call, world: World) -> Answer:
    """Also in the AWS/ namespaces, which only AWS may fill: how else would a test have data?"""
    metrics = world.metrics[call.account, call.region]
    for datum in call.get("MetricData", []):
        key = _key(call.get("Namespace"), datum["MetricName"], datum.get("Dimensions", []))
        at = _stamp(datum["Timestamp"]) if "Timestamp" in datum else datetime.now(UTC).timestamp()
        for value, weight in _samples(datum):
            metrics.put(key, at, value, weight)
    return {}


def _samples(datum: Mapping[str, Any]) -> list[tuple[float, float]]:
    if "StatisticValues" in datum:
        return _of_set(datum["StatisticValues"])
    if "Values" in datum:
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        return [(float(value), float(count)) for value, count in zip(datum["Values"], counts, strict=True)]
    if "Value" not in datum:
        raise AwsError("MissingRequiredParameter", "At least one of the parameters must be specified.")
    return [(float(datum["Value"]), 1.0)]


def _of_set(given: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Samples with this sum, count, minimum and maximum."""
    count, total = float(given["SampleCount"]), float(given["Sum"])
    low, high = float(given["Minimum"]), float(given["Maximum"])
    if count < 2:
        return [(total, count)]
    rest = count - 2
    inner = [] if rest <= 0 else [((total - low - high) / rest, rest)]
    return [(low, 1.0), (high, 1.0), *inner]


HANDLERS: Handlers = {
    ("cloudwatch", "GetMetricData"): _metric_data,
    ("cloudwatch", "GetMetricStatistics"): _statistics,
    ("cloudwatch", "ListMetrics"): _list,
    ("cloudwatch", "PutMetricData"): _put,
}
