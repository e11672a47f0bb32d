"""The small requests that ride in front of a function and get no answer of their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.standins.oracle.binds import UnsupportedError
from tests.standins.oracle.codec import Reader, decode_text


@dataclass(frozen=True)
class CloseCursors:
    ids: tuple[int, ...]


@dataclass(frozen=True)
class CancelCursors:
    """Give up fetching; the cursors stay open and may run again."""

    ids: tuple[int, ...]


@dataclass(frozen=True)
class SetAttributes:
    """End-to-end attributes; None sets an attribute to NULL, one that is missing stays as it is."""

    values: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class FreeLobs:
    locators: bytes


@dataclass(frozen=True)
class Ignored:
    """Something that changes nothing the stand-in models."""


Piggyback = CloseCursors | CancelCursors | SetAttributes | FreeLobs | Ignored


def parse_piggyback(reader: Reader, function: int) -> Piggyback:
    """Read the body; an unknown one cannot be skipped, because nothing says how long it is."""
    if function not in _PARSERS:
        raise UnsupportedError(f"piggyback {function}")
    return _PARSERS[function](reader)


def _parse_close(reader: Reader) -> CloseCursors:
    return CloseCursors(_cursor_ids(reader))


def _parse_cancel(reader: Reader) -> CancelCursors:
    return CancelCursors(_cursor_ids(reader))


def _cursor_ids(reader: Reader) -> tuple[int, ...]:
    reader.skip(1)
    return tuple(reader.ub() for _ in range(reader.ub()))


def _parse_attributes(reader: Reader) -> SetAttributes:
    reader.skip(2)
    reader.skip_ub()  # which of them changed; the pointers say it again
    present: list[tuple[str, bool, int]] = [
        (name, *_pointer(reader)) for name in ("client_identifier", "module", "action", "ecid")
    ]
    _pointer(reader)
    present.append(("client_info", *_pointer(reader)))
    _pointer(reader)
    _pointer(reader)
    present.append(("dbop", *_pointer(reader)))
    return SetAttributes(tuple((name, _attribute(reader, size)) for name, given, size in present if given))


def _attribute(reader: Reader, length: int) -> str | None:
    """An empty text may or may not be followed by its zero bytes; no message begins with a zero."""
    if length:
        return decode_text(reader.clr() or b"")
    if not reader.peek():
        reader.skip(1)
    return None


def _pointer(reader: Reader) -> tuple[bool, int]:
    return bool(reader.u8()), reader.ub()


def _parse_schema(reader: Reader) -> SetAttributes:
    reader.skip(1)
    return SetAttributes((("current_schema", reader.text()),))


def _parse_free_lobs(reader: Reader) -> FreeLobs:
    reader.skip(1)
    length = reader.ub()
    reader.skip(1)
    reader.skip_ub(3)
    reader.skip(3)
    reader.skip_ub()
    reader.skip(1)
    reader.skip_ub(3)
    reader.skip(1)
    for _ in range(3):
        _pointer(reader)
    return FreeLobs(reader.raw(length))


def _parse_context(reader: Reader) -> Ignored:
    reader.skip(1)
    reader.skip_ub()
    reader.skip(1)
    count = reader.ub()
    reader.skip_ub()
    reader.skip(1)
    reader.clr()
    for _ in range(count):
        reader.two()
        reader.two()
        reader.skip_ub()
    return Ignored()


def _parse_session_state(reader: Reader) -> Ignored:
    reader.skip_ub()
    return Ignored()


def _parse_begin_pipeline(reader: Reader) -> Ignored:
    """Every call of a pipeline is answered in turn anyway."""
    reader.skip_ub()
    reader.skip(2)
    return Ignored()


_PARSERS: Mapping[int, Callable[[Reader], Piggyback]] = {
    96: _parse_free_lobs,
    105: _parse_close,
    120: _parse_cancel,
    135: _parse_attributes,
    152: _parse_schema,
    154: _parse_context,
    176: _parse_session_state,
    199: _parse_begin_pipeline,
}
