"""The whole application behind a real socket, in a thread with a loop of its own, for clients that are not async."""

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from common.clock import iso, utc_now
from tests.collector.accounts import Account, account, someone
from tests.collector.builders import agent, outcome
from tests.collector.estate import Reporter, entry, info
from tests.collector.tokens import token
from tests.contract.status_documented import NEW_INCIDENT, NEW_WINDOW

PLENTY = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where it listens, and credentials of an enterprise tenant that has a little of everything."""

    url: str
    key: dict[str, str]
    owner: dict[str, str]
    token: dict[str, str]


@contextmanager
def served(folder: Path, template: Path) -> Iterator[Place]:
    path = folder / "collector.sqlite"
    shutil.copy(template, path)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = _Running(f"sqlite:///{path}", folder, listener)
    thread = threading.Thread(target=running.run, name="served")
    thread.start()
    try:
        assert running.ready.wait(30)
        yield running.place
    finally:
        running.stop()
        thread.join()
        listener.close()


class _Running:
    def __init__(self, database: str, folder: Path, listener: socket.socket) -> None:
        self.ready = threading.Event()
        self.place = Place("", {}, {}, {})
        self._database = database
        self._folder = folder
        self._listener = listener
        self._server: uvicorn.Server | None = None

    def run(self) -> None:
        asyncio.run(self._serve())

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True

    async def _serve(self) -> None:
        db = Database.open(self._database)
        app = create_app(Settings(state_dir=self._folder, status_requests_per_minute=PLENTY), db)
        config = uvicorn.Config(app, http="httptools", ws="none", access_log=False, log_config=None, lifespan="on")
        self._server = uvicorn.Server(config)
        task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
        self.place = await _furnished(db, f"http://127.0.0.1:{self._listener.getsockname()[1]}")
        self.ready.set()
        await task
        await db.close()


async def _furnished(db: Database, url: str) -> Place:
    holder: Account = await account(db, rate_limit=PLENTY)
    async with httpx.AsyncClient(base_url=url) as http:
        reporter = Reporter(await agent(db, holder.tenant), http)
        await reporter.list_only(info("prod"), info("new"))
        await reporter.catalogue(entry("A"), entry("B"))
        await reporter.run("prod", outcome("A", "critical"), outcome("B", "warning"))
        owner = await (await someone(db, holder.tenant)).log_on(http)
        asking = await token(db, holder.tenant)
        await _told(http, asking.headers)
    return Place(url, holder.headers, owner, asking.headers)


async def _told(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """An incident and a window, about a service that is there by itself."""
    service = (await http.get("/api/v1/services", headers=headers)).json()["services"][0]["id"]
    start = utc_now() + timedelta(days=1)
    times = {"scheduled_start": iso(start), "scheduled_end": iso(start + timedelta(hours=2))}
    for path, body in (
        ("/api/v1/incidents", NEW_INCIDENT | {"service_ids": [service]}),
        ("/api/v1/maintenance", NEW_WINDOW | {"service_ids": [service]} | times),
    ):
        made = await http.post(path, json=body, headers=headers)
        assert made.status_code == 201, made.text
