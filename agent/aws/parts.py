"""Pure: a scan as records of which each fits; one that is larger than that becomes several scans, by factor.

What one factor found is never spread over two scans, because each scan is the whole word of the factors it names.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from common import wire
from common.wire_aws import MAX_PARTS, Recommendation, Scan, Undecided

PART_BYTES = 48 * 1024
"""What the findings of a part take; the rest of a record is for what surrounds them."""
_SCAN_BYTES = (MAX_PARTS - 4) * PART_BYTES  # some parts are not full
_LARGEST = 12 * 1024
_TEXT = 500
_TOO_MANY = "found, and left out: more findings than one scan can hold, these save the least"


def scan_parts(scan: Scan) -> list[Scan]:
    """The records of a scan."""
    loads = [_Load.of(scan, factor) for factor in scan.factors]
    gaps = {name: reason[:_TEXT] for name, reason in scan.gaps.items()}
    said = [replace(one, reason=one.reason[:_TEXT]) for one in scan.undecided]
    said += [Undecided(load.factor, load.left_out, _TOO_MANY) for load in loads if load.left_out]
    found: list[Scan] = []
    for number, together in enumerate(_packed(loads)):
        bare = replace(scan, factors=tuple(load.factor for load in together), recommendations=(), gone=())
        if number:
            bare = replace(bare, scan=f"{scan.scan}-{number}", undecided=(), gaps={}, api_calls=0)
        else:
            bare = replace(bare, undecided=tuple(said), gaps=gaps)
        found += _numbered(bare, together)
    return found


class _Load:
    """What one factor has to say, made to fit into one scan; `left_out`: how many findings did not."""

    def __init__(self, factor: str, found: list[Recommendation], gone: list[str], left_out: int) -> None:
        self.factor = factor
        self.found = found
        self.gone = gone
        self.left_out = left_out
        self.size = _size(found) + _size(gone)

    @classmethod
    def of(cls, scan: Scan, factor: str) -> "_Load":
        found = [_fitting(one) for one in scan.recommendations if one.factor == factor]
        gone = [name for name in scan.gone if name.partition("/")[0] == factor]
        if _size(found) > _SCAN_BYTES:
            found = [_short(one) for one in sorted(found, key=_savings, reverse=True)]
        kept = next(_chunks(found, _SCAN_BYTES), [])
        return cls(factor, kept, gone, len(found) - len(kept))


def _packed(loads: Iterable[_Load]) -> list[list[_Load]]:
    """The factors of each scan; one scan at least, also when no factor was judged."""
    packed: list[list[_Load]] = [[]]
    size = 0
    for load in loads:
        if packed[-1] and size + load.size > _SCAN_BYTES:
            packed.append([])
            size = 0
        packed[-1].append(load)
        size += load.size
    return packed


def _numbered(bare: Scan, loads: Sequence[_Load]) -> Iterator[Scan]:
    found = list(_chunks([one for load in loads for one in load.found], PART_BYTES))
    gone = list(_chunks([name for load in loads for name in load.gone], PART_BYTES))
    parts = [replace(bare, recommendations=tuple(chunk)) for chunk in found]
    parts += [replace(bare, gone=tuple(chunk)) for chunk in gone]
    first, rest = (parts or [bare])[0], parts[1:]
    for number, part in enumerate([first, *(replace(one, undecided=(), gaps={}) for one in rest)], 1):
        yield replace(part, part=number, parts=max(1, len(parts)))


def _fitting(one: Recommendation) -> Recommendation:
    """A finding keeps its verdict, and loses its longest facts when it is larger than a part may be."""
    if len(wire.encode(one)) <= _LARGEST:
        return one
    facts = {name: value for name, value in one.metadata.items() if len(wire.encode(value)) <= _TEXT}
    return _short(replace(one, metadata=facts)) if len(wire.encode(facts)) > _LARGEST else replace(one, metadata=facts)


def _short(one: Recommendation) -> Recommendation:
    return replace(
        one,
        description=one.description[:_TEXT],
        action=one.action[:_TEXT],
        cli=one.cli[:_TEXT],
        metadata={},
        evidence=(),
    )


def _savings(one: Recommendation) -> float:
    return one.monthly_savings or 0.0


T = TypeVar("T")


def _chunks(things: Sequence[T], limit: int) -> Iterator[list[T]]:
    chunk: list[T] = []
    size = 0
    for thing in things:
        length = len(wire.encode(thing)) + 1
        if chunk and size + length > limit:
            yield chunk
            chunk, size = [], 0
        chunk.append(thing)
        size += length
    if chunk:
        yield chunk


def _size(things: Iterable[object]) -> int:
    return sum(len(wire.encode(thing)) + 1 for thing in things)
