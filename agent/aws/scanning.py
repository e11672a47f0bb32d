"""The accounts of an agent: scanned as often as the collector wants, scanned and verified at once when a job asks.

Every look runs in a child process; this part stays small and never loads boto3. What a role may be used for is read
from the local policy each time.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from agent.aws.child import AskingError, scan_account, verify_account
from agent.aws.factors import catalogue
from agent.aws.judge import identity
from agent.aws.local_policy import LocalPolicy, read_policy
from agent.aws.messages import Scanned, ScanRequest, Target, VerifyRequest
from agent.disk import DiskThread
from agent.jobs import JobFailedError, JobRefusedError, Work
from agent.problems import Problems
from agent.sink import Sink
from agent.waiting import wait_for
from common import logs
from common.clock import Now, utc_now
from common.errors import ConfigurationError
from common.identity import write_private
from common.wire import Job
from common.wire_aws import Account, Scan

log = logs.get("agent.aws")

FILE_NAME = "aws-scans.json"
LOOK_EVERY_S = 60.0
RETRY_AFTER = timedelta(hours=1)


class Remembered(msgspec.Struct, frozen=True):
    """The last scan of an account: when, and by region the identities that it found."""

    at: datetime
    known: dict[str, tuple[str, ...]] = {}


class Scanning:
    """Looks after the accounts that the assignment names; one scan at a time."""

    def __init__(
        self,
        state_dir: Path,
        config_dir: Path,
        sink: Sink,
        disk: DiskThread,
        *,
        accounts: Callable[[], Sequence[Account]],
        problems: Problems,
        live_prices: bool = False,
        now: Now = utc_now,
    ) -> None:
        self.wake = asyncio.Event()
        self._state_dir = state_dir
        self._config_dir = config_dir
        self._sink = sink
        self._disk = disk
        self._accounts = accounts
        self._problems = problems
        self._live_prices = live_prices
        self._now = now
        self._one_scan = asyncio.Lock()
        self._failed: dict[str, datetime] = {}
        self._remembered = self._read()

    def roles(self) -> tuple[str, ...]:
        """The roles that the local policy lists, by which the collector finds the agent of an account."""
        try:
            found = read_policy(self._config_dir).roles
        except ConfigurationError as error:
            self._problems.report("local policy", str(error))
            return ()
        self._problems.over("local policy")
        return found

    # --- by the clock ---

    async def run(self) -> None:
        """Scan what is due, for ever."""
        while True:
            for account in self._due():
                await self._scheduled(account)
            await wait_for(self.wake, LOOK_EVERY_S)

    def _due(self) -> list[Account]:
        now = self._now()
        return [
            account
            for account in self._accounts()
            if self._is_due(account, now) and self._failed.get(account.account, now) <= now
        ]

    def _is_due(self, account: Account, now: datetime) -> bool:
        last = self._remembered.get(account.account)
        return last is None or last.at + timedelta(hours=account.scan_hours) <= now

    async def _scheduled(self, account: Account) -> None:
        topic = f"account {account.account}"
        try:
            regions = _allowed(self._policy(), account, account.regions)
            detail = await self._scan(account, regions)
        except (JobRefusedError, JobFailedError) as error:
            self._failed[account.account] = self._now() + RETRY_AFTER
            self._problems.report(topic, str(error))
            return
        self._failed.pop(account.account, None)
        self._problems.over(topic)
        log.info("account scanned", account=account.account, detail=detail)

    # --- when asked ---

    def scan(self, job: Job) -> Work:
        """Handler of jobs of kind `aws_scan`; `arguments`: one region or all, factors with commas or all."""
        account = self._account(job)
        wanted = tuple(filter(None, [job.arguments.get("region", "")])) or account.regions
        regions = _allowed(self._policy(), account, wanted)
        factors = _factors(job.arguments.get("factors", ""))

        async def work() -> str:
            return await self._scan(account, regions, factors=factors, job=job.job)

        return work

    def verify(self, job: Job) -> Work:
        """Handler of jobs of kind `aws_verify`."""
        account = self._account(job)
        policy = self._policy()
        _allowed(policy, account, account.regions)
        request = VerifyRequest(
            _target(account), account.regions, switch=policy.allows(account.role_arn, "switch"), job=job.job
        )

        async def work() -> str:
            try:
                found = (await verify_account(request)).verification
            except AskingError as error:
                raise JobFailedError(str(error)) from None
            self._sink.verification(found)
            return f"{len(found.missing)} rights missing" if found.verified else found.reason

        return work

    def _account(self, job: Job) -> Account:
        for account in self._accounts():
            if account.account == job.target:
                return account
        raise JobRefusedError(f"target `{job.target}`; expected an account of this agent")

    def _policy(self) -> LocalPolicy:
        try:
            return read_policy(self._config_dir)
        except ConfigurationError as error:
            raise JobRefusedError(str(error)) from None

    # --- a scan ---

    async def _scan(
        self, account: Account, regions: Sequence[str], *, factors: tuple[str, ...] = (), job: str = ""
    ) -> str:
        async with self._one_scan:
            known = self._remembered[account.account].known if account.account in self._remembered else {}
            request = ScanRequest(
                _target(account),
                tuple(regions),
                factors,
                known,
                job=job,
                state_dir=str(self._state_dir),
                live_prices=self._live_prices,
            )
            try:
                found, ended = await scan_account(request, lambda one: self._sink.scan(one.scan))
            except AskingError as error:
                raise JobFailedError(str(error)) from None
            await self._remember(account, found, whole=not factors and set(regions) == set(account.regions))
        log.info("scan done", account=account.account, calls=ended.api_calls, peak_mib=ended.peak_rss_mib)
        return _detail(found)

    async def _remember(self, account: Account, found: Sequence[Scanned], *, whole: bool) -> None:
        """What was found, for the next scan; only a whole one puts off the next that is due."""
        last = self._remembered.get(account.account)
        known = dict(last.known) if last else {}
        for one in found:
            known[one.scan.region] = _known(known.get(one.scan.region, ()), one.scan)
        at = self._now() if whole or not last else last.at
        kept = {name: one for name, one in self._remembered.items() if name in {a.account for a in self._accounts()}}
        self._remembered = {**kept, account.account: Remembered(at, known)}
        try:
            await self._disk(write_private, self._state_dir / FILE_NAME, msgspec.json.encode(self._remembered))
        except OSError as error:
            log.warning("scans are not remembered", reason=str(error.strerror))

    def _read(self) -> dict[str, Remembered]:
        try:
            return msgspec.json.decode((self._state_dir / FILE_NAME).read_bytes(), type=dict[str, Remembered])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.warning("earlier scans cannot be read; everything is scanned anew", reason=str(error))
            return {}


def _target(account: Account) -> Target:
    return Target(account.account, account.role_arn, account.external_id)


def _allowed(policy: LocalPolicy, account: Account, regions: Sequence[str]) -> tuple[str, ...]:
    """The regions in which the role may be used here; `JobRefusedError` when that is none."""
    allowed = tuple(region for region in regions if policy.allows(account.role_arn, "read", region=region))
    if not allowed:
        raise JobRefusedError(policy.refusal(account.role_arn, "read", region=next(iter(regions), "")))
    return allowed


def _factors(given: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    for name in names:
        if name not in catalogue():
            raise JobRefusedError(f"factors: `{name}`; this agent knows {', '.join(catalogue())}")
    return names


def _known(before: Sequence[str], scan: Scan) -> tuple[str, ...]:
    """What is found in a region: of the factors that were judged what they said now, of the others what they said."""
    judged = set(scan.factors)
    kept = [name for name in before if name.partition("/")[0] not in judged]
    return tuple(sorted({*kept, *(identity(one.factor, one.resource) for one in scan.recommendations)}))


def _detail(found: Sequence[Scanned]) -> str:
    findings = sum(not item.suppressed_by for one in found for item in one.scan.recommendations)
    gaps: Mapping[str, str] = {f"{one.scan.region} {name}": why for one in found for name, why in one.scan.gaps.items()}
    more = f"; not read: {'; '.join(f'{name}: {why}' for name, why in gaps.items())}" if gaps else ""
    return f"{findings} findings in {len(found)} regions{more}"
