"""The primitives of TTC messages: fixed and variable integers, counted and chunked bytes."""

from typing import Self

SHORT_LIMIT = 252
CHUNK = 32767
_LONG = 0xFE
_NULL = (0x00, 0xFF)
_WIDTHS = (1, 2, 4, 8)


class NeedMore(Exception):  # noqa: N818 - no error: the parser is just called again
    """The message goes on in a packet that has not come yet."""


class MalformedError(Exception):
    """The bytes are no message of this protocol."""


class Reader:
    """A cursor over the bytes of a message; it changes nothing but its own position."""

    def __init__(self, data: bytes | bytearray, position: int = 0) -> None:
        self._data = data
        self.position = position

    @property
    def at_end(self) -> bool:
        return self.position >= len(self._data)

    def raw(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise NeedMore
        piece = bytes(self._data[self.position : end])
        self.position = end
        return piece

    def peek(self) -> int:
        if self.at_end:
            raise NeedMore
        return self._data[self.position]

    def skip(self, count: int) -> None:
        self.raw(count)

    def u8(self) -> int:
        return self.raw(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.raw(2))

    def u16le(self) -> int:
        return int.from_bytes(self.raw(2), "little")

    def u32(self) -> int:
        return int.from_bytes(self.raw(4))

    def ub(self) -> int:
        """Read an unsigned integer of 0 to 8 bytes after its length."""
        return self._variable(self.u8())

    def sb(self) -> int:
        """Read a signed integer: the sign sits in the length byte."""
        length = self.u8()
        value = self._variable(length & 0x7F)
        return -value if length & 0x80 else value

    def _variable(self, length: int) -> int:
        if length > _WIDTHS[-1]:
            raise MalformedError(f"an integer of {length} bytes at {self.position - 1}")
        return int.from_bytes(self.raw(length))

    def skip_ub(self, count: int = 1) -> None:
        for _ in range(count):
            self.ub()

    def clr(self) -> bytes | None:
        """Read counted bytes, short or in chunks; None stands for NULL."""
        length = self.u8()
        if length in _NULL:
            return None
        if length == _LONG:
            return self._chunks()
        if length > SHORT_LIMIT:
            raise MalformedError(f"a length byte of {length:#x} at {self.position - 1}")
        return self.raw(length)

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        while length := self.ub():
            pieces.append(self.raw(length))
        return b"".join(pieces)

    def two(self) -> bytes:
        """Read bytes that are counted twice, with nothing after a count of zero."""
        return (self.clr() or b"") if self.ub() else b""

    def text(self) -> str:
        return decode_text(self.two())

    def expect(self, byte: int, what: str) -> None:
        found = self.u8()
        if found != byte:
            raise MalformedError(f"{what}: byte {found:#x} instead of {byte:#x} at {self.position - 1}")


def decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("text that is not UTF-8") from error


class Writer:
    """Builds a message; every method returns the writer, so that a layout reads as one chain."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def done(self) -> bytes:
        return bytes(self._data)

    def raw(self, data: bytes) -> Self:
        self._data += data
        return self

    def u8(self, *values: int) -> Self:
        self._data += bytes(values)
        return self

    def s8(self, value: int) -> Self:
        self._data += value.to_bytes(1, signed=True)
        return self

    def u16(self, value: int) -> Self:
        self._data += value.to_bytes(2)
        return self

    def u16le(self, value: int) -> Self:
        self._data += value.to_bytes(2, "little")
        return self

    def u32(self, value: int) -> Self:
        self._data += value.to_bytes(4)
        return self

    def ub(self, *values: int) -> Self:
        for value in values:
            body = _shortest(value)
            self._data.append(len(body))
            self._data += body
        return self

    def sb(self, value: int) -> Self:
        body = _shortest(abs(value))
        self._data.append(len(body) | (0x80 if value < 0 else 0))
        self._data += body
        return self

    def clr(self, data: bytes | None) -> Self:
        if not data:
            return self.u8(0)
        if len(data) <= SHORT_LIMIT:
            return self.u8(len(data)).raw(data)
        self.u8(_LONG)
        for start in range(0, len(data), CHUNK):
            piece = data[start : start + CHUNK]
            self.ub(len(piece)).raw(piece)
        return self.ub(0)

    def two(self, data: bytes) -> Self:
        self.ub(len(data))
        return self.clr(data) if data else self

    def text(self, value: str) -> Self:
        return self.two(value.encode())


def _shortest(value: int) -> bytes:
    """The clients read widths of 1, 2, 4 and 8 bytes only."""
    needed = (value.bit_length() + 7) // 8
    if not needed:
        return b""
    return value.to_bytes(next(width for width in _WIDTHS if width >= needed))
