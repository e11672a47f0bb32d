"""TNS packets: framing, the connect handshake, markers."""

import asyncio
import enum
from collections.abc import Iterator
from dataclasses import dataclass

from tests.standins.oracle.codec import MalformedError, Reader, Writer
from tests.standins.oracle.persona import Persona

HEADER = 8
MAX_PACKET = 1 << 21
MAX_SDU = 65535
MIN_SDU = 512
_CONNECT_FIXED = 74
_OVERHEAD = 10  # header and data flags
_CLASSIC_SDU = 58  # where the 32-bit sizes stand in a CONNECT packet
_LARGE_SDU_SINCE = 315


class PacketType(enum.IntEnum):
    CONNECT = 1
    ACCEPT = 2
    REFUSE = 4
    REDIRECT = 5
    DATA = 6
    RESEND = 11
    MARKER = 12
    CONTROL = 14


class Marker(enum.IntEnum):
    BREAK = 1
    RESET = 2
    INTERRUPT = 3


EOF_FLAG = 0x0040
END_OF_RESPONSE_FLAG = 0x2000


@dataclass(frozen=True)
class Packet:
    type: int
    body: bytes


@dataclass(frozen=True)
class ConnectRequest:
    version: int
    sdu: int
    tdu: int
    descriptor_length: int
    descriptor: bytes  # empty when it follows in a packet of its own


async def read_packet(stream: asyncio.StreamReader, *allowed: PacketType, large: bool) -> Packet:
    """Read one packet of an allowed type; until the handshake is over lengths have two bytes, later four."""
    header = await stream.readexactly(HEADER)
    length = int.from_bytes(header[:4] if large else header[:2])
    if not HEADER <= length <= MAX_PACKET:
        raise MalformedError(f"a packet of {length} bytes")
    if header[4] not in allowed:
        raise MalformedError(f"a packet of type {header[4]}")
    return Packet(type=header[4], body=await stream.readexactly(length - HEADER))


def frame(kind: PacketType, body: bytes, *, large: bool) -> bytes:
    packet = Writer()
    length = HEADER + len(body)
    if large:
        packet.u32(length)
    else:
        packet.u16(length).u16(0)
    return packet.u8(kind, 0).u16(0).raw(body).done()


def parse_connect(packet: Packet) -> ConnectRequest:
    if len(packet.body) < _CONNECT_FIXED - HEADER:
        raise MalformedError(f"a CONNECT packet of {len(packet.body) + HEADER} bytes")
    reader = Reader(packet.body)
    version = reader.u16()
    reader.skip(4)  # the lowest version, service options
    sdu, tdu = reader.u16(), reader.u16()
    reader.skip(6)
    length, offset = reader.u16(), reader.u16()
    if version >= _LARGE_SDU_SINCE:
        sizes = Reader(packet.body, _CLASSIC_SDU - HEADER)
        sdu, tdu = sizes.u32(), sizes.u32()
    descriptor = packet.body[offset - HEADER : offset - HEADER + length]
    if descriptor and len(descriptor) != length:
        raise MalformedError(f"{len(descriptor)} bytes of a descriptor of {length}")
    return ConnectRequest(version, sdu, tdu, descriptor_length=length, descriptor=descriptor)


def agreed_sdu(request: ConnectRequest) -> int:
    return max(MIN_SDU, min(request.sdu, MAX_SDU))


def accept(persona: Persona, request: ConnectRequest) -> bytes:
    sdu, tdu = agreed_sdu(request), max(MIN_SDU, min(request.tdu, MAX_SDU))
    body = Writer().u16(persona.tns_version).u16(1).u16(sdu).u16(tdu).u16(1)
    body.u16(0).u16(HEADER + 33)  # no data; where it would begin
    body.u8(4, 4).raw(bytes(8))  # no native network services, which a client may insist on
    body.u32(sdu).u32(tdu).u8(0).u32(persona.accept_flags)
    return frame(PacketType.ACCEPT, body.done(), large=False)


def refuse(code: int) -> bytes:
    stack = f"(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4)))"
    text = f"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={code}){stack})".encode()
    body = Writer().u8(0x22, 0).u16(len(text)).raw(text).done()
    return frame(PacketType.REFUSE, body, large=False)


def marker(kind: Marker) -> bytes:
    return frame(PacketType.MARKER, bytes([1, 0, kind]), large=True)


def parse_marker(packet: Packet) -> Marker:
    if len(packet.body) != 3 or packet.body[0] != 1:  # 01 00 and the kind
        raise MalformedError(f"a marker of {packet.body.hex()}")
    try:
        return Marker(packet.body[2])
    except ValueError as error:
        raise MalformedError(f"a marker of kind {packet.body[2]}") from error


def data_packets(message: bytes, *, sdu: int, last_flags: int = 0) -> Iterator[bytes]:
    """Cut a message into DATA packets of at most the agreed size."""
    room = sdu - _OVERHEAD
    for start in range(0, len(message), room):
        last = start + room >= len(message)
        flags = last_flags if last else 0
        yield frame(PacketType.DATA, flags.to_bytes(2) + message[start : start + room], large=True)
