"""One client's socket after the handshake: messages in, messages out, breaks and resets in between."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tests.standins.oracle.codec import MalformedError, NeedMore, Reader
from tests.standins.oracle.packets import (
    END_OF_RESPONSE_FLAG,
    EOF_FLAG,
    Marker,
    PacketType,
    data_packets,
    marker,
    parse_marker,
    read_packet,
)

MAX_MESSAGE = 64 << 20
_T = TypeVar("_T")


class GoneError(Exception):
    """The client closed its socket, or was cut off."""


class Connection:
    """Reads while the session works, because a break arrives in the middle of a call.

    A break or interrupt counts only while a request is on hand; a late one finds its answer already sent and
    must be ignored. A reset is answered at any time.
    """

    def __init__(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, *, sdu: int) -> None:
        self._stream = stream
        self._writer = writer
        self._sdu = sdu
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._reset = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self.busy = False
        self.interrupted = asyncio.Event()
        self.closed = asyncio.Event()
        self.marks_end = False  # whether the last packet of a response says so
        self.cancelled_reply = b""

    def start(self) -> None:
        self._pump = asyncio.create_task(self._read_on(), name="oracle stand-in: read on")

    async def receive(self, parse: Callable[[Reader], _T]) -> _T:
        """Wait until the parser finds a whole message, and take it off the buffer; the session is busy then."""
        while True:
            self._arrived.clear()
            if self._buffer:
                with suppress(NeedMore):
                    return self._take(parse)
            if self.closed.is_set():
                raise GoneError
            await self._arrived.wait()

    def _take(self, parse: Callable[[Reader], _T]) -> _T:
        reader = Reader(self._buffer)
        message = parse(reader)
        del self._buffer[: reader.position]
        self.busy = True
        return message

    def discard_input(self) -> None:
        """Forget what is left of a request that could not be understood."""
        self._buffer.clear()
        self.busy = True

    async def send(self, message: bytes, *, ends_response: bool = True) -> None:
        """Answer a request; no break counts from the first byte on."""
        self._write(message, ends_response=ends_response)
        self._settle()
        await self._drain()

    async def send_cut(self, message: bytes) -> None:
        """Send the first half of an answer and drop the socket, as a broken network does."""
        packets = b"".join(data_packets(message, sdu=self._sdu))
        self._writer.write(packets[: max(1, len(packets) // 2)])
        await self._drain()
        self.abort()

    async def answer_break(self) -> None:
        """Give up the running call the way both drivers expect: break, their reset, ours, ORA-01013."""
        self._writer.write(marker(Marker.BREAK))
        await self._reset.wait()
        if self.closed.is_set():
            raise GoneError
        self._answer_reset()
        await self._drain()

    def settle(self) -> None:
        """The request wants no answer."""
        self._settle()

    def _settle(self) -> None:
        self.busy = False
        self._reset.clear()
        if not self.closed.is_set():
            self.interrupted.clear()

    def _answer_reset(self) -> None:
        self._buffer.clear()
        self._writer.write(marker(Marker.RESET))
        self._write(self.cancelled_reply)
        self._settle()

    def _write(self, message: bytes, *, ends_response: bool = True) -> None:
        flags = END_OF_RESPONSE_FLAG if self.marks_end and ends_response else 0
        for packet in data_packets(message, sdu=self._sdu, last_flags=flags):
            self._writer.write(packet)

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except (ConnectionError, OSError) as error:
            raise GoneError from error

    async def _read_on(self) -> None:
        try:
            while await self._read_one():
                pass
        except (MalformedError, asyncio.IncompleteReadError, ConnectionError, OSError):
            pass  # the client is gone, or will be in a moment: nothing that it sends can be trusted any more
        finally:
            self._mark_closed()

    async def _read_one(self) -> bool:
        packet = await read_packet(self._stream, PacketType.DATA, PacketType.MARKER, large=True)
        if packet.type == PacketType.MARKER:
            self._take_marker(parse_marker(packet))
            return True
        if len(packet.body) < 2:
            raise MalformedError("a DATA packet without flags")
        if int.from_bytes(packet.body[:2]) & EOF_FLAG:
            return False
        self._buffer += packet.body[2:]
        if len(self._buffer) > MAX_MESSAGE:
            raise MalformedError(f"a message of more than {MAX_MESSAGE} bytes")
        self._arrived.set()
        return True

    def _take_marker(self, kind: Marker) -> None:
        on_hand = self.busy or bool(self._buffer)
        if kind is Marker.RESET and not self.busy:
            self._answer_reset()
        elif kind is Marker.RESET:
            self._reset.set()
            self.interrupted.set()
        elif on_hand:
            self.interrupted.set()

    async def sleep(self, seconds: float) -> None:
        """Let time pass, but not for a client that is gone."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closed.wait(), seconds)
            raise GoneError

    def _mark_closed(self) -> None:
        self.closed.set()
        self.interrupted.set()
        self._reset.set()
        self._arrived.set()

    def abort(self) -> None:
        """Drop the socket at once; the pump notices and everybody who waits wakes up."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Send what is left, close the socket and end the pump."""
        self._writer.close()
        with suppress(ConnectionError, OSError):
            await self._writer.wait_closed()
        if self._pump:
            await self._pump
