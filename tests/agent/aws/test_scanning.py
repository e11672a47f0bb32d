import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.aws.scanning import Remembered, Scanning
from agent.disk import DiskThread
from agent.jobs import JobFailedError, JobRefusedError
from agent.problems import Problems
from agent.sink import Sink
from agent.spool import Limits, Spool
from common import wire
from common.wire import Job
from common.wire_aws import Account, Scan, Verification
from tests.standins.aws.launch import Aws

REGIONS = ("eu-west-1", "eu-central-1")
POLICY = '[[role]]\narn = "arn:aws:iam::*:role/Fieldpost*"\nallow = ["read"]\n'
AT = datetime(2026, 7, 15, 12, tzinfo=UTC)


class Host:
    """An agent's part for AWS on a host of its own, with the account that it is to look after."""

    def __init__(self, folder: Path, account: Account, disk: DiskThread, policy: str) -> None:
        self.now = AT
        self.accounts = [account]
        self.problems = Problems()
        self.spool = Spool(folder, Limits(max_bytes=2**26, max_age=timedelta(days=7), min_free=0))
        if policy:
            (folder / "aws.toml").write_text(policy)
        self.scanning = Scanning(
            folder,
            folder,
            Sink(self.spool),
            disk,
            accounts=lambda: self.accounts,
            problems=self.problems,
            now=self._clock,
        )

    def _clock(self) -> datetime:
        """Never the same instant twice, as on a real host."""
        self.now += timedelta(microseconds=1)
        return self.now

    def said(self, kind: str) -> list[bytes]:
        return [entry.body for entry in self.spool._buffer if entry.kind == kind]

    def scans(self) -> list[Scan]:
        return [wire.decode(body, Scan) for body in self.said("aws_scan")]


def account(aws: Aws | None = None, **changes: object) -> Account:
    said = aws.accounts[0] if aws else {"account_id": "111122223333", "role_arn": "arn:aws:iam::111122223333:role/x"}
    made = Account(said["account_id"], "Test", said["role_arn"], said.get("external_id", "fp-1"), REGIONS)
    return msgspec.structs.replace(made, **changes)


def job(kind: str, target: str = "111122223333", **arguments: str) -> Job:
    return Job("job_1", kind, "lease_1", AT + timedelta(hours=1), target, arguments=arguments)


@asynccontextmanager
async def host(folder: Path, known: Account, policy: str = POLICY) -> AsyncIterator[Host]:
    disk = DiskThread()
    made = Host(folder, known, disk, policy)
    try:
        yield made
    finally:
        made.spool.close()
        disk.close()


async def test_what_the_host_does_not_allow_is_refused_before_anything_happens(tmp_path: Path) -> None:
    async with host(tmp_path, account(), policy="") as here:
        with pytest.raises(JobRefusedError, match=r"aws.toml on this agent's host does not allow to read with arn:aws"):
            here.scanning.scan(job("aws_scan"))
        with pytest.raises(JobRefusedError, match="does not allow to read"):
            here.scanning.verify(job("aws_verify"))
        await here.scanning._scheduled(here.accounts[0])
        assert "does not allow to read" in here.problems.texts()[0]
        assert here.scanning._due() == [], "it is tried again later, not at once"


async def test_a_policy_that_cannot_be_read_allows_nothing(tmp_path: Path) -> None:
    async with host(tmp_path, account(), policy="role = 3") as here:
        with pytest.raises(JobRefusedError, match=r"expected \[\[role\]\] tables"):
            here.scanning.scan(job("aws_scan"))


async def test_the_roles_of_the_policy_are_told_and_one_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    async with host(tmp_path, account()) as here:
        assert here.scanning.roles() == ("arn:aws:iam::*:role/Fieldpost*",)
        (tmp_path / "aws.toml").write_text("role = 3")
        assert here.scanning.roles() == ()
        assert "expected [[role]] tables" in here.problems.texts()[0]


async def test_only_regions_that_the_host_allows_are_scanned(tmp_path: Path) -> None:
    policy = POLICY + 'regions = ["eu-west-1"]\n'
    known = account(role_arn="arn:aws:iam::111122223333:role/FieldpostScan")
    async with host(tmp_path, known, policy) as here:
        with pytest.raises(JobRefusedError, match="in eu-central-1"):
            here.scanning.scan(job("aws_scan", region="eu-central-1"))


