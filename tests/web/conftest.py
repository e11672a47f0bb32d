"""Pages in a real browser: a collector in a thread of its own, and Debian's Chromium, without a screen."""

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from collector.app import create_app
from collector.core.database import Database
from collector.core.room import Shortage
from collector.core.settings import Settings
from collector.domain.access.rules import Role
from collector.web.auth import COOKIES
from tests.collector import accounts
from tests.collector.conftest import few_signing_keys, sqlite_template  # noqa: F401 - fixtures of these tests too
from tests.collector.server import listening
from tests.collector.web.visiting import cookie_of

T = TypeVar("T")
SHOTS = Path(__file__).parents[2] / "screenshots"
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb", "--hide-scrollbars"),
)
_QUIET_S = 5000
CHROMIUM = shutil.which("chromium") or ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.system)


class Site:
    """A collector with an SQLite store that answers on a port of the loopback address."""

    def __init__(self, folder: Path, template: Path, **settings: object) -> None:
        self._path = folder / "collector.sqlite"
        shutil.copy(template, self._path)
        self._settings = Settings(state_dir=folder, **settings)  # type: ignore[arg-type]  # settings by name
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="site", daemon=True)
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self.shortage: Shortage = "none"
        self.db: Database
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30), "the collector did not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
        self._loop.close()

    def run(self, work: Callable[[Database], Coroutine[object, object, T]]) -> T:
        """Run `work(db)`, a coroutine function such as the builders of the other tests, in the collector's loop."""
        return asyncio.run_coroutine_threadsafe(work(self.db), self._loop).result(120)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self.db = Database.open(f"sqlite:///{self._path}")
        app = create_app(self._settings, self.db, shortage=lambda: self.shortage)
        async with listening(app) as self.port:
            self._ready.set()
            await self._end.wait()
        await self.db.close()


@dataclass
class Seen:
    """What a browser complained about, and everything that it asked for."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)


@dataclass
class Tab:
    """A signed-in browser at one size; `page` is Playwright's."""

    site: Site
    page: Page
    size: str
    seen: Seen

    def open(self, path: str) -> Page:
        """Go there and wait until it is quiet; the page must come without a complaint of the browser."""
        self.page.goto(self.site.url + path, wait_until="networkidle", timeout=_QUIET_S * 4)
        assert not self.seen.complaints, (path, self.seen.complaints)
        return self.page

    def shot(self, name: str) -> Path:
        """A picture of the whole page, for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        target = SHOTS / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}-{self.size}.png"
        self.page.screenshot(path=target, full_page=True)
        return target

    def check(self, name: str) -> None:
        """What holds for every page: nothing from elsewhere, nothing wider than the screen, nothing that axe minds."""
        foreign = [url for url in self.seen.requests if not url.startswith((self.site.url, "data:"))]
        assert not foreign, foreign
        self.shot(name)
        wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name}: {wider} px wider than the screen"
        found = Axe().run(self.page).response["violations"]
        serious = [
            (one["id"], one["help"], [node["html"][:160] for node in one["nodes"][:3]])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert not serious, serious
        assert not self.seen.complaints, self.seen.complaints


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module; it ends with them, since its loop bears no other beside it."""
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail("no chromium on this machine")
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:  # noqa: F811 - a fixture
    """A collector of this module's own; its tests fill it."""
    made = Site(tmp_path_factory.mktemp("site"), sqlite_template)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    """A tenant with an enterprise plan and nothing in it; override it to fill it."""
    return site.run(accounts.account).tenant


@contextmanager
def opened(chromium: Browser, site: Site, size: str, cookie: str = "", *, dark: bool = False) -> Iterator[Tab]:
    """A browser of its own at one size, signed in where a cookie is given."""
    width, height = SIZES[size]
    context: BrowserContext = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(_QUIET_S * 2)
    if cookie:
        context.add_cookies([{"name": COOKIES[1], "value": cookie, "url": site.url}])
    page, seen = context.new_page(), Seen()
    seen.watch(page)
    yield Tab(site, page, size, seen)
    context.close()


def signed_in(site: Site, tenant: int, role: Role = "owner") -> str:
    """The cookie of a new member with this role."""

    async def make(db: Database) -> str:
        who = await accounts.someone(db, tenant, role)
        return await cookie_of(db, tenant, who.email)

    return site.run(make)


@pytest.fixture(params=list(SIZES))
def tab(request: pytest.FixtureRequest, chromium: Browser, site: Site, tenant: int) -> Iterator[Tab]:
    """An owner's browser, wide and narrow."""
    with opened(chromium, site, request.param, signed_in(site, tenant)) as made:
        yield made


@pytest.fixture
def wide(chromium: Browser, site: Site, tenant: int) -> Iterator[Tab]:
    """An owner's browser, wide alone: for tasks that are done by clicking."""
    with opened(chromium, site, "wide", signed_in(site, tenant)) as made:
        yield made


@pytest.fixture
def dark(chromium: Browser, site: Site, tenant: int) -> Iterator[Tab]:
    """An owner's browser in the dark."""
    with opened(chromium, site, "wide", signed_in(site, tenant), dark=True) as made:
        yield made
