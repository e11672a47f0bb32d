"""Carrying by hand: the spool as a signed bundle, and what a signed receipt says about it.

The order of the steps makes a crash harmless: a bundle is whole on its medium before the spool notes that it was handed
over, and only then does it get its name; a receipt is noted last, so that one that was cut short is applied again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from agent import carrying
from agent.carrying import Ledger
from agent.records import Offer
from agent.spool import MAX_OFFER, Spool
from agent.spool_carried import Span
from agent.spool_file import SpoolFile
from common import bundle, wire
from common.bundle import Manifest, Place, Range, Receipt, Signs, Writer
from common.clock import Now, utc_now
from common.identity import Origin, PublicKey
from common.wire import WireError

_MOST_RANGES = 2_000
_STATE_ALONE_IS_LIVE = datetime(9000, 1, 1, tzinfo=UTC)
"""What is carried is read in the order in which it happened; there is no newest status that has to be there first."""


class NothingToCarryError(Exception):
    """There is no record that the next bundle would take along."""


class ReceiptRefusedError(Exception):
    """A receipt that is not for this agent, not the collector's, or out of date; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who hands over: what the envelopes and the manifest say of their sender."""

    agent: str
    key: Signs
    origin: Origin
    every_s: int
    assignment: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """`overlap`: how many bundles back are repeated; `everything`: all that no receipt has confirmed."""

    overlap: int = bundle.OVERLAP
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Freed:
    """What a receipt did: how many records it let go of, and how many became dead letters."""

    forgotten: int
    buried: int


class Export:
    """One bundle in the making. `pieces` gives its bytes, then `manifest` is there; `commit` once they are safe."""

    def __init__(self, spool: Spool, speaker: Speaker, wanted: Wanted, *, now: Now = utc_now) -> None:
        self._spool = spool
        self._speaker = speaker
        self._wanted = wanted
        self._now = now
        self._made_at = now()
        self._writer = Writer(self._made_at)
        self._taken: list[tuple[Place, Range]] = []
        self._records = 0
        self._more = False
        self._manifest: Manifest | None = None
        self._digest = ""

    @property
    def manifest(self) -> Manifest:
        if self._manifest is None:
            raise ValueError("manifest: expected the pieces to be taken first")
        return self._manifest

    def pieces(self) -> Iterator[bytes]:
        """The bundle's bytes, one batch at a time; `NothingToCarryError` before the first where there is none."""
        self._spool.carry(lambda file: file.number_all(after=_STATE_ALONE_IS_LIVE))
        ledger = self._spool.carry(lambda file: file.carriage.ledger())
        spans = self._spool.carry(lambda file: file.carriage.spans())
        for place, span in _wanted_ranges(spans, ledger, self._wanted):
            for offer, header, body in self._batches(place, span):
                self._note(offer)
                yield self._writer.add(body, self._speaker.key.sign(header))
        if not self._records:
            raise NothingToCarryError
        yield self._end(ledger, spans)

    def commit(self) -> None:
        """Note that the bundle is whole where it will be carried from."""
        made = self.manifest

        def note(file: SpoolFile) -> None:
            after = carrying.exported(
                file.carriage.ledger(),
                epoch=made.epoch,
                digest=self._digest,
                made_at=made.made_at,
                taken=made.carried,
                alive=[span.place.epoch for span in file.carriage.spans()],
            )
            file.carriage.remember(after)

        self._spool.carry(note)

    def _batches(self, place: Place, span: Range) -> Iterator[tuple[Offer, bytes, bytes]]:
        """The records of a range in batches that keep the limits of the wire: header and packed body."""
        first, most = span[0], wire.MAX_RECORDS
        while first <= span[1] and not self._full():
            offer = self._spool.carry(_offer(place, (first, span[1]), most))
            if offer is None:
                return
            header, body = self._pack(offer)
            if len(body) > wire.MAX_PACKED and len(offer.seqs) > 1:
                most = len(offer.seqs) // 2
                continue
            yield offer, header, body
            first = offer.seqs[-1] + 1

    def _full(self) -> bool:
        self._more = self._more or self._writer.full or len(self._taken) >= _MOST_RANGES
        return self._more

    def _pack(self, offer: Offer) -> tuple[bytes, bytes]:
        return wire.pack(
            offer.lines,
            agent=self._speaker.agent,
            epoch=offer.epoch,
            stream=offer.stream,
            seqs=offer.seqs,
            boot=self._speaker.origin.boot,
            sent_at=self._made_at,
            instance=self._speaker.origin.instance,
            host=self._speaker.origin.host,
        )

    def _note(self, offer: Offer) -> None:
        place = Place(offer.epoch, offer.stream)
        self._records += len(offer.seqs)
        for first, last in wire.merge_ranges((seq, seq) for seq in offer.seqs):
            if self._taken and self._taken[-1][0] == place and self._taken[-1][1][1] + 1 == first:
                self._taken[-1] = (place, (self._taken[-1][1][0], last))
            else:
                self._taken.append((place, (first, last)))

    def _end(self, ledger: Ledger, spans: list[Span]) -> bytes:
        epoch = self._spool.carry(lambda file: file.epoch)
        self._manifest = Manifest(
            format=bundle.FORMAT,
            agent=self._speaker.agent,
            key_id=self._speaker.key.key_id,
            epoch=epoch,
            number=ledger.number + 1,
            made_at=self._made_at,
            every_s=self._speaker.every_s,
            overlap=self._wanted.overlap,
            records=self._records,
            kept=sum(span.records for span in spans),
            carried=bundle.collected(self._taken),
            envelopes=tuple(self._writer.envelopes),
            before=ledger.digest,
            receipt=ledger.receipt,
            assignment=self._speaker.assignment,
            instance=self._speaker.origin.instance,
            host=self._speaker.origin.host,
            more=self._more,
        )
        signed = wire.encode(self._manifest)
        self._digest = bundle.digest_of(signed)
        return self._writer.end(signed, self._speaker.key.sign(signed))


