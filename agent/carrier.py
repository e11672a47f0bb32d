"""The running agent where no network goes: hands bundles to whoever carries them, and takes receipts in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from agent.bundles import (
    Export,
    Freed,
    NothingToCarryError,
    ReceiptRefusedError,
    Speaker,
    Wanted,
    ledger_of,
    let_go,
    note_receipt,
    read_receipt,
)
from agent.carrying import Ledger
from agent.control import Channel, ControlError, Handler
from agent.disk import DiskThread
from agent.identity import load_enrolment
from agent.problems import Problems
from agent.spool import Spool, SpoolUnavailableError
from common import bundle, logs
from common.bundle import Manifest, Receipt
from common.clock import Now, iso, utc_now
from common.wire import Assignment

log = logs.get("agent.carrier")

EXPORT, RECEIPT = "bundle.export", "bundle.receipt"
LOOK_EVERY_S = 300.0
NOT_CARRIED = 'this agent sends over the network; bundles are for agents with link = "carried"'
OVERDUE_AFTER = 2  # times the usual
_TOPIC = "bundle"


class ExportRequest(msgspec.Struct, frozen=True):
    overlap: int
    everything: bool


class Made(msgspec.Struct, frozen=True):
    """A bundle that is whole; `kept`: how many records stay here until a receipt; `more`: export once more."""

    name: str
    number: int
    records: int
    kept: int
    more: bool


class Kept(msgspec.Struct, frozen=True):
    """Said by who writes the bundle: it is durable."""

    kept: bool


class ReceiptRequest(msgspec.Struct, frozen=True):
    size: int


class Applied(msgspec.Struct, frozen=True):
    """What a receipt did. `missing`: records that the collector misses, which the next bundle repeats; `unseen`:
    bundles that never came; `trouble`: why its assignment is not in force.
    """

    number: int
    made_at: datetime
    forgotten: int
    buried: int
    missing: int
    unseen: tuple[int, ...]
    assignment: str
    trouble: str


Apply = Callable[[Assignment], Awaitable[str]]
"""Puts an assignment in force; gives why not, else ""."""


class Carrier:
    """`speaker`: who hands over, as of now; `apply`: what becomes of an assignment that came along with a receipt."""

    def __init__(
        self,
        spool: Spool,
        disk: DiskThread,
        *,
        state_dir: Path,
        speaker: Callable[[], Speaker],
        apply: Apply,
        problems: Problems,
        now: Now = utc_now,
    ) -> None:
        self._spool = spool
        self._disk = disk
        self._state_dir = state_dir
        self._speaker = speaker
        self._apply = apply
        self._problems = problems
        self._now = now
        self._since = now()
        self._busy = asyncio.Lock()
        self.receipt_at: datetime | None = None

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {EXPORT: self._export, RECEIPT: self._receipt}

    async def run(self) -> None:
        """Say for ever whether somebody carries what is here."""
        while True:
            try:
                ledger = await self._disk(ledger_of, self._spool)
            except SpoolUnavailableError:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            self.receipt_at = ledger.receipt_at
            self._problems.update(_TOPIC, overdue(ledger, self._speaker().every_s, since=self._since, now=self._now()))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _export(self, channel: Channel, request: msgspec.Raw) -> Made:
        asked = msgspec.json.decode(request, type=ExportRequest)
        async with self._alone():
            await self._disk(self._spool.flush)
            export = Export(self._spool, self._speaker(), Wanted(asked.overlap, asked.everything), now=self._now)
            pieces = export.pieces()
            try:
                while piece := await self._disk(next, pieces, b""):
                    await channel.send(piece)
            except NothingToCarryError:
                raise ControlError("there is nothing to carry: the collector has everything") from None
            made = made_of(export.manifest)
            await channel.answer(made)
            if (await channel.read(Kept)).kept:
                await self._disk(export.commit)
                self._problems.over(_TOPIC)
                log.info("bundle handed over", number=made.number, records=made.records)
            return made

    async def _receipt(self, channel: Channel, request: msgspec.Raw) -> Applied:
        asked = msgspec.json.decode(request, type=ReceiptRequest)
        if not 0 <= asked.size <= bundle.MAX_RECEIPT:
            raise ControlError(f"the receipt has {asked.size} bytes, at most {bundle.MAX_RECEIPT}")
        content = await channel.receive(asked.size)
        async with self._alone():
            receipt = await self._disk(self._read, content)
            freed = await self._disk(let_go, self._spool, receipt)
            trouble = await self._apply(receipt.assignment)
            await self._disk(note_receipt, self._spool, receipt)
        self.receipt_at = receipt.made_at
        log.info("receipt applied", number=receipt.number, forgotten=freed.forgotten, refused=freed.buried)
        return applied(receipt, freed, trouble)

    def _read(self, content: bytes) -> Receipt:
        return read(self._spool, self._state_dir, content, self._now())

    def _alone(self) -> "_Alone":
        return _Alone(self._busy)


class _Alone:
    """One thing at a time; whoever comes meanwhile is sent away. What goes wrong is told to who asked."""

    def __init__(self, busy: asyncio.Lock) -> None:
        self._busy = busy

    async def __aenter__(self) -> None:
        if self._busy.locked():
            raise ControlError("another bundle or receipt is being worked on; try again when that is done")
        await self._busy.acquire()

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._busy.release()
        if isinstance(error, ReceiptRefusedError | SpoolUnavailableError):
            raise ControlError(str(error)) from None


def no_commands() -> Mapping[str, Handler]:
    """For an agent that reaches its collector: what it keeps is not for carrying."""

    async def refuse(_channel: Channel, _request: msgspec.Raw) -> None:
        raise ControlError(NOT_CARRIED)

    return {EXPORT: refuse, RECEIPT: refuse}


def read(spool: Spool, state_dir: Path, content: bytes, now: datetime) -> Receipt:
    """The receipt if this agent may apply it; `ReceiptRefusedError` else."""
    enrolment = load_enrolment(state_dir)
    if enrolment is None:
        raise ReceiptRefusedError(f"{state_dir}: this agent is not enrolled")
    return read_receipt(
        content,
        collector_key=enrolment.collector_key,
        agent=enrolment.agent,
        ledger=ledger_of(spool),
        now=now,
    )


def made_of(manifest: Manifest) -> Made:
    return Made(bundle.file_name(manifest), manifest.number, manifest.records, manifest.kept, manifest.more)


def applied(receipt: Receipt, freed: Freed, trouble: str) -> Applied:
    return Applied(
        number=receipt.number,
        made_at=receipt.made_at,
        forgotten=freed.forgotten,
        buried=freed.buried,
        missing=sum(last - first + 1 for _, (first, last) in bundle.spread(receipt.missing)),
        unseen=receipt.unseen,
        assignment=receipt.assignment.version,
        trouble=trouble,
    )


def overdue(ledger: Ledger, every_s: int, *, since: datetime, now: datetime) -> str:
    """What to say when nobody has fetched a bundle for long; "" when all is well."""
    last = max(since, ledger.made_at) if ledger.made_at else since
    if (now - last).total_seconds() < OVERDUE_AFTER * every_s:
        return ""
    when = f"since {iso(ledger.made_at)}" if ledger.made_at else "yet"
    return f"nobody has fetched a bundle {when}; run `fieldpost-agent bundle export`"
