"""Clients of a list: so many kept connections from one thread, each with one request under way; it costs little."""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

_TAIL = 0.99


@dataclass(frozen=True, slots=True)
class Asked:
    """How it went; `cpu_ms`: processor time of the server for each request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    bytes: int


@dataclass(slots=True)
class _Client:
    link: socket.socket
    turn: int
    sent_at: float = 0.0
    answer: bytearray = field(default_factory=bytearray)
    wanted: int = 0


def get(path: str, headers: dict[str, str]) -> bytes:
    """A request as it is sent."""
    fields = {"Host": "localhost", "Accept": "application/json", **headers}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def ask(port: int, server: int, requests: Sequence[bytes], *, clients: int, seconds: float, status: int = 200) -> Asked:
    """Send these in turn for so long; whoever has got an answer asks again at once."""
    crowd = _Crowd(port, requests, clients, status)
    process, took = psutil.Process(server), list[float]()
    crowd.run(time.perf_counter() + seconds / 4)  # until everything is warm
    before, began = _processor_s(process), time.perf_counter()
    length = crowd.run(began + seconds, took)
    lasted = time.perf_counter() - began
    cpu = _processor_s(process) - before
    crowd.close()
    took.sort()
    return Asked(
        rate=len(took) / lasted,
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[min(len(took) - 1, int(len(took) * _TAIL))] * 1000,
        cpu_ms=cpu / len(took) * 1000,
        bytes=length,
    )


class _Crowd:
    def __init__(self, port: int, requests: Sequence[bytes], clients: int, status: int) -> None:
        self._requests = requests
        self._begins = b"HTTP/1.1 %d " % status
        self._selector = selectors.DefaultSelector()
        self._clients = [_Client(socket.create_connection(("127.0.0.1", port)), n * 7) for n in range(clients)]
        for client in self._clients:
            client.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(client.link, selectors.EVENT_READ, client)

    def run(self, until: float, took: list[float] | None = None) -> int:
        """Until then, and until the last answer is here; the length of the last body."""
        under_way, length = 0, 0
        for each in self._clients:
            self._send(each)
            under_way += 1
        while under_way:
            for found, _ in self._selector.select():
                client: _Client = found.data
                if not self._receive(client):
                    continue
                length, now = client.wanted, time.perf_counter()
                if took is not None:
                    took.append(now - client.sent_at)
                if now < until:
                    self._send(client)
                else:
                    under_way -= 1
        return length

    def close(self) -> None:
        self._selector.close()
        for client in self._clients:
            client.link.close()

    def _send(self, client: _Client) -> None:
        client.answer.clear()
        client.wanted, client.turn = -1, client.turn + 1
        client.sent_at = time.perf_counter()
        client.link.sendall(self._requests[client.turn % len(self._requests)])

    def _receive(self, client: _Client) -> bool:
        """Whether the answer is complete."""
        part = client.link.recv(1 << 18)
        if not part:
            raise RuntimeError("the server has closed the connection")
        client.answer += part
        if client.wanted < 0:
            end = client.answer.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = bytes(client.answer[:end]).lower()
            if not client.answer.startswith(self._begins):
                raise RuntimeError(bytes(client.answer[:400]).decode("latin-1"))
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            client.wanted = int(length or 0)
            del client.answer[: end + 4]
        return len(client.answer) >= client.wanted


def _processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def once(port: int, request: bytes) -> tuple[float, bytes, bytes]:
    """Milliseconds, head and body of one request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        link.sendall(request)
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            answer += link.recv(1 << 18)
        head, _, body = bytes(answer).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        while len(body) < length:
            body += link.recv(1 << 18)
        return (time.perf_counter() - began) * 1000, head, body