async def test_accounts_and_factors_that_are_not_known_are_refused_by_name(tmp_path: Path) -> None:
    known = account(role_arn="arn:aws:iam::111122223333:role/FieldpostScan")
    async with host(tmp_path, known) as here:
        with pytest.raises(JobRefusedError, match="target `999999999999`"):
            here.scanning.scan(job("aws_scan", "999999999999"))
        with pytest.raises(JobRefusedError, match="factors: `NO_SUCH`"):
            here.scanning.scan(job("aws_scan", factors="UNUSED_EIP_CLEANUP,NO_SUCH"))


async def test_an_account_is_due_when_its_hours_are_over_also_after_a_restart(tmp_path: Path) -> None:
    async with host(tmp_path, account(scan_hours=6)) as here:
        assert here.scanning._due() == here.accounts
    (tmp_path / "aws-scans.json").write_bytes(msgspec.json.encode({"111122223333": Remembered(AT)}))
    async with host(tmp_path, account(scan_hours=6)) as here:
        here.now = AT + timedelta(hours=5, minutes=59)
        assert here.scanning._due() == []
        here.now = AT + timedelta(hours=6)
        assert here.scanning._due() == here.accounts


async def test_a_memory_that_is_damaged_costs_one_scan_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "aws-scans.json").write_bytes(b"{")
    async with host(tmp_path, account()) as here:
        assert here.scanning._due() == here.accounts


@pytest.mark.slow
async def test_a_job_scans_what_it_names_and_the_next_scan_says_what_is_gone(as_agent: Aws, tmp_path: Path) -> None:
    async with host(tmp_path, account(as_agent)) as here:
        here.scanning._remembered = {
            "111122223333": Remembered(AT, {"eu-west-1": ("UNUSED_EIP_CLEANUP/eipalloc-9", "IDLE_RDS/db-9")})
        }
        work = here.scanning.scan(job("aws_scan", region="eu-west-1", factors="UNUSED_EIP_CLEANUP"))
        assert (await work()).endswith(" findings in 1 regions")
        (scan,) = [one for one in here.scans() if one.recommendations]
        assert (scan.job, scan.region, scan.factors) == ("job_1", "eu-west-1", ("UNUSED_EIP_CLEANUP",))
        assert [name for one in here.scans() for name in one.gone] == ["UNUSED_EIP_CLEANUP/eipalloc-9"]
        kept = here.scanning._remembered["111122223333"]
        assert "IDLE_RDS/db-9" in kept.known["eu-west-1"], "who was not asked is not taken at his word"
        assert len(kept.known["eu-west-1"]) == 1 + len(scan.recommendations)
        assert kept.at == AT, "a part of a scan does not put off the whole one"


@pytest.mark.slow
async def test_a_verification_is_told_with_its_job(as_agent: Aws, tmp_path: Path) -> None:
    async with host(tmp_path, account(as_agent)) as here:
        assert await here.scanning.verify(job("aws_verify"))() == "0 rights missing"
        (body,) = here.said("aws_verification")
        said = wire.decode(body, Verification)
        assert (said.verified, said.job, said.regions) == (True, "job_1", REGIONS)


@pytest.mark.slow
async def test_an_account_that_cannot_be_scanned_is_reported_and_tried_again_later(
    as_agent: Aws, tmp_path: Path
) -> None:
    async with host(tmp_path, account(as_agent, external_id="fp-wrong")) as here:
        with pytest.raises(JobFailedError, match=r"access denied \(sts:AssumeRole\)"):
            await here.scanning.scan(job("aws_scan"))()
        await here.scanning._scheduled(here.accounts[0])
        assert here.problems.texts()[0].startswith("account 111122223333: arn:aws:iam::111122223333:role/")
        assert "fp-wrong" not in here.problems.texts()[0]
        assert here.scanning._due() == []
        here.now += timedelta(hours=1)
        assert here.scanning._due() == here.accounts
        assert here.scans() == []


@pytest.mark.slow
async def test_a_scan_that_is_called_off_ends_its_child(as_agent: Aws, tmp_path: Path) -> None:
    as_agent.set_faults(latency_ms=3000)
    async with host(tmp_path, account(as_agent)) as here:
        task = asyncio.create_task(here.scanning._scheduled(here.accounts[0]))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not here.scanning._one_scan.locked()
