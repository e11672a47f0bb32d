"""Rows on their way: encoded one by one, gathered in frames, and counted so that two copies can be compared."""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from collector.core.problems import Refusal

Value = int | float | str | bytes | None
Row = tuple[Value, ...]

_HEAD = struct.Struct(">I")
_ARRAY = b"\xdd"  # MessagePack: an array whose length follows in four bytes
_FRAME_BYTES = 1 << 20
MAX_FRAME = 1 << 28
"""Far more than we write: a frame ends with the row that makes it a MiB."""
_MODULUS = 1 << 256

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[Any, ...]])


class Damaged(Refusal):
    """A file that is not what was written."""


class Readable(Protocol):
    """What frames are read from."""

    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    """What frames are written to."""

    def write(self, content: bytes, /) -> int: ...


class Tally:
    """How many rows there were, and a digest that does not depend on their order: the sum of their SHA-256."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, encoded: Sequence[bytes]) -> None:
        self.rows += len(encoded)
        sha256, number = hashlib.sha256, int.from_bytes
        self._sum = (self._sum + sum([number(sha256(one).digest()) for one in encoded])) % _MODULUS

    @property
    def digest(self) -> str:
        return f"{self._sum:064x}"


def encoded(rows: Iterable[Row]) -> list[bytes]:
    """Each row by itself; the same values give the same bytes wherever they were stored."""
    return [_encoder.encode(row) for row in rows]


def write(out: Writable, lines: Iterable[Sequence[bytes]]) -> None:
    """Frames of about a MiB, each an array of rows with its length before it."""
    gathered: list[bytes] = []
    size = 0
    for chunk in lines:
        for line in chunk:
            gathered.append(line)
            size += len(line)
            if size >= _FRAME_BYTES:
                _put(out, gathered)
                gathered, size = [], 0
    if gathered:
        _put(out, gathered)


def read(stream: Readable, width: int) -> Iterator[list[Row]]:
    """What `write` wrote, a frame at a time; `Damaged` when it is anything else. `width`: values in a row."""
    while head := stream.read(_HEAD.size):
        size = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else MAX_FRAME
        if size >= MAX_FRAME:
            raise Damaged(f"a frame of {size} bytes; expected fewer than {MAX_FRAME}")
        frame = stream.read(size)
        if len(frame) < size:
            raise Damaged("it ends in the middle of a frame")
        try:
            rows: list[Row] = _decoder.decode(frame)
        except msgspec.DecodeError as error:
            raise Damaged(f"a frame cannot be read ({error})") from None
        if any(len(row) != width for row in rows):
            raise Damaged(f"a row that has not {width} values")
        yield rows


def _put(out: Writable, lines: Sequence[bytes]) -> None:
    body = b"".join((_ARRAY, _HEAD.pack(len(lines)), *lines))
    out.write(_HEAD.pack(len(body)))
    out.write(body)
