"""Lists and the fleet after a long history, beside bare routes that fetch the same rows; and what the history weighs.

Pages are asked for at mixed offsets by 16 clients: once from a collector that keeps nothing, so that each is made, and
once from one as it is. Limits, activity log, metrics and the log line of each request (to a file) are on.
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import uvicorn
from sqlalchemy import Connection, text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api.kept import Kept
from collector.app import create_app
from collector.cli.protocol import Protocol
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from collector.domain.versions import store as versions
from common import logs
from common.clock import iso
from tests.bench import floor, history
from tests.bench.asking import Asked, ask, get, once
from tests.bench.floor import CONNECTIONS, FLEET, INCIDENTS, TICKETS
from tests.bench.history import Past, Recipe
from tests.bench.table import Row

CLIENTS = 16
FLEET_OF = Recipe(connections=5_000, per_agent=250, visits=1, tickets=0, incidents=0)
_SECONDS, _QUICK_SECONDS = 4.0, 1.0
_ROUNDS, _QUICK_ROUNDS = 3, 1
_FLEETS = 40
_CHANGE = "/bench/change"
_OK, _NOT_MODIFIED = 200, 304
_WARM = 3

_Read = tuple[str, Mapping[str, str]]
"""A path and the credential that it wants."""


@dataclass(frozen=True, slots=True)
class _Server:
    """A process and where it listens."""

    port: int
    pid: int


def main(*, quick: bool) -> list[Row]:
    small, large = history.past(history.SMALL), history.past(history.QUICK if quick else history.FULL)
    rows = _lists(large, quick=quick)
    rows += _fleet(history.past(FLEET_OF))
    rows += _growth(small, large, quick=quick)
    return rows + _weight(large)


# --- lists ----------------------------------------------------------------------------------------------------------


def _lists(past: Past, *, quick: bool) -> list[Row]:
    rows: list[Row] = []
    with (
        _serving("floor", past) as bare,
        _serving("making", past) as making,
        _serving("keeping", past) as keeping,
    ):
        for name, path in (("connections", CONNECTIONS), ("tickets", TICKETS), ("incidents", INCIDENTS)):
            headers = past.token if path == INCIDENTS else past.key
            requests = [get(f"{path}?{query}", dict(headers)) for query in _offsets(path, past)]
            found = _in_turn((bare, making, keeping), requests, quick=quick)
            rows += _rows(name, *found)
            rows.append(_unchanged(name, keeping, requests[0], get(f"{path}?{_offsets(path, past)[0]}", dict(headers))))
    return rows


def _offsets(path: str, past: Past) -> list[str]:
    """Ten pages, as far as there are rows."""
    del past
    if path == INCIDENTS:
        return [f"limit=50&offset={50 * n}" for n in range(10)]
    return [f"page={n + 1}&per_page=50" for n in range(10)]


def _in_turn(servers: Sequence[_Server], requests: Sequence[bytes], *, quick: bool) -> list[Asked]:
    """All servers one after the other, and again, so that none always runs first; the best of each counts."""
    found: list[list[Asked]] = [[] for _ in servers]
    for _ in range(_QUICK_ROUNDS if quick else _ROUNDS):
        for place, server in enumerate(servers):
            seconds = _QUICK_SECONDS if quick else _SECONDS
            found[place].append(ask(server.port, server.pid, requests, clients=CLIENTS, seconds=seconds))
    return [max(each, key=lambda one: one.rate) for each in found]


def _rows(name: str, bare: Asked, made: Asked, kept: Asked) -> list[Row]:
    beside = "bare route, requests/s"
    return [
        Row(name=f"{name}, page of 50, each made", value=made.rate, unit="requests/s", beside=beside, other=bare.rate),
        Row(
            name=f"{name}, made: share of the floor",
            value=made.rate / bare.rate,
            unit="",
            key=f"{name}_ratio",
            at_least=0.5,
        ),
        Row(
            name=f"{name}, made: processor time",
            value=made.cpu_ms,
            unit="ms",
            beside="bare route, ms",
            other=bare.cpu_ms,
        ),
        Row(
            name=f"{name}, made: p99 at {CLIENTS} clients",
            value=made.p99_ms,
            unit="ms",
            beside="bare route, ms",
            other=bare.p99_ms,
            at_most=25,
        ),
        Row(
            name=f"{name}, kept while nothing changes",
            value=kept.rate,
            unit="requests/s",
            beside=beside,
            other=bare.rate,
        ),
        Row(
            name=f"{name}, kept: p99 at {CLIENTS} clients",
            value=kept.p99_ms,
            unit="ms",
            beside="bare route, ms",
            other=bare.p99_ms,
            at_most=25,
        ),
    ]


def _unchanged(name: str, server: _Server, request: bytes, same: bytes) -> Row:
    """What a reader waits who has the answer already."""
    _, head, _ = once(server.port, request)
    tag = next(line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"etag"))
    known = same.replace(b"\r\n\r\n", b"\r\nIf-None-Match: %s\r\n\r\n" % tag)
    found = ask(server.port, server.pid, [known], clients=1, seconds=0.5, status=_NOT_MODIFIED)
    return Row(name=f"{name}, 304: p99 of one client", value=found.p99_ms, unit="ms", at_most=3)


# --- the fleet ------------------------------------------------------------------------------------------------------


def _fleet(past: Past) -> list[Row]:
    request, change = get(FLEET, dict(past.key)), get(_CHANGE, {})
    with _serving("keeping", past) as server, _serving("floor", past) as bare:
        once(server.port, request)
        same = sorted(once(server.port, request)[0] for _ in range(_FLEETS))
        changed: list[float] = []
        for _ in range(_FLEETS // 4):
            once(server.port, change)
            changed.append(once(server.port, request)[0])
        least = min(once(bare.port, request)[0] for _ in range(_FLEETS // 4))
    beside = "bare route, ms"
    return [
        Row(
            name="fleet of 5,000, nothing changed",
            value=same[-2],
            unit="ms",
            beside=beside,
            other=least,
            key="fleet_unchanged_ms",
            at_most=10,
        ),
        Row(
            name="fleet of 5,000, after a change",
            value=max(changed),
            unit="ms",
            beside=beside,
            other=least,
            key="fleet_changed_ms",
            at_most=150,
        ),
    ]


def _change(conn: Connection) -> None:
    """One score of one connection, as the write path leaves it."""
    conn.execute(text("UPDATE connection SET score = 100 - score WHERE id = (SELECT min(id) FROM connection)"))
    versions.bump(conn, 1, "bench")
    versions.move(conn, 1, "results", ["bench"])


# --- growth ---------------------------------------------------------------------------------------------------------


def _growth(small: Past, large: Past, *, quick: bool) -> list[Row]:
    """Processor time of each read, made anew, against a small history; the fastest of many, so that noise is out."""
    turns = 20 if quick else 60
    before, after = asyncio.run(_times((small, large), turns))
    worst = max(after, key=lambda name: after[name] / before[name])
    rows = [
        Row(
            name=f"read: {name}",
            value=after[name],
            unit="ms",
            beside=f"after {small.observed:,}, ms",
            other=before[name],
        )
        for name in after
    ]
    growth = after[worst] / before[worst]
    name = f"slowest against {small.observed:,} outcomes: {worst}"
    return [*rows, Row(name=name, value=growth, unit="times", key="history_growth", at_most=1.5)]


async def _times(pasts: Sequence[Past], turns: int) -> list[dict[str, float]]:
    """All of them in turn, so that what else goes on strikes them alike."""
    async with AsyncExitStack() as stack:
        here = [await stack.enter_async_context(_collecting(past)) for past in pasts]
        found: list[dict[str, float]] = [{} for _ in pasts]
        for name in here[0][1]:
            for turn in range(turns + _WARM):
                for place, (app, reads) in enumerate(here):
                    took = await _once(app, *reads[name])
                    if turn >= _WARM:
                        found[place][name] = min(found[place].get(name, took), took)
    return found


@asynccontextmanager
async def _collecting(past: Past) -> AsyncIterator[tuple[ASGIApp, dict[str, _Read]]]:
    with tempfile.TemporaryDirectory() as folder, _log(folder):
        db = Database.open(f"sqlite:///{_apart(past.path, Path(folder))}")
        app = create_app(_settings(folder), db)
        _keep_nothing()
        yield app, await _reads(db, past)
        await app.shut_down()
        await db.close()


async def _reads(db: Database, past: Past) -> dict[str, _Read]:
    """Whatever readers ask for; ranges of time that both histories fill."""
    with for_everybody("the bench's own look"):
        place, service = await db.read(_middle, "connection"), await db.read(_middle, "service")
        activity = await db.read(_actions)
    until = quote(iso(past.ended_at))
    since = quote(iso(past.ended_at - 7 * history.EVERY))
    of, key, token = f"/api/v1/health/connections/{place}", past.key, past.token
    span = f"from={since}&to={until}"
    return {
        "connections": (f"{CONNECTIONS}?page=4", key),
        "fleet": (FLEET, key),
        "latest checks": (f"{of}/checks/latest", key),
        "catalogue of checks": ("/api/v1/health/checks", key),
        "values of a check": (f"{of}/history?metric=CHECK_1&step=raw&{span}", key),
        "hours of the score": (f"{of}/history?metric=score&step=hour&{span}", key),
        "tickets": (f"{TICKETS}?page=4", key),
        "tickets that are resolved": (f"{TICKETS}?status=resolved&page=4", key),
        "tickets of a connection": (f"{TICKETS}?connection_id={place}&status=open", key),
        "ticket statistics": ("/api/v1/tuneops/stats", key),
        "activity": (f"/api/v1/activity?action_type={activity}", key),
        "incidents": (f"{INCIDENTS}?offset=200", token),
        "incidents that go on": (f"{INCIDENTS}/active", token),
        "services": ("/api/v1/services?limit=50", token),
        "uptime of a service": (f"/api/v1/services/{service}/uptime", token),
    }


def _middle(conn: Connection, table: str) -> int:
    sql = f"SELECT id FROM {table} WHERE tenant_id = 1 ORDER BY id LIMIT 1 OFFSET 250"
    return int(conn.execute(text(sql)).scalar_one())


def _actions(conn: Connection) -> str:
    return str(conn.execute(text("SELECT action_type FROM activity_entry LIMIT 1")).scalar_one())


async def _once(app: ASGIApp, path: str, headers: Mapping[str, str]) -> float:
    """Milliseconds of processor time."""
    place, _, query = path.partition("?")
    pairs = [(b"host", b"localhost"), *((k.lower().encode(), v.encode()) for k, v in headers.items())]
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": place,
        "raw_path": place.encode(),
        "query_string": query.encode(),
        "headers": pairs,
        "scheme": "http",
        "http_version": "1.1",
        "client": ("127.0.0.1", 4000),
        "server": ("localhost", 80),
        "root_path": "",
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    before = time.process_time()
    await app(scope, receive, send)
    took = time.process_time() - before
    if statuses != [_OK]:
        raise RuntimeError(f"{path}: {statuses}")
    return took * 1000


def _weight(past: Past) -> list[Row]:
    sizes = [past.bytes_before, *past.bytes_by_day]
    half = len(sizes) // 2
    daily = (sizes[-1] - sizes[half]) / (len(sizes) - 1 - half) / history.MIB
    return [
        Row(
            name=f"bytes an outcome, of {past.observed:,}",
            value=past.bytes_per_outcome,
            unit="bytes",
            key="bytes_per_outcome",
        ),
        Row(name=f"database after {past.days:.0f} days of 500 connections", value=sizes[-1] / history.MIB, unit="MiB"),
        Row(name="growth a day, of the second half", value=daily, unit="MiB"),
    ]


# --- servers, each a process of its own -------------------------------------------------------------------------------


@contextmanager
def _serving(kind: str, past: Past) -> Iterator[_Server]:
    """`floor`: bare routes; `making`: a collector that keeps no answers; `keeping`: one as it is."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        path = _apart(past.path, Path(folder)) if kind != "floor" else past.path
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        command = [sys.executable, "-m", "tests.bench.reads", kind, path, str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as server:
            try:
                yield _Server(listener.getsockname()[1], server.pid)
            finally:
                server.terminate()
                server.wait()


def _apart(path: str, folder: Path) -> str:
    """A database of its own for each collector: it has one writer."""
    copy = folder / "collector.sqlite"
    subprocess.run(["cp", "--reflink=auto", path, str(copy)], check=True)
    return str(copy)


def _serve(kind: str, path: str, descriptor: int) -> None:
    with tempfile.TemporaryDirectory() as folder, _log(folder):
        if kind == "floor":
            asyncio.run(_run(floor.app(path), descriptor))
        else:
            asyncio.run(_collector(path, descriptor, folder, keeps=kind == "keeping"))


async def _collector(path: str, descriptor: int, folder: str, *, keeps: bool) -> None:
    db = Database.open(f"sqlite:///{path}")
    app = create_app(_settings(folder), db)
    if not keeps:
        _keep_nothing()

    async def changeable(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != _CHANGE:
            await app(scope, receive, send)
            return
        with for_everybody("the bench's own change"):
            await db.write(_change)
        await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    await _run(changeable, descriptor)
    await app.shut_down()
    await db.close()


def _keep_nothing() -> None:
    """Each answer is made."""

    def covers(self: Kept, scope: Scope) -> bool:
        del self, scope
        return False

    Kept.covers = covers  # type: ignore[method-assign]  # for this process alone


def _settings(folder: str) -> Settings:
    return Settings(state_dir=Path(folder), status_requests_per_minute=1_000_000)


@contextmanager
def _log(folder: str) -> Iterator[None]:
    with (Path(folder) / "log").open("w") as stream:
        logs.configure(level="info", stream=stream)
        yield


async def _run(app: ASGIApp, descriptor: int) -> None:
    config = uvicorn.Config(
        app, http=Protocol, ws="none", lifespan="off", access_log=False, log_config=None, server_header=False
    )
    await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
