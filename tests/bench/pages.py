"""What each page of the web UI costs the server, and how many bytes it sends, with 500 connections and with 5,000.

All pages are found by following links, one of each kind. The floor sends the same bytes, packed alike, and does
nothing else. Milliseconds are of processor time, so that other work on the machine does not count.
"""

import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, create_engine, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from collector import migrations
from collector.app import create_app
from collector.core.columns import microseconds
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.results.tables import connection
from collector.web.auth import COOKIES
from collector.web.navigation import MENU
from common import logs
from common.clock import utc_now
from tests.bench.table import Row
from tests.collector import accounts
from tests.collector.api.public.making import incident
from tests.collector.services.making import add_service
from tests.collector.web import fleets
from tests.collector.web.visiting import cookie_of

SIZES = {500: 24, 5_000: 1}
"""Connections, and how many scores a day of the last month each has."""
SERVICES = 100
LIMIT_MS = 100.0
_TURNS = 7
_MEMBERS = 12  # each has a limit of its own
_OK = 200
_START = (*(item.path for _, items in MENU for item in items), "/ui/account", "/ui/fleet?view=table")
_LINK = re.compile(r'href="(/ui/[^"#]*)"')
_NUMBER = re.compile(r"/(?:\d+|[a-z]{2,6}_\w{10,}|[0-9a-f-]{36})(?=/|$)")
_LEFT_OUT = ("/ui/static/", "/ui/sign-", "/ui/docs/")


def main(*, quick: bool) -> list[Row]:  # noqa: ARG001 - a part of the full run alone
    logs.configure(level="error")
    rows = list[Row]()
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows += asyncio.run(_measure(Path(folder), size))
    return rows


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it was sent, and what it took."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Browser:
    """Asks as a browser does; its members take turns."""

    app: ASGIApp
    cookies: Sequence[str]

    async def get(self, path: str, cookie: str, *, packed: bool = True) -> Answer:
        """One request, straight into the application: the network is not what is measured."""
        parts, messages = urlsplit(path.replace("&amp;", "&")), list[Message]()
        headers = [(b"host", b"collector.test"), (b"cookie", f"{COOKIES[1]}={cookie}".encode())]
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": [*headers, (b"accept-encoding", b"gzip")] if packed else headers,
            "client": ("192.0.2.1", 40_000),
            "server": ("collector.test", 80),
        }

        asked: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            """Nothing more comes, and nobody leaves: answers in pieces wait for that."""
            return asked.pop() if asked else await asyncio.Future()

        async def send(message: Message) -> None:
            messages.append(message)

        before = time.process_time()
        await self.app(scope, receive, send)
        took = time.process_time() - before
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(messages[0]["status"], dict(messages[0]["headers"]), body, took)

    async def best(self, path: str) -> tuple[float, int]:
        """The median of some turns in milliseconds, and the bytes that were sent."""
        cookies = cycle(self.cookies)
        answers = [await self.get(path, next(cookies)) for _ in range(_TURNS)]
        return 1000 * statistics.median(answer.cpu_s for answer in answers), len(answers[-1].body)

    async def found(self) -> dict[str, str]:
        """One address of every kind of page that links lead to, with its unpacked text."""
        cookies, kinds = cycle(self.cookies), dict[str, str]()
        texts, waiting = dict[str, str](), list(_START)
        while waiting:
            path = waiting.pop(0)
            kind = _NUMBER.sub("/*", path if path in _START else urlsplit(path).path)
            if kind in kinds or kind.startswith(_LEFT_OUT):
                continue
            kinds[kind] = path
            answer = await self.get(path, next(cookies), packed=False)
            if answer.status == _OK and b"text/html" in answer.headers.get(b"content-type", b""):
                texts[path] = answer.body.decode()
                waiting += _LINK.findall(texts[path])
            elif b"location" in answer.headers:
                waiting.append(answer.headers[b"location"].decode())
            elif answer.status >= 400:
                print(f"{path}: {answer.status}", file=sys.stderr, flush=True)
        return texts


async def _measure(folder: Path, size: int) -> list[Row]:
    url = f"sqlite:///{folder / 'collector.sqlite'}"
    engine = create_engine(url)
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
    db = Database.open(url)
    cookies = await _fill(db, size)
    app = create_app(Settings(state_dir=folder), db)
    ours = Browser(app, cookies)
    rows = list[Row]()
    for path, text in sorted((await ours.found()).items()):
        took, packed = await ours.best(path)
        least, _ = await Browser(_floor(text), cookies).best(path)
        bar = LIMIT_MS if size == min(SIZES) else None
        name = f"{size:,} connections, {path[:40]}, {packed / 1000:.1f} kB packed"
        rows.append(Row(name=name, value=took, unit="ms", beside="the same bytes", other=least, at_most=bar))
    await app.shut_down()
    await db.close()
    return rows


def _floor(text: str) -> ASGIApp:
    async def same(_request: Request) -> Response:
        return HTMLResponse(text)

    packing = Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    return Starlette(routes=[Route("/{path:path}", same)], middleware=[packing])


def _hours(conn: Connection, tenant: int, now: datetime, per_day: int) -> None:
    """Scores of a month, as what is kept of them by the hour."""
    every, hour = timedelta(days=1) / per_day, now.replace(minute=0, second=0, microsecond=0)
    series = conn.execute(select(connection.c.series_id).where(connection.c.tenant_id == tenant)).scalars().all()
    ats = [microseconds(hour - n * every) for n in range(1, 30 * per_day)]
    rows = [(tenant, one, at, 1, *(50.0 + at // 3_600_000_000 % 50,) * 4, at) for one in series if one for at in ats]
    columns = "tenant_id, series_id, at, points, low, high, total, last, last_at"
    conn.exec_driver_sql(f"INSERT OR REPLACE INTO metric_hour ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


async def _fill(db: Database, size: int) -> list[str]:
    tenant, now = (await accounts.account(db)).tenant, utc_now()
    await fleets.many(db, tenant, size, days=0)
    await db.write(_hours, tenant, now, SIZES[size])
    names = [f"service-{number}" for number in range(SERVICES)]
    ids = [await add_service(db, tenant, now - timedelta(days=90), name=name, slug=name) for name in names]
    for number in range(30):
        over = {"status": "resolved", "resolved_at": now - timedelta(days=number)} if number else {}
        await incident(db, tenant, ids[:3], now - timedelta(days=number, hours=1), **over)
    people = [await accounts.someone(db, tenant) for _ in range(_MEMBERS)]
    return [await cookie_of(db, tenant, who.email) for who in people]
