"""Pure: whether what many writers were answered, and what is left, could be of one writer after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOVES: Mapping[str, frozenset[str]] = {
    "investigating": frozenset({"identified", "monitoring", "resolved"}),
    "identified": frozenset({"investigating", "monitoring", "resolved"}),
    "monitoring": frozenset({"investigating", "identified", "resolved"}),
    "resolved": frozenset({"investigating"}),
}
"""What an incident can become, as the manual has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One writer's attempt to move an incident and say something; `taken`: whether it was told that this is done."""

    message: str
    status: str
    taken: bool
    began: float
    ended: float


Said = tuple[str, str]
"""Of an update: its message and the status since."""


def may(before: str, after: str) -> bool:
    """A note in passing leaves an open incident as it is."""
    return after in MOVES[before] or (before == after and before != "resolved")


def contradictions(said: Sequence[Said], tries: Sequence[Try]) -> Iterator[str]:
    """`said`: the updates as they are stored, from the first on."""
    yield from _illegal(said)
    places = {message: place for place, (message, _) in enumerate(said)}
    yield from _lost_or_invented(said, places, tries)
    taken = sorted((one for one in tries if one.taken and one.message in places), key=lambda one: one.began)
    yield from _out_of_order(places, taken)
    for one in tries:
        if not one.taken and not _was_refusable(said, places, taken, one):
            yield f"{one.message!r} to {one.status} was refused, though it could have been done all the while"


def _illegal(said: Sequence[Said]) -> Iterator[str]:
    for (_, before), (message, after) in pairwise(said):
        if not may(before, after):
            yield f"{message!r} moved it from {before} to {after}"


def _lost_or_invented(said: Sequence[Said], places: Mapping[str, int], tries: Sequence[Try]) -> Iterator[str]:
    if len(places) != len(said):
        yield f"{len(said) - len(places)} updates are there twice"
    for one in tries:
        if one.taken and one.message not in places:
            yield f"{one.message!r} was taken and is not there"
        if not one.taken and one.message in places:
            yield f"{one.message!r} was refused and is there"
        if one.taken and one.message in places and said[places[one.message]][1] != one.status:
            yield f"{one.message!r} asked for {one.status} and is {said[places[one.message]][1]}"


def _out_of_order(places: Mapping[str, int], taken: Sequence[Try]) -> Iterator[str]:
    """What had ended before another began stands before it."""
    for later in taken:
        for earlier in taken:
            if earlier.ended < later.began and places[earlier.message] > places[later.message]:
                yield f"{earlier.message!r} had ended before {later.message!r} began, and stands behind it"


def _was_refusable(said: Sequence[Said], places: Mapping[str, int], taken: Sequence[Try], one: Try) -> bool:
    """Whether the incident could have been, while this was asked, in a status that does not permit it."""
    first = max((places[each.message] for each in taken if each.ended < one.began), default=0)
    last = min((places[each.message] for each in taken if each.began > one.ended), default=len(said))
    return any(not may(status, one.status) for _, status in said[first:last])
