"""Pure: how large the database may become, and how full it is."""

import re
from dataclasses import dataclass
from typing import Literal

State = Literal["well", "near", "over"]
Shortage = Literal["none", "near", "refused"]
"""What people are told: nothing; that room gets short; that lately something was refused for want of it."""

NEAR = 0.9
_LEAST_RESERVE = 2**30
_SHARE_OF_VOLUME = 0.05
_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = re.compile(r"(\d{1,15})\s*([A-Za-z]{0,3})")


def bytes_of(size: str) -> int:
    """`50GiB`, or a number of bytes; ValueError says what was expected."""
    found = _SIZE.fullmatch(size.strip())
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError(f"`{size}`; expected bytes, or KiB, MiB, GiB or TiB, such as 50GiB")
    return int(found[1]) * _UNITS[found[2].upper()]


def worded(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 2**10:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 2**10
    return f"{size:.1f} TiB"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator allows: `budget` for the database (None: any size), `reserve` to leave on its volume."""

    budget: int | None = None
    reserve: int | None = None

    @classmethod
    def of(cls, budget: str, reserve: str) -> "Terms":
        return cls(bytes_of(budget) if budget else None, bytes_of(reserve) if reserve else None)


@dataclass(frozen=True, slots=True)
class Volume:
    """The file system of the database; `free`: for us, what the database keeps empty included."""

    size: int
    free: int


@dataclass(frozen=True, slots=True)
class Fill:
    """How full the database is; `limit`: how large it may become, None where nobody can tell."""

    taken: int
    limit: int | None
    by_reserve: bool = False

    @property
    def share(self) -> float:
        if self.limit is None:
            return 0.0
        return self.taken / self.limit if self.limit > 0 else float("inf")

    @property
    def state(self) -> State:
        if self.limit is None or self.share < NEAR:
            return "well"
        return "near" if self.share < 1 else "over"

    @property
    def excess(self) -> int:
        """By how much it is too large."""
        return 0 if self.limit is None else max(0, self.taken - self.limit)

    @property
    def can_shrink(self) -> bool:
        """Whether to forget something helps: not where others have filled the volume."""
        return self.state == "over" and self.excess < self.taken

    def __str__(self) -> str:
        if self.limit is None:
            return worded(self.taken)
        why = "what is to be left free on its volume" if self.by_reserve else "disk_budget"
        return f"{worded(self.taken)} of {worded(max(0, self.limit))} ({why})"


def judged(taken: int, volume: Volume | None, terms: Terms) -> Fill:
    """Pure: the smaller of what the budget allows and what the volume has beside its reserve."""
    by_volume = None if volume is None else taken + volume.free - _reserve(volume, terms)
    if by_volume is None or (terms.budget is not None and terms.budget <= by_volume):
        return Fill(taken, terms.budget)
    return Fill(taken, by_volume, by_reserve=True)


def _reserve(volume: Volume, terms: Terms) -> int:
    if terms.reserve is not None:
        return terms.reserve
    return max(_LEAST_RESERVE, int(volume.size * _SHARE_OF_VOLUME))
