"""A scan of one account of the stand-in's estate over all its regions, held against the estate's own key.

The stand-in shares the cores: seconds without latency are mostly its own; findings, money, calls and memory are ours.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.aws.child import scan_account
from agent.aws.messages import Ended, Scanned, ScanRequest, Target
from tests.bench.table import Row
from tests.standins.aws.estate.key import Verdict, compare
from tests.standins.aws.launch import Aws, start_aws

LATENCIES_MS = (0.0, 100.0)
_MOST_OFTEN = 8


def main(*, quick: bool) -> list[Row]:  # noqa: ARG001 - a part of the full run alone
    rows = list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        aws = start_aws(Path(folder), timeout_s=300)
        try:
            os.environ.update(aws.environment)
            for latency in LATENCIES_MS:
                aws.set_faults(latency_ms=latency)
                rows += asyncio.run(_measure(aws, latency))
        finally:
            aws.process.stop()
    return rows


async def _measure(aws: Aws, latency: float) -> list[Row]:
    rows = list[Row]()
    for live in (False, True):
        aws.calls()
        with tempfile.TemporaryDirectory() as state:
            began = time.perf_counter()
            found, ended = await scanned(aws, Path(state), live=live)
            seconds = time.perf_counter() - began
        resources = sum(one.resources for one in found)
        floor = ended.api_calls * latency / 1000
        name = f"{latency:.0f} ms a call{', live prices' if live else ''}, {resources:,} resources"
        rows += [
            Row(
                name=f"{name}, {ended.api_calls:,} calls",
                value=seconds,
                unit="s",
                beside="waiting alone, one call after the other",
                other=floor or None,
            ),
            Row(name=f"{name}, peak of the child process", value=ended.peak_rss_mib, unit="MiB"),
        ]
        if not latency:
            rows += _judge(aws, found)
            _often(aws.calls())
    return rows


def _judge(aws: Aws, found: Sequence[Scanned]) -> list[Row]:
    """Findings and money against the key, which was made with prices of its own."""
    account, key = aws.accounts[0]["account_id"], aws.expected()
    listed: list[dict[str, Any]] = [
        {
            "factorKey": one.factor,
            "region": part.scan.region,
            "resourceId": one.resource,
            "monthlySavings": one.monthly_savings,
            "suppressedBy": one.suppressed_by,
        }
        for part in found
        for one in part.scan.recommendations
    ]
    verdict = compare(key, listed, account=account)
    planned = len([one for one in key["expected"] if one["account"] == account])
    counted = sum(one["monthlySavings"] or 0.0 for one in listed if not one["suppressedBy"])
    wrong = len(verdict.missing) + len(verdict.wrong) + len(verdict.unlisted) + len(verdict.money)
    ours, its = _exact(key, listed, verdict, account)
    return [
        Row(name="planted findings that were found", value=verdict.found, unit="", beside="planted", other=planned),
        Row(name="missing, false, unknown to the key or at another price", value=wrong, unit="", at_most=0),
        Row(name="all that could be saved", value=counted, unit="USD a month"),
        Row(name="where the key knows it to the cent", value=ours, unit="USD a month", beside="by the key", other=its),
    ]


def _exact(
    key: Mapping[str, Any], listed: Sequence[Mapping[str, Any]], verdict: Verdict, account: str
) -> tuple[float, float]:
    """The sums of what the key knows to the cent."""
    by_name = {(one["factorKey"], one["region"], one["resourceId"]): one for one in listed}
    wanted = [
        one
        for one in key["expected"]
        if one["account"] == account and one["money"] == "exact" and one not in verdict.missing
    ]
    pairs = [
        (one["monthlySavings"], hit["monthlySavings"])
        for one in wanted
        if (hit := by_name.get((one["factorKey"], one["region"], one["resourceId"])))
    ]
    return sum(given or 0.0 for _, given in pairs), sum(value for value, _ in pairs)


def _often(calls: Mapping[str, Any]) -> None:
    counts = Counter(calls.get("by_operation", calls))
    named = ", ".join(f"{name} {count}" for name, count in counts.most_common(_MOST_OFTEN))
    print(f"most of the calls: {named}", file=sys.stderr)


async def scanned(aws: Aws, state: Path, *, live: bool) -> tuple[list[Scanned], Ended]:
    said = aws.accounts[0]
    target = Target(said["account_id"], said["role_arn"], said["external_id"])
    return await scan_account(ScanRequest(target, tuple(aws.regions), state_dir=str(state), live_prices=live))
