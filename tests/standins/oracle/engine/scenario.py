"""Scenario folders: what a database is like, read from YAML and checked against the dictionary."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from tests.standins.oracle.engine.catalog import DATA, Catalog, View, catalog
from tests.standins.oracle.engine.cells import Cell, Moment, read_cell, seconds_of
from tests.standins.oracle.engine.sqltypes import NUMBER, SqlType
from tests.standins.oracle.types import Account, AccountStatus, Mode

SCENARIOS = Path(__file__).parent.parent / "scenarios"
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # all words stay text: a column's type says what they mean
_KEYS = {
    "description", "extends", "release", "open_mode", "cdb", "services", "users", "parameters", "db_name",
    "db_unique_name", "db_domain", "instance_name", "database_role", "restricted", "live_sessions", "containers",
}  # fmt: skip
_USER_KEYS = {"password", "status", "grants", "container_data", "sysdg", "sysdba", "modes", "system_privileges"}
_OPEN_TO_ALL = ("CREATE SESSION", "CREATE TABLE")

Row = Mapping[str, Cell]


@dataclass(frozen=True)
class User:
    """An account and what it may do."""

    account: Account
    grants: frozenset[str]
    system_privileges: frozenset[str]
    sees_all_containers: bool


@dataclass(frozen=True)
class Scenario:
    name: str
    release: tuple[int, int, int, int, int]
    mounted: bool
    open_mode: str
    cdb: bool
    services: Mapping[str, int]
    users: Mapping[str, User]
    facts: Mapping[str, str]  # names of database and instance, where the file gives them
    live_sessions: bool = True
    restricted: bool = False
    containers: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)  # of the views that have rows
    changed: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)  # what stands in a test, not in a file

    def rows(self, view: str) -> tuple[Row, ...]:
        """The rows written for a view; read when first asked for, none without a file."""
        if view in self.changed:
            return self.changed[view]
        file = self.files.get(view)
        return _rows(file, self.release) if file else ()

    def check(self) -> None:
        """Read every file and look every grant up, so that a mistake in any of them shows."""
        for view in self.files:
            self.rows(view)
        for name, user in self.users.items():
            unknown = sorted(user.grants - self.catalog.grants)
            if unknown:
                raise ValueError(f"{self.name}: user {name}: no such object to grant: {', '.join(unknown)}")

    @property
    def catalog(self) -> Catalog:
        return catalog(self.release)


def read_scenario(folder: Path) -> Scenario:
    """Read one folder and those that it extends."""
    return _read(folder, ())


def _read(folder: Path, seen: tuple[Path, ...]) -> Scenario:
    merged, folders = _merged(folder, seen)
    release = _release(merged, folder)
    users = {name.upper(): _user(name.upper(), facts or {}, folder) for name, facts in merged["users"].items()}
    services = {name.lower(): int(facts["container"]) for name, facts in merged["services"].items()}
    files = {file.stem: file for one in folders for file in sorted((one / "views").glob("*.yaml"))}
    open_mode = merged.get("open_mode", "READ WRITE").upper()
    names = ("db_name", "db_unique_name", "db_domain", "instance_name", "database_role")
    return Scenario(
        name=folder.name,
        release=release,
        mounted=open_mode == "MOUNTED",
        open_mode=open_mode,
        cdb=_flag(merged.get("cdb", "false")),
        services=services,
        users=users,
        facts={name: merged[name] for name in names if name in merged},
        live_sessions=_flag(merged.get("live_sessions", "true")),
        restricted=_flag(merged.get("restricted", "false")),
        containers={int(number): name for number, name in merged.get("containers", {}).items()},
        files=files,
    )


def _merged(folder: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], list[Path]]:
    """The keys of a scenario over those of its parents, and the folders, eldest first."""
    if folder in seen:
        raise ValueError(f"{folder}: extends itself")
    file = folder / "scenario.yaml"
    own = _load(file)
    if not isinstance(own, dict):
        raise TypeError(f"{file}: expected a mapping")
    unknown = set(own) - _KEYS
    if unknown:
        raise ValueError(f"{file}: unknown key {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KEYS))}")
    if "extends" not in own:
        missing = {"release", "services", "users"} - set(own)
        if missing:
            raise ValueError(f"{file}: {', '.join(sorted(missing))} is missing")
        return own, [folder]
    inherited, folders = _merged(folder.parent / own["extends"], (*seen, folder))
    return inherited | own, [*folders, folder]


def _load(file: Path) -> Any:
    with file.open(encoding="utf-8") as stream:
        return yaml.load(stream, _LOADER)  # noqa: S506 - the base loader makes text only


def _flag(word: str) -> bool:
    if word.lower() not in {"true", "false", "yes", "no"}:
        raise ValueError(f"{word!r}: expected true or false")
    return word.lower() in {"true", "yes"}


def _release(merged: Mapping[str, Any], folder: Path) -> tuple[int, int, int, int, int]:
    parts = [int(part) for part in str(merged["release"]).split(".")]
    if len(parts) != 5:
        raise ValueError(f"{folder}: release {merged['release']!r}, expected five numbers such as 19.22.0.0.0")
    return parts[0], parts[1], parts[2], parts[3], parts[4]


def _user(name: str, facts: Mapping[str, Any], folder: Path) -> User:
    unknown = set(facts) - _USER_KEYS
    if unknown or "password" not in facts:
        problem = f"unknown key {', '.join(sorted(unknown))}" if unknown else "password is missing"
        raise ValueError(f"{folder}: user {name}: {problem}")
    modes: set[Mode] = {"normal"}
    modes |= set(facts.get("modes", ()))
    administrative: tuple[Mode, ...] = ("sysdg", "sysdba")
    for mode in administrative:
        if _flag(facts.get(mode, "false")):
            modes.add(mode)
    account = Account(name, facts["password"], AccountStatus[facts.get("status", "OPEN").upper()], frozenset(modes))
    return User(
        account,
        _grants(facts.get("grants", [])),
        frozenset(word.upper() for word in facts.get("system_privileges", _OPEN_TO_ALL)),
        sees_all_containers=facts.get("container_data", "") == "all",
    )


def _grants(declared: str | list[str]) -> frozenset[str]:
    if isinstance(declared, str):
        if declared == "catalogue":
            return catalogue_grants()
        raise ValueError(f"grants: {declared!r}, expected catalogue or a list of objects")
    return frozenset(name.upper().rpartition(".")[2] for name in declared)


@lru_cache(maxsize=1)
def catalogue_grants() -> frozenset[str]:
    """What the product's own grant script names."""
    lines = (DATA / "catalogue_grants.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


@lru_cache(maxsize=1024)
def _rows(file: Path, release: tuple[int, ...]) -> tuple[Row, ...]:
    return tuple(read_rows(file.stem, _load(file) or [], catalog(release), where=str(file)))


def read_rows(name: str, rows: Iterable[Mapping[str, Any]], known: Catalog, *, where: str) -> Iterator[Row]:
    """Rows as they are written, all words still text, checked against the view's columns."""
    view, types = _view_types(name, known, where)
    for number, row in enumerate(rows, 1):
        try:
            yield from _expanded(row, types, view)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{where}: row {number}: {error}") from error


def read_cells(name: str, cells: Mapping[str, Any], known: Catalog, *, where: str) -> Row:
    """Some columns of a view, as they are written."""
    view, types = _view_types(name, known, where)
    return _row(cells, types, view, None)


def _view_types(name: str, known: Catalog, where: str) -> tuple[View, Mapping[str, SqlType]]:
    view = known.find(name)
    if view is None or view.name != view.base:
        raise ValueError(f"{where}: {name} is no view of this release (write V$ and DBA_ views, not variants)")
    types = {column.name: column.type for column in view.columns}
    return view, types | {"CON_ID": NUMBER, "INST_ID": NUMBER}


def _expanded(row: Mapping[str, Any], types: Mapping[str, Any], view: View) -> Iterator[Row]:
    if "repeat" not in row:
        yield _row(row, types, view, None)
        return
    repeat = row["repeat"]
    every = seconds_of(repeat.get("every", "0s"))
    template = row.get("row") or repeat["row"]
    for index in range(int(repeat["count"])):
        yield _shifted(_row(template, types, view, index), every * index)


def _shifted(row: Row, by: timedelta) -> Row:
    return {name: cell.shifted(by) if isinstance(cell, Moment) else cell for name, cell in row.items()}


def _row(row: Mapping[str, Any], types: Mapping[str, Any], view: View, index: int | None) -> Row:
    cells: dict[str, Cell] = {}
    for name, value in row.items():
        if name not in types:
            raise ValueError(f"{view.name} has no column {name}")
        try:
            cells[name] = read_cell(value, types[name], index)
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"{name}: {error}") from None
    return cells
