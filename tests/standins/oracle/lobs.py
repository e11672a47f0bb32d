"""LOB values on the server, found by their locators."""

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field

from tests.standins.oracle.codec import Writer
from tests.standins.oracle.lobrequests import LobOperation, LobRequest
from tests.standins.oracle.persona import CHARSET
from tests.standins.oracle.responses import write_lob_data, write_locator
from tests.standins.oracle.types import OracleError

LOCATOR = 40
CHUNK_SIZE = 8060
_ID_AT = 32
_FLAGS_AT = 6
_UTF16 = 0x80
_TEMPORARY = 0x01
_KEPT = 5000
_BLANK = " ".encode("utf-16-be")


@dataclass
class Lob:
    """Bytes of a BLOB, or UTF-16 code units of a CLOB."""

    is_text: bool
    data: bytearray = field(default_factory=bytearray)

    @property
    def unit(self) -> int:
        return 2 if self.is_text else 1

    @property
    def length(self) -> int:
        return len(self.data) // self.unit

    def read(self, offset: int, amount: int) -> bytes:
        start = (offset - 1) * self.unit
        return bytes(self.data[start : start + amount * self.unit])

    def write(self, offset: int, data: bytes) -> None:
        start = (offset - 1) * self.unit
        missing = start - len(self.data)
        if missing > 0:
            self.data += _BLANK * (missing // 2) if self.is_text else bytes(missing)
        self.data[start : start + len(data)] = data

    def value(self) -> str | bytes:
        return self.data.decode("utf-16-be") if self.is_text else bytes(self.data)


class LobStore:
    """The LOBs of one session; the oldest are forgotten when a client keeps too many."""

    def __init__(self) -> None:
        self._lobs: OrderedDict[int, Lob] = OrderedDict()
        self._ids = itertools.count(1)

    def store(self, value: str | bytes) -> bytes:
        is_text = isinstance(value, str)
        data = value.encode("utf-16-be") if isinstance(value, str) else value
        return self._keep(Lob(is_text, bytearray(data)), temporary=False)

    def create(self, *, is_text: bool) -> bytes:
        return self._keep(Lob(is_text), temporary=True)

    def _keep(self, lob: Lob, *, temporary: bool) -> bytes:
        number = next(self._ids)
        self._lobs[number] = lob
        while len(self._lobs) > _KEPT:
            self._lobs.popitem(last=False)
        locator = bytearray(LOCATOR)
        locator[:2] = (LOCATOR - 2).to_bytes(2)
        locator[_FLAGS_AT] = _UTF16 if lob.is_text else 0
        locator[_FLAGS_AT + 1] = _TEMPORARY if temporary else 0
        locator[_ID_AT:] = number.to_bytes(LOCATOR - _ID_AT)
        return bytes(locator)

    def get(self, locator: bytes) -> Lob:
        lob = self._lobs.get(int.from_bytes(locator[_ID_AT:]))
        if len(locator) != LOCATOR or lob is None:
            raise OracleError(22922, "nonexistent LOB value")
        return lob

    def length(self, locator: bytes) -> int:
        return self.get(locator).length

    def free(self, locators: bytes) -> None:
        for start in range(0, len(locators), LOCATOR):
            self._lobs.pop(int.from_bytes(locators[start + _ID_AT : start + LOCATOR]), None)


def answer_lob_request(out: Writer, request: LobRequest, store: LobStore) -> None:
    """Do what the call asks and write everything of its answer but the status."""
    if request.operation is LobOperation.CREATE:
        write_locator(out, store.create(is_text=request.creates_text))
        out.ub(CHARSET).u8(0)
        return
    lob = store.get(request.locator)
    amount = _perform(out, request, lob)
    write_locator(out, request.locator)
    if request.has_amount:
        out.ub(amount)


def _perform(out: Writer, request: LobRequest, lob: Lob) -> int:
    match request.operation:
        case LobOperation.READ:
            data = lob.read(request.offset, request.amount)
            if data:
                write_lob_data(out, data)
            return len(data) // lob.unit
        case LobOperation.WRITE:
            lob.write(request.offset, request.data)
        case LobOperation.TRIM:
            del lob.data[request.amount * lob.unit :]
        case LobOperation.CHUNK_SIZE:
            return CHUNK_SIZE
    return lob.length
