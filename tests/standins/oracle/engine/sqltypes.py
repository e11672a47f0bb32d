"""The static type of every expression, so that conversions are decided once, as Oracle's parser does."""

import enum
import re
from dataclasses import dataclass, replace

from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.types import Column, OraType


class Kind(enum.Enum):
    """Types that behave alike in expressions; the value is Oracle's word in ORA-00932."""

    NUMBER = "NUMBER"
    DOUBLE = "BINARY_DOUBLE"
    TEXT = "CHAR"
    CLOB = "CLOB"
    LONG = "LONG"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    ZONED = "TIMESTAMP WITH TIME ZONE"
    INTERVAL = "INTERVAL DAY TO SECOND"
    RAW = "BINARY"
    BLOB = "BLOB"
    BOOLEAN = "BOOLEAN"
    NULL = "NULL"


NUMERIC = frozenset({Kind.NUMBER, Kind.DOUBLE})
TEXTUAL = frozenset({Kind.TEXT, Kind.CLOB, Kind.LONG})
MOMENTS = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.ZONED})
LARGE = frozenset({Kind.CLOB, Kind.LONG, Kind.BLOB})

_KIND_OF = {
    OraType.VARCHAR2: Kind.TEXT,
    OraType.NVARCHAR2: Kind.TEXT,
    OraType.CHAR: Kind.TEXT,
    OraType.ROWID: Kind.TEXT,
    OraType.LONG: Kind.LONG,
    OraType.NUMBER: Kind.NUMBER,
    OraType.BINARY_FLOAT: Kind.DOUBLE,
    OraType.BINARY_DOUBLE: Kind.DOUBLE,
    OraType.DATE: Kind.DATE,
    OraType.TIMESTAMP: Kind.TIMESTAMP,
    OraType.TIMESTAMP_TZ: Kind.ZONED,
    OraType.TIMESTAMP_LTZ: Kind.ZONED,
    OraType.INTERVAL_DS: Kind.INTERVAL,
    OraType.RAW: Kind.RAW,
    OraType.CLOB: Kind.CLOB,
    OraType.BLOB: Kind.BLOB,
    OraType.BOOLEAN: Kind.BOOLEAN,
}


@dataclass(frozen=True)
class SqlType:
    """A declared or derived type; size and scale as the client is told them."""

    ora: OraType
    size: int = 0
    precision: int = 0
    scale: int = -127
    null: bool = False  # the literal NULL: it fits everywhere

    @property
    def kind(self) -> Kind:
        return Kind.NULL if self.null else _KIND_OF[self.ora]

    def column(self, name: str, *, nullable: bool = True) -> Column:
        return Column(name, self.ora, self.size, self.precision, self.scale, nullable)

    def sized(self, size: int) -> "SqlType":
        return replace(self, size=size)


NUMBER = SqlType(OraType.NUMBER)
DOUBLE = SqlType(OraType.BINARY_DOUBLE)
DATE = SqlType(OraType.DATE)
TIMESTAMP = SqlType(OraType.TIMESTAMP, scale=6)
ZONED = SqlType(OraType.TIMESTAMP_TZ, scale=6)
INTERVAL = SqlType(OraType.INTERVAL_DS, precision=9, scale=9)
BOOLEAN = SqlType(OraType.BOOLEAN)
CLOB = SqlType(OraType.CLOB)
BLOB = SqlType(OraType.BLOB)
RAW = SqlType(OraType.RAW, 2000)
TEXT = SqlType(OraType.VARCHAR2, 4000)
NULL = SqlType(OraType.VARCHAR2, null=True)


def text(size: int) -> SqlType:
    return SqlType(OraType.VARCHAR2, min(max(size, 1), 4000))


_DECLARED = re.compile(r"([A-Z_0-9]+)(?:\s*\(\s*(\*|\d+)(?:\s*,\s*(-?\d+))?(?:\s+(?:CHAR|BYTE))?\s*\))?\s*(.*)")
_SIZED = {
    "VARCHAR2": OraType.VARCHAR2,
    "VARCHAR": OraType.VARCHAR2,
    "NVARCHAR2": OraType.NVARCHAR2,
    "CHAR": OraType.CHAR,
    "RAW": OraType.RAW,
}
_PLAIN = {
    "DATE": OraType.DATE,
    "CLOB": OraType.CLOB,
    "XMLTYPE": OraType.CLOB,
    "BLOB": OraType.BLOB,
    "LONG": OraType.LONG,
    "BINARY_DOUBLE": OraType.BINARY_DOUBLE,
    "BINARY_FLOAT": OraType.BINARY_FLOAT,
    "BOOLEAN": OraType.BOOLEAN,
}


_NOT_SIMULATED = frozenset({"INTERVAL", "NCLOB", "BFILE", "UROWID", "JSON", "VECTOR", "SDO_GEOMETRY", "ANYDATA"})


def parse_type(declared: str) -> SqlType:
    """The type behind a declaration such as VARCHAR2(30), NUMBER(10,2) or TIMESTAMP(6) WITH TIME ZONE."""
    match = _DECLARED.fullmatch(declared.strip().upper())
    if match is None:
        raise unsupported(f"data type {declared}")
    name, first, second, rest = match.groups()
    if name in _SIZED:
        return SqlType(_SIZED[name], int(first or 1))
    if name in _PLAIN:
        return SqlType(_PLAIN[name])
    if name == "ROWID":
        return SqlType(OraType.ROWID, 18)
    if name == "INTERVAL" and "YEAR" not in declared.upper():
        return INTERVAL
    if name == "TIMESTAMP":
        return SqlType(_timestamp(rest), scale=int(first or 6))
    return _numeric(name, first, second)


def _timestamp(rest: str) -> OraType:
    if "LOCAL" in rest:
        return OraType.TIMESTAMP_LTZ
    return OraType.TIMESTAMP_TZ if "ZONE" in rest else OraType.TIMESTAMP


def _numeric(name: str, first: str | None, second: str | None) -> SqlType:
    if name in {"INTEGER", "INT", "SMALLINT"}:
        return SqlType(OraType.NUMBER, precision=38, scale=0)
    if name == "FLOAT":
        return NUMBER
    if name not in {"NUMBER", "DECIMAL", "NUMERIC"}:
        raise unsupported(f"data type {name}") if name in _NOT_SIMULATED else ora(902)
    if first is None:
        return NUMBER
    precision = 38 if first == "*" else int(first)
    return SqlType(OraType.NUMBER, precision=precision, scale=int(second or 0))
