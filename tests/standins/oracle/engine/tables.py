"""Ordinary tables that users make, shared by the sessions of one database."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.standins.oracle.engine.sqltypes import SqlType


@dataclass(frozen=True)
class TableColumn:
    name: str
    type: SqlType
    nullable: bool = True
    default: str | None = None  # Oracle's text of it


@dataclass(frozen=True)
class Key:
    """A primary or unique key."""

    name: str
    columns: tuple[str, ...]
    primary: bool = False


@dataclass(frozen=True)
class Table:
    owner: str
    name: str
    columns: tuple[TableColumn, ...]
    keys: tuple[Key, ...] = ()

    @property
    def stored_as(self) -> str:
        """Its name in SQLite."""
        return f"{self.owner}.{self.name}"


@dataclass
class Tables:
    """All tables of one database; `version` changes with each DDL, so that plans are made anew."""

    _tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    version: int = 0

    def find(self, owner: str, name: str) -> Table | None:
        with self._lock:
            return self._tables.get((owner, name))

    def all(self) -> list[Table]:
        with self._lock:
            return list(self._tables.values())

    def put(self, table: Table) -> None:
        with self._lock:
            self._tables[table.owner, table.name] = table
            self.version += 1

    def drop(self, table: Table) -> None:
        with self._lock:
            self._tables.pop((table.owner, table.name), None)
            self.version += 1

    def snapshot(self) -> Mapping[tuple[str, str], Table]:
        with self._lock:
            return dict(self._tables)
