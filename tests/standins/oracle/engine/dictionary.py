"""The rows that one session sees in a dictionary view, at this moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.standins.oracle.engine.catalog import View
from tests.standins.oracle.engine.cells import Cell, Counter, Moment
from tests.standins.oracle.engine.values import Stored, encode

ROOT = 1


@dataclass(frozen=True)
class Viewer:
    """Who looks: from which container, and whether beyond it."""

    container: int
    sees_all: bool
    cdb: bool
    instance: int
    now: datetime
    uptime: float


def visible_rows(view: View, rows: Iterable[Mapping[str, Cell]], viewer: Viewer) -> list[tuple[Stored, ...]]:
    """Rows of a scenario file as this view shows them to this session."""
    return [
        tuple(_cell(column.name, row, view, viewer) for column in view.columns)
        for row in rows
        if _visible(row, view, viewer)
    ]


def is_moving(rows: Iterable[Mapping[str, Cell]]) -> bool:
    return any(isinstance(cell, Moment | Counter) for row in rows for cell in row.values())


_ONE = encode(1)
_ZERO = encode(0)


def _visible(row: Mapping[str, Cell], view: View, viewer: Viewer) -> bool:
    if view.fixed and not view.cluster_wide and row.get("INST_ID", encode(viewer.instance)) != encode(viewer.instance):
        return False
    if not viewer.cdb:
        return True
    container = row.get("CON_ID", _ZERO if view.fixed else _ONE)
    own = encode(viewer.container)
    if view.fixed or view.container_wide:
        return container in {own, _ZERO} or (viewer.container == ROOT and viewer.sees_all)
    return container == own


def _cell(name: str, row: Mapping[str, Cell], view: View, viewer: Viewer) -> Stored:
    if name not in row:
        return _missing(name, view, viewer)
    cell = row[name]
    return cell.at(viewer.now, viewer.uptime) if isinstance(cell, Moment | Counter) else cell


def _missing(name: str, view: View, viewer: Viewer) -> Stored:
    if name == "INST_ID":
        return encode(viewer.instance)
    if name == "CON_ID" and (view.fixed or view.container_wide):
        return _ONE if viewer.cdb and not view.fixed else _ZERO
    return None


Provider = Callable[[Any], Iterable[Mapping[str, Cell]]]
