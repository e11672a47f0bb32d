"""Pure: what an assignment consists of, and how a job moves."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from common import wire
from common.wire import CheckSetting, Job
from common.wire_aws import Account, Override, Schedule

State = Literal["queued", "started", "succeeded", "failed", "refused", "indeterminate", "expired"]

OPEN: tuple[State, ...] = ("queued", "started")

_NUMBERED = re.compile(r"[0-9a-f]+-([0-9]{1,18})(?:\.|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """What one agent is to do; `version` names its content."""

    version: str
    checks: tuple[CheckSetting, ...] = ()
    jobs: tuple[Job, ...] = ()
    accounts: tuple[Account, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    overrides: tuple[Override, ...] = ()


def document(
    checks: Sequence[CheckSetting],
    jobs: Sequence[Job],
    *,
    accounts: Sequence[Account] = (),
    schedules: Sequence[Schedule] = (),
    overrides: Sequence[Override] = (),
) -> Document:
    ordered = sorted(checks, key=lambda setting: (setting.check, setting.origin, setting.tag or "", setting.connection))
    aws = (
        tuple(sorted(accounts, key=lambda account: account.account)),
        tuple(sorted(schedules, key=lambda schedule: schedule.schedule)),
        tuple(sorted(overrides, key=lambda override: (override.account, override.region, override.resource))),
    )
    content = wire.encode([ordered, sorted(jobs, key=lambda job: job.job), *(part for part in aws if part)])
    return Document(hashlib.sha256(content).hexdigest()[:16], tuple(ordered), tuple(jobs), *aws)


EMPTY = document((), ())
"""What an agent has that nothing was ever assigned to."""


def numbered(version: str, generation: int) -> str:
    """The version with the number of times that an account was taken from the agent: never one that it had before."""
    return f"{version}-{generation}" if generation else version


def generation(version: str) -> int:
    """The number in a version, also in one as agents see it."""
    found = _NUMBERED.match(version)
    return int(found[1]) if found else 0


def tag(version: str, heartbeat_s: int) -> str:
    """The version as agents see it: the heartbeat is a setting of the collector, and part of what they are told."""
    return f"{version}.{heartbeat_s}"


def follows(state: State, result: State) -> bool:
    """Whether a result may change a job: once closed, it stays closed."""
    return state == "queued" or (state == "started" and result != "started")
