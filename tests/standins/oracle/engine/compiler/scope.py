"""What names mean at one place of a statement: sources, their columns, grouping, ROWNUM."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.standins.oracle.engine.sqltypes import SqlType


@dataclass(frozen=True)
class Code:
    """A compiled expression."""

    sql: str
    type: SqlType
    nullable: bool = True


@dataclass(frozen=True)
class Output:
    """One column that a query block yields; in SQLite it is called c1, c2 and so on."""

    name: str
    type: SqlType
    nullable: bool = True


@dataclass(frozen=True)
class Query:
    """A compiled query block or set operation.

    `bare`: one SELECT, or a chain of set operations, that can stand in a longer chain without parentheses, which
    SQLite reads from left to right as Oracle does; nothing sorts, pages or names anything around it.
    """

    sql: str
    outputs: tuple[Output, ...]
    bare: bool = False
    chain: bool = False


@dataclass(frozen=True)
class SourceColumn:
    name: str
    sql: str
    type: SqlType
    hidden: bool = False
    nullable: bool = True
    default: str | None = None  # what INSERT puts in when the column is left out


@dataclass(frozen=True)
class Source:
    """One item of FROM; `name` is how the statement calls it, `alias` how SQLite does."""

    name: str
    alias: str
    sql: str
    columns: tuple[SourceColumn, ...]
    owner: str = ""
    table: str = ""  # its name in the dictionary

    def find(self, name: str) -> list[SourceColumn]:
        return [column for column in self.columns if column.name == name]


class Clause(enum.Enum):
    SELECT = enum.auto()
    ON = enum.auto()
    WHERE = enum.auto()
    GROUP = enum.auto()
    HAVING = enum.auto()
    ORDER = enum.auto()


@dataclass
class Grouping:
    """The compiled GROUP BY expressions, and whether there is a GROUP BY at all."""

    keys: frozenset[str]
    explicit: bool


@dataclass
class Numbering:
    """The inner block that ROWNUM needs: its columns are those that the outer clauses turned out to read."""

    alias: str
    columns: dict[str, str] = field(default_factory=dict)
    numbered: bool = False

    def column(self, sql: str) -> str:
        name = self.columns.setdefault(sql, f"k{len(self.columns) + 1}")
        return f"`{self.alias}`.`{name}`"

    def rownum(self) -> str:
        self.numbered = True
        return f"`{self.alias}`.`rn`"


@dataclass
class Scope:
    """One query block while it is compiled."""

    parent: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    common: dict[str, Source] = field(default_factory=dict)  # WITH, by name
    merged: dict[str, Code] = field(default_factory=dict)  # columns of USING and NATURAL
    clause: Clause = Clause.SELECT
    grouping: Grouping | None = None
    numbering: Numbering | None = None
    listed: frozenset[str] | None = None  # SQL of the select list, where ORDER BY is bound to it
    renamed: dict[str, Code] = field(default_factory=dict)  # aliases of the select list, for ORDER BY
    level: str | None = None  # SQL of LEVEL inside CONNECT BY
    prior: "Scope | None" = None  # where PRIOR looks
    depth: int = 0  # inside how many aggregates

    @contextmanager
    def at(self, clause: Clause) -> Iterator[None]:
        before, self.clause = self.clause, clause
        try:
            yield
        finally:
            self.clause = before

    @contextmanager
    def aggregating(self) -> Iterator[None]:
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    @contextmanager
    def ungrouped(self) -> Iterator[None]:
        before, self.grouping = self.grouping, None
        try:
            yield
        finally:
            self.grouping = before

    @property
    def groups(self) -> bool:
        """Are columns here bound by GROUP BY?"""
        return self.grouping is not None and self.depth == 0

    def find_common(self, name: str) -> Source | None:
        found = self.common.get(name)
        if found is None and self.parent is not None:
            return self.parent.find_common(name)
        return found


@dataclass(frozen=True)
class Block:
    """The rows of a query block: what stands behind FROM, WHERE and the LIMIT that ROWNUM sets."""

    source: str
    where: list[str]
    limit: str = ""
