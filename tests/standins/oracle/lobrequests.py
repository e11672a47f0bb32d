"""LOB calls: reading, writing, lengths, temporary LOBs."""

import enum
from dataclasses import dataclass

from tests.standins.oracle.binds import UnsupportedError
from tests.standins.oracle.codec import Reader

LOB_FUNCTION = 96
_LOB_DATA = 14
_CLOB = 112


class LobOperation(enum.IntEnum):
    LENGTH = 0x1
    READ = 0x2
    TRIM = 0x20
    WRITE = 0x40
    CREATE = 0x110
    CHUNK_SIZE = 0x4000


@dataclass(frozen=True)
class LobRequest:
    operation: LobOperation
    locator: bytes
    offset: int
    amount: int
    data: bytes
    has_amount: bool
    creates_text: bool


def parse_lob_request(reader: Reader) -> LobRequest:
    reader.skip(1)
    length = reader.ub()
    reader.skip(1)
    reader.skip_ub(3)
    has_charset = bool(reader.u8())
    reader.skip(2)
    operation = _operation(reader.ub())
    reader.skip(2)
    offset = reader.ub()
    created_type = reader.ub()  # the other offset, which a create call uses for the type it wants
    has_amount = bool(reader.u8())
    reader.skip(6)
    locator = reader.raw(length)
    if has_charset:
        reader.skip_ub()
    data = _data(reader) if operation is LobOperation.WRITE else b""
    amount = reader.ub() if has_amount else 0
    creates_text = created_type == _CLOB
    return LobRequest(operation, locator, offset, amount, data, has_amount, creates_text)


def _operation(code: int) -> LobOperation:
    try:
        return LobOperation(code)
    except ValueError as error:
        raise UnsupportedError(f"LOB operation {code:#x}") from error


def _data(reader: Reader) -> bytes:
    reader.expect(_LOB_DATA, "the data of a LOB")
    return reader.clr() or b""
