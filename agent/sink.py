"""What has been found becomes records: how long each is worth keeping, and whether it must be on disk at once."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from agent.aws.parts import scan_parts
from agent.records import Keep
from agent.spool import Spool
from common import logs, wire
from common.clock import Now, utc_now
from common.wire import (
    Catalogue,
    CatalogueEntry,
    ConnectionInfo,
    Heartbeat,
    Inventory,
    JobResult,
    Kind,
    Outcome,
    Run,
    Status,
)
from common.wire_aws import MAX_PARTS, Execution, Matches, Scan, Verification

log = logs.get("agent")

PART_BYTES = 48 * 1024  # leaves room in a record for what surrounds the outcomes
_SHORT = 200
_QUIET = ("ok", "info", "skipped")


class Sink:
    """The way into the spool; `pressing` is set when something came that must not wait for the next second."""

    def __init__(self, spool: Spool, *, now: Now = utc_now) -> None:
        self._spool = spool
        self._now = now
        self._seen: dict[tuple[str, str], Status] = {}
        self._inventory = ""
        self.pressing = asyncio.Event()

    def run(self, run: Run) -> None:
        """Take one visit to a connection; one that changes a check's status is never thinned out as a repeat."""
        changed = self._note(run)
        keep = Keep.CHANGE if changed else _worth(run)
        for part in parts(run):
            self._spool.append(Kind.RUN, run.ended_at, part, keep=keep)
        if changed or run.trigger == "demand":
            self.pressing.set()

    def job(self, result: JobResult) -> None:
        self._spool.append(Kind.JOB, self._now(), result, keep=Keep.CHANGE)
        self.pressing.set()

    def scan(self, scan: Scan) -> None:
        """Take what was found in one region of an AWS account."""
        for part in scan_parts(scan):
            self._spool.append(Kind.AWS_SCAN, scan.ended_at, part, keep=Keep.CHANGE)
        self.pressing.set()

    def verification(self, verification: Verification) -> None:
        self._spool.append(Kind.AWS_VERIFICATION, verification.at, verification, keep=Keep.CHANGE)
        self.pressing.set()

    def matches(self, matches: Matches) -> None:
        """Take what a schedule applies to; an older word of it that still waits is void for the collector."""
        for part in matches_parts(matches):
            self._spool.append(Kind.AWS_MATCHES, matches.at, part, keep=Keep.CHANGE)
        self.pressing.set()

    def execution(self, execution: Execution) -> None:
        """Take what became of an edge; one that is too large for a record is said in several."""
        for part in execution_parts(execution):
            self._spool.append(Kind.AWS_EXECUTION, execution.at, part, keep=Keep.CHANGE)
        self.pressing.set()

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        self._spool.append(Kind.HEARTBEAT, self._now(), heartbeat, keep=Keep.REPEAT)

    def inventory(self, connections: Iterable[ConnectionInfo]) -> None:
        """Say which connections there are, unless that has been said."""
        known = tuple(connections)
        digest = _digest(known)
        if digest == self._inventory:
            return
        at = self._now()  # the same for all parts, which makes them one
        for part in inventory_parts(known):
            self._spool.append(Kind.INVENTORY, at, part, keep=Keep.CHANGE, replaces=part.part == 1)
        self._inventory = digest
        self.pressing.set()

    def catalogue(self, entries: Sequence[CatalogueEntry]) -> None:
        at = self._now()
        for index, part in enumerate(catalogue_parts(entries)):
            self._spool.append(Kind.CATALOGUE, at, part, keep=Keep.CHANGE, replaces=index == 0)

    def _note(self, run: Run) -> bool:
        """Remember the statuses; whether any of them is news."""
        statuses = {(run.connection, outcome.check): outcome.status for outcome in run.outcomes}
        news = any(self._seen.get(key) != status for key, status in statuses.items())
        self._seen.update(statuses)
        return news


def parts(run: Run) -> Iterator[Run]:
    """The run in parts that each fit into a record."""
    chunks = list(_chunks([_fitting(outcome) for outcome in run.outcomes])) or [()]
    for number, chunk in enumerate(chunks, 1):
        yield msgspec.structs.replace(run, outcomes=tuple(chunk), part=number, parts=len(chunks))


def inventory_parts(connections: Sequence[ConnectionInfo]) -> list[Inventory]:
    """The inventory in records of which each fits; `WireError` when there are too many."""
    chunks = list(_chunks(connections)) or [()]
    if len(chunks) > wire.MAX_PARTS:
        raise wire.WireError("too_large", f"{len(connections)} connections; {wire.MAX_PARTS} records cannot hold them")
    return [
        Inventory(tuple(chunk), number, len(chunks), len(connections) if len(chunks) > 1 else 0)
        for number, chunk in enumerate(chunks, 1)
    ]


def matches_parts(matches: Matches) -> list[Matches]:
    """What one schedule matches in records of which each fits; what those cannot hold is left out, which is logged."""
    chunks = list(_chunks(matches.matched)) or [()]
    if len(chunks) > MAX_PARTS:
        log.warning("too many resources for what a schedule may report", schedule=matches.schedule)
        chunks = chunks[:MAX_PARTS]
    return [
        msgspec.structs.replace(matches, matched=tuple(chunk), part=number, parts=len(chunks))
        for number, chunk in enumerate(chunks, 1)
    ]


def execution_parts(execution: Execution) -> list[Execution]:
    """Several reports of the same edge, each of which adds resources."""
    chunks = list(_chunks(execution.results)) or [()]
    return [msgspec.structs.replace(execution, results=tuple(chunk)) for chunk in chunks]


def catalogue_digest(entries: Sequence[CatalogueEntry]) -> str:
    return _digest(tuple(entries))


def catalogue_parts(entries: Sequence[CatalogueEntry]) -> list[Catalogue]:
    digest = catalogue_digest(entries)
    chunks = list(_chunks(entries))
    return [Catalogue(digest, number, len(chunks), tuple(chunk)) for number, chunk in enumerate(chunks, 1)]


def _worth(run: Run) -> Keep:
    quiet = all(outcome.status in _QUIET for outcome in run.outcomes)
    return Keep.REPEAT if quiet and run.reachable else Keep.RESULT


def _digest(value: object) -> str:
    return hashlib.sha256(wire.encode(value)).hexdigest()[:32]


T = TypeVar("T")


def _chunks(things: Sequence[T]) -> Iterator[Sequence[T]]:
    chunk: list[T] = []
    size = 0
    for thing in things:
        length = len(wire.encode(thing))
        if chunk and size + length > PART_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(thing)
        size += length
    if chunk:
        yield chunk


def _fitting(outcome: Outcome) -> Outcome:
    """An outcome that is larger than a record may be keeps its verdict and loses length."""
    if len(wire.encode(outcome)) <= PART_BYTES:
        return outcome
    items = tuple(msgspec.structs.replace(item, detail=item.detail[:_SHORT]) for item in outcome.items)
    shorter = msgspec.structs.replace(outcome, items=items)
    while len(wire.encode(shorter)) > PART_BYTES and shorter.items:
        shorter = msgspec.structs.replace(shorter, items=shorter.items[: len(shorter.items) // 2])
    return shorter
