"""One full run of all Oracle checks on one database, beside the bare driver doing the same logon and round trips."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

import oracledb

from agent.config import Connection
from agent.oracle.checks import catalogue
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.thresholds import effective
from tests.standins.oracle.estate import running_standin, targets

TIMES = 9


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_standin(["healthy-19c"]) as standin:
        target = targets(standin.ports, ["healthy-19c"])[0]
        asyncio.run(_measure(Path(folder), target.port, target.password))


async def _measure(folder: Path, port: int, password: str) -> None:
    secret = folder / "secret"
    secret.write_text(password)
    connection = Connection(
        key="k", name="k", host="127.0.0.1", port=port, service="healthy19c", user="FIELDPOST", password_file=secret
    )
    due = [effective(check, (), key="k", tags=()) for check in catalogue().values() if check.enabled]
    visits, floors = [], []
    with Samples(folder / "samples.sqlite") as samples:
        visitor = Visitor(connection, samples)
        started = time.perf_counter()
        first = await visitor.visit(due, "first")
        first_ms = (time.perf_counter() - started) * 1000
        await visitor.visit(due, "demand")
        for _ in range(TIMES):
            started = time.perf_counter()
            run = await visitor.visit(due, "demand")
            visits.append(time.perf_counter() - started)
            floors.append(await _floor(port, password, run.round_trips))
    measured = sum(outcome.status in ("ok", "info", "warning", "critical") for outcome in run.outcomes)
    print(f"checks of a full run: {len(run.outcomes)}, of them measured on this target: {measured}")
    alone = len({query.name for e in due for query in e.check.queries if query.cost == "heavy"})
    print(f"first run, every statement alone: {first.round_trips} round trips after the logon, {first_ms:.0f} ms")
    print(
        f"later runs: {run.round_trips} round trips after the logon, of them {alone} heavy statements, which run alone"
    )
    print(f"later full run: median {median(visits) * 1000:.0f} ms with logon; range {_range(visits)}")
    print(f"bare driver, logon and {run.round_trips} x SELECT 1 FROM DUAL: median {median(floors) * 1000:.0f} ms")
    print(f"ratio to the bare round trips: {median(visits) / median(floors):.2f}")


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


def _range(seconds: list[float]) -> str:
    return f"{min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f} ms"
