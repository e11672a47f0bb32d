"""Pure: who goes first where several are switched at one edge; a database before what needs it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

from common.wire_aws import Action, ResourceType

ORDER_TAG = "fieldpost:order"
PATIENCE = timedelta(minutes=10)
_RANK: dict[ResourceType, int] = {"RDS": 0, "EC2": 1, "ASG": 1}
_LARGEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One resource at an edge. DONE: it is as it should be, or left alone; `since`: when it was first acted on."""

    id: str
    type: ResourceType
    action: Action
    order: int = 0
    phase: Literal["TODO", "UNDERWAY", "DONE"] = "TODO"
    since: datetime | None = None

    @property
    def place(self) -> tuple[int, int]:
        rank = _RANK[self.type]
        return (self.order, rank) if self.action == "START" else (-self.order, -rank)


def order_of(tags: Mapping[str, str]) -> int | None:
    """What the tag says, 0 without it; None when it is no whole number up to 10000."""
    text = tags.get(ORDER_TAG, "0").strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(_LARGEST)):
        return None
    number = int(text)
    return number if abs(number) <= _LARGEST else None


def released(steps: Iterable[Step], now: datetime) -> frozenset[str]:
    """The ids that may be acted on now: a group follows when the one before is done, or has had its ten minutes."""
    actions: tuple[Action, ...] = ("START", "STOP")
    every = list(steps)
    found = [_released([step for step in every if step.action == action], now) for action in actions]
    return frozenset().union(*found)


def _released(steps: list[Step], now: datetime) -> set[str]:
    free: set[str] = set()
    for _, members in groupby(sorted(steps, key=lambda step: step.place), key=lambda step: step.place):
        group = list(members)
        free |= {step.id for step in group if step.phase == "TODO"}
        begun = min((step.since for step in group if step.since is not None), default=None)
        done = all(step.phase == "DONE" for step in group)
        if not done and (begun is None or now - begun < PATIENCE):
            break
    return free
