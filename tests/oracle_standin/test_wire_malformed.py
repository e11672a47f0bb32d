"""Bytes that no driver would send end their own connection and disturb nobody else."""

import socket
from collections.abc import Iterator

import oracledb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.standins.oracle.authentication import parse_login
from tests.standins.oracle.binds import UnsupportedError
from tests.standins.oracle.codec import MalformedError, NeedMore, Reader, Writer
from tests.standins.oracle.packets import Packet, PacketType, accept, frame, parse_connect
from tests.standins.oracle.persona import RELEASE_19C
from tests.standins.oracle.requests import CursorShape, Dialect, parse_message
from tests.standins.oracle.server import HOST, RunningStandin
from tests.standins.oracle.types import OracleError

_DESCRIPTOR = b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=canned)))"


class _NoCursors:
    def shape(self, cursor_id: int) -> CursorShape | None:  # noqa: ARG002 - none is open
        return None


@pytest.fixture
def client(server: RunningStandin) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, server.ports["19c"]), timeout=5) as opened:
        yield opened


def _connect_packet(descriptor: bytes = _DESCRIPTOR) -> bytes:
    body = Writer().u16(319).u16(300).u16(0).u16(8192).u16(65535).raw(bytes(6))
    body.u16(len(descriptor)).u16(74).raw(bytes(30)).u32(8192).u32(65535).raw(bytes(8))
    return frame(PacketType.CONNECT, body.raw(descriptor).done(), large=False)


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(4096) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(8),
        b"\x00\x08\x00\x00\x06\x00\x00\x00",
        b"\x00\x0a\x00\x00\x01\x00\x00\x00ab",
        bytes(range(256)),
    ],
)
def test_no_connect_packet_no_connection(client: socket.socket, garbage: bytes) -> None:
    client.sendall(garbage)
    client.shutdown(socket.SHUT_WR)
    assert _is_closed(client)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00\x00\x0b\x06\x00\x00\x00\x00\x00\x7f",  # an unknown message
        b"\xff\xff\xff\xff\x06\x00\x00\x00",  # a packet of 4 GiB
        b"\x00\x00\x00\x0b\x0c\x00\x00\x00\x01\x00\x09",  # an unknown marker
        b"\x00\x00\x00\x08\x0e\x00\x00\x00",  # a packet type that does not belong here
        b"\x00\x00\x00\x0d\x06\x00\x00\x00\x00\x00\x03\x5e\x01",  # an execute before the login
    ],
)
def test_garbage_after_the_handshake_ends_the_connection(client: socket.socket, garbage: bytes) -> None:
    client.sendall(_connect_packet())
    assert client.recv(4096)[4] == PacketType.ACCEPT
    client.sendall(garbage)
    assert _is_closed(client)


def test_others_go_on_while_one_client_sends_garbage(connection: oracledb.Connection, client: socket.socket) -> None:
    client.sendall(b"\xff" * 1000)
    assert _is_closed(client)
    connection.ping()


def test_half_a_handshake_can_be_left(client: socket.socket, connection: oracledb.Connection) -> None:
    client.sendall(_connect_packet()[:20])
    client.close()
    connection.ping()


def test_a_descriptor_without_a_service_is_refused(client: socket.socket) -> None:
    client.sendall(_connect_packet(b"(DESCRIPTION=(CONNECT_DATA=(CID=(PROGRAM=x))))"))
    answer = client.recv(4096)
    assert answer[4] == PacketType.REFUSE
    assert b"(ERR=12504)" in answer


def test_an_accept_packet_has_the_known_bytes() -> None:
    request = parse_connect(Packet(PacketType.CONNECT, _connect_packet()[8:]))
    expected = ("002d000002000000013d00012000ffff000100000029040400000000000000000000200000 00ffff00 00000000").replace(
        " ", ""
    )
    assert accept(RELEASE_19C, request).hex() == expected


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200), st.sampled_from([12, 24]))
def test_any_bytes_are_a_message_or_a_clear_refusal(data: bytes, field_version: int) -> None:
    for parse in (_parse_session, _parse_login):
        try:
            parse(data, field_version)
        except (NeedMore, MalformedError, UnsupportedError, OracleError):
            continue


def _parse_session(data: bytes, field_version: int) -> object:
    return parse_message(Reader(b"\x03" + data), Dialect(field_version, _NoCursors()))


def _parse_login(data: bytes, field_version: int) -> object:
    return parse_login(Reader(data), field_version)
