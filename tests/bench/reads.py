"""Lists and the fleet after a long history, beside bare routes that fetch the same rows; and what the history weighs.

Pages are asked for at mixed offsets by 16 clients: once from a collector that keeps nothing, so that each is made, and
once from one as it is. Limits, activity log, metrics and the log line of each request (to a file) are on.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg
from sqlalchemy import Connection, text
from starlette.types import ASGIApp, Message, Scope

from collector.app import create_app
from collector.cli import moving
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from common.clock import iso
from tests.bench import history
from tests.bench.asking import Asked, ask, get, once
from tests.bench.bare import admin
from tests.bench.floor import CONNECTIONS, FLEET, INCIDENTS, TICKETS
from tests.bench.history import Past, Recipe
from tests.bench.serving import CHANGE, Server, apart, keep_nothing, log, serving, settings
from tests.bench.table import Row
from tests.standins import postgresql

CLIENTS = 16
FLEET_OF = Recipe(connections=5_000, per_agent=250, visits=1, tickets=0, incidents=0)
_FLEETS = 40
_OK, _NOT_MODIFIED = 200, 304
_WARM = 3

LISTS = {"connections": CONNECTIONS, "tickets": TICKETS, "incidents": INCIDENTS}


class _Turns(NamedTuple):
    """How often a list is asked of each server, and for how long."""

    rounds: int
    seconds: float


_WHOLE, _QUICK, _ONCE = _Turns(3, 4.0), _Turns(1, 1.0), _Turns(1, 2.0)

_Read = tuple[str, Mapping[str, str]]
"""A path and the credential that it wants."""


def main(*, quick: bool) -> list[Row]:
    small, large = history.past(history.SMALL), history.past(history.QUICK if quick else history.FULL)
    rows = _lists(large, quick=quick)
    rows += [] if quick else _on_postgres(small)
    rows += _fleet(history.past(FLEET_OF))
    rows += _growth(small, large, quick=quick)
    return rows + _weight(large)


# --- lists ----------------------------------------------------------------------------------------------------------


def _lists(past: Past, *, quick: bool) -> list[Row]:
    rows: list[Row] = []
    url = f"sqlite:///{past.path}"
    with (
        serving("floor", url) as bare,
        serving("making", url) as making,
        serving("keeping", url) as keeping,
    ):
        for name, path in LISTS.items():
            requests = _pages(path, past)
            found = _in_turn((bare, making, keeping), requests, _QUICK if quick else _WHOLE)
            rows += _rows(name, *found)
            rows.append(_unchanged(name, keeping, requests[0]))
    return rows


def _pages(path: str, past: Past) -> list[bytes]:
    """Requests for ten pages of a list."""
    numbers = [f"limit=50&offset={50 * n}" if path == INCIDENTS else f"page={n + 1}&per_page=50" for n in range(10)]
    return [get(f"{path}?{query}", dict(past.token if path == INCIDENTS else past.key)) for query in numbers]


def _in_turn(servers: Sequence[Server], requests: Sequence[bytes], turns: _Turns) -> list[Asked]:
    """All servers one after the other, and again, so that none always runs first; the best of each counts."""
    found: list[list[Asked]] = [[] for _ in servers]
    for _ in range(turns.rounds):
        for place, server in enumerate(servers):
            found[place].append(ask(server.port, server.pid, requests, clients=CLIENTS, seconds=turns.seconds))
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


def _unchanged(name: str, server: Server, request: bytes) -> Row:
    """What a reader waits who has the answer already."""
    _, head, _ = once(server.port, request)
    tag = next(line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"etag"))
    known = request.replace(b"\r\n\r\n", b"\r\nIf-None-Match: %s\r\n\r\n" % tag)
    found = ask(server.port, server.pid, [known], clients=1, seconds=0.5, status=_NOT_MODIFIED)
    return Row(name=f"{name}, 304: p99 of one client", value=found.p99_ms, unit="ms", at_most=3)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def _on_postgres(past: Past) -> list[Row]:
    """The same lists from PostgreSQL, after the small history: connections, tickets and incidents are as many."""
    with tempfile.TemporaryDirectory() as folder, postgresql.server("18") as server:
        url = server.new()
        moving.move(Settings(), f"sqlite:///{apart(past.path, Path(folder))}", url, as_json=True)
        with psycopg.connect(admin(url), autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")  # as the server itself does after a while
        with (
            serving("floor", admin(url)) as bare,
            serving("making", url) as making,
            serving("keeping", url) as keeping,
        ):
            servers = bare, making, keeping
            return [
                row
                for name, path in LISTS.items()
                for row in _rows_of_postgres(name, past, *_in_turn(servers, _pages(path, past), _ONCE))
            ]


def _rows_of_postgres(name: str, past: Past, bare: Asked, made: Asked, kept: Asked) -> list[Row]:
    where = f"{name}, PostgreSQL, after {past.observed:,}"
    beside = "bare route, requests/s"
    return [
        Row(name=f"{where}: made", value=made.rate, unit="requests/s", beside=beside, other=bare.rate),
        Row(name=f"{where}: kept", value=kept.rate, unit="requests/s", beside=beside, other=bare.rate),
    ]


# --- the fleet ------------------------------------------------------------------------------------------------------


def _fleet(past: Past) -> list[Row]:
    request, change = get(FLEET, dict(past.key)), get(CHANGE, {})
    url = f"sqlite:///{past.path}"
    with serving("keeping", url) as server, serving("floor", url) as bare:
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
    with tempfile.TemporaryDirectory() as folder, log(folder):
        db = Database.open(f"sqlite:///{apart(past.path, Path(folder))}")
        app = create_app(settings(folder), db)
        keep_nothing()
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
