"""Pure: which records a bundle takes along, and what exports and receipts change about that.

A record goes with the bundle that finds it first and with the next few (the overlap), so that one that gets lost on its
way is made up for. After that it is not repeated but kept, until a receipt says that it arrived, or its age frees it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from common.bundle import MAX_OVERLAP, Place, Range, Ranges, Receipt, collected, spread


class Carry(Struct, frozen=True):
    """What one bundle took along for the first time."""

    number: int
    ranges: tuple[Ranges, ...]


class Ledger(Struct, frozen=True):
    """What this spool has handed over. `recent`: the newest bundles; `settled`: what those before them took along.

    `number` and `digest` are of the newest bundle; `receipt` is the number of the newest receipt applied.
    """

    number: int = 0
    digest: str = ""
    made_at: datetime | None = None
    recent: tuple[Carry, ...] = ()
    settled: tuple[Ranges, ...] = ()
    receipt: int = 0
    receipt_at: datetime | None = None


def left_out(ledger: Ledger, overlap: int) -> tuple[Ranges, ...]:
    """What the next bundle does not repeat."""
    older = ledger.recent[: max(0, len(ledger.recent) - overlap)]
    return collected([*spread(ledger.settled), *(one for carry in older for one in spread(carry.ranges))])


def handed_over(ledger: Ledger) -> tuple[Ranges, ...]:
    """Everything that went along with a bundle at least once."""
    return left_out(ledger, 0)


def exported(
    ledger: Ledger, *, epoch: str, digest: str, made_at: datetime, taken: Sequence[Ranges], alive: Iterable[str]
) -> Ledger:
    """After one more bundle, which took `taken` along; `alive`: the spools of which there are records yet."""
    number = ledger.number + 1
    fresh = minus(taken, handed_over(ledger))
    recent = [*ledger.recent, Carry(number, fresh)]
    settled = [*spread(ledger.settled), *(one for carry in recent[:-MAX_OVERLAP] for one in spread(carry.ranges))]
    kept = {epoch, *alive}
    return msgspec.structs.replace(
        ledger,
        number=number,
        digest=digest,
        made_at=made_at,
        recent=tuple(recent[-MAX_OVERLAP:]),
        settled=tuple(one for one in collected(settled) if one.epoch in kept),
    )


def answered(ledger: Ledger, receipt: Receipt) -> Ledger:
    """After a receipt: what the collector misses counts as never handed over, so that the next bundle takes it."""
    again = receipt.missing
    return msgspec.structs.replace(
        ledger,
        recent=tuple(Carry(one.number, minus(one.ranges, again)) for one in ledger.recent),
        settled=minus(ledger.settled, again),
        receipt=receipt.number,
        receipt_at=receipt.made_at,
    )


def minus(ranges: Iterable[Ranges], gone: Iterable[Ranges]) -> tuple[Ranges, ...]:
    """What is left of ranges, place by place."""
    holes: dict[Place, list[Range]] = {}
    for place, span in spread(gone):
        holes.setdefault(place, []).append(span)
    return collected(
        (place, part) for place, span in spread(ranges) for part in _without(span, sorted(holes.get(place, ())))
    )


def _without(span: Range, holes: Sequence[Range]) -> list[Range]:
    """What sorted, disjoint holes leave of a range."""
    parts: list[Range] = []
    first, last = span
    for low, high in holes:
        if high < first or low > last:
            continue
        if low > first:
            parts.append((first, low - 1))
        first = high + 1
    if first <= last:
        parts.append((first, last))
    return parts
