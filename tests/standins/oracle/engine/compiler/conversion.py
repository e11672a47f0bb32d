"""Implicit conversion between types, where Oracle does it, and ORA-00932 where it does not."""

from tests.standins.oracle.engine.compiler.scope import Code
from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.numbermasks import read_number
from tests.standins.oracle.engine.sqltypes import (
    BLOB,
    CLOB,
    DATE,
    DOUBLE,
    INTERVAL,
    MOMENTS,
    NUMBER,
    NUMERIC,
    RAW,
    TEXT,
    TIMESTAMP,
    ZONED,
    Kind,
    SqlType,
    text,
)

TYPE_OF = {
    Kind.NUMBER: NUMBER,
    Kind.DOUBLE: DOUBLE,
    Kind.TEXT: TEXT,
    Kind.CLOB: CLOB,
    Kind.DATE: DATE,
    Kind.TIMESTAMP: TIMESTAMP,
    Kind.ZONED: ZONED,
    Kind.INTERVAL: INTERVAL,
    Kind.RAW: RAW,
    Kind.BLOB: BLOB,
}
# What a value of one kind becomes as another: the SQL around it.
_CONVERSIONS: dict[tuple[Kind, Kind], str] = {
    (Kind.TEXT, Kind.NUMBER): "f_TO_NUMBER({})",
    (Kind.TEXT, Kind.DOUBLE): "to_double({})",
    (Kind.TEXT, Kind.DATE): "f_TO_DATE({})",
    (Kind.TEXT, Kind.TIMESTAMP): "f_TO_TIMESTAMP({})",
    (Kind.TEXT, Kind.ZONED): "f_TO_TIMESTAMP_TZ({})",
    (Kind.TEXT, Kind.INTERVAL): "f_TO_DSINTERVAL({})",
    (Kind.TEXT, Kind.RAW): "f_HEXTORAW({})",
    (Kind.TEXT, Kind.CLOB): "{}",
    (Kind.CLOB, Kind.TEXT): "{}",
    (Kind.CLOB, Kind.NUMBER): "f_TO_NUMBER({})",
    (Kind.RAW, Kind.TEXT): "f_RAWTOHEX({})",
    (Kind.RAW, Kind.BLOB): "{}",
    (Kind.NUMBER, Kind.TEXT): "f_TO_CHAR({})",
    (Kind.NUMBER, Kind.DOUBLE): "to_double({})",
    (Kind.NUMBER, Kind.CLOB): "f_TO_CHAR({})",
    (Kind.DOUBLE, Kind.TEXT): "f_TO_CHAR({})",
    (Kind.DOUBLE, Kind.NUMBER): "num({})",
    (Kind.DATE, Kind.TEXT): "f_TO_CHAR({})",
    (Kind.DATE, Kind.TIMESTAMP): "to_stamp({})",
    (Kind.DATE, Kind.ZONED): "f_TO_ZONED_({})",
    (Kind.TIMESTAMP, Kind.TEXT): "f_TO_CHAR({})",
    (Kind.TIMESTAMP, Kind.DATE): "to_day({})",
    (Kind.TIMESTAMP, Kind.ZONED): "f_TO_ZONED_({})",
    (Kind.ZONED, Kind.TEXT): "f_TO_CHAR({})",
    (Kind.ZONED, Kind.DATE): "to_day({})",
    (Kind.ZONED, Kind.TIMESTAMP): "to_stamp({})",
    (Kind.INTERVAL, Kind.TEXT): "f_TO_CHAR({})",
}


def convert(code: Code, wanted: Kind, *, offset: int = 0) -> Code:
    """The same value as another kind; ORA-00932 when Oracle has no implicit conversion for it."""
    kind = code.type.kind
    if kind is wanted:
        return code
    if kind is Kind.NULL:
        return Code("NULL", TYPE_OF.get(wanted, code.type))
    template = _CONVERSIONS.get((kind, wanted))
    if wanted is Kind.NUMBER and code.sql.startswith("'"):
        read_number(code.sql[1:-1])  # a literal that is no number fails before any row is read
    if template is None:
        raise ora(932, wanted.value, kind.value, offset=offset)
    return Code(template.format(code.sql), _converted_type(code.type, wanted), code.nullable)


def _converted_type(source: SqlType, wanted: Kind) -> SqlType:
    if wanted is Kind.TEXT:
        return text(40 if source.kind in NUMERIC else 75 if source.kind in MOMENTS else 4000)
    return TYPE_OF[wanted]


def common_kind(left: Kind, right: Kind, *, offset: int = 0) -> Kind:
    """The kind in which two values are compared."""
    if left is right or right is Kind.NULL:
        return left
    if left is Kind.NULL:
        return right
    for group, order in (
        (NUMERIC, (Kind.DOUBLE, Kind.NUMBER)),
        (MOMENTS, (Kind.ZONED, Kind.TIMESTAMP, Kind.DATE)),
    ):
        if left in group and right in group:
            return next(kind for kind in order if kind in (left, right))
    if Kind.TEXT in (left, right):
        other = right if left is Kind.TEXT else left
        if (Kind.TEXT, other) in _CONVERSIONS:
            return other
    raise ora(932, left.value, right.value, offset=offset)


def same_family(left: Kind, right: Kind) -> bool:
    """May two values stand in the same column without a conversion that one asks for?"""
    if left is right or Kind.NULL in (left, right):
        return True
    families = (NUMERIC, MOMENTS, frozenset({Kind.TEXT, Kind.CLOB}))
    return any(left in family and right in family for family in families)


def unify(codes: list[Code], *, error: int = 932, offset: int = 0) -> tuple[list[Code], SqlType]:
    """Bring the branches of CASE, COALESCE and set operations to one type; `error` when Oracle would not."""
    known = [code for code in codes if code.type.kind is not Kind.NULL]
    if not known:
        return codes, codes[0].type
    kind = known[0].type.kind
    for code in known[1:]:
        if not same_family(kind, code.type.kind):
            details = (kind.value, code.type.kind.value) if error == 932 else ()
            raise ora(error, *details, offset=offset)
        kind = Kind.CLOB if Kind.CLOB in (kind, code.type.kind) else common_kind(kind, code.type.kind)
    converted = [convert(code, kind) for code in codes]
    return converted, widest([code.type for code in known], kind)


def widest(types: list[SqlType], kind: Kind) -> SqlType:
    if kind is Kind.TEXT:
        return text(max(one.size for one in types))
    if all(one == types[0] for one in types):
        return types[0]
    return TYPE_OF.get(kind, types[0])
