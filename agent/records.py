"""Records as the spool holds them: what waits, what is offered, what was refused."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Literal

from common.wire import Kind, Stream

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DropReason = Literal["spool_full", "spool_age", "spool_corrupt"]


class Keep(IntEnum):
    """How long a record is held on to when the spool is full: repeats go first, changes last."""

    REPEAT = 0
    RESULT = 1
    CHANGE = 2


class Lane(IntEnum):
    """What goes out before what: results of jobs, what describes the agent, then everything else."""

    ACTION = 0
    STATE = 1
    RESULT = 2


_LANES: dict[str, Lane] = {
    Kind.JOB: Lane.ACTION,
    Kind.AWS_SCAN: Lane.ACTION,  # before the result of the job that asked for it
    Kind.AWS_VERIFICATION: Lane.ACTION,
    Kind.AWS_MATCHES: Lane.ACTION,
    Kind.AWS_EXECUTION: Lane.ACTION,
    Kind.INVENTORY: Lane.STATE,
    Kind.CATALOGUE: Lane.STATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record as it waits. `replaces`: waiting ones of its kind are void; `number`: under which it was offered."""

    kind: str
    at: datetime
    body: bytes
    keep: Keep = Keep.RESULT
    replaces: bool = False
    number: tuple[str, Stream, int] | None = None

    @property
    def lane(self) -> Lane:
        return _LANES.get(self.kind, Lane.RESULT)

    @property
    def size(self) -> int:
        return len(self.body) + 100  # its row and index entries


@dataclass(frozen=True, slots=True)
class Offer:
    """Records of one stream with their numbers, ready to be packed; `fresh`: they got those just now."""

    epoch: str
    stream: Stream
    seqs: tuple[int, ...]
    lines: tuple[bytes, ...]
    fresh: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that the collector refused for good, as it was sent."""

    stream: str
    seq: int
    kind: str
    at: datetime
    code: str
    detail: str
    body: bytes


def micros(at: datetime) -> int:
    return (at - _ZERO) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    return _ZERO + timedelta(microseconds=since_epoch)
