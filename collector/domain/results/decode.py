"""Pure: the lines of a batch become typed records; what is malformed is rejected one by one, the rest is kept.

The same line always gets the same verdict, so that a batch that is sent again is answered alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import orjson

from common.wire import (
    Catalogue,
    Gap,
    Heartbeat,
    Inventory,
    JobResult,
    Kind,
    Record,
    Rejection,
    Run,
    Unpacked,
    WireError,
    decode,
    parse_record,
)
from common.wire_aws import Execution, Matches, Scan, Verification

Body = Run | Heartbeat | Inventory | Catalogue | JobResult | Gap | Scan | Verification | Matches | Execution

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_BODIES: dict[str, type[Body]] = {
    Kind.RUN: Run,
    Kind.HEARTBEAT: Heartbeat,
    Kind.INVENTORY: Inventory,
    Kind.CATALOGUE: Catalogue,
    Kind.JOB: JobResult,
    Kind.GAP: Gap,
    Kind.AWS_SCAN: Scan,
    Kind.AWS_VERIFICATION: Verification,
    Kind.AWS_MATCHES: Matches,
    Kind.AWS_EXECUTION: Execution,
}
_MAX_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Known:
    """A record that this collector understands."""

    seq: int
    at: datetime
    body: Body


@dataclass(frozen=True, slots=True)
class Strange:
    """A record of a kind that a newer agent knows; its body is kept as it came."""

    seq: int
    at: datetime
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch, sorted out: each of its records is in one of the three."""

    known: tuple[Known, ...]
    strange: tuple[Strange, ...]
    rejected: tuple[Rejection, ...]


def decode_batch(batch: Unpacked) -> Decoded:
    """`WireError` when a line does not even say which record it is."""
    known: list[Known] = []
    strange: list[Strange] = []
    rejected: list[Rejection] = []
    for seq, item in _items(batch):
        if isinstance(item, Known):
            known.append(item)
        elif isinstance(item, Strange):
            strange.append(item)
        else:
            rejected.append(Rejection(seq=seq, code=item.code, detail=item.detail[:_MAX_DETAIL]))
    return Decoded(tuple(known), tuple(strange), tuple(rejected))


def _items(batch: Unpacked) -> Iterator[tuple[int, Known | Strange | WireError]]:
    seen: set[int] = set()
    for index, line in enumerate(batch.lines):
        seq, item = _item(batch, index, line)
        if not batch.header.first <= seq <= batch.header.last:
            raise WireError("malformed", f"seq: {seq}; the header says {batch.header.first} to {batch.header.last}")
        if seq in seen:
            raise WireError("malformed", f"seq: {seq} is in this batch twice")
        seen.add(seq)
        yield seq, item


def _item(batch: Unpacked, index: int, line: bytes) -> tuple[int, Known | Strange | WireError]:
    try:
        record = parse_record(line)
    except WireError as error:
        return _seq_of(batch, index, line), error
    try:
        return record.seq, _typed(record, line)
    except WireError as error:
        return record.seq, error


def _typed(record: Record, line: bytes) -> Known | Strange:
    _check_time("at", record.at)
    if b"\\u0000" in line:
        _check_text(line)
    kind = _BODIES.get(record.kind)
    if kind is None:
        return Strange(record.seq, record.at, record.kind, _text(record.body))
    body = decode(record.body, kind)
    if isinstance(body, Run | Scan):
        _check_run(body)
    if isinstance(body, Run):
        _forget_times(body)
    if isinstance(body, Verification | Matches | Execution):
        _check_time("at", body.at)
    if isinstance(body, Execution):
        _check_time("edge", body.edge)
    if isinstance(body, Scan):
        _check_facts(body)
    return Known(record.seq, record.at, body)


def _check_run(run: Run | Scan) -> None:
    _check_time("started_at", run.started_at)
    _check_time("ended_at", run.ended_at)
    if run.part > run.parts:
        raise WireError("malformed", f"part: {run.part}; the run has {run.parts}")


def _forget_times(run: Run) -> None:
    """How long a check took is the agent's own affair; without it, an outcome that is as it was equals the last one."""
    for outcome in run.outcomes:
        if outcome.elapsed_ms:
            msgspec.structs.force_setattr(outcome, "elapsed_ms", 0.0)


def _check_facts(scan: Scan) -> None:
    """JSON has numbers that no column takes."""
    try:
        orjson.dumps([one.metadata for one in scan.recommendations])
    except TypeError as error:
        raise WireError("malformed", f"metadata: {error}") from None


def _check_time(field: str, value: datetime) -> None:
    if not EARLIEST <= value < LATEST:
        raise WireError("malformed", f"{field}: {value.isoformat()}; expected a time of this century or the next")


def _check_text(line: bytes) -> None:
    """No store of ours can be relied on to keep a NUL character."""
    try:
        whole = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise WireError("malformed", str(error)) from None
    if _has_nul(whole):
        raise WireError("malformed", "text with a NUL character (\\u0000)")


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)


def _text(body: msgspec.Raw) -> str:
    try:
        return bytes(body).decode()
    except UnicodeDecodeError as error:
        raise WireError("malformed", f"body: {error}") from None


def _seq_of(batch: Unpacked, index: int, line: bytes) -> int:
    """The number of a line that is no record: what it says itself, else its place in a batch without holes."""
    try:
        return msgspec.json.decode(line, type=_SeqOnly).seq
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        header = batch.header
        if header.last - header.first + 1 != header.count:
            raise WireError("malformed", f"line {index + 1}: not a record, and its seq cannot be told") from None
        return header.first + index


class _SeqOnly(msgspec.Struct):
    seq: int
