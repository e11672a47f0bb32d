"""The connections that a batch touches: found or made by key, changed by inventories, written once."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from collector.core import sequences
from collector.domain.results import store
from collector.domain.results.rows import Target
from collector.domain.versions import store as versions
from common.wire import ConnectionInfo, Inventory


class Targets:
    """One agent's connections, as far as they have been asked for."""

    def __init__(self, conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> None:
        self._conn = conn
        self._tenant_id = tenant_id
        self._agent_id = agent_id
        self._now = now
        self._by_key: dict[str, Target] = {}
        self._changed: dict[int, Target] = {}
        self._in_fleet: dict[int, tuple[str, int | None] | None] = {}
        self.removed: list[Target] = []
        """Those that a newer inventory than theirs does not name any more."""

    def load(self, keys: Iterable[str]) -> None:
        """Read those of these keys that exist and are not here yet."""
        missing = set(keys) - set(self._by_key)
        if missing:
            self._take(store.targets(self._conn, self._tenant_id, self._agent_id, missing))

    def load_all(self) -> None:
        known = store.all_targets(self._conn, self._tenant_id, self._agent_id)
        self._take(target for target in known if target.key not in self._by_key)

    def make(self, keys: Iterable[str]) -> None:
        """A row for each of these keys that has none; it is not listed until an inventory names it."""
        new = sorted(set(keys) - set(self._by_key))
        for number, key in zip(sequences.take(self._conn, "connection", len(new)), new, strict=True):
            target = Target(
                tenant_id=self._tenant_id,
                id=number,
                agent_id=self._agent_id,
                key=key,
                name=key,
                created_at=self._now,
            )
            self._by_key[key] = target
            self.touch(target)

    def of(self, key: str) -> Target:
        return self._by_key[key]

    def all(self) -> Sequence[Target]:
        return list(self._by_key.values())

    def touch(self, target: Target) -> None:
        self._changed[target.id] = target

    def save(self) -> None:
        if not self._changed:
            return
        store.save_targets(self._conn, self._tenant_id, list(self._changed.values()))
        versions.move(self._conn, self._tenant_id, "results")
        if any(target.in_fleet != self._in_fleet.get(target.id) for target in self._changed.values()):
            versions.bump(self._conn, self._tenant_id)

    def _take(self, found: Iterable[Target]) -> None:
        for target in found:
            self._by_key[target.key] = target
            self._in_fleet[target.id] = target.in_fleet


def apply_inventories(
    targets: Targets, inventories: Iterable[tuple[datetime, Inventory]], newest: datetime | None
) -> datetime | None:
    """Take in inventories in any order; returns when the newest one was made.

    A connection is listed while the newest inventory names it, and looks as the newest one that names it says. One
    that comes in parts lists at once what it names, but nothing is missing from it before all of it is here.
    """
    targets.load_all()
    for at, inventory in inventories:
        targets.make(info.key for info in inventory.connections)
        for info in inventory.connections:
            _list(targets, targets.of(info.key), info, at)
        if _complete(targets, inventory, at):
            newest = max(newest, at) if newest else at
    for target in targets.all():
        _settle(targets, target, newest)
    return newest


def _complete(targets: Targets, inventory: Inventory, at: datetime) -> bool:
    return inventory.parts == 1 or sum(target.listed_at == at for target in targets.all()) == inventory.total


def _list(targets: Targets, target: Target, info: ConnectionInfo, at: datetime) -> None:
    if target.listed_at is not None and target.listed_at >= at:
        return
    target.listed_at = at
    target.name, target.type, target.host, target.port = info.name, info.type, info.host, info.port
    target.tier, target.tags = info.tier, list(info.tags)
    targets.touch(target)


def _settle(targets: Targets, target: Target, newest: datetime | None) -> None:
    gone = newest is not None and target.listed_at is not None and target.listed_at < newest
    if gone == (target.removed_at is not None):
        return
    target.removed_at = newest if gone else None
    if gone:
        targets.removed.append(target)
    targets.touch(target)
