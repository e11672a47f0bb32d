"""What agents said against what a store has: nothing lost, nothing doubled, nothing that nobody said."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, select, text

from collector.core.tenancy import across_tenants
from collector.domain.results.tables import received_range, run
from collector.prove import stores
from common.wire import merge_ranges


class Place(NamedTuple):
    """Where sequence numbers count."""

    agent: str
    epoch: str
    stream: str


class Stored(Struct, frozen=True):
    """What is in a store: how often each run, and which numbers it takes for received. `sound`: its own check of it."""

    runs: Mapping[str, int]
    ranges: Mapping[Place, list[tuple[int, int]]]
    sound: bool


class Balance(Struct, frozen=True, kw_only=True):
    """`lost`: said and not there; `doubled`: there more than once; `invented`: there, and nobody said it."""

    said: int
    stored: int
    lost: int
    doubled: int
    invented: int
    sound: bool

    @property
    def even(self) -> bool:
        return self.sound and not (self.lost or self.doubled or self.invented)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "said": self.said,
            "stored": self.stored,
            "lost": self.lost,
            "doubled": self.doubled,
            "invented": self.invented,
        }

    @property
    def why(self) -> str:
        """What is wrong with it; empty where it is even."""
        if self.even:
            return ""
        sound = "" if self.sound else "; the store's own check of itself found faults"
        return f"lost {self.lost}, doubled {self.doubled}, invented {self.invented}{sound}"


async def stored(url: str) -> Stored:
    """Read a store, also while it is served."""
    return await asyncio.to_thread(stores.look, url, _read)


def compare(said: Iterable[str], found: Stored, *, maybe: Iterable[str] = ()) -> Balance:
    """`said`: the runs that have to be there; `maybe`: those that may be, since nobody knows what became of them."""
    wanted, possible = set(said), set(maybe)
    return Balance(
        said=len(wanted),
        stored=len(found.runs),
        lost=len(wanted - set(found.runs)),
        doubled=sum(count - 1 for count in found.runs.values()) + _overlapping(found),
        invented=len(set(found.runs) - wanted - possible),
        sound=found.sound,
    )


def _overlapping(found: Stored) -> int:
    """Numbers that are noted as received more than once."""
    return sum(
        sum(last - first + 1 for first, last in ranges) - sum(last - first + 1 for first, last in merge_ranges(ranges))
        for ranges in found.ranges.values()
    )


@across_tenants("a proof counts all there is in a store of its own")
def _read(conn: Connection) -> Stored:
    ranges: dict[Place, list[tuple[int, int]]] = defaultdict(list)
    for row in conn.execute(select(received_range)):
        ranges[Place(row.agent_id, row.epoch, row.stream)].append((row.first, row.last))
    runs = Counter(conn.execute(select(run.c.key)).scalars())
    return Stored(runs, dict(ranges), _is_sound(conn))


def _is_sound(conn: Connection) -> bool:
    if conn.dialect.name != "sqlite":
        return True
    return conn.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
