"""The link between agent and collector: records, batches, acks, assignments (design: "The link").

Every struct ignores fields it does not know, so that neighbouring versions talk to each other. A new kind of record
is one member of `Kind`, one struct here, and one branch in the collector's ingest.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from common.wire_aws import Account, Override, Schedule
from common.wire_types import Count, Instant, Interval, Name, Seq, Text

PROTOCOL = 1
CONTENT_TYPE = "application/vnd.fieldpost.batch+ndjson"
SIGNATURE_HEADER = "Fieldpost-Signature"

MAX_RECORDS = 500
MAX_PACKED = 1024 * 1024
MAX_UNPACKED = 8 * 1024 * 1024
MAX_RECORD = 64 * 1024
MAX_HEADER = 4 * 1024
MAX_PARTS = 64

Stream = Literal["live", "bulk", "actions"]
Status = Literal["ok", "info", "warning", "critical", "skipped", "unknown"]
Severity = Literal["critical", "warning", "info"]
Trigger = Literal["first", "schedule", "demand"]


class Kind(StrEnum):
    """What a record says. An agent newer than the collector may send others: they are kept and reported."""

    RUN = "run"
    HEARTBEAT = "heartbeat"
    INVENTORY = "inventory"
    CATALOGUE = "catalogue"
    JOB = "job"
    GAP = "gap"
    AWS_SCAN = "aws_scan"
    AWS_VERIFICATION = "aws_verification"
    AWS_MATCHES = "aws_matches"
    AWS_EXECUTION = "aws_execution"


class WireError(ValueError):
    """Bytes that are not what the protocol says; `code` is one word for machines."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


# --- records -------------------------------------------------------------------------------------------------------


class Record(Struct, frozen=True):
    """One line that an agent sends; its identity is (agent, epoch, stream, seq)."""

    seq: Seq
    kind: Name
    at: Instant
    body: Raw


class Item(Struct, frozen=True, omit_defaults=True):
    """One object behind an outcome (a tablespace, a file, a PDB), worst first."""

    name: Annotated[str, Meta(max_length=256)]
    status: Status
    value: float | None = None
    detail: Text = ""


class Outcome(Struct, frozen=True, omit_defaults=True):
    """One check's result.

    `status` is what the thresholds say, `severity` the same after the check's ceiling. `line` is the metric line; for
    skipped and unknown it is the reason. `cap`: the score of the connection may not exceed it while this outcome
    stands (gates). `fix` replaces the catalogue's remediation where the exact statement is known. `warning` and
    `critical`: the levels that the value was held against, where they are numbers; `origin` says whose they are.
    """

    check: Name
    category: Name
    status: Status
    severity: Severity
    line: Text
    value: float | None = None
    unit: str = ""
    cap: Annotated[int, Meta(ge=0, le=100)] | None = None
    fix: Text | None = None
    origin: str = "default"
    interval_s: Interval = 0
    elapsed_ms: float = 0.0
    items: tuple[Item, ...] = ()
    warning: float | None = None
    critical: float | None = None


class Run(Struct, frozen=True, omit_defaults=True):
    """The outcomes of one visit to a connection. A large run travels in `parts`, each a record of its own."""

    run: Name
    connection: Name
    started_at: Instant
    ended_at: Instant
    trigger: Trigger
    outcomes: tuple[Outcome, ...]
    reachable: bool = True
    facts: dict[str, str | Annotated[int, Meta(ge=-(2**53), le=2**53)] | bool | None] = {}
    round_trips: Count = 0
    part: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    parts: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1


class ConnectionInfo(Struct, frozen=True, omit_defaults=True):
    """What the collector may know of a connection; never a credential. `key` survives renaming."""

    key: Name
    name: Name
    type: Literal["direct", "wallet", "descriptor"]
    host: Annotated[str, Meta(max_length=255)]
    port: Annotated[int, Meta(ge=0, le=65535)]
    tier: Literal["prod", "test", "dev"]
    tags: tuple[str, ...] = ()


class Inventory(Struct, frozen=True, omit_defaults=True):
    """All connections of the agent; one that is missing has been removed.

    Many connections travel in `parts`, records of the same instant; `total`: how many there are in all of them.
    """

    connections: tuple[ConnectionInfo, ...]
    part: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    parts: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    total: Count = 0


class CatalogueEntry(Struct, frozen=True, omit_defaults=True):
    """What people read about a check; the agent uploads it, so that the collector keeps no copy of the catalogue."""

    check: Name
    category: Name
    title: Text
    remediation: Text
    unit: str
    ceiling: Severity
    interval_s: Interval
    cost: str
    scope: str
    warning: str = ""
    critical: str = ""
    pack: str = ""
    source: str = ""
    gate: bool = False
    enabled: bool = True


class Catalogue(Struct, frozen=True):
    """The agent's checks, in parts that fit into a record; `digest` is the same in all parts."""

    digest: Name
    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    entries: tuple[CatalogueEntry, ...]


class SpoolState(Struct, frozen=True):
    """How full the spool is; `dropped` counts the records that were thinned out since the spool was made."""

    records: Count
    bytes: Count
    limit_bytes: Count
    oldest_at: Instant | None
    dropped: Count
    dead: Count


