"""A scan of one account of the stand-in's estate over all its regions, beside its calls made one after the other.

The stand-in shares the cores: seconds without latency are mostly its own, calls and memory are ours.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from agent.aws.child import scan_account
from agent.aws.messages import Ended, Scanned, ScanRequest, Target
from tests.standins.aws.launch import Aws, start_aws

LATENCIES_MS = (0.0, 100.0)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        aws = start_aws(Path(folder))
        try:
            os.environ.update(aws.environment)
            for latency in LATENCIES_MS:
                aws.set_faults(latency_ms=latency)
                asyncio.run(_measure(aws, latency))
        finally:
            aws.process.stop()


async def _measure(aws: Aws, latency: float) -> None:
    for live in (False, True):
        with tempfile.TemporaryDirectory() as state:
            began = time.perf_counter()
            found, ended = await _scan(aws, Path(state), live=live)
            seconds = time.perf_counter() - began
        resources = sum(one.resources for one in found)
        floor = ended.api_calls * latency / 1000
        name = f"{latency:.0f} ms{', live prices' if live else ''}"
        print(
            f"{name:20} {resources:>7,} resources {ended.api_calls:>5} calls"
            f" {seconds:>6.1f} s {ended.peak_rss_mib:>6.0f} MiB  {floor:>5.1f} s one call after the other"
        )


async def _scan(aws: Aws, state: Path, *, live: bool) -> tuple[list[Scanned], Ended]:
    said = aws.accounts[0]
    target = Target(said["account_id"], said["role_arn"], said["external_id"])
    return await scan_account(ScanRequest(target, tuple(aws.regions), state_dir=str(state), live_prices=live))
