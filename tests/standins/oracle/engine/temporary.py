"""The dictionary views that a session has read, as temporary tables of its connection."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.standins.oracle.engine import providers
from tests.standins.oracle.engine.catalog import View
from tests.standins.oracle.engine.dictionary import Viewer, is_moving, visible_rows, written_columns
from tests.standins.oracle.engine.errors import ora

if TYPE_CHECKING:
    from tests.standins.oracle.engine.session import Session


class TemporaryViews:
    """Fills a view's table when a statement needs it, and again at each statement when its rows move."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._settled: dict[str, bool] = {}  # the tables there are; True when their rows hold for good

    def forget(self) -> None:
        """After a rollback the tables may be older than they seem."""
        self._settled.clear()

    def load(self, names: Sequence[str]) -> None:
        waiting = [name for name in names if self._settled.get(name) is not True]
        if not waiting:
            return
        session = self._session
        own = not session.connection.in_transaction
        if own:
            session.run("BEGIN", [])
        try:
            for name in waiting:
                self._fill(name)
        finally:
            if own:
                session.connection.execute("COMMIT")

    def _fill(self, name: str) -> None:
        session = self._session
        view = session.database.scenario.catalog.find(name)
        if view is None:
            raise ora(942)
        rows, live = providers.rows(session, view.base)
        self._make(view)
        written = written_columns(view, rows)
        names, marks = ", ".join(f"`{column}`" for column in written), ", ".join("?" * len(written))
        stored = visible_rows(view, rows, written, self._viewer())
        if stored:
            session.connection.executemany(f"INSERT INTO temp.`{name}` ({names}) VALUES ({marks})", stored)
        self._settled[name] = not (live or is_moving(rows))

    def _make(self, view: View) -> None:
        """An empty table for a view."""
        if view.name in self._settled:
            self._session.run(f"DELETE FROM temp.`{view.name}`", [])
            return
        columns = ", ".join(f"`{column.name}`" for column in view.columns)
        self._session.run(f"DROP TABLE IF EXISTS temp.`{view.name}`", [])
        self._session.run(f"CREATE TABLE temp.`{view.name}` ({columns})", [])

    def _viewer(self) -> Viewer:
        session = self._session
        return Viewer(
            container=session.container,
            sees_all=session.user.sees_all_containers or session.login.mode == "sysdba",
            cdb=session.database.scenario.cdb,
            instance=1,
            now=session.now,
            started=session.database.clock.started,
            uptime=session.database.clock.uptime(),
            container_name=session.database.name_of_container,
            database_name=session.database.db_name,
        )
