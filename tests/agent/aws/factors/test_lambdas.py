"""Lambda: memory that is not touched, and the cheaper processor."""

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import ACCOUNT, NO_PRICES, REGION, found, snapshot, tags, undecided, wished

MEMORY = catalogue()["LAMBDA_MEMORY"]
ARM = catalogue()["LAMBDA_ARM64"]
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:work"
HOURS_14 = 14 * 24


def function(**fields: object) -> Resource:
    return {
        "FunctionName": "work",
        "FunctionArn": ARN,
        "Runtime": "python3.12",
        "PackageType": "Zip",
        "MemorySize": 1024,
        "Architectures": ["x86_64"],
        **fields,
    }


def of(one: Resource, *, seconds: float = 1e6, used: float | None = 40.0, tagged: bool = False) -> Snapshot:
    """The function that ran for so many seconds in the window."""
    insights = {"Dimensions": [{"Name": "function_name", "Value": "work"}]}
    resources: dict[str, list[Resource]] = {
        "lambda.functions": [one],
        "cloudwatch.lambda_insights": [] if used is None else [insights],
        "tagging.resources": [{"ResourceARN": ARN, "Tags": tags({"fieldpost:exclude": "all"})}] if tagged else [],
    }
    values = {"Duration": seconds * 1000, "memory_utilization": used}
    empty = snapshot(resources)
    readings: dict[Series, Reading | float] = {
        series: value
        for factor in (MEMORY, ARM)
        for series in wished(factor, empty)
        if (value := values[series.metric])
    }
    return snapshot(resources, readings)


def test_half_of_a_memory_that_is_not_touched_is_tried() -> None:
    one = found(MEMORY, of(function()))[ARN]
    assert one.savings == pytest.approx(0.5 * 1e6 * 730 / HOURS_14 * 0.0000166667)
    assert (one.confidence, one.risk, "--memory-size 512" in one.cli) == ("LOW", "MEDIUM", True)


def test_arm_functions_have_their_own_price() -> None:
    one = found(MEMORY, of(function(Architectures=["arm64"])))[ARN]
    assert one.savings == pytest.approx(0.5 * 1e6 * 730 / HOURS_14 * 0.0000133334)


@pytest.mark.parametrize("look", [of(function(), used=41.0), of(function(MemorySize=256))])
def test_functions_whose_memory_is_left_alone(look: Snapshot) -> None:
    assert found(MEMORY, look) == {}
    assert undecided(MEMORY, look) == {}


def test_memory_that_nobody_watches_is_not_judged() -> None:
    assert undecided(MEMORY, of(function(), used=None)) == {ARN: "Lambda Insights does not watch its memory"}


def test_the_dimension_of_insights_keeps_its_underscore() -> None:
    named = [series.dimensions for series in wished(MEMORY, of(function())) if series.namespace == "LambdaInsights"]
    assert named == [(("function_name", "work"),)]


def test_a_portable_runtime_is_cheaper_on_arm() -> None:
    one = found(ARM, of(function()))[ARN]
    assert one.savings == pytest.approx(1e6 * 730 / HOURS_14 * 0.0000033333)
    assert one.risk == "MEDIUM"


@pytest.mark.parametrize(
    "fields",
    [
        {"Architectures": ["arm64"]},
        {"PackageType": "Image", "Runtime": None},
        {"Layers": [{"Arn": "layer"}]},
        {"Runtime": "go1.x"},
        {"Runtime": "provided.al2023"},
        {"Runtime": "python3.7"},
        {"Runtime": "nodejs10.x"},
    ],
)
def test_functions_that_may_not_run_on_arm_are_left_alone(fields: dict[str, object]) -> None:
    assert found(ARM, of({**function(), **fields})) == {}


def test_a_function_that_does_not_run_saves_nothing() -> None:
    assert found(ARM, of(function(), seconds=0.0)) == {}


def test_functions_without_a_price_have_no_number_and_say_their_tags() -> None:
    for factor in (MEMORY, ARM):
        one = found(factor, of(function(), tagged=True), NO_PRICES)[ARN]
        assert (one.savings, one.label) == (None, "UNKNOWN")
        assert one.metadata["tags"] == {"fieldpost:exclude": "all"}
