"""Records a second through a served collector on SQLite, beside bare inserts of the same rows in the same run.

Eight agents send signed batches of 100 runs, three outcomes each, over ten connections each; all of it is made before
the clock starts, so that the sender costs little. Twice: with findings that stay as they are, as they mostly do, and
with every ninth run turning three checks over, each of which is a ticket and an alert begun and ended within a batch.
The floor writes the rows that the collector wrote with `sqlite3`
alone, as many batches to a commit as there are senders, with the same durability.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Ack, EnrolReply, Kind
from tests.collector import builders
from tests.collector.builders import AgentHere
from tests.collector.process import command, serving

SENDERS = 8
BATCHES = 40
RECORDS = 100
CONNECTIONS = 10
CHECKS = 30
OUTCOMES = 3
_PATH = "/agent/v1/batches"


@dataclass(frozen=True, slots=True)
class Sender:
    """One agent with everything that it will send, as bytes on the wire."""

    requests: Sequence[bytes]


def main() -> None:
    print(f"{SENDERS} senders, {BATCHES} batches of {RECORDS} runs each, {OUTCOMES} outcomes a run")
    for flapping in (False, True):
        print("every ninth run turns its checks over" if flapping else "findings stay as they are")
        _measure(flapping=flapping)


def _measure(*, flapping: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        seconds = asyncio.run(_through_the_collector(state, flapping=flapping))
        rows = _rows(state / "collector.sqlite")
        floor = _bare(Path(folder) / "bare.sqlite", state / "collector.sqlite", rows)
    records = SENDERS * BATCHES * RECORDS
    print(f"collector: {records / seconds:,.0f} records/s, {SENDERS * BATCHES / seconds:,.1f} batches/s")
    print(f"bare inserts of the same rows: {records / floor:,.0f} records/s; ratio {floor / seconds:.3f}")


async def _through_the_collector(state: Path, *, flapping: bool) -> float:
    async with serving(state, FIELDPOST_LOG_LEVEL="warning") as collector:
        await command(state, "tenant", "add", "bench", "--name", "Bench", "--plan", "enterprise")
        _, out, _ = await command(state, "agent", "token", "--tenant", "bench", "--uses", str(SENDERS), "--json")
        secret = wire.decode(out.encode(), dict[str, str | int | None])["token"]
        async with httpx.AsyncClient(base_url=collector.url) as client:
            senders = [await _sender(client, str(secret), flapping=flapping) for _ in range(SENDERS)]
        port = int(collector.url.rpartition(":")[2])
        began = time.perf_counter()
        await asyncio.gather(*(_send(port, sender) for sender in senders))
        return time.perf_counter() - began


async def _sender(client: httpx.AsyncClient, secret: str, *, flapping: bool) -> Sender:
    key = PrivateKey.generate()
    answer = await client.post("/agent/v1/enroll", content=wire.encode(builders.enrol_request(secret, key)))
    here = AgentHere(0, wire.decode(answer.content, EnrolReply).agent, key)
    now = utc_now()
    names = [f"C{number}" for number in range(CONNECTIONS)]
    await here.push(client, [(Kind.INVENTORY, now, builders.inventory(*names))])
    return Sender([_request(here, number, flapping=flapping) for number in range(BATCHES)])


def _request(here: AgentHere, number: int, *, flapping: bool) -> bytes:
    """Batch `number` with its head; the token is good for all of a short measurement."""
    first = 2 + number * RECORDS
    at = utc_now() - timedelta(hours=1)
    lines = [
        wire.record_line(seq, Kind.RUN, at, _run(here, seq, at + timedelta(milliseconds=100 * seq), flapping=flapping))
        for seq in range(first, first + RECORDS)
    ]
    body, signature = here.batch(lines, seqs=range(first, first + RECORDS))
    fields = {
        "Host": "localhost",
        **here.headers("POST", _PATH),
        "Content-Type": wire.CONTENT_TYPE,
        wire.SIGNATURE_HEADER: signature,
        "Content-Length": str(len(body)),
    }
    head = f"POST {_PATH} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + body


def _run(here: AgentHere, seq: int, at: datetime, *, flapping: bool) -> wire.Run:
    numbers = [(seq + n * 7) % CHECKS for n in range(OUTCOMES)]
    bad = {number for number in numbers if (seq % 9 == 0 if flapping else number % 9 == 0)}
    outcomes = [
        builders.outcome(f"CHECK_{number}", "warning" if number in bad else "ok", value=float(seq))
        for number in numbers
    ]
    return builders.run(outcomes, key=f"run_{here.id}_{seq}", at=at, connection=f"c{seq % CONNECTIONS}")


async def _send(port: int, sender: Sender) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in sender.requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        ack = wire.decode(await reader.readexactly(length), Ack)
        assert ack.new == RECORDS, ack
    writer.close()
    await writer.wait_closed()


# --- the floor -----------------------------------------------------------------------------------------------------


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What one batch after the other left behind, by table."""
    with sqlite3.connect(path) as conn:
        rows = {name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in ("run", "check_state", "connection")}
    conn.close()
    return rows


def _bare(path: Path, schema_of: Path, rows: dict[str, list[tuple[object, ...]]]) -> float:
    """Seconds to write the same rows: the runs once, and per batch the states and connections that it touches."""
    conn = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000"):
        conn.execute(f"PRAGMA {pragma}")
    with sqlite3.connect(schema_of) as source:
        for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL"):
            conn.execute(sql)
    source.close()
    statements = {name: _replace(name, len(found[0])) for name, found in rows.items()}
    touched = min(CONNECTIONS * CHECKS, RECORDS * OUTCOMES)
    began = time.perf_counter()
    for turn in range(BATCHES):
        conn.execute("BEGIN IMMEDIATE")
        for sender in range(SENDERS):
            first = (turn * SENDERS + sender) * RECORDS
            conn.executemany(statements["run"], rows["run"][first : first + RECORDS])
            conn.executemany(statements["check_state"], rows["check_state"][sender * touched : (sender + 1) * touched])
            own = rows["connection"][sender * CONNECTIONS : (sender + 1) * CONNECTIONS]
            conn.executemany(statements["connection"], own)
        conn.execute("COMMIT")
    seconds = time.perf_counter() - began
    conn.close()
    return seconds


def _replace(table: str, columns: int) -> str:
    return f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * columns)})"
