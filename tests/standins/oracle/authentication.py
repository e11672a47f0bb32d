"""The messages of a login: protocol, data types, the two authentication calls, fast authentication."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.standins.oracle.codec import MalformedError, Reader, Writer, decode_text
from tests.standins.oracle.persona import CHARSET, NATIONAL_CHARSET, Persona
from tests.standins.oracle.types import Mode

PHASE_ONE, PHASE_TWO = 0x76, 0x73
_PROTOCOL, _DATA_TYPES, _FUNCTION, _WARNING, _FAST = 1, 2, 3, 15, 34
_FIELD_VERSION_TOKEN = 18
_TIME_ZONE = bytes.fromhex("800000003c3c3c80000000")  # +00:00
_MODES: Mapping[int, Mode] = {
    0x00000020: "sysdba",
    0x00000040: "sysoper",
    0x00400000: "sysasm",
    0x01000000: "sysbackup",
    0x02000000: "sysdg",
    0x04000000: "syskm",
    0x08000000: "sysrac",
}


@dataclass(frozen=True)
class ProtocolRequest:
    client: str


@dataclass(frozen=True)
class DataTypesRequest:
    compile_capabilities: bytes
    runtime_capabilities: bytes

    @property
    def has_time_zone(self) -> bool:
        return bool(self.runtime_capabilities[1:2] and self.runtime_capabilities[1] & 1)


@dataclass(frozen=True)
class AuthRequest:
    function: int
    sequence: int
    user: str
    mode: Mode
    pairs: Mapping[str, str]

    def secret(self, key: str) -> bytes:
        """A value that travels as hex digits; empty when it is missing or no hex."""
        try:
            return bytes.fromhex(self.pairs.get(key, ""))
        except ValueError:
            return b""


@dataclass(frozen=True)
class FastRequest:
    data_types: DataTypesRequest
    auth: AuthRequest


LoginRequest = ProtocolRequest | DataTypesRequest | AuthRequest | FastRequest


def parse_login(reader: Reader, field_version: int) -> LoginRequest:
    kind = reader.u8()
    if kind == _PROTOCOL:
        return _parse_protocol(reader)
    if kind == _DATA_TYPES:
        return _parse_data_types(reader)
    if kind == _FAST:
        return _parse_fast(reader)
    if kind == _FUNCTION:
        return _parse_auth(reader, has_token=field_version >= _FIELD_VERSION_TOKEN)
    raise MalformedError(f"message type {kind} during login")


def _parse_protocol(reader: Reader) -> ProtocolRequest:
    while reader.u8():
        pass  # the versions that the client speaks
    name = bytearray()
    while byte := reader.u8():
        name.append(byte)
    return ProtocolRequest(decode_text(bytes(name)))


def _parse_data_types(reader: Reader) -> DataTypesRequest:
    reader.skip(5)  # two character sets and flags
    request = DataTypesRequest(reader.clr() or b"", reader.clr() or b"")
    if request.has_time_zone:
        reader.skip(len(_TIME_ZONE))
    while reader.u16():
        if reader.u16():
            reader.skip(4)
    return request


def _parse_fast(reader: Reader) -> FastRequest:
    reader.skip(3)
    reader.expect(_PROTOCOL, "the protocol message of a fast login")
    _parse_protocol(reader)
    reader.skip(6)
    reader.expect(_DATA_TYPES, "the data types message of a fast login")
    data_types = _parse_data_types(reader)
    reader.expect(_FUNCTION, "the authentication call of a fast login")
    return FastRequest(data_types, _parse_auth(reader, has_token=False))


def _parse_auth(reader: Reader, *, has_token: bool) -> AuthRequest:
    function, sequence = reader.u8(), reader.u8()
    if function not in {PHASE_ONE, PHASE_TWO}:
        raise MalformedError(f"call {function} during login")
    if has_token:
        reader.skip_ub()
    has_user = bool(reader.u8())
    reader.skip_ub()
    mode = reader.ub()
    reader.skip(1)
    count = reader.ub()
    reader.skip(2)
    user = decode_text(reader.clr() or b"") if has_user else ""
    pairs: dict[str, str] = {}
    for _ in range(count):
        key = reader.text().rstrip("\0")
        pairs[key] = reader.text().rstrip("\0")
        reader.skip_ub()
    return AuthRequest(function, sequence, user, _mode(mode), pairs)


def _mode(bits: int) -> Mode:
    return next((mode for bit, mode in _MODES.items() if bits & bit), "normal")


def write_protocol(out: Writer, persona: Persona) -> None:
    out.u8(_PROTOCOL, 6, 0).raw(persona.banner.encode()).u8(0)
    out.u16le(CHARSET).u8(0).u16le(0)
    out.u16(11).raw(bytes(9)).u16(NATIONAL_CHARSET)
    out.clr(persona.compile_capabilities).clr(persona.runtime_capabilities)


def write_data_types(out: Writer, request: DataTypesRequest) -> None:
    """An empty list: the client's own representations are taken as they are."""
    out.u8(_DATA_TYPES)
    if request.has_time_zone:
        out.raw(_TIME_ZONE)
    out.u16(0)


def write_warning(out: Writer, text: str) -> None:
    body = f"{text}\n".encode()
    out.u8(_WARNING).ub(28002, len(body), 0).clr(body)


def encode_release(release: Sequence[int]) -> int:
    """A release as one number, the way clients since 18c read it."""
    major, minor, patch, component, platform = release
    return major << 24 | minor << 16 | patch << 12 | component << 4 | platform
