"""Records through a served collector, signed and durable, beside bare inserts of the same rows in the same run.

Agents in a process of their own send batches that were made beforehand (`records`), each agent one at a time. The
floor writes the rows that the collector wrote with the driver alone, as many batches to a commit as there are agents,
with the same durability; last, because the server goes on writing for a while when it is done.
"""

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.bench.bare import bare_postgres, bare_sqlite
from tests.bench.records import OUTCOMES, Asked, Sent
from tests.bench.table import Row
from tests.collector.process import Collector, command, serving
from tests.standins.postgresql import server

RECORDS = 100 // OUTCOMES
"""In a batch of 100 results."""
_STAGES = 3  # for each of which agents are enrolled


@dataclass(frozen=True, slots=True)
class Size:
    """How many agents, and the batches of each: of 100 results, of one record, and at half the load."""

    agents: int
    whole: int
    single: int
    half: int


QUICK, FULL = Size(16, 60, 60, 40), Size(32, 240, 300, 150)


def main(*, quick: bool) -> list[Row]:
    size = QUICK if quick else FULL
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        found += asyncio.run(_on_sqlite(Path(folder) / "state", size))
    with server("18") as postgres, tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        url = postgres.new()
        found += asyncio.run(_on_postgres(Path(folder) / "state", url, postgres.new(), size))
    return found


async def _on_sqlite(state: Path, size: Size) -> list[Row]:
    async with _collector(state, size.agents) as driver:
        whole = await driver.send(size.whole, RECORDS)
        single = await driver.send(size.single, 1)
        half = await driver.send(size.half, RECORDS, rate=whole.batches / whole.seconds / 2)
        floor = bare_sqlite(state / "collector.sqlite", batches=whole.batches, records=RECORDS, together=size.agents)
    return [
        Row(
            name="results a second, SQLite, 100 in a batch",
            value=_results(whole),
            unit="/s",
            beside="bare inserts of the same rows",
            other=OUTCOMES * RECORDS * whole.batches / floor,
            key="ingest_sqlite_results_s",
            at_least=60_000,
        ),
        _cost("collector's processor time for a batch of 100, SQLite", whole),
        Row(
            name="batches of one record a second, SQLite",
            value=single.batches / single.seconds,
            unit="/s",
            key="single_batches_s",
            at_least=1_500,
        ),
        _cost("collector's processor time for a batch of one record", single),
        Row(
            name="99 % of acks within, at half that load, SQLite",
            value=half.p99_ms,
            unit="ms",
            key="ack_p99_ms",
            at_most=150,
        ),
        Row(name="half of the acks within, likewise", value=half.p50_ms, unit="ms"),
    ]


async def _on_postgres(state: Path, url: str, empty: str, size: Size) -> list[Row]:
    async with _collector(state, size.agents, FIELDPOST_DATABASE_URL=url) as driver:
        whole = await driver.send(size.whole // 2, RECORDS)
        half = await driver.send(size.half // 2, RECORDS, rate=whole.batches / whole.seconds / 2)
        floor = bare_postgres(url, empty, batches=whole.batches, records=RECORDS, together=size.agents)
    return [
        Row(
            name="results a second, PostgreSQL, 100 in a batch",
            value=_results(whole),
            unit="/s",
            beside="bare inserts of the same rows",
            other=OUTCOMES * RECORDS * whole.batches / floor,
            key="ingest_postgresql_results_s",
            at_least=25_000,
        ),
        _cost("collector's processor time for a batch of 100, PostgreSQL", whole),
        Row(name="99 % of acks within, at half that load, PostgreSQL", value=half.p99_ms, unit="ms", at_most=150),
    ]


def _results(sent: "Measured") -> float:
    return OUTCOMES * RECORDS * sent.batches / sent.seconds


def _cost(name: str, sent: "Measured") -> Row:
    return Row(name=name, value=1000 * sent.collector_s / sent.batches, unit="ms")


# --- a collector, and who sends ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """What the sender says, and the processor time that the collector took meanwhile."""

    seconds: float
    batches: int
    p50_ms: float
    p99_ms: float
    collector_s: float


@dataclass(frozen=True, slots=True)
class Driver:
    """A collector with what it takes to enrol agents."""

    collector: Collector
    agents: int
    secret: str

    async def send(self, batches: int, records: int, *, rate: float = 0.0) -> Measured:
        asked = Asked(
            url=self.collector.url,
            secret=self.secret,
            senders=self.agents,
            batches=batches,
            records=records,
            rate=rate,
        )
        print(f"making {self.agents * batches:,} batches of {records} records", file=sys.stderr, flush=True)
        words = (sys.executable, "-m", "tests.bench.records", msgspec.json.encode(asked).decode())
        process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)
        assert process.stdout is not None
        ready = await process.stdout.readline()
        assert ready == b"ready\n", ready
        before = _processor_s(self.collector.process.pid)
        out_bytes, _ = await process.communicate(b"\n")
        took = _processor_s(self.collector.process.pid) - before
        sent = msgspec.json.decode(out_bytes, type=Sent)
        return Measured(sent.seconds, sent.batches, sent.p50_ms, sent.p99_ms, took)


@asynccontextmanager
async def _collector(state: Path, agents: int, **settings: str) -> AsyncIterator[Driver]:
    async with serving(state, FIELDPOST_LOG_LEVEL="info", **settings) as collector:
        add = ("tenant", "add", "bench", "--name", "Bench", "--plan", "enterprise")
        code, _, told = await command(state, *add, **settings)
        assert code == 0, told
        uses = ("--tenant", "bench", "--uses", str(_STAGES * agents), "--json")
        code, out, told = await command(state, "agent", "token", *uses, **settings)
        assert code == 0, told
        yield Driver(collector, agents, str(json.loads(out)["token"]))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
