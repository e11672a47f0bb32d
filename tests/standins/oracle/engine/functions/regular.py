"""REGEXP_ functions: Oracle's POSIX syntax brought to Python's."""

import re
from decimal import Decimal
from functools import lru_cache

from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.functions.registry import function
from tests.standins.oracle.engine.sqltypes import NUMBER, TEXT

Number = Decimal | float
_CLASSES = {
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:alnum:]": "a-zA-Z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:space:]": r"\s",
    "[:blank:]": r" \t",
    "[:punct:]": r"!-/:-@\[-`{-~",
    "[:cntrl:]": r"\x00-\x1f\x7f",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:print:]": r"\x20-\x7e",
    "[:graph:]": r"\x21-\x7e",
}
_FLAGS = {"i": re.IGNORECASE, "n": re.DOTALL, "m": re.MULTILINE, "x": re.VERBOSE}


@lru_cache(maxsize=512)
def compiled(pattern: str, options: str | None) -> re.Pattern[str]:
    flags = re.RegexFlag(0)
    for letter in options or "":
        if letter == "c":
            flags &= ~re.IGNORECASE
        elif letter in _FLAGS:
            flags |= _FLAGS[letter]
        else:
            raise ora(1760)
    if "(?" in pattern:
        raise unsupported("(? in a regular expression")
    translated = re.sub(r"\\([a-zA-Z])", _escaped_letter, _bracket_literals(pattern))
    for name, members in _CLASSES.items():
        translated = translated.replace(name, members)
    try:
        return re.compile(translated, flags)
    except re.error as error:
        unclosed = "unterminated character set" in str(error)
        raise ora(12726 if unclosed else 12725) from None


def _escaped_letter(match: re.Match[str]) -> str:
    """Oracle knows a few classes by letter; any other letter stands for itself."""
    return match[0] if match[1] in "dDwWsSAZz" else match[1]


def _bracket_literals(pattern: str) -> str:
    """A backslash inside [ ] is itself in POSIX."""
    return re.sub(
        r"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]",
        lambda match: re.sub(r"\\(?![dwsDWS])", r"\\\\", match[0]),
        pattern,
    )


def _matches(value: str, pattern: str, start: Number, options: str | None) -> list[re.Match[str]]:
    if int(start) < 1:
        raise ora(1428, start)
    return list(compiled(pattern, options).finditer(value, int(start) - 1))


@function("REGEXP_LIKE", "text text text?", NUMBER, condition=True)
def regexp_like(value: str, pattern: str, options: str | None = None) -> bool:
    return compiled(pattern, options).search(value) is not None


@function("REGEXP_SUBSTR", "text text number? number? text? number?", TEXT, nulls=True)
def regexp_substring(  # noqa: PLR0917 - SQL passes by position
    value: str | None,
    pattern: str | None,
    start: Number = Decimal(1),
    occurrence: Number = Decimal(1),
    options: str | None = None,
    group: Number = Decimal(0),
) -> str | None:
    if value is None or pattern is None:
        return None
    hits = _matches(value, pattern, start, options)
    if len(hits) < int(occurrence):
        return None
    hit = hits[int(occurrence) - 1]
    return hit[int(group)] if int(group) <= hit.re.groups else None


@function("REGEXP_REPLACE", "text text text? number? number? text?", TEXT, nulls=True)
def regexp_replace(  # noqa: PLR0917 - SQL passes by position
    value: str | None,
    pattern: str | None,
    replacement: str | None = None,
    start: Number = Decimal(1),
    occurrence: Number = Decimal(0),
    options: str | None = None,
) -> str | None:
    if value is None or pattern is None:
        return value
    hits = _matches(value, pattern, start, options)
    if int(occurrence):
        hits = hits[int(occurrence) - 1 : int(occurrence)]
    pieces, end = [], 0
    for hit in hits:
        pieces += [value[end : hit.start()], _expanded(hit, replacement or "")]
        end = hit.end()
    return "".join([*pieces, value[end:]])


def _expanded(hit: re.Match[str], replacement: str) -> str:
    def group(reference: re.Match[str]) -> str:
        number = int(reference[1])
        return (hit[number] or "") if number <= hit.re.groups else ""

    return re.sub(r"\\([0-9])", group, replacement)


@function("REGEXP_COUNT", "text text number? text?", NUMBER)
def regexp_count(value: str, pattern: str, start: Number = Decimal(1), options: str | None = None) -> int:
    return len(_matches(value, pattern, start, options))


@function("REGEXP_INSTR", "text text number? number? number? text? number?", NUMBER)
def regexp_position(  # noqa: PLR0917 - SQL passes by position
    value: str,
    pattern: str,
    start: Number = Decimal(1),
    occurrence: Number = Decimal(1),
    after: Number = Decimal(0),
    options: str | None = None,
    group: Number = Decimal(0),
) -> int:
    hits = _matches(value, pattern, start, options)
    if len(hits) < int(occurrence):
        return 0
    hit = hits[int(occurrence) - 1]
    return (hit.end(int(group)) if after else hit.start(int(group))) + 1
