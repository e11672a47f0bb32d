"""Cells of scenario files: constants, and values that move with the clock."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.standins.oracle.engine.functions.conversion import to_interval
from tests.standins.oracle.engine.functions.datemasks import format_moment
from tests.standins.oracle.engine.sqltypes import Kind, SqlType
from tests.standins.oracle.engine.values import Stored, as_date, as_timestamp, encode
from tests.standins.oracle.types import OracleError, OraType

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[wdhms])+")
_NULLS = frozenset({"", "null", "~"})


@dataclass(frozen=True)
class Moment:
    """A time so long before (or, negative, after) now; as text when the column is text.

    `of_start`: before the start of the instance, which must not move between two queries, not by a second.
    """

    ago: timedelta
    type: SqlType
    mask: str = "YYYY-MM-DD HH24:MI:SS"
    of_start: bool = False

    def at(self, now: datetime, started: datetime, _: float) -> Stored:
        moment = (started if self.of_start else now) - self.ago
        if self.type.kind is Kind.DATE:
            return encode(as_date(moment))
        if self.type.kind is Kind.TIMESTAMP:
            return encode(as_timestamp(moment))
        return encode(moment if self.type.kind is Kind.ZONED else format_moment(moment, self.mask))

    def shifted(self, by: timedelta) -> "Moment":
        return replace(self, ago=self.ago + by)


@dataclass(frozen=True)
class Counter:
    """A number that grows while the stand-in runs."""

    start: Decimal
    per_second: Decimal

    def at(self, _: datetime, __: datetime, uptime: float) -> Stored:
        return encode(int(self.start + self.per_second * Decimal(repr(uptime))))


Cell = Stored | Moment | Counter


def seconds_of(text: str) -> timedelta:
    """A duration such as 3d, 12h, 1d12h or 90s."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"duration {text!r}: expected digits with w, d, h, m or s, such as 3d or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)([wdhms])", text)
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def read_cell(value: Any, type_: SqlType, index: int | None) -> Cell:
    """A cell as written in the file; `index` counts the rows of a repeat."""
    if isinstance(value, Mapping):
        return _moving(value, type_, index)
    if isinstance(value, str):
        return _constant(value if index is None else value.replace("{i}", str(index)), type_)
    raise ValueError(f"{value!r}: expected a plain value or one of ago, in, counter, seq")


def _moving(value: Mapping[str, Any], type_: SqlType, index: int | None) -> Cell:
    if "seq" in value:
        if index is None:
            raise ValueError("seq: only rows of a repeat have it")
        number = Decimal(value["seq"]) + index * Decimal(value.get("step", "1"))
        return _constant(str(number), type_)
    if "counter" in value:
        return Counter(Decimal(value["counter"]), Decimal(value.get("per_second", "0")))
    if not {"ago", "in", "before_start"} & set(value):
        raise ValueError(f"{dict(value)!r}: expected ago, in, before_start, counter or seq")
    if type_.kind not in {Kind.DATE, Kind.TIMESTAMP, Kind.ZONED, Kind.TEXT}:
        raise ValueError(f"{dict(value)!r}: the column is {type_.kind.value}, not a date")
    mask = value.get("format", Moment.mask)
    if "before_start" in value:
        return Moment(seconds_of(value["before_start"]), type_, mask, of_start=True)
    ago = seconds_of(value["ago"]) if "ago" in value else -seconds_of(value["in"])
    return Moment(ago, type_, mask)


def _constant(text: str, type_: SqlType) -> Stored:
    if text in _NULLS:
        return None
    if type_.ora is OraType.CHAR:
        text = text.ljust(type_.size)
    reader = _READERS.get(type_.kind)
    try:
        return encode(reader(text) if reader else text)
    except (ValueError, InvalidOperation, OracleError):
        raise ValueError(f"{text!r} is no {type_.kind.value}") from None


def _zoned(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _interval(text: str) -> timedelta:
    return seconds_of(text) if _DURATION.fullmatch(text) else to_interval(text)


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.NUMBER: Decimal,
    Kind.DOUBLE: float,
    Kind.DATE: lambda text: as_date(datetime.fromisoformat(text)),
    Kind.TIMESTAMP: lambda text: as_timestamp(datetime.fromisoformat(text)),
    Kind.ZONED: _zoned,
    Kind.INTERVAL: _interval,
    Kind.RAW: bytes.fromhex,
    Kind.BLOB: bytes.fromhex,
}
