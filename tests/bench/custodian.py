"""Cloud Custodian over one account of the stand-in's estate: a handful of policies beside our scan with all factors.

Its policies say what some of our factors say; it names what it found and prices nothing. Regions, credentials and the
latency of each call are the same.
"""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import packaged
from tests.bench.aws_scan import scanned
from tests.bench.table import Row
from tests.standins.aws.launch import Aws, start_aws

LATENCY_MS = 50.0
_WITHIN_S = 900
_IDLE = {"type": "metrics", "name": "CPUUtilization", "days": 14, "period": 86400, "op": "less-than"}
_UNUSED = {"type": "metrics", "name": "BytesOutToDestination", "days": 14, "statistics": "Sum", "missing-value": 0}
POLICIES: Sequence[Mapping[str, object]] = (
    {
        "name": "unattached-volumes",
        "resource": "aws.ebs",
        "filters": [
            {"State": "available"},
            {"type": "value", "key": "CreateTime", "value_type": "age", "op": "ge", "value": 7},
        ],
    },
    {"name": "gp2-volumes", "resource": "aws.ebs", "filters": [{"VolumeType": "gp2"}, {"State": "in-use"}]},
    {"name": "addresses", "resource": "aws.elastic-ip", "filters": [{"AssociationId": "absent"}]},
    {
        "name": "stopped-instances",
        "resource": "aws.ec2",
        "filters": [{"State.Name": "stopped"}, {"type": "state-age", "op": "ge", "days": 30}],
    },
    {
        "name": "idle-instances",
        "resource": "aws.ec2",
        "filters": [{"State.Name": "running"}, {**_IDLE, "value": 5}],
    },
    {
        "name": "idle-gateways",
        "resource": "aws.nat-gateway",
        "filters": [{**_UNUSED, "namespace": "AWS/NATGateway", "op": "less-than", "value": 1}],
    },
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one program took, and how much it found."""

    seconds: float
    calls: int
    mib: float
    found: int


def rows(folder: Path) -> list[Row]:
    program = packaged.from_python("c7n", "custodian")
    aws = start_aws(folder, timeout_s=300)
    try:
        os.environ.update(aws.environment)
        aws.set_faults(latency_ms=LATENCY_MS)
        ours, theirs = _ours(aws), _theirs(aws, program, folder)
    finally:
        aws.process.stop()
    beside = f"Cloud Custodian {_version(program)}, {len(POLICIES)} policies"
    name = f"AWS scan, all factors, {len(aws.regions)} regions, {LATENCY_MS:.0f} ms a call"
    return [
        Row(name=name, value=ours.seconds, unit="s", beside=beside, other=theirs.seconds),
        Row(name="calls of it", value=ours.calls, unit="", beside=beside, other=theirs.calls),
        Row(name="peak of its process", value=ours.mib, unit="MiB", beside=beside, other=theirs.mib),
        Row(name="findings", value=ours.found, unit="", beside=f"{beside}, nothing priced", other=theirs.found),
    ]


def _ours(aws: Aws) -> Looked:
    aws.calls()
    with tempfile.TemporaryDirectory() as state:
        began = time.perf_counter()
        found, ended = asyncio.run(scanned(aws, Path(state), live=False))
        seconds = time.perf_counter() - began
    count = sum(len(one.scan.recommendations) for one in found)
    return Looked(seconds, ended.api_calls, ended.peak_rss_mib, count)


def _theirs(aws: Aws, program: Path, folder: Path) -> Looked:
    (folder / "policies.json").write_text(json.dumps({"policies": POLICIES}))
    said, out = aws.accounts[0], folder / "out"
    who = ["--assume", said["role_arn"], "--external-id", said["external_id"]]
    where = [part for region in aws.regions for part in ("--region", region)]
    kept = ["--cache", str(folder / "cache"), "--output-dir", str(out)]
    command = [str(program), "run", *who, *where, *kept, str(folder / "policies.json")]
    aws.calls()
    began = time.perf_counter()
    with (folder / "custodian.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": str(folder)})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise TimeoutError(
            f"custodian ended with {process.returncode}: {(folder / 'custodian.log').read_text()[-200:]}"
        )
    found = sum(len(json.loads(path.read_text())) for path in out.rglob("resources.json"))
    calls: Mapping[str, int] = aws.calls().get("by_operation", {})
    return Looked(seconds, sum(calls.values()), usage.ru_maxrss / 1024, found)


def _version(program: Path) -> str:
    done = subprocess.run([str(program), "version"], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() or "?"
