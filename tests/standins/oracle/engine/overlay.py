"""One database on top of another: the same but for some rows, some columns and some grants; cheap to make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.standins.oracle.engine.backend import Database
from tests.standins.oracle.engine.clocks import still
from tests.standins.oracle.engine.scenario import Row, Scenario, User, read_cells, read_rows


@dataclass(frozen=True)
class Changes:
    """`views`: all rows of these views; `columns`: of these views, in every row. Written as in scenario files, all
    words still text. `revoked`: objects that no account may read, as a GRANT names them (V_$LOG).
    """

    views: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()


def overlay(
    base: Database, changes: Changes, *, name: str, at: datetime, started: datetime, service: str | None = None
) -> Database:
    """`name` is that of the new database and of its only service; `service`: the one of `base` that it stands for."""
    scenario = base.scenario
    container = scenario.services[service or next(iter(scenario.services))]
    changed = replace(
        scenario,
        name=name,
        services={name: container},
        users={key: _without(user, changes.revoked) for key, user in scenario.users.items()},
        changed=_changed(scenario, changes, name),
    )
    return Database(changed, clock=still(at, started=started), plans=base.plans)


def _without(user: User, revoked: frozenset[str]) -> User:
    return replace(user, grants=user.grants - revoked)


def _changed(scenario: Scenario, changes: Changes, name: str) -> Mapping[str, tuple[Row, ...]]:
    rows = {
        view: tuple(read_rows(view, written, scenario.catalog, where=f"{name}: {view}"))
        for view, written in changes.views.items()
    }
    for view, cells in changes.columns.items():
        new = read_cells(view, cells, scenario.catalog, where=f"{name}: {view}")
        old = rows[view] if view in rows else scenario.rows(view)
        rows[view] = tuple({**row, **new} for row in old)
    return rows
