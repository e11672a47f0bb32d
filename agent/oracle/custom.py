"""Checks of an operator's own: a TOML table with SQL and thresholds becomes a `Check` like any other.

The statement gives a column VALUE, one row of it, or with `per_row = true` many rows, each with a NAME; DETAIL may say
more. Only queries are taken, and none that reads a licensed view without saying so.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agent.oracle.catalogue import (
    Check,
    Cost,
    Levels,
    LicenceRefusedError,
    Pack,
    Query,
    Row,
    Seen,
    Verdict,
    check_licence,
)
from agent.oracle.judging import number, of_items, ok, text, unknown
from common.errors import ConfigurationError
from common.wire import Item, Severity

MAX_CHECKS = 200
MAX_SQL = 8_000
_MIN_S, _MAX_S = 60, 7 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_INTERVAL = re.compile(r"(\d{1,6})([smhd])")
_ID = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]{0,31}")
_ASIDE = re.compile(r"/\*.*?\*/|--[^\n]*|q'\[.*?\]'|'(?:[^']|'')*'|\"[^\"]*\"", re.DOTALL | re.IGNORECASE)
_FORBIDDEN = (
    (re.compile(r";"), "one statement without a semicolon"),
    (re.compile(r"\bFOR\s+UPDATE\b", re.IGNORECASE), "a query that locks nothing"),
    (re.compile(r"\bWITH\s+(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE), "a query without PL/SQL"),
    (re.compile(r":\w"), "a query without bind variables"),
)
_LARGEST = 1e18
_TEXTS = {"title": 200, "unit": 20, "text": 2000}


@dataclass(frozen=True, slots=True)
class _Single:
    """Judges one value."""

    query: str
    unit: str

    def __call__(self, seen: Seen) -> Verdict:
        rows = seen.rows[self.query]
        if not rows:
            return unknown("the query gave no row")
        if len(rows) > 1:
            return unknown(f"the query gave {len(rows)} rows; expected one, or per_row = true")
        if "value" not in rows[0]:
            return unknown("the query has no column VALUE")
        value = number(rows[0]["value"])
        if value is None:
            return unknown("VALUE is NULL")
        line = " ".join(filter(None, (f"{value:g}", self.unit, text(rows[0].get("detail")))))
        return Verdict(status=seen.levels.status(value), line=line, value=value)


@dataclass(frozen=True, slots=True)
class _PerRow:
    """Judges each row by itself; no row is well."""

    query: str
    unit: str

    def __call__(self, seen: Seen) -> Verdict:
        rows = seen.rows[self.query]
        if not rows:
            return ok("no rows")
        if missing := [column for column in ("name", "value") if column not in rows[0]]:
            return unknown(f"the query has no column {missing[0].upper()}")
        items = [self._item(seen, row) for row in rows]
        return of_items(items, good=f"{len(items)} rows, all within their limits", below=seen.levels.below)

    def _item(self, seen: Seen, row: Row) -> Item:
        value = number(row["value"])
        name = text(row["name"])[:256]
        if value is None:
            return Item(name, "unknown", detail="VALUE is NULL")
        detail = " ".join(filter(None, (f"{value:g}", self.unit, text(row.get("detail")))))
        return Item(name, seen.levels.status(value), value, detail[:1000])


# --- reading what an operator wrote --------------------------------------------------------------------------------


def parse(content: str, *, file: str, taken: Collection[str]) -> list[Check]:
    """The checks of one file; `ConfigurationError` names the check, the field, the value and what was expected."""
    try:
        document = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"not TOML: {error}") from None
    tables = document.get("check")
    if set(document) != {"check"} or not isinstance(tables, list) or not 0 < len(tables) <= MAX_CHECKS:
        raise ConfigurationError(f"expected 1 to {MAX_CHECKS} tables [[check]] and nothing else")
    checks: list[Check] = []
    for place, table in enumerate(tables, 1):
        checks.append(_check(table, place, file=file, taken={*taken, *(check.id for check in checks)}))
    return checks


def _check(table: Mapping[str, Any], place: int, *, file: str, taken: Collection[str]) -> Check:
    fields = _Fields(table, f"check {table.get('id', place)}")
    fields.only(_FIELDS)
    id_ = fields.id("id", taken)
    pack: Pack | None = fields.choice("pack", get_args(Pack), None)
    cost: Cost = fields.choice("cost", get_args(Cost), "medium")
    ceiling: Severity = fields.choice("ceiling", get_args(Severity), "critical")
    unit = fields.text("unit", "")
    query = Query(f"own:{id_}", fields.sql("sql", pack), cost=cost)
    judge = _PerRow if fields.flag("per_row", otherwise=False) else _Single
    return Check(
        id=id_,
        category=fields.category("category"),
        title=fields.text("title", None),
        unit=unit,
        levels=fields.levels(),
        judge=judge(query.name, unit),
        remediation=fields.text("text", ""),
        source=f"own check, {file}",
        interval_s=fields.interval("interval"),
        queries=(query,),
        cost=cost,
        ceiling=ceiling,
        mount=not fields.flag("needs_open", otherwise=True),
        pack=pack,
        enabled=fields.flag("enabled", otherwise=True),
    )


_FIELDS = (
    "id", "title", "category", "sql", "unit", "interval", "warning", "critical", "below", "per_row", "text", "pack",
    "cost", "ceiling", "needs_open", "enabled",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Fields:
    """One table, each field read with its own expectation."""

    table: Mapping[str, Any]
    where: str

    def wrong(self, field: str, value: object, expected: str) -> ConfigurationError:
        return ConfigurationError(f"{self.where}: {field}: `{str(value)[:200]}`; expected {expected}")

    def only(self, known: Collection[str]) -> None:
        for name in self.table:
            if name not in known:
                raise self.wrong(name, self.table[name], f"one of the fields {', '.join(known)}")

    def id(self, field: str, taken: Collection[str]) -> str:
        value = self.table.get(field)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise self.wrong(field, value, "3 to 64 capital letters, digits and _, such as OWN_QUEUE_DEPTH")
        if value in taken:
            raise self.wrong(field, value, "an id that no other check has")
        return value

    def category(self, field: str) -> str:
        value = self.table.get(field, "own")
        if not isinstance(value, str) or not _CATEGORY.fullmatch(value):
            raise self.wrong(field, value, "a word of small letters, digits and _")
        return value

    def text(self, field: str, otherwise: str | None) -> str:
        """Without `otherwise` the field is needed."""
        value = self.table.get(field, otherwise)
        if not isinstance(value, str) or (otherwise is None and not value) or len(value) > _TEXTS[field]:
            raise self.wrong(field, value, f"a text of at most {_TEXTS[field]} characters")
        if field != "text" and not value.isprintable():
            raise self.wrong(field, value, "one line of text")
        return value

    def flag(self, field: str, *, otherwise: bool) -> bool:
        value = self.table.get(field, otherwise)
        if not isinstance(value, bool):
            raise self.wrong(field, value, "true or false")
        return value

    def choice(self, field: str, words: Collection[str], otherwise: str | None) -> Any:
        value = self.table.get(field, otherwise)
        if value is not None and value not in words:
            raise self.wrong(field, value, f"one of {', '.join(words)}")
        return value

    def levels(self) -> Levels:
        warning, critical = self._level("warning"), self._level("critical")
        below = self.flag("below", otherwise=False)
        if warning is None and critical is None:
            raise self.wrong("warning, critical", None, "at least one of both")
        if warning is not None and critical is not None and (critical > warning if below else critical < warning):
            raise self.wrong("critical", critical, f"a level {'under' if below else 'over'} the warning at {warning:g}")
        return Levels(warning, critical, below=below)

    def _level(self, field: Literal["warning", "critical"]) -> float | None:
        value = self.table.get(field)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not -_LARGEST <= value <= _LARGEST:
            raise self.wrong(field, value, "a number")
        return value

    def interval(self, field: str) -> int:
        value = self.table.get(field, "5m")
        match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0
        if not _MIN_S <= seconds <= _MAX_S:
            raise self.wrong(field, value, "a time from 60s to 7d, such as 5m")
        return seconds

    def sql(self, field: str, pack: Pack | None) -> str:
        value = self.table.get(field)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_SQL:
            raise self.wrong(field, value, f"a query of at most {MAX_SQL} characters")
        plain = _ASIDE.sub(" ", value)
        if not re.match(r"\s*\(*\s*(?:SELECT|WITH)\b", plain, re.IGNORECASE):
            raise self.wrong(field, value, "a statement that starts with SELECT or WITH")
        for pattern, expected in _FORBIDDEN:
            if pattern.search(plain):
                raise self.wrong(field, value, expected)
        try:
            check_licence(value, frozenset({pack} if pack else ()))
        except LicenceRefusedError as error:
            raise ConfigurationError(f"{self.where}: {field}: {error}; expected pack to name it") from None
        return value
