"""Pure: statements whose columns are known are packed into few, and their rows are taken apart again.

A statement is learned when it has run alone: its columns, how many rows it gave, how long it took. Learned ones share a
round trip as branches of one UNION ALL, numbers in number slots and texts in text slots. A bundle that fails says
nothing of its members: they run alone, and have to succeed alone before they are bundled again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple, cast

from agent.oracle.catalogue import CALL_TIMEOUT_S, Cost, Pack, Row, Value, check_licence

MAX_MEMBERS = 16
MAX_SLOTS = 24
MAX_BUNDLE_ROWS = 800  # below what one fetch brings, so that a bundle is one round trip
MAX_MEMBER_ROWS = 300
MAX_TEXT = 32_000
PATIENCE = 5
MAX_SHARE = 0.2  # of the call timeout, for all members together when they ran alone
SMALLER_FOR = 500  # visits
_NAME = re.compile(r"[A-Z][A-Z0-9_$#]{0,29}")

Kind = Literal["number", "text", "other"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the server describes it. `decimal`: declared with decimals, so that the driver gives a float."""

    name: str
    kind: Kind
    decimal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What a statement gave."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]

    def named(self) -> list[Row]:
        """The rows by column name in lower case."""
        names = [column.name.lower() for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A statement that is due, and the shortest interval of those who want it. Heavy ones always run alone."""

    name: str
    sql: str
    interval_s: int
    cost: Cost = "cheap"


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of a statement since it ran alone; `numbers`: how many of its columns are."""

    columns: tuple[Column, ...]
    rows: int
    seconds: float
    numbers: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", sum(column.kind == "number" for column in self.columns))

    @property
    def texts(self) -> int:
        return len(self.columns) - self.numbers


@dataclass(frozen=True, slots=True)
class Member:
    """One statement of a bundle."""

    name: str
    sql: str
    known: Learned


@dataclass(frozen=True)
class Bundle:
    """Several statements of one cost as one."""

    members: tuple[Member, ...]
    cost: Cost = "cheap"

    @property
    def action(self) -> str:
        """What a DBA reads in V$SESSION.ACTION, which takes 64 characters."""
        return f"BUNDLE {self.members[0].name[:40]} +{len(self.members) - 1}"

    @property
    def timeout_s(self) -> float:
        """Far more than its members took alone, and less than what a statement may take, as they run alone then."""
        alone = sum(member.known.seconds for member in self.members)
        return min(max(PATIENCE * alone, CALL_TIMEOUT_S["cheap"] / 2), CALL_TIMEOUT_S[self.cost])

    @cached_property
    def numbers(self) -> int:
        return max(member.known.numbers for member in self.members)

    @cached_property
    def texts(self) -> int:
        return max(member.known.texts for member in self.members)

    def sql(self, packs: frozenset[Pack]) -> str:
        """The statement; each member passes the licence gate by itself."""
        for member in self.members:
            check_licence(member.sql, packs)
        branches = [self._branch(place, member) for place, member in enumerate(self.members)]
        return "\nUNION ALL\n".join(branches)

    def _branch(self, place: int, member: Member) -> str:
        """ROWNUM over the whole statement keeps its order, which UNION ALL does not."""
        given: dict[Kind, list[str]] = {"number": [], "text": []}
        for column in member.known.columns:
            given[column.kind].append(f't."{column.name}"')
        numbers = _filled(given["number"], self.numbers, "CAST(NULL AS NUMBER)", "n" if place == 0 else "")
        texts = _filled(given["text"], self.texts, "CAST(NULL AS VARCHAR2(4000))", "s" if place == 0 else "")
        slots = ", ".join((f"'{_label(place)}' AS q", "ROWNUM AS r", *numbers, *texts))
        return f"SELECT {slots} FROM (\n{member.sql.strip()}\n) t"

    def split(self, table: Table) -> dict[str, Sequence[Row]]:
        """The rows of each member as it would give them alone."""
        sorted_rows: dict[str, list[tuple[Value, ...]]] = {_label(place): [] for place in range(len(self.members))}
        for row in sorted(table.rows, key=_number_of):
            sorted_rows[str(row[0])].append(row)
        return {
            member.name: [self._row(member, row) for row in sorted_rows[_label(place)]]
            for place, member in enumerate(self.members)
        }

    def _row(self, member: Member, row: tuple[Value, ...]) -> Row:
        number, text = 2, 2 + self.numbers
        named: dict[str, Value] = {}
        for column in member.known.columns:
            if column.kind == "number":
                value, number = row[number], number + 1
                named[column.name.lower()] = float(value) if column.decimal and isinstance(value, int) else value
            else:
                named[column.name.lower()], text = row[text], text + 1
        return named


class _Load(NamedTuple):
    """What some members are together; `most`: with how many the one that bears the fewest may go."""

    most: int
    members: int = 0
    numbers: int = 0
    texts: int = 0
    rows: int = 0
    characters: int = 0
    seconds: float = 0.0

    def beside(self, member: Member, most: int) -> "_Load":
        known = member.known
        return _Load(
            min(self.most, most),
            self.members + 1,
            max(self.numbers, known.numbers),
            max(self.texts, known.texts),
            self.rows + known.rows,
            self.characters + len(member.sql),
            self.seconds + known.seconds,
        )

    def fits(self, cost: Cost) -> bool:
        return (
            self.members <= self.most
            and self.numbers + self.texts <= MAX_SLOTS
            and self.rows <= MAX_BUNDLE_ROWS
            and self.characters <= MAX_TEXT
            and self.seconds <= MAX_SHARE * CALL_TIMEOUT_S[cost]
        )


_NO_LOAD = _Load(MAX_MEMBERS)


def _filled(given: Sequence[str], slots: int, filler: str, alias: str) -> list[str]:
    """The columns, then fillers for the slots that this member does not use; the first branch names them all."""
    chosen = [*given, *[filler] * (slots - len(given))]
    return [f"{text} AS {alias}{place}" for place, text in enumerate(chosen, 1)] if alias else chosen


def _label(place: int) -> str:
    return f"q{place:02}"


def _number_of(row: tuple[Value, ...]) -> int:
    return cast("int", row[1])


@dataclass(slots=True)
class Bundles:
    """What is known of one connection's statements; lives as long as the agent watches it.

    A bundle that failed although each of its members then succeeded is at fault itself: its members are packed in half
    the number for a while, so that the one that does not go with others is found.
    """

    _known: dict[str, Learned] = field(default_factory=dict)
    _most: dict[str, tuple[int, int]] = field(default_factory=dict)  # sql -> at most so many, until that visit
    _suspects: list[Bundle] = field(default_factory=list)
    _visits: int = 0

    def learn(self, sql: str, table: Table, seconds: float) -> None:
        """A statement has run alone."""
        self._known[sql] = Learned(table.columns, len(table.rows), seconds)

    def ran(self, bundle: Bundle, rows: Mapping[str, Sequence[Row]]) -> None:
        """A bundle has run: its members may have more rows than they had."""
        for member in bundle.members:
            known, count = member.known, len(rows[member.name])
            if count != known.rows:
                self._known[member.sql] = Learned(known.columns, count, known.seconds)

    def failed(self, bundle: Bundle) -> None:
        """Whatever the reason, the members have to run alone now."""
        self._suspects.append(bundle)
        for member in bundle.members:
            self._known.pop(member.sql, None)

    def settle(self) -> None:
        """End of a visit: see which of the failed bundles had members that work."""
        self._visits += 1
        for bundle in self._suspects:
            if all(member.sql in self._known for member in bundle.members):
                half = max(1, len(bundle.members) // 2)
                self._most.update({member.sql: (half, self._visits + SMALLER_FOR) for member in bundle.members})
        self._suspects.clear()

    def pack(self, wanted: Iterable[Wanted]) -> list[Bundle]:
        """Bundles of two and more. Only equals in cost and interval share one, so that visits repeat the same texts."""
        alike: dict[tuple[Cost, int], list[Member]] = {}
        for want in wanted:
            known = self._known.get(want.sql)
            if known is not None and _fits_a_bundle(known) and want.cost != "heavy":
                alike.setdefault((want.cost, want.interval_s), []).append(Member(want.name, want.sql, known))
        found = [bundle for (cost, _), members in sorted(alike.items()) for bundle in self._packed(members, cost)]
        return [bundle for bundle in found if len(bundle.members) > 1]

    def _packed(self, members: Iterable[Member], cost: Cost) -> Iterator[Bundle]:
        chosen: list[Member] = []
        load = _NO_LOAD
        for member in members:
            more = load.beside(member, self._limit(member.sql))
            if chosen and not more.fits(cost):
                yield Bundle(tuple(chosen), cost)
                chosen, more = [], _NO_LOAD.beside(member, self._limit(member.sql))
            chosen.append(member)
            load = more
        yield Bundle(tuple(chosen), cost)

    def _limit(self, sql: str) -> int:
        most, until = self._most.get(sql, (MAX_MEMBERS, 0))
        return most if self._visits < until else MAX_MEMBERS


def _fits_a_bundle(known: Learned) -> bool:
    names = {column.name for column in known.columns}
    return (
        all(column.kind != "other" and _NAME.fullmatch(column.name) for column in known.columns)
        and len(names) == len(known.columns)
        and len(names) <= MAX_SLOTS
        and known.rows <= MAX_MEMBER_ROWS
    )
