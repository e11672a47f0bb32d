"""The rows that one session sees in a dictionary view, at this moment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.standins.oracle.engine.catalog import View
from tests.standins.oracle.engine.cells import Cell, Counter, Moment
from tests.standins.oracle.engine.values import Stored, decode_number, encode

ROOT = 1


@dataclass(frozen=True)
class Viewer:
    """Who looks: from which container, and whether beyond it."""

    container: int
    sees_all: bool
    cdb: bool
    instance: int
    now: datetime
    started: datetime
    uptime: float
    container_name: Callable[[int], str]
    database_name: str


def written_columns(view: View, rows: Iterable[Mapping[str, Cell]]) -> list[str]:
    """The columns of a view that can be other than NULL here."""
    written = {name for row in rows for name in row} | {"INST_ID", "CON_ID", "CON$NAME", "CDB$NAME"}
    return [column.name for column in view.columns if column.name in written]


def visible_rows(
    view: View,
    rows: Iterable[Mapping[str, Cell]],
    columns: Sequence[str],
    viewer: Viewer,
) -> list[tuple[Stored, ...]]:
    """Rows of a scenario file as this view shows them to this session."""
    return [tuple(_cell(name, row, view, viewer) for name in columns) for row in rows if _visible(row, view, viewer)]


def is_moving(rows: Iterable[Mapping[str, Cell]]) -> bool:
    return any(_moves(cell) for row in rows for cell in row.values())


def _moves(cell: Cell) -> bool:
    return isinstance(cell, Counter) or (isinstance(cell, Moment) and not cell.of_start)


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
        return _missing(name, row, view, viewer)
    cell = row[name]
    return cell.at(viewer.now, viewer.started, viewer.uptime) if isinstance(cell, Moment | Counter) else cell


def _missing(name: str, row: Mapping[str, Cell], view: View, viewer: Viewer) -> Stored:
    if name == "INST_ID":
        return encode(viewer.instance)
    if name == "CON_ID" and (view.fixed or view.container_wide):
        return _ONE if viewer.cdb and not view.fixed else _ZERO
    if name == "CDB$NAME":
        return viewer.database_name
    if name == "CON$NAME":
        container = row.get("CON_ID", _ONE)
        return viewer.container_name(int(decode_number(container)) if isinstance(container, bytes) else ROOT)
    return None
