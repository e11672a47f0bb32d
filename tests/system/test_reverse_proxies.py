"""A collector behind nginx and HAProxy, set up by the files that are shipped: all that agents and people do passes."""

import base64
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from agent.disk import DiskThread
from agent.enrolment import Wanted, enrol
from agent.identity import load_identity
from agent.link import Link
from agent.problems import Problems
from agent.records import Keep
from agent.spool import Limits, Spool
from agent.uplink import Uplink
from common.clock import utc_now
from tests.standins.estate import Collector
from tests.standins.processes import BIN, Process, free_port, start
from tests.system import proxies

pytestmark = pytest.mark.system

PASSWORD = "correct horse battery"
EMAIL = "ana@example.com"
ELSEWHERE, SPOOFED = "127.0.0.9", "203.0.113.9"
KINDS = ("nginx", "haproxy", "nginx and a unix socket")
WAIT_S = 3


@dataclass(frozen=True)
class Site:
    """A collector and the proxy before it."""

    collector: Collector
    url: str
    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "proxy" / "tls" / "ca.pem"

    def client(self, *, source: str = ELSEWHERE) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=self.ca), local_address=source)
        return httpx.AsyncClient(base_url=self.url, transport=transport)

    def last_line(self, path: str) -> str:
        """What was logged of the newest request for a path; it is written after the answer has left."""
        for _ in range(200):
            if found := [line for line in self.log.read_text().splitlines() if f"path={path} " in line]:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError(f"nothing logged of {path}: {self.log.read_text()[-2000:]}")

    @property
    def log(self) -> Path:
        return self.collector.state / "collector.log"


@pytest.fixture(scope="module", params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "proxy").mkdir()
    tool = proxies.haproxy if request.param == "haproxy" else proxies.nginx
    proxies.needed("haproxy" if request.param == "haproxy" else "nginx")
    with _serving(folder, on_socket="socket" in request.param) as (collector, upstream):
        collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        collector.command("member", "add", EMAIL, "--tenant", "acme", "--role", "admin")
        collector.command("member", "password", EMAIL, "--tenant", "acme", stdin=f"{PASSWORD}\n")
        with tool(folder / "proxy", upstream) as url:
            yield Site(collector, url, folder)


@contextmanager
def _serving(folder: Path, *, on_socket: bool) -> Iterator[tuple[Collector, str]]:
    port, path = free_port(), folder / "http.sock"
    settings = {"FIELDPOST_LISTEN": f"unix:{path}"} if on_socket else {"FIELDPOST_TRUSTED_PROXIES": '["127.0.0.1/32"]'}
    collector = Collector(folder / "collector", port, settings=settings)
    served = _on_socket(collector, path, settings) if on_socket else collector.serve()
    try:
        yield collector, f"unix:{path}" if on_socket else f"127.0.0.1:{port}"
    finally:
        assert served.stop() == 0, served.tail()


def _on_socket(collector: Collector, path: Path, settings: dict[str, str]) -> Process:
    log = collector.state / "collector.log"
    environment = {"FIELDPOST_STATE_DIR": str(collector.state), "FIELDPOST_TLS": "off", **settings}
    served = start("collector", [BIN / "fieldpost-collector", "serve"], log=log, environment=environment)
    served.wait_until(lambda: f"listening on unix:{path}" in log.read_text() or None, timeout_s=120)
    return served


async def test_an_agent_enrols_polls_and_delivers_through_the_proxy(site: Site, tmp_path: Path) -> None:
    token = site.collector.ask("agent", "token", "--tenant", "acme")
    assert token["ca_pin"] is None, "what agents see is the proxy's certificate"
    await enrol(tmp_path, Wanted(url=site.url, token=token["token"], name="a1", ca_file=site.ca))
    async with Link(load_identity(tmp_path)) as link:
        first = await link.request("GET", "/agent/v1/assignment", deadline_s=30)
        assert first.status == 200, first.why()
        began = time.monotonic()
        known = {"If-None-Match": f'"{first.etag}"'}
        waited = await link.request(
            "GET", "/agent/v1/assignment", query=f"?wait={WAIT_S}", deadline_s=60, headers=known
        )
        assert waited.status == 304, waited.why()
        assert time.monotonic() - began >= WAIT_S - 0.5, "the proxy lets an agent wait"
        await _deliver(link, tmp_path)


async def _deliver(link: Link, state: Path) -> None:
    """Batches as large as they may be, which hardly get smaller by being packed."""
    disk, problems = DiskThread(), Problems()
    with closing(Spool(state, Limits(min_free=0))) as spool, closing(disk):
        for _ in range(40):
            text = base64.b85encode(os.urandom(40_000)).decode()
            spool.append("a kind of later releases", utc_now(), {"text": text}, keep=Keep.RESULT)
        assert spool.flush()
        uplink = Uplink(link, spool, disk, problems=problems)
        for _ in range(20):
            if not spool.state().records:
                break
            await uplink.step()
        assert (spool.state().records, spool.state().dead, problems.texts()) == (0, 0, ())


async def test_people_sign_in_through_the_proxy_with_a_cookie_for_https_alone(site: Site) -> None:
    async with site.client() as browser:
        asked = await browser.get("/ui/fleet")
        assert (asked.status_code, asked.headers["location"]) == (303, "/ui/sign-in?next=/ui/fleet")
        form = {"email": EMAIL, "password": PASSWORD}
        foreign = await browser.post("/ui/sign-in", data=form, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        done = await browser.post("/ui/sign-in", data=form, headers={"Origin": site.url})
        assert done.status_code == 303, done.text
        cookie = done.headers["set-cookie"]
        assert cookie.startswith("__Host-fieldpost=")
        assert "Secure" in cookie
        page = await browser.get("/ui/fleet")
        assert page.status_code == 200
        assert page.headers["content-encoding"] == "gzip"


async def test_the_log_has_the_address_of_who_asks_whatever_they_claim(site: Site) -> None:
    claims = {
        "X-Forwarded-For": SPOOFED,
        "Forwarded": f"for={SPOOFED};proto=http",
        "X-Forwarded-Proto": "http",
        "X-Client-Verify": "SUCCESS",
    }
    async with site.client() as client:
        assert (await client.get("/ui/sign-in", headers=claims)).status_code == 200
    line = site.last_line("/ui/sign-in")
    assert f"client={ELSEWHERE} " in line, line
    assert SPOOFED not in site.log.read_text()


async def test_who_is_no_proxy_is_believed_nothing(site: Site) -> None:
    if (site.folder / "http.sock").exists():
        pytest.skip("nobody but the proxy reaches a unix socket")
    transport = httpx.AsyncHTTPTransport(local_address=ELSEWHERE)
    headers = {"X-Forwarded-For": SPOOFED, "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(base_url=site.collector.base_url, transport=transport) as client:
        assert (await client.get("/ui/setup", headers=headers)).status_code < 500
    assert f"client={ELSEWHERE} " in site.last_line("/ui/setup")
