"""Name resolution: what a table name means to one session, or why it means nothing."""

from collections.abc import Sequence

from tests.standins.oracle.engine import privileges
from tests.standins.oracle.engine.catalog import Catalog, View, is_synonym
from tests.standins.oracle.engine.compiler.scope import Source, SourceColumn
from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.tables import Table, Tables
from tests.standins.oracle.types import Mode


class Names:
    """Resolves names for one compilation and remembers which views were read."""

    def __init__(
        self,
        catalog: Catalog,
        tables: Tables,
        *,
        schema: str,
        user: str,
        grants: frozenset[str],
        mode: Mode,
        mounted: bool,
    ) -> None:
        self._catalog = catalog
        self._tables = tables
        self._schema = schema
        self._user = user
        self._grants = grants
        self._mode = mode
        self._mounted = mounted
        self.views: list[str] = []

    def source(self, owner: str | None, name: str, alias: str, offset: int) -> Source:
        table = self._own_table(owner, name)
        if table is not None:
            return _table_source(table, name, alias, f"`{table.stored_as}` AS `{alias}`")
        view = self._view(owner, name, offset)
        if view.name not in self.views:
            self.views.append(view.name)
        columns = tuple(
            SourceColumn(column.name, f"`{column.name}`", column.type, column.hidden, column.nullable)
            for column in view.columns
        )
        return Source(name, alias, f"temp.`{view.name}` AS `{alias}`", columns, owner or "SYS", name)

    def target(self, owner: str | None, name: str, offset: int) -> Source:
        """A table that DML changes; nobody changes the dictionary."""
        table = self._own_table(owner, name)
        if table is None:
            self._view(owner, name, offset)
            raise ora(1031, offset=offset)
        return _table_source(table, name, table.stored_as, f"`{table.stored_as}`")

    def _own_table(self, owner: str | None, name: str) -> Table | None:
        schema = owner or self._schema
        found = self._tables.find(schema, name)
        visible = found is not None and (schema == self._user or self._mode == "sysdba")
        return found if visible else None

    def _view(self, owner: str | None, name: str, offset: int) -> View:
        view = self._catalog.find(name)
        if view is None or not self._reachable(owner, name, view):
            raise ora(942, offset=offset)
        if self._mounted and not view.fixed:
            raise ora(1219)
        if not privileges.may_read(view, self._grants, self._mode):
            raise ora(942, offset=offset)
        return view

    def _reachable(self, owner: str | None, name: str, view: View) -> bool:
        """V$X is a public synonym, V_$X is in SYS; a qualified name must be the owner's own."""
        if owner is None:
            if self._schema == "SYS":
                return True
            return (is_synonym(name) or name == view.name) and not privileges.needs_owner(view)
        if owner == "PUBLIC":
            return False
        return owner == view.owner and (not is_synonym(name) or self._mode == "sysdba")


def _table_source(table: Table, name: str, alias: str, sql: str) -> Source:
    columns: Sequence[SourceColumn] = [
        SourceColumn(column.name, f"`{column.name}`", column.type, nullable=column.nullable, default=column.default)
        for column in table.columns
    ]
    return Source(name, alias, sql, tuple(columns), table.owner, table.name)
