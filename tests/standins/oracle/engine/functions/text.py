"""Text functions; an empty result is NULL, which the caller of every function sees to."""

from decimal import Decimal

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.registry import as_first, function
from tests.standins.oracle.engine.sqltypes import CLOB, NUMBER, TEXT, Kind, SqlType
from tests.standins.oracle.engine.sqltypes import text as sized

Number = Decimal | float
_LIMIT = 4000


def _text_or_clob(arguments: list[SqlType]) -> SqlType:
    return CLOB if arguments[0].kind is Kind.CLOB else TEXT


function("UPPER", "text", as_first)(str.upper)
function("LOWER", "text", as_first)(str.lower)


@function("INITCAP", "text", as_first)
def initial_capitals(value: str) -> str:
    pieces, fresh = [], True
    for character in value:
        pieces.append(character.upper() if fresh else character.lower())
        fresh = not character.isalnum()
    return "".join(pieces)


@function("LENGTH", "text", NUMBER)
def length(value: str) -> int:
    return len(value)


@function("LENGTHB", "text", NUMBER)
def length_bytes(value: str) -> int:
    return len(value.encode())


@function("SUBSTR", "text number number?", _text_or_clob)
def substring(value: str, start: Number, count: Number | None = None) -> str | None:
    """SUBSTR: 0 counts as 1, a negative start counts from the end."""
    first = int(start)
    begin = first - 1 if first > 0 else len(value) + first if first < 0 else 0
    if begin < 0 or (count is not None and count < 1):
        return None
    return value[begin:] if count is None else value[begin : begin + int(count)]


@function("SUBSTRB", "text number number?", _text_or_clob)
def substring_bytes(value: str, start: Number, count: Number | None = None) -> str | None:
    part = substring(value.encode().decode("latin-1"), start, count)
    return None if part is None else part.encode("latin-1").decode(errors="replace")


@function("INSTR", "text text number? number?", NUMBER)
def position(value: str, part: str, start: Number = Decimal(1), occurrence: Number = Decimal(1)) -> int:
    """INSTR: a negative start searches backwards; 0 when there is nothing."""
    first, wanted = int(start), int(occurrence)
    if wanted < 1:
        raise ora(1428, wanted)
    if first == 0:
        return 0
    if first < 0:
        places = range(min(len(value) + first, len(value) - len(part)), -1, -1)
    else:
        places = range(first - 1, len(value) - len(part) + 1)
    hits = [place for place in places if value.startswith(part, place)]
    return hits[wanted - 1] + 1 if len(hits) >= wanted else 0


@function("REPLACE", "text text text?", _text_or_clob, nulls=True)
def replace(value: str | None, search: str | None, replacement: str | None = None) -> str | None:
    if value is None or search is None:
        return value
    return value.replace(search, replacement or "")


@function("TRANSLATE", "text text text", TEXT)
def translate(value: str, source: str, target: str) -> str:
    table: dict[int, str | None] = {}
    for index, character in enumerate(source):
        table.setdefault(ord(character), target[index] if index < len(target) else None)
    return value.translate(table)


def pad(value: str, width: Number, filler: str, *, left: bool) -> str | None:
    size = int(width)
    if size < 1:
        return None
    padding = (filler * size)[: max(size - len(value), 0)]
    return ((padding + value) if left and padding else (value + padding))[:size]


@function("LPAD", "text number text?", _text_or_clob)
def pad_left(value: str, width: Number, filler: str = " ") -> str | None:
    return pad(value, width, filler, left=True)


@function("RPAD", "text number text?", _text_or_clob)
def pad_right(value: str, width: Number, filler: str = " ") -> str | None:
    return pad(value, width, filler, left=False)


@function("LTRIM", "text text?", as_first)
def trim_left(value: str, characters: str = " ") -> str:
    return value.lstrip(characters)


@function("RTRIM", "text text?", as_first)
def trim_right(value: str, characters: str = " ") -> str:
    return value.rstrip(characters)


@function("CONCAT", "text text", TEXT, nulls=True)
def concat(left: str | None, right: str | None) -> str:
    joined = (left or "") + (right or "")
    if len(joined.encode()) > _LIMIT:
        raise ora(1489)
    return joined


@function("CHR", "number", sized(1))
def character(code: Number) -> str:
    return chr(int(code))


@function("ASCII", "text", NUMBER)
def code_point(value: str) -> int:
    return ord(value[0])


@function("REVERSE", "text", as_first)
def reverse(value: str) -> str:
    return value[::-1]


@function("DBMS_LOB.SUBSTR", "text number? number?", TEXT)
def lob_substring(value: str, count: Number = Decimal(32767), start: Number = Decimal(1)) -> str | None:
    part = substring(value, start, count)
    if part is not None and len(part.encode()) > _LIMIT:
        raise ora(6502)
    return part


@function("DBMS_LOB.GETLENGTH", "text", NUMBER)
def lob_length(value: str) -> int:
    return len(value)


@function("DBMS_LOB.INSTR", "text text number? number?", NUMBER)
def lob_position(value: str, part: str, start: Number = Decimal(1), occurrence: Number = Decimal(1)) -> int:
    return position(value, part, start, occurrence)
