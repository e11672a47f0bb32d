"""Pure: calls put together as AWS takes them, and taken apart again where one of them is refused.

EC2 moves nothing of a batch when it refuses one instance of it. What was parted is tried from the left: when that part
is accepted, the refused one is on the right, which is then parted without being tried as it is.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from agent.power.messages import Call

LARGEST = 50
_LEFT = 0.4  # a refused one costs two calls on the left and one on the right: of 40 at most 10 then, with halves 11


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls of one kind that are made as one. `beside`: what was refused together with them, and is tried after them.

    `tries`: how often it came to nothing for reasons that lie with none of its calls; `code`: of its last refusal.
    """

    calls: tuple[Call, ...]
    beside: tuple[Call, ...] = ()
    tries: int = 0
    code: str = ""

    @property
    def first(self) -> Call:
        return self.calls[0]

    @property
    def every(self) -> tuple[Call, ...]:
        return self.calls + self.beside


def grouped(calls: Iterable[Call]) -> list[Batch]:
    """The kinds in the order in which they come first; what is named twice is called once."""
    distinct: dict[tuple[object, ...], Call] = {}
    for call in calls:
        distinct.setdefault((call.type, call.cluster, call.resource, call.action), call)
    kinds: dict[tuple[object, ...], list[Call]] = {}
    for call in distinct.values():
        kinds.setdefault(_kind(call), []).append(call)
    return [Batch(part) for alike in kinds.values() for part in _parts(alike)]


def after_success(batch: Batch) -> list[Batch]:
    """What is to be tried now that all of its calls were accepted."""
    return [_parted(batch, batch.beside)] if batch.beside else []


def after_refusal(batch: Batch, blamed: Collection[Call]) -> list[Batch]:
    """What is to be tried now that it was refused on account of `blamed`; with none of them known, its parts."""
    rest = tuple(call for call in batch.calls if call not in blamed)
    beside = [replace(batch, calls=batch.beside, beside=())] if batch.beside else []
    if not rest:
        return beside
    return [replace(batch, calls=rest, beside=()) if blamed else _parted(batch, rest), *beside]


def _kind(call: Call) -> tuple[object, ...]:
    zone = call.zone if call.action == "START" else ""
    return (call.type, call.action, call.hibernate, call.dry_run, zone)


def _parts(alike: Sequence[Call]) -> Iterator[tuple[Call, ...]]:
    largest = LARGEST if alike[0].type == "EC2" else 1
    rest = iter(alike)
    while part := tuple(islice(rest, largest)):
        yield part


def _parted(batch: Batch, calls: tuple[Call, ...]) -> Batch:
    middle = max(1, int(len(calls) * _LEFT))
    return replace(batch, calls=calls[:middle], beside=calls[middle:])
