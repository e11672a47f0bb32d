"""A collector that is only reached by files: stores what bundles bring, answers with signed receipts."""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.bundles import Export, Freed, Speaker, Wanted, ledger_of, let_go, note_receipt, read_receipt
from agent.spool import Spool
from common import bundle, wire
from common.bundle import Manifest, Place, Receipt, Refused
from common.identity import Origin, PrivateKey
from common.wire import Assignment, Rejection, merge_ranges

AGENT = "agt_1"
KEY = PrivateKey.generate()
NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


@dataclass
class Desk:
    """`numbers`: what was stored, by place; `bodies`: the `n` of each record, as often as it was stored."""

    key: PrivateKey = field(default_factory=PrivateKey.generate)
    numbers: dict[Place, set[int]] = field(default_factory=dict)
    bodies: list[int] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    receipts: int = 0
    refused: dict[Place, list[int]] = field(default_factory=dict)

    def take(self, content: bytes) -> Manifest:
        opened = bundle.opened(io.BytesIO(content))
        opened.prove(KEY.public)
        for batch in bundle.batches(io.BytesIO(content)):
            self._store(batch)
        self.manifests.append(opened.manifest)
        return opened.manifest

    def _store(self, batch: bundle.Batch) -> None:
        unpacked = wire.unpack(batch.body)
        KEY.public.verify(unpacked.signed, batch.signature)
        known = self.numbers.setdefault(Place(unpacked.header.epoch, unpacked.header.stream), set())
        for line in unpacked.lines:
            record = wire.parse_record(line)
            if record.seq not in known:
                known.add(record.seq)
                if record.kind == "run":
                    self.bodies.append(wire.decode(record.body, dict[str, int])["n"])

    def receipt(self, *, assignment: str = "v1", made_at: datetime = NOW, agent: str = AGENT) -> bytes:
        self.receipts += 1
        places = self.numbers.items()
        stored = [(place, span) for place, seqs in places for span in merge_ranges((seq, seq) for seq in seqs)]
        holes = [
            (place, (seq, seq)) for place, seqs in places for seq in range(1, max(seqs, default=0)) if seq not in seqs
        ]
        receipt = Receipt(
            format=bundle.FORMAT,
            agent=agent,
            number=self.receipts,
            made_at=made_at,
            not_after=made_at + timedelta(days=30),
            stored=bundle.collected(stored),
            missing=bundle.collected(holes),
            assignment=Assignment(version=assignment),
            refused=tuple(_refused(self.refused)),
        )
        return bundle.seal(receipt, self.key)


def _refused(places: dict[Place, list[int]]) -> Iterable[Refused]:
    for place, seqs in places.items():
        yield Refused(*place, tuple(Rejection(seq, "malformed", "no such thing") for seq in seqs))


def speaker(key: PrivateKey = KEY, agent: str = AGENT) -> Speaker:
    return Speaker(agent=agent, key=key, origin=Origin("ins-1", "host-1", "boot-1"), every_s=86_400, assignment="v0")


def export(spool: Spool, *, overlap: int = bundle.OVERLAP, everything: bool = False, commit: bool = True) -> bytes:
    made = Export(spool, speaker(), Wanted(overlap, everything), now=lambda: NOW)
    content = b"".join(made.pieces())
    if commit:
        made.commit()
    return content


def apply(spool: Spool, content: bytes, desk: Desk, *, now: datetime = NOW) -> Freed:
    receipt = read_receipt(content, collector_key=desk.key.public.text, agent=AGENT, ledger=ledger_of(spool), now=now)
    freed = let_go(spool, receipt)
    note_receipt(spool, receipt)
    return freed


def carried_numbers(content: bytes) -> list[int]:
    """The `n` of each run record of a bundle, in its order."""
    desk = Desk()
    desk.take(content)
    return desk.bodies


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