def read_receipt(content: bytes, *, collector_key: str, agent: str, ledger: Ledger, now: datetime) -> Receipt:
    """A receipt that this agent may apply; `ReceiptRefusedError` says why it may not."""
    if not collector_key:
        raise ReceiptRefusedError(
            "this agent does not know by which key its collector signs; enrol it by file, or once over the network"
        )
    try:
        receipt = bundle.open_receipt(content, PublicKey.parse(collector_key))
    except WireError as error:
        raise ReceiptRefusedError(error.detail) from None
    if receipt.agent != agent:
        raise ReceiptRefusedError(f"the receipt is for agent {receipt.agent}; this one is {agent}")
    if receipt.number < ledger.receipt:
        raise ReceiptRefusedError(f"receipt {receipt.number} is older than {ledger.receipt}, which is applied already")
    if receipt.not_after <= now:
        raise ReceiptRefusedError(
            f"the receipt was good until {receipt.not_after:%Y-%m-%dT%H:%M:%SZ}; "
            "`fieldpost-collector bundle make` makes a new one"
        )
    return receipt


def let_go(spool: Spool, receipt: Receipt) -> Freed:
    """Forget what the collector has and bury what it refused; may be repeated."""
    waited, dead = _numbered(spool), spool.state().dead
    for refused in receipt.refused:
        spool.carry(_bury(refused))
    for stored in receipt.stored:
        spool.carry(_forget(stored))
    buried = max(0, spool.state().dead - dead)
    return Freed(waited - _numbered(spool) - buried, buried)


def note_receipt(spool: Spool, receipt: Receipt) -> None:
    """After everything that a receipt says was done: no older one is applied any more."""
    spool.carry(lambda file: file.carriage.remember(carrying.answered(file.carriage.ledger(), receipt)))


def ledger_of(spool: Spool) -> Ledger:
    return spool.carry(lambda file: file.carriage.ledger())


def _numbered(spool: Spool) -> int:
    return sum(span.records for span in spool.carry(lambda file: file.carriage.spans()))


def _wanted_ranges(spans: list[Span], ledger: Ledger, wanted: Wanted) -> list[tuple[Place, Range]]:
    """What waits, less what is not repeated; results of jobs first, then what describes the agent, then all else."""
    waits = bundle.collected((span.place, (span.first, span.last)) for span in spans)
    skipped = () if wanted.everything else carrying.left_out(ledger, wanted.overlap)
    streams = {"actions": 0, "live": 1, "bulk": 2}
    epochs = {span.place: span.oldest for span in spans}
    found = bundle.spread(carrying.minus(waits, skipped))
    return sorted(found, key=lambda one: (streams[one[0].stream], epochs[one[0]], one[1]))


def _offer(place: Place, span: Range, most: int) -> Callable[[SpoolFile], Offer | None]:
    return lambda file: file.carriage.offer(place, span, max_records=most, max_bytes=MAX_OFFER)


def _bury(refused: bundle.Refused) -> Callable[[SpoolFile], None]:
    return lambda file: file.bury(refused.epoch, refused.stream, refused.rejections)


def _forget(stored: bundle.Ranges) -> Callable[[SpoolFile], None]:
    return lambda file: file.forget(stored.epoch, stored.stream, stored.ranges)
