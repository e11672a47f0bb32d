"""Pure: where the transactions of a SQLite log end, read from its bytes (the format that SQLite documents)."""

import struct

from msgspec import Struct

_HEAD = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = {0x377F0682, 0x377F0683}


class Log(Struct, frozen=True):
    """`ends`: the offsets at which whole transactions end, ascending; `end`: where the last frame of this log ends."""

    page: int
    ends: tuple[int, ...]
    end: int

    @property
    def frame(self) -> int:
        return _FRAME.size + self.page

    def whole(self, cut: int) -> int:
        """The end of the last transaction that a log of so many bytes has; 0 where it has none."""
        return max((end for end in self.ends if end <= cut), default=0)

    def before(self, flipped: int) -> int:
        """The end of the last transaction before the frame that this byte is in."""
        index = (flipped - _HEAD.size) // self.frame
        return self.whole(_HEAD.size + index * self.frame) if flipped >= _HEAD.size else 0


def parse(content: bytes) -> Log:
    """A log as it is; what is left of an older one behind its end does not count."""
    if len(content) < _HEAD.size:
        return Log(0, (), 0)
    magic, _, page, _, salt1, salt2, *_ = _HEAD.unpack_from(content)
    if magic not in _MAGIC:
        raise ValueError(f"not a log of SQLite: it begins with {magic:#x}")
    ends, at = [], _HEAD.size
    while at + _FRAME.size + page <= len(content):
        _, size, frame1, frame2, *_ = _FRAME.unpack_from(content, at)
        if (frame1, frame2) != (salt1, salt2):
            break
        at += _FRAME.size + page
        if size:
            ends.append(at)
    return Log(page, tuple(ends), at)
