"""InfluxDB 1.6 taking in as many values in a request as our batches have results; it syncs its log for each write.

It asks nobody who they are, dedupes nothing but equal times of a series, and derives nothing.
"""

import asyncio
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import loads, packaged
from tests.bench.table import Row
from tests.standins.processes import free_port, start

CLIENTS, SECONDS = 8, 5.0
_SERIES = 2000
_BEGIN_NS = 1_780_000_000_000_000_000
_PACKAGE = "influxdb"


def rows(folder: Path, ours: dict[str, float]) -> list[Row]:
    """`ours`: figures of the same run, by their keys."""
    with _running(folder) as port:
        single = _rate(port, 1)
        hundred = 100 * _rate(port, 100)
    name = f"InfluxDB {packaged.version(_PACKAGE)}, Go, each write synced, nothing signed or derived"
    return [
        _row("results taken in, 100 a request", "/s", ours.get("ingest_sqlite_results_s"), hundred, name),
        _row("requests with one record (ours: 20 results)", "/s", ours.get("single_batches_s"), single, name),
    ]


def _row(name: str, unit: str, ours: float | None, theirs: float, peer: str) -> Row:
    if ours is None:
        return Row(name=f"{name}: {peer}", value=theirs, unit=unit)
    return Row(name=name, value=ours, unit=unit, beside=peer, other=theirs)


@contextmanager
def _running(folder: Path) -> Iterator[int]:
    program, port = packaged.debian(_PACKAGE, "usr/bin/influxd"), free_port()
    settings = {
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{free_port()}",
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_META_DIR": str(folder / "meta"),
        "INFLUXDB_DATA_DIR": str(folder / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(folder / "wal"),
        "INFLUXDB_DATA_WAL_FSYNC_DELAY": "0s",
        "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        "INFLUXDB_REPORTING_DISABLED": "true",
    }
    process = start("influxd", [program], log=folder / "influxd.log", environment=settings)
    try:
        process.wait_until(lambda: _asked(port, "SHOW DATABASES"), timeout_s=30)
        _asked(port, "CREATE DATABASE bench")
        yield port
    finally:
        process.stop()


def _asked(port: int, query: str) -> bool | None:
    text = urllib.parse.urlencode({"q": query}).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/query", text, timeout=5) as answer:
            return bool(answer.status)
    except OSError:
        return None


def _rate(port: int, points: int) -> float:
    requests = [_request(n, points) for n in range(CLIENTS * 40)]
    return asyncio.run(loads.posts(port, requests, clients=CLIENTS, seconds=SECONDS))


def _request(number: int, points: int) -> bytes:
    first = number * points
    lines = [_line(n) for n in range(first, first + points)]
    body = "\n".join(lines).encode()
    return f"POST /write?db=bench HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _line(number: int) -> str:
    series = f"connection=c{number % 100},check=CHECK_{number % _SERIES // 100}"
    return f'outcome,{series} status="ok",value={number}.5 {_BEGIN_NS + number}'
