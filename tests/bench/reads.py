"""Requests a second of the fleet, of connections and of services, beside a bare route that fetches the same rows."""

import asyncio
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import orjson
import uvicorn
from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from collector import migrations
from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.results.decode import Body, Decoded, Known
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from common import logs
from common.clock import iso, utc_now
from common.wire import Inventory
from tests.collector import builders
from tests.collector.accounts import Account, account
from tests.collector.estate import info
from tests.collector.tokens import Holder, token

SIZES = (5, 500, 5_000)
PATHS = ("/api/v1/health/fleet", "/api/v1/health/connections", "/api/v1/services")
SECONDS = 1.5
CLIENTS = 8
PER_AGENT = 400


def main() -> None:
    logs.configure(level="warning")
    print(f"{'':30} {'collector':>14} {'floor':>14} {'ratio':>7}   requests/s, {CLIENTS} clients, body in kB")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "collector.sqlite"
            holder = asyncio.run(_fill(path, size))
            _measure(path, holder, size)


class Credentials(NamedTuple):
    """Of the two families."""

    key: Account
    token: Holder


def _measure(path: Path, holder: Credentials, size: int) -> None:
    with _serving("collector", path) as ours, _serving("floor", path) as floor:
        for target in PATHS:
            headers = holder.token.headers if target == PATHS[2] else holder.key.headers
            rates, length = asyncio.run(_compare((ours, floor), target, headers))
            print(
                f"{size:>6} {target.rpartition('/')[2]:<23} {rates[0]:>14,.0f} {rates[1]:>14,.0f}"
                f" {rates[0] / rates[1]:>7.2f}   {length / 1000:.1f}",
                flush=True,
            )


async def _compare(ports: Sequence[int], target: str, headers: dict[str, str]) -> tuple[list[float], int]:
    """Both servers in turn, twice, so that neither always runs first; the better of two counts."""
    rates: list[list[float]] = [[] for _ in ports]
    length = 0
    for _ in range(2):
        for server, port in enumerate(ports):
            rate, length = await _load(f"http://127.0.0.1:{port}{target}", headers)
            rates[server].append(rate)
    return [max(each) for each in rates], length


async def _load(url: str, headers: dict[str, str]) -> tuple[float, int]:
    async with aiohttp.ClientSession(headers=headers) as session:
        until = time.perf_counter() + SECONDS
        results = await asyncio.gather(*(_ask(session, url, until) for _ in range(CLIENTS)))
    return sum(count for count, _ in results) / SECONDS, results[0][1]


async def _ask(session: aiohttp.ClientSession, url: str, until: float) -> tuple[int, int]:
    count = length = 0
    while time.perf_counter() < until:
        async with session.get(url) as answer:
            length = len(await answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{url}: {answer.status}")
        count += 1
    return count, length


# --- data ----------------------------------------------------------------------------------------------------------


async def _fill(path: Path, size: int) -> Credentials:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
    db = Database.open(f"sqlite:///{path}")
    holder = await account(db, rate_limit=1_000_000)
    for first in range(0, size, PER_AGENT):
        await _report(db, holder.tenant, range(first, min(size, first + PER_AGENT)))
    bearer = await token(db, holder.tenant, "read:status")
    await db.close()
    return Credentials(holder, bearer)


async def _report(db: Database, tenant_id: int, numbers: range) -> None:
    """One agent's inventory, and a run with ten outcomes for each of its connections."""
    agent = await builders.agent(db, tenant_id)
    now = utc_now()
    infos = [info(f"db{n:05}", name=f"PROD-DB{n:05}", host=f"10.0.{n // 256}.{n % 256}") for n in numbers]
    outcomes = [builders.outcome(f"CHECK_{n}", "warning" if n == 0 else "ok") for n in range(10)]
    runs = [builders.run(outcomes, key=f"r{each.key}", at=now, connection=each.key) for each in infos]
    bodies: list[Body] = [Inventory(tuple(infos)), *runs]
    batch = Decoded(tuple(Known(seq, now, body) for seq, body in enumerate(bodies, 1)), (), ())
    await db.write(ingest, Source(tenant_id, agent.id, "epoch", "live"), batch, now)


# --- the two servers, each a process of its own --------------------------------------------------------------------


@contextmanager
def _serving(kind: str, path: Path) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port: int = listener.getsockname()[1]
        command = [sys.executable, "-m", "tests.bench.reads", kind, str(path), str(listener.fileno())]
        server = subprocess.Popen(command, pass_fds=[listener.fileno()])
    try:
        yield port
    finally:
        server.terminate()
        server.wait()


def _serve(kind: str, path: str, descriptor: int) -> None:
    logs.configure(level="info", stream=Path("/dev/null").open("w"))  # noqa: SIM115 - until the process ends
    asyncio.run(_collector(path, descriptor) if kind == "collector" else _floor(path, descriptor))


async def _collector(path: str, descriptor: int) -> None:
    db = Database.open(f"sqlite:///{path}")
    settings = Settings(state_dir=Path(path).parent, status_requests_per_minute=1_000_000)
    await _run(create_app(settings, db), descriptor)
    await db.close()


async def _floor(path: str, descriptor: int) -> None:
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA query_only = 1")

    async def fleet(_request: Request) -> Response:
        rows = conn.execute(
            "SELECT id, name, score FROM connection"
            " WHERE tenant_id = 1 AND removed_at IS NULL AND listed_at IS NOT NULL ORDER BY id"
        ).fetchall()
        data = [{"id": a, "name": b, "score": c, "status": "healthy"} for a, b, c in rows]
        return Response(orjson.dumps({"data": data, "summary": {"total": len(data)}}))

    async def connections(_request: Request) -> Response:
        rows = conn.execute(
            "SELECT id, name, host, port, type, latest_run_id, score, latest_run_at, summary_text FROM connection"
            " WHERE tenant_id = 1 AND removed_at IS NULL AND listed_at IS NOT NULL ORDER BY id LIMIT 50"
        ).fetchall()
        total = conn.execute(
            "SELECT count(*) FROM connection WHERE tenant_id = 1 AND removed_at IS NULL AND listed_at IS NOT NULL"
        ).fetchone()[0]
        names = ("id", "name", "host", "port", "connection_type", "latest_check_id", "score", "at", "summary_text")
        now = iso(utc_now())
        data = [{**dict(zip(names, row, strict=True)), "at": now} for row in rows]
        return Response(orjson.dumps({"data": data, "meta": {"total": total}}))

    async def services(_request: Request) -> Response:
        rows = conn.execute(
            "SELECT id, slug, name, description, visibility, tags, updated_at, group_name, kind FROM service"
            " WHERE tenant_id = 1 AND removed_at IS NULL ORDER BY name, id LIMIT 100"
        ).fetchall()
        total = conn.execute("SELECT count(*) FROM service WHERE tenant_id = 1 AND removed_at IS NULL").fetchone()[0]
        names = ("id", "slug", "name", "description", "visibility", "tags", "updated_at", "group", "kind")
        rest: dict[str, object] = {
            "current_status": "operational",
            "reasons": [],
            "data_state": "fresh",
            "stale_since": None,
        }
        data = [{**dict(zip(names, row, strict=True)), **rest} for row in rows]
        return Response(orjson.dumps({"services": data, "total": total, "limit": 100, "offset": 0}))

    routes = [Route(path, answer) for path, answer in zip(PATHS, (fleet, connections, services), strict=True)]
    await _run(Starlette(routes=routes), descriptor)
    conn.close()


async def _run(app: ASGIApp, descriptor: int) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
    )
    await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
