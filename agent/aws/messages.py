"""What an agent and its child process for AWS say to each other: one request on standard input, one line per answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from common.wire_aws import Scan, Verification

DEFAULT_MEMORY_MIB = 512
DEFAULT_DEADLINE_S = 900.0


class Bounded(Protocol):
    """A request with what it may take."""

    @property
    def deadline_s(self) -> float: ...

    @property
    def memory_mib(self) -> int: ...


class Target(Struct, frozen=True, omit_defaults=True):
    """An account as it is reached; without a role with the agent's own credentials."""

    account: str
    role_arn: str = ""
    external_id: str = ""

    def __repr__(self) -> str:
        return f"Target({self.account}, {self.role_arn})"  # the external id goes into no log


class ScanRequest(Struct, frozen=True, tag="scan"):
    """`factors`: only these, all without; `known`: by region the identities that the last scan found.

    `live_prices`: ask AWS's price list too, which needs the right to `pricing:GetProducts`.
    """

    target: Target
    regions: tuple[str, ...]
    factors: tuple[str, ...] = ()
    known: Mapping[str, tuple[str, ...]] = {}
    job: str = ""
    state_dir: str = ""
    live_prices: bool = False
    deadline_s: float = DEFAULT_DEADLINE_S
    memory_mib: int = DEFAULT_MEMORY_MIB


class VerifyRequest(Struct, frozen=True, tag="verify"):
    """`switch`: also prove the rights that schedules need, on instances that carry one of `tags`."""

    target: Target
    regions: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    switch: bool = False
    tags: tuple[str, ...] = ("Schedule",)
    job: str = ""
    deadline_s: float = 120.0
    memory_mib: int = DEFAULT_MEMORY_MIB


Request = ScanRequest | VerifyRequest


class Scanned(Struct, frozen=True, tag="scanned"):
    """One region is done. `resources`: how many were described."""

    scan: Scan
    resources: int
    series: int
    seconds: float


class Verified(Struct, frozen=True, tag="verified"):
    verification: Verification
    proofs: tuple["Proof", ...] = ()


class Proof(Struct, frozen=True):
    """How a right was proven: CALLED (a real read), DRYRUN, SIMULATED, or UNPROVEN with the reason."""

    action: str
    level: str
    granted: bool
    detail: str = ""


class Failed(Struct, frozen=True, tag="failed"):
    """Nothing came of it at all: the role cannot be assumed, the account is another one."""

    reason: str


class Ended(Struct, frozen=True, tag="ended"):
    """The last line of a child that came to its end."""

    at: datetime
    api_calls: int
    peak_rss_mib: float


Answer = Scanned | Verified | Failed | Ended
