"""The data dictionary: which views and columns a release has, under which names they can be reached."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from tests.standins.oracle.engine.sqltypes import NUMBER, SqlType, parse_type

DATA = Path(__file__).parent.parent / "data"
_FILES = (DATA / "views.yaml", Path(__file__).parent / "more_views.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class ViewColumn:
    name: str
    type: SqlType
    hidden: bool = False  # selectable by name, absent from SELECT *
    nullable: bool = True


@dataclass(frozen=True)
class View:
    """One dictionary object of one release, e.g. GV$LOG or CDB_DATA_FILES."""

    name: str  # the public name: V$LOG
    base: str  # whose rows these are: V$LOG for GV$LOG, DBA_X for CDB_X
    grant: str  # the object that a privilege names: V_$LOG
    fixed: bool  # answers in MOUNT
    columns: tuple[ViewColumn, ...]
    owner: str = "SYS"

    @property
    def cluster_wide(self) -> bool:
        return self.name.startswith("GV$")

    @property
    def container_wide(self) -> bool:
        return self.name.startswith("CDB_") and self.name != self.base


class Catalog:
    """All views of one release; built lazily, as a process needs a handful of the four hundred."""

    def __init__(self, release: tuple[int, ...]) -> None:
        self._release = release
        self._views: dict[str, View | None] = {}

    def find(self, name: str) -> View | None:
        """The view behind V$X, GV$X, V_$X, DBA_X, CDB_X and so on, if this release has it."""
        public = public_name(name)
        if public not in self._views:
            self._views[public] = self._build(public)
        return self._views[public]

    def names(self) -> list[str]:
        """Every view that exists, variants included."""
        own = [name for name, facts in _facts().items() if self._within(facts)]
        return own + [variant for name in own for variant in _facts()[name].get("variants") or ()]

    @cached_property
    def grants(self) -> frozenset[str]:
        """Every object that a GRANT may name: V_$LOG, GV_$LOG, DBA_USERS, CDB_USERS."""
        return frozenset(view.grant for view in map(self.find, self.names()) if view is not None)

    def _build(self, name: str) -> View | None:
        base = _variant_bases().get(name, name)
        facts = _facts().get(base)
        if facts is None or not self._within(facts):
            return None
        columns = tuple(self._columns(facts))
        if name.startswith("GV$") and all(column.name != "INST_ID" for column in columns):
            columns = (ViewColumn("INST_ID", NUMBER), *columns)
        if name != base and name.startswith("CDB_"):
            columns = self._cdb_columns(columns)
        fixed = facts["kind"] == "dynamic" or name == "DUAL"
        grant = _grant_name(name, facts)
        return View(name, base, grant, fixed=fixed, columns=columns, owner=_owner(facts))

    def _within(self, facts: Mapping[str, Any]) -> bool:
        since, until = facts.get("since"), facts.get("until")
        if since and self._release[:2] < _release(since):
            return False
        return not until or self._release[:2] <= _release(until)

    def _columns(self, facts: Mapping[str, Any]) -> list[ViewColumn]:
        return [
            ViewColumn(
                column["name"],
                parse_type(column["type"]),
                hidden=bool(column.get("hidden")),
                nullable=column.get("nullable", True),
            )
            for column in facts["columns"]
            if self._within(column)
        ]

    def _cdb_columns(self, columns: tuple[ViewColumn, ...]) -> tuple[ViewColumn, ...]:
        own = tuple(column for column in columns if column.name != "CON_ID")
        columns = (*own, ViewColumn("CON_ID", NUMBER))
        if self._release[:2] < (12, 2):
            return columns
        name = parse_type("VARCHAR2(128)")
        return (
            *columns,
            ViewColumn("CON$NAME", name, hidden=True),
            ViewColumn("CDB$NAME", name, hidden=True),
            ViewColumn("CON$ERRNUM", NUMBER, hidden=True),
            ViewColumn("CON$ERRMSG", parse_type("VARCHAR2(4000)"), hidden=True),
        )


def public_name(name: str) -> str:
    """V$X for SYS.V_$X; any other name as it is."""
    match = re.fullmatch(r"(G?V)_\$(.+)", name)
    return f"{match[1]}${match[2]}" if match else name


def is_synonym(name: str) -> bool:
    """V$X and GV$X are public synonyms; SYS owns V_$X."""
    return bool(re.match(r"G?V\$", name))


@lru_cache(maxsize=8)
def catalog(release: tuple[int, ...]) -> Catalog:
    return Catalog(release)


@lru_cache(maxsize=1)
def _facts() -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for file in _FILES:
        with file.open(encoding="utf-8") as stream:
            merged |= yaml.load(stream, _LOADER)["views"]  # noqa: S506 - a safe loader either way
    return merged


@lru_cache(maxsize=1)
def _variant_bases() -> dict[str, str]:
    return {variant: name for name, facts in _facts().items() for variant in facts.get("variants") or ()}


def _release(name: str) -> tuple[int, int]:
    match = re.match(r"(\d+)(?:\.(\d+))?", name)
    if match is None:
        raise ValueError(f"release {name!r} in the catalogue: expected a form such as 12.2 or 19c")
    return int(match[1]), int(match[2] or 0)


def _grant_name(name: str, facts: Mapping[str, Any]) -> str:
    declared = facts.get("grant_gv" if name.startswith("GV$") else "grant")
    if name.startswith("CDB_") or not declared:
        return re.sub(r"^(G?V)\$", r"\1_$", name)
    return str(declared).rpartition(".")[2]


def _owner(facts: Mapping[str, Any]) -> str:
    return str(facts.get("grant") or "SYS.").partition(".")[0]
