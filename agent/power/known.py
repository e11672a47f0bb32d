"""Pure: what is remembered of resources, by area, and what a look adds to that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.power.decision import Memory
from agent.power.reporting import Told
from agent.power.resource import Sizes
from common.wire_aws import Action, ResourceType


@dataclass(frozen=True, slots=True)
class Area:
    """The resources of one account in one region."""

    account: str
    region: str

    def place(self, resource: str) -> "Place":
        return Place(self.account, self.region, resource)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource is; `resource` is its key."""

    account: str
    region: str
    resource: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.resource)

    @property
    def area(self) -> Area:
        return Area(self.account, self.region)


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made; found after a start, it is one of which nobody knows whether it was made."""

    edge: datetime
    action: Action
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A resource as it was seen last, for whoever asks on this host; `schedules` are those that match it."""

    at: datetime
    id: str
    type: ResourceType
    name: str
    state: str
    schedules: tuple[str, ...]
    skipped: str = ""
    hold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that is remembered of an area, by the key of the resource. `noted`: when each value of a tag was first
    seen; `waiting`: what was said to wait and has not been said to be over.
    """

    memories: Mapping[str, Memory] = field(default_factory=dict)
    intents: Mapping[str, Intent] = field(default_factory=dict)
    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    noted: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    waiting: Mapping[str, tuple[Told, ...]] = field(default_factory=dict)

    @property
    def resources(self) -> frozenset[str]:
        return frozenset((*self.memories, *self.intents, *self.noted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one look brings, written at once. `sights` and `noted` stand for all that there are in the area."""

    memories: Mapping[str, Memory]
    told: Iterable[Told] = ()
    sights: Mapping[str, Sight] = field(default_factory=dict)
    noted: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    recovered: Iterable[str] = ()
    forgotten: Iterable[str] = ()