class Heartbeat(Struct, frozen=True, omit_defaults=True):
    """The agent about itself, once a minute."""

    version: str
    started_at: Instant
    rss_bytes: Count
    spool: SpoolState
    clock_offset_s: float | None = None
    assignment: str = ""
    problems: tuple[Text, ...] = ()
    roles: tuple[Text, ...] = ()
    """The AWS roles that the local policy lists, as they are written there (`*` stands for anything)."""
    key_id: str = ""
    key_made_at: datetime | None = None
    bundle_every_s: Count = 0
    """How often records come as a bundle that somebody carries; 0: they come over the network."""
    trusts: tuple[Text, ...] = ()
    """Pins of the authorities that the collector is recognised by, or `common.authorities.SYSTEM` or `PLAIN`."""


class JobResult(Struct, frozen=True, omit_defaults=True):
    """What became of a job; `indeterminate`: it was started before a crash and is not run twice."""

    job: Name
    lease: Name
    state: Literal["started", "succeeded", "failed", "refused", "indeterminate"]
    detail: Text = ""


class Gap(Struct, frozen=True):
    """Records that will never come: the range that was dropped and why. Shown as unknown."""

    stream: Stream
    first: Seq
    last: Seq
    reason: Literal["spool_full", "spool_age", "spool_corrupt", "too_large", "operator"]
    count: Count


# --- the batch -----------------------------------------------------------------------------------------------------


class BatchHeader(Struct, frozen=True, omit_defaults=True):
    """First line of a batch, and what its signature covers. `payload_sha256` is over the lines that follow it.

    `instance` is another one with every start of an agent, `host` a fingerprint of the machine: by them the collector
    tells a restart from a clone. Agents before 0.7 send neither.
    """

    protocol: int
    agent: Name
    epoch: Name
    stream: Stream
    first: Seq
    last: Seq
    count: Annotated[int, Meta(ge=1, le=MAX_RECORDS)]
    payload_sha256: str
    boot: str
    sent_at: Instant
    instance: Annotated[str, Meta(max_length=64)] = ""
    host: Annotated[str, Meta(max_length=64)] = ""


class Ack(Struct, frozen=True):
    """What the collector durably has; the agent forgets `acked` and moves `rejected` to its dead letters.

    `acked` lists inclusive ranges and includes the rejected ones; `unknown` counts records of a kind that this
    collector does not know yet (kept as they are).
    """

    acked: tuple[tuple[int, int], ...]
    new: int
    dup: int
    rejected: tuple["Rejection", ...]
    gaps: tuple[tuple[int, int], ...]
    server_time: Instant
    assignment: str
    unknown: int = 0


class Rejection(Struct, frozen=True):
    """A record that was not stored: the agent keeps it as a dead letter and does not send it again."""

    seq: int
    code: str
    detail: str


# --- the way down --------------------------------------------------------------------------------------------------


class CheckSetting(Struct, frozen=True, omit_defaults=True):
    """One override; None leaves the value as it is. The narrowest wins: default < tenant < tag < connection."""

    check: Name
    origin: Literal["tenant", "tag", "connection"]
    tag: str | None = None
    connection: str | None = None
    enabled: bool | None = None
    interval_s: Annotated[int, Meta(ge=60, le=604_800)] | None = None
    warning: float | None = None
    critical: float | None = None


class Job(Struct, frozen=True, omit_defaults=True):
    """A thing to do once, under a lease. Kinds: `check` (run all checks of `target`, a connection key, now),
    `aws_scan` (`target`: the account; `arguments`: region, factors) and `aws_verify` (`target`: the account).
    """

    job: Name
    kind: Name
    lease: Name
    deadline: Instant
    target: str = ""
    not_before: Instant | None = None
    arguments: dict[str, str] = {}


