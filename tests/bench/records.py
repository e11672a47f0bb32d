"""What agents would send to a collector under load, made beforehand, and the process that sends it.

A bench record is one visit with 20 outcomes, of which 8 are numbers and one has changed since the visit before; two of
the others are findings that stand, and every 240th visit of a connection opens a finding or ends one. Each outcome says
how long it took, which is never quite the same.
"""

import argparse
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import msgspec

from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Ack, EnrolReply, Kind, Outcome
from tests.collector import builders
from tests.collector.builders import AgentHere

OUTCOMES = 20
NUMBERS = 8
CONNECTIONS = 10
FLIPS_EVERY = 240
_STANDING = (18, 19)
_FASTEST_MS = 1.5
_PATH = "/agent/v1/batches"
_CATEGORIES = ("tablespace", "sessions", "redo_logs", "memory", "backup")
_EVERY = timedelta(seconds=20)
_WARM_VISITS = 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `senders` agents, `batches` each, `records` in a batch; `rate`: batches a second, 0 for all."""

    url: str
    secret: str
    senders: int
    batches: int
    records: int
    rate: float = 0.0


class Sent(msgspec.Struct, frozen=True):
    """How it went: from the first request to the last ack, and how long each ack took."""

    seconds: float
    batches: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float


@dataclass(slots=True)
class Sender:
    """One agent: its connection, and what it has yet to send."""

    here: AgentHere
    waiting: deque[bytes]
    records: int
    link: socket.socket | None = None
    due: float = 0.0
    answer: bytearray = field(default_factory=bytearray)


def visit(number: int, at: datetime, key: str, connection: str) -> wire.Run:
    """The visit `number` of a connection, which knows what the ones before it were like."""
    return builders.run([_outcome(check, number) for check in range(OUTCOMES)], key=key, at=at, connection=connection)


def _outcome(check: int, number: int) -> Outcome:
    changed = number - (number - check) % NUMBERS if check < NUMBERS else 0
    flipped = check == NUMBERS and number // FLIPS_EVERY % 2 == 1
    bad = check in _STANDING or flipped
    return builders.outcome(
        _name(check),
        "warning" if bad else "ok",
        category=_CATEGORIES[check % len(_CATEGORIES)],
        value=float(max(changed, 0)) if check < NUMBERS else None,
        unit="MB" if check < NUMBERS else "",
        line=f"{_name(check)}: {max(changed, 0)} MB used by the largest of them",
        warning=1e9 if check < NUMBERS else None,
        elapsed_ms=_FASTEST_MS + (7 * number + 3 * check) % 50 / 10,
    )


def _name(check: int) -> str:
    return "DB_CONNECT" if check == OUTCOMES // 2 else f"CHECK_{check}"


def requests(here: AgentHere, asked: Asked, began: datetime) -> Iterator[bytes]:
    """Bodies with their signatures, as bytes on the wire; the token goes before them when they are sent."""
    for batch in range(asked.batches):
        first = 2 + CONNECTIONS * _WARM_VISITS + batch * asked.records
        yield _request(here, range(first, first + asked.records), began)


def _request(here: AgentHere, seqs: Sequence[int], began: datetime) -> bytes:
    lines = [_line(here, seq, began) for seq in seqs]
    body, signature = here.batch(lines, seqs=seqs)
    head = (
        f"Content-Type: {wire.CONTENT_TYPE}\r\n{wire.SIGNATURE_HEADER}: {signature}\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


def _line(here: AgentHere, seq: int, began: datetime) -> bytes:
    place, number = (seq - 2) % CONNECTIONS, (seq - 2) // CONNECTIONS
    at = began + number * _EVERY
    return wire.record_line(seq, Kind.RUN, at, visit(number, at, f"run_{here.id}_{seq}", f"c{place}"))


def enrolled(asked: Asked) -> list[Sender]:
    """Agents that have sent what they look after, and a first visit of each connection."""
    began = utc_now() - timedelta(hours=2)
    checks = [_name(number) for number in range(OUTCOMES)]
    names = [f"C{number}" for number in range(CONNECTIONS)]
    senders: list[Sender] = []
    with httpx.Client(base_url=asked.url, timeout=60) as client:
        for _ in range(asked.senders):
            key = PrivateKey.generate()
            answer = client.post("/agent/v1/enroll", content=wire.encode(builders.enrol_request(asked.secret, key)))
            here = AgentHere(0, wire.decode(answer.content, EnrolReply).agent, key)
            bodies: list[tuple[Kind, datetime, object]] = [(Kind.INVENTORY, began, builders.inventory(*names))]
            lines = [wire.record_line(1, *bodies[0])]
            lines += [_line(here, seq, began) for seq in range(2, 2 + CONNECTIONS * _WARM_VISITS)]
            top = len(lines)
            lines.append(wire.record_line(10**6, Kind.CATALOGUE, began, builders.catalogue(*checks)))
            _push(client, here, lines[:top], range(1, top + 1))
            _push(client, here, lines[top:], [10**6], stream="bulk")
            senders.append(Sender(here, deque(requests(here, asked, began)), asked.records))
    return senders


def _push(
    client: httpx.Client, here: AgentHere, lines: Sequence[bytes], seqs: Sequence[int], stream: wire.Stream = "live"
) -> None:
    body, signature = here.batch(lines, seqs=seqs, stream=stream)
    headers = {**here.headers("POST", _PATH), "Content-Type": wire.CONTENT_TYPE, wire.SIGNATURE_HEADER: signature}
    answer = client.post(_PATH, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


# --- sending -------------------------------------------------------------------------------------------------------


class Driver:
    """Sends from one thread; each agent has one request under way at most, as agents do."""

    def __init__(self, senders: Sequence[Sender], asked: Asked) -> None:
        self._senders = senders
        self._rate = asked.rate
        self._selector = selectors.DefaultSelector()
        self._took: list[float] = []
        host, _, port = asked.url.rpartition("//")[2].rpartition(":")
        for sender in senders:
            head = f"POST {_PATH} HTTP/1.1\r\nHost: localhost\r\n"
            token = "".join(f"{k}: {v}\r\n" for k, v in sender.here.headers("POST", _PATH).items())
            sender.waiting = deque((head + token).encode() + rest for rest in sender.waiting)
            sender.link = socket.create_connection((host, int(port)))
            sender.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(sender.link, selectors.EVENT_READ, sender)

    def run(self) -> Sent:
        total = sum(len(sender.waiting) for sender in self._senders)
        idle, cpu = deque(self._senders), time.process_time()
        began = time.perf_counter()
        started = 0
        while len(self._took) < total:
            started += self._start(idle, began, started)
            for found, _ in self._selector.select(self._pause(idle, began, started)):
                sender: Sender = found.data
                if self._receive(sender) and sender.waiting:
                    idle.append(sender)
        seconds = time.perf_counter() - began
        took = sorted(self._took)
        return Sent(
            seconds=seconds,
            batches=total,
            p50_ms=took[total // 2] * 1000,
            p99_ms=took[total * 99 // 100] * 1000,
            cpu_seconds=time.process_time() - cpu,
        )

    def _start(self, idle: deque[Sender], began: float, started: int) -> int:
        """Send what is due by those who have nothing under way; how many that were."""
        before, now = started, time.perf_counter()
        while idle and (not self._rate or began + started / self._rate <= now):
            sender = idle.popleft()
            sender.due = began + started / self._rate if self._rate else time.perf_counter()
            assert sender.link is not None
            sender.link.sendall(sender.waiting.popleft())
            started += 1
        return started - before

    def _pause(self, idle: deque[Sender], began: float, started: int) -> float | None:
        if not self._rate or not idle:
            return None
        return max(0.0, began + started / self._rate - time.perf_counter())

    def _receive(self, sender: Sender) -> bool:
        assert sender.link is not None
        sender.answer += sender.link.recv(65536)
        head, found, body = bytes(sender.answer).partition(b"\r\n\r\n")
        if not found:
            return False
        assert head.startswith(b"HTTP/1.1 200"), sender.answer
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return False
        self._took.append(time.perf_counter() - sender.due)
        sender.answer.clear()
        ack = wire.decode(body, Ack)
        assert ack.new == sender.records, ack
        return True


def main() -> None:
    """Make everything, say so, wait for a line, send; `python -m tests.bench.records JSON`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("asked")
    asked = msgspec.json.decode(parser.parse_args().asked, type=Asked)
    senders = enrolled(asked)
    print("ready", flush=True)
    sys.stdin.readline()
    sent = Driver(senders, asked).run()
    print(msgspec.json.encode(sent).decode(), flush=True)


if __name__ == "__main__":
    main()
