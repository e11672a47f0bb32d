"""One full run of all Oracle checks on one database, beside the bare driver doing the same logon and round trips.

Round trips are counted on the wire in front of the stand-in: each time that the client speaks after the server did.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import oracledb

from agent.config import Connection
from agent.oracle.checks import catalogue
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.thresholds import Effective, effective
from tests.bench.table import Row
from tests.standins.oracle.estate import running_standin, targets

TIMES, QUICK_TIMES = 9, 2
MOST_ROUND_TRIPS = 40
_WELL = ("ok", "info", "warning", "critical")


def main(*, quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, running_standin(["healthy-19c"]) as standin:
        target = targets(standin.ports, ["healthy-19c"])[0]
        times = QUICK_TIMES if quick else TIMES
        return asyncio.run(_measure(Path(folder), target.port, target.password, times=times))


async def _measure(folder: Path, port: int, password: str, *, times: int) -> list[Row]:
    secret = folder / "secret"
    secret.write_text(password)
    due = [effective(check, (), key="k", tags=()) for check in catalogue().values() if check.enabled]
    visits, floors = list[float](), list[float]()
    with Samples(folder / "samples.sqlite") as samples:
        async with _counting(port) as wire:
            visitor = Visitor(_connection(wire.port, secret), samples)
            first = await visitor.visit(due, "first")
            on_first = wire.taken()
            await visitor.visit(due, "demand")
            wire.taken()
            run = await visitor.visit(due, "demand")
            later = wire.taken()
        visitor.connection = _connection(port, secret)
        for _ in range(times):
            visits.append(await _timed(visitor, due))
            floors.append(await _floor(port, password, run.round_trips))
    counted = sum(outcome.status in _WELL for outcome in run.outcomes)
    alone = len({query.name for e in due for query in e.check.queries if query.cost == "heavy"})
    return [
        Row(
            name=f"round trips of a full round, {alone} heavy statements among them",
            value=later,
            unit="with logon",
            beside="after the logon",
            other=run.round_trips,
            key="round_trips",
            at_most=MOST_ROUND_TRIPS,
        ),
        Row(
            name="round trips of the very first round, each statement alone",
            value=on_first,
            unit="with logon",
            beside="after the logon",
            other=first.round_trips,
        ),
        Row(
            name="checks of a round", value=len(run.outcomes), unit="", beside="measured on this target", other=counted
        ),
        Row(
            name="a full round, median",
            value=median(visits) * 1000,
            unit="ms",
            beside="bare driver: logon, as many times SELECT 1",
            other=median(floors) * 1000,
        ),
    ]


def _connection(port: int, secret: Path) -> Connection:
    return Connection(
        key="k", name="k", host="127.0.0.1", port=port, service="healthy19c", user="FIELDPOST", password_file=secret
    )


async def _timed(visitor: Visitor, due: list[Effective]) -> float:
    started = time.perf_counter()
    await visitor.visit(due, "demand")
    return time.perf_counter() - started


async def _floor(port: int, password: str, round_trips: int) -> float:
    started = time.perf_counter()
    raw = await oracledb.connect_async(
        user="FIELDPOST", password=password, host="127.0.0.1", port=port, service_name="healthy19c"
    )
    with raw.cursor() as cursor:
        for _ in range(round_trips):
            await cursor.execute("SELECT 1 FROM dual")
            await cursor.fetchall()
    await raw.close()
    return time.perf_counter() - started


# --- the wire ------------------------------------------------------------------------------------------------------


class _Wire:
    """Passes on what both sides say, and counts turns."""

    def __init__(self, upstream: int) -> None:
        self.port = 0
        self._upstream = upstream
        self._turns = 0

    def taken(self) -> int:
        """Turns since it was last asked."""
        turns, self._turns = self._turns, 0
        return turns

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        speaking = [False]  # whether the client spoke last

        async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, client: bool) -> None:
            while data := await source.read(65_536):
                self._turns += client and not speaking[0]
                speaking[0] = client
                target.write(data)
            target.close()

        await asyncio.gather(carry(reader, far_writer, client=True), carry(far_reader, writer, client=False))


@asynccontextmanager
async def _counting(upstream: int) -> AsyncIterator[_Wire]:
    wire = _Wire(upstream)
    server = await asyncio.start_server(wire.relay, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    async with server:
        yield wire