class Assignment(Struct, frozen=True, omit_defaults=True):
    """Everything that the collector wants from one agent, as one document; `version` is its ETag."""

    version: str
    checks: tuple[CheckSetting, ...] = ()
    jobs: tuple[Job, ...] = ()
    accounts: tuple[Account, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    overrides: tuple[Override, ...] = ()
    heartbeat_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    collector_key: str = ""
    """The public key (`common.identity.PublicKey.text`) by which this collector signs what is carried to agents."""


class EnrolRequest(Struct, frozen=True):
    """`proof` is a detached JWS over the token, by the key that is being registered (RFC 7515 appendix F)."""

    token: Annotated[str, Meta(max_length=128)]
    public_key: Annotated[str, Meta(max_length=64)]
    proof: Annotated[str, Meta(max_length=512)]
    name: Name
    hostname: Annotated[str, Meta(max_length=255)]
    version: Annotated[str, Meta(max_length=64)]
    client_time: Instant
    host: Annotated[str, Meta(max_length=64)] = ""


class EnrolReply(Struct, frozen=True, omit_defaults=True):
    """`pending`: an operator has to approve the agent first; its requests answer 401 `unknown_agent` until then.

    `again`: the agent was here before, and this host is it from now on.
    """

    agent: str
    tenant: str
    state: Literal["active", "pending"]
    server_time: Instant
    collector_key: str = ""
    again: bool = False


class KeyOffer(Struct, frozen=True):
    """A second key that an agent wants to use. `proof`: a detached JWS by that key over `<agent> <public_key>`."""

    public_key: Annotated[str, Meta(max_length=64)]
    proof: Annotated[str, Meta(max_length=512)]


class KeyReply(Struct, frozen=True):
    """`candidate`: the first request that this key signs makes it the agent's key and retires the one before."""

    key_id: str
    state: Literal["candidate", "active"]
    server_time: Instant


AuthFailure = Literal["unknown_agent", "revoked", "key_unknown", "bad_signature", "clock_skew"]


class LinkError(Struct, frozen=True, omit_defaults=True):
    """Body of every error of `/agent/v1`; for 401 `code` is an `AuthFailure`.

    409 `identity_conflict`: two machines speak as one agent, and this one is parked; it keeps what it has to say.
    """

    code: str
    message: str
    server_time: Instant
    request_id: str = ""


# --- bytes ---------------------------------------------------------------------------------------------------------

T = TypeVar("T")
_encoder = msgspec.json.Encoder()


def encode(value: object) -> bytes:
    return _encoder.encode(value)


def decode(data: bytes | Raw, kind: type[T]) -> T:
    """Read one struct; `WireError` names the field and what was expected."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("malformed", str(error)) from None


def record_line(seq: int, kind: str, at: datetime, body: object) -> bytes:
    """One record as a line without its line feed; `WireError` when it is larger than a record may be."""
    line = encode(Record(seq=seq, kind=kind, at=at, body=Raw(encode(body))))
    if len(line) > MAX_RECORD:
        raise WireError("too_large", f"record of kind {kind}: {len(line)} bytes, at most {MAX_RECORD}")
    return line


def pack(
    lines: Sequence[bytes],
    *,
    agent: str,
    epoch: str,
    stream: Stream,
    seqs: Sequence[int],
    boot: str,
    sent_at: datetime,
    instance: str = "",
    host: str = "",
) -> tuple[bytes, bytes]:
    """Make one batch: its header line (to be signed) and the gzip body to be sent."""
    payload = b"\n".join(lines) + b"\n"
    header = encode(
        BatchHeader(
            protocol=PROTOCOL,
            agent=agent,
            epoch=epoch,
            stream=stream,
            first=min(seqs),
            last=max(seqs),
            count=len(lines),
            payload_sha256=hashlib.sha256(payload).hexdigest(),
            boot=boot,
            sent_at=sent_at,
            instance=instance,
            host=host,
        )
    )
    return header, _gzip(header + b"\n" + payload)


class Unpacked(Struct, frozen=True):
    """A batch as it came in: the signed bytes, what they say, and the record lines, not yet decoded."""

    signed: bytes
    header: BatchHeader
    lines: tuple[bytes, ...]


def unpack(body: bytes) -> Unpacked:
    """Take a batch apart, bounded while unpacking; checks its digest and counts, not its signature.

    `WireError` codes: `too_large`, `malformed`, `protocol`, `digest`.
    """
    signed, _, payload = _gunzip(body).partition(b"\n")
    if len(signed) > MAX_HEADER:
        raise WireError("malformed", f"batch header: {len(signed)} bytes, at most {MAX_HEADER}")
    header = _header(signed)
    if hashlib.sha256(payload).hexdigest() != header.payload_sha256:
        raise WireError("digest", "payload_sha256 does not fit the payload")
    lines = tuple(line for line in payload.split(b"\n") if line)
    if len(lines) != header.count:
        raise WireError("malformed", f"count: {header.count}; the batch has {len(lines)} records")
    return Unpacked(signed=signed, header=header, lines=lines)


def parse_record(line: bytes) -> Record:
    if len(line) > MAX_RECORD:
        raise WireError("too_large", f"record: {len(line)} bytes, at most {MAX_RECORD}")
    return decode(line, Record)


def merge_ranges(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Inclusive ranges, sorted, touching and overlapping ones joined."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


class _ProtocolOnly(Struct):
    protocol: Any


def _header(signed: bytes) -> BatchHeader:
    """Another protocol may have another header: that it is another one is said before what is wrong with this one."""
    try:
        header = decode(signed, BatchHeader)
    except WireError:
        _check_protocol(decode(signed, _ProtocolOnly).protocol)
        raise
    _check_protocol(header.protocol)
    return header


def _check_protocol(protocol: object) -> None:
    if protocol != PROTOCOL:
        raise WireError("protocol", f"protocol: {protocol}; this collector speaks {PROTOCOL}")


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _gunzip(body: bytes) -> bytes:
    if len(body) > MAX_PACKED:
        raise WireError("too_large", f"batch: {len(body)} bytes packed, at most {MAX_PACKED}")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        data = unpacker.decompress(body, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise WireError("malformed", f"batch: not gzip ({error})") from None
    if len(data) > MAX_UNPACKED:
        raise WireError("too_large", f"batch: more than {MAX_UNPACKED} bytes unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise WireError("malformed", "batch: gzip stream is cut off or has bytes after its end")
    return data
