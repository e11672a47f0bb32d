"""Lambda: functions with more memory than they touch, and those that a cheaper processor would run."""

import re
from collections.abc import Iterable, Iterator

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import Cost, Subject, finding
from agent.aws.factors._tagged import TAGGED, tags_by_arn
from agent.aws.snapshot import Resource, Series, Snapshot, series

MEMORY = "LAMBDA_MEMORY"
ARM = "LAMBDA_ARM64"
MAX_USED = 40.0
SMALL_MB = 256
_TO_MONTH = HOURS_A_MONTH / 24 / LOOKBACK_DAYS
_PORTABLE = re.compile(
    r"python3\.(9|\d\d)$|nodejs(1[2-9]|[2-9]\d)\.x$|java(11|1[7-9]|2\d)$|java8\.al2$|dotnet([6-9]|\d\d)$|ruby(2\.7|3\.\d)$"
)
"""Runtimes that are there for both processors and whose code is the same on them."""


def _architecture(function: Resource) -> str:
    return str((function.get("Architectures") or ["x86_64"])[0])


def _gb_seconds_series(function: Resource) -> Series:
    name = str(function["FunctionName"])
    return series("AWS/Lambda", "Duration", "Sum", days=LOOKBACK_DAYS, FunctionName=name)


def _gb_seconds(snapshot: Snapshot, function: Resource, memory_mb: float) -> float:
    """A month of the observed run time; a function that did not run has no datapoint."""
    reading = snapshot.reading(_gb_seconds_series(function))
    return reading.value / 1000 * _TO_MONTH * memory_mb / 1024 if reading else 0.0


def _subject(snapshot: Snapshot, function: Resource) -> Subject:
    tags = tags_by_arn(snapshot).get(str(function["FunctionArn"]), {})
    name = str(function["FunctionName"])
    return Subject(
        resource_id=str(function["FunctionArn"]), resource=function, tags=tags, days=LOOKBACK_DAYS, name=name
    )


# --- memory --------------------------------------------------------------------------------------------------------


def _large(snapshot: Snapshot) -> Iterator[Resource]:
    for function in snapshot.of("lambda.functions"):
        if int(function["MemorySize"]) > SMALL_MB:
            yield function


def _used_series(function: Resource) -> Series:
    name = str(function["FunctionName"])
    named = (("function_name", name),)
    return Series("LambdaInsights", "memory_utilization", "Maximum", named, LOOKBACK_DAYS)


def _watched(snapshot: Snapshot) -> set[str]:
    """The functions that Lambda Insights knows: nothing else tells what memory they touch."""
    return {
        str(dimension["Value"])
        for metric in snapshot.of("cloudwatch.lambda_insights")
        for dimension in metric.get("Dimensions") or ()
        if dimension["Name"] == "function_name"
    }


def wish_memory(snapshot: Snapshot) -> Iterable[Series]:
    watched = _watched(snapshot)
    for function in _large(snapshot):
        if function["FunctionName"] in watched:
            yield from (_used_series(function), _gb_seconds_series(function))


def estimate_memory(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    watched = _watched(snapshot)
    for function in _large(snapshot):
        used = snapshot.reading(_used_series(function)) if function["FunctionName"] in watched else None
        if used is None:
            yield Undecided(str(function["FunctionArn"]), "Lambda Insights does not watch its memory")
        elif used.value <= MAX_USED:
            yield _halved(snapshot, book, function, used.value)


def _halved(snapshot: Snapshot, book: Book, function: Resource, used: float) -> Result:
    """An experiment: processors come with memory, and a function that computes would run for longer."""
    name, memory = function["FunctionName"], int(function["MemorySize"])
    half = max(128, memory // 2)
    price = book.price("lambda", _architecture(function), snapshot.region)
    return finding(
        snapshot,
        _subject(snapshot, function),
        Cost(
            now=price.times(_gb_seconds(snapshot, function, memory)),
            then=price.times(_gb_seconds(snapshot, function, half)),
        ),
        description=f"Function {name} has {memory} MB and touched at most {used:.0f} % of them",
        action=f"Try {half} MB for {name} and compare its duration; keep them if it does not grow",
        cli=f"aws lambda update-function-configuration --function-name {name} --memory-size {half}",
        risk="MEDIUM",
        confidence="LOW",
        metadata={"memorySize": memory, "recommendedMemorySize": half, "runtime": function.get("Runtime")},
        evidence=(Evidence(metric="memory_utilization", stat="Maximum", value=used),),
    )


# --- processor -----------------------------------------------------------------------------------------------------


def _movable(snapshot: Snapshot) -> Iterator[Resource]:
    """Not images nor layers, which may hold programs for one processor."""
    for function in snapshot.of("lambda.functions"):
        plain = function.get("PackageType", "Zip") == "Zip" and not function.get("Layers")
        portable = _PORTABLE.match(str(function.get("Runtime") or ""))
        if plain and portable and _architecture(function) == "x86_64":
            yield function


def wish_processor(snapshot: Snapshot) -> Iterable[Series]:
    return (_gb_seconds_series(function) for function in _movable(snapshot))


def estimate_processor(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    for function in _movable(snapshot):
        name, memory = function["FunctionName"], int(function["MemorySize"])
        seconds = _gb_seconds(snapshot, function, memory)
        cost = Cost(
            now=book.price("lambda", "x86_64", snapshot.region).times(seconds),
            then=book.price("lambda", "arm64", snapshot.region).times(seconds),
        )
        if not seconds or not cost.pays:
            continue
        yield finding(
            snapshot,
            _subject(snapshot, function),
            cost,
            description=f"Function {name} ({function['Runtime']}) runs on x86_64; arm64 costs less for the same second",
            action=f"Deploy {name} for arm64, once its packages are found to hold no program for x86_64",
            cli=f"aws lambda update-function-code --function-name {name} --architectures arm64",
            risk="MEDIUM",
            confidence="MEDIUM",
            metadata={"memorySize": memory, "runtime": function["Runtime"], "architecture": "x86_64"},
            evidence=(Evidence(metric="GB-seconds a month", stat="Sum", value=round(seconds, 1)),),
        )


FACTORS = (
    Factor(
        key=MEMORY,
        number=36,
        category="OverProvisioned",
        service="Lambda",
        kind="RIGHTSIZE",
        title="Functions with more memory than they touch",
        collections=("lambda.functions", "cloudwatch.lambda_insights"),
        optional=(TAGGED,),
        metrics=wish_memory,
        estimate=estimate_memory,
    ),
    Factor(
        key=ARM,
        number=60,
        category="Modernization",
        service="Lambda",
        kind="MODERNIZE",
        title="Functions that arm64 would run for less",
        collections=("lambda.functions",),
        optional=(TAGGED,),
        metrics=wish_processor,
        estimate=estimate_processor,
    ),
)
