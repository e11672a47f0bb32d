"""TLS over the life of a collector: its CA is followed by another, agents show certificates, proxies stand between."""

import json
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from agent.enrolment import Wanted, enrol
from agent.identity import load_identity
from agent.link import Link, LinkDownError, Reply
from agent.way import STRAIGHT, Way
from tests import client_certificates
from tests.standins.estate import Agent, Collector
from tests.standins.processes import BIN, Process, free_port, start
from tests.system import proxies

pytestmark = pytest.mark.system

WITHIN_S = 120


@dataclass(frozen=True)
class Served:
    collector: Collector
    process: Process
    url: str

    def token(self) -> tuple[str, str | None]:
        made = self.collector.ask("agent", "token", "--tenant", "acme")
        return made["token"], made["ca_pin"]

    def log(self) -> str:
        return (self.collector.state / "collector.log").read_text()

    def until(self, what: Callable[[], bool]) -> None:
        self.process.wait_until(lambda: what() or None, timeout_s=WITHIN_S)


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Served]:
    """A collector with TLS of its own."""
    port = free_port()
    settings = {"FIELDPOST_TLS": "auto", "FIELDPOST_HEARTBEAT_S": "5", **more}
    collector = Collector(folder, port, settings=settings)
    log = folder / "collector.log"
    environment = {"FIELDPOST_STATE_DIR": str(folder), "FIELDPOST_PORT": str(port), **settings}
    process = start("collector", [BIN / "fieldpost-collector", "serve"], log=log, environment=environment)
    try:
        process.wait_until(lambda: "listening on" in log.read_text() or None, timeout_s=WITHIN_S)
        collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        yield Served(collector, process, f"https://127.0.0.1:{port}")
    finally:
        assert process.stop() == 0, process.tail()


def trusted(agent: Path) -> str:
    kept = json.loads((agent / "identity.json").read_text())
    return str(kept["ca_pem"])


def status(agent: Path) -> dict[str, object]:
    path = agent / "status.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def test_another_ca_follows_under_a_running_agent(tmp_path: Path) -> None:
    with serving(tmp_path / "collector") as served:
        token, pin = served.token()
        agent = Agent(tmp_path / "agent")
        agent.command("enroll", "--url", served.url, "--ca-pin", pin, "--token-file", "-", stdin=token)
        first = trusted(agent.state)
        running = start(
            "agent",
            [BIN / "fieldpost-agent", "run"],
            log=tmp_path / "agent.log",
            environment={"FIELDPOST_STATE_DIR": str(agent.state)},
        )
        try:
            kept = httpx.Limits(keepalive_expiry=None)
            with httpx.Client(verify=ssl.create_default_context(cadata=first), limits=kept) as browser:
                _learn(served, agent, first)
                assert browser.get(f"{served.url}/health").text == "OK"
                _move(served)
                assert browser.get(f"{served.url}/health").text == "OK", "the connection of before lives on"
            second = (served.collector.state / "tls" / "ca.pem").read_text()
            assert second not in first
            with (
                httpx.Client(verify=ssl.create_default_context(cadata=second)) as browser,
                httpx.Client(verify=ssl.create_default_context(cadata=first)) as old,
            ):
                assert browser.get(f"{served.url}/health").text == "OK"
                with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                    old.get(f"{served.url}/health")
            assert running.stop() == 0
            after = start(
                "agent",
                [BIN / "fieldpost-agent", "run"],
                log=tmp_path / "agent.log",
                environment={"FIELDPOST_STATE_DIR": str(agent.state)},
            )
            try:
                after.wait_until(lambda: _acked_by(agent.state, after.pid) or None, timeout_s=WITHIN_S)
                served.collector.command("tls", "roll")
                served.process.handle.send_signal(signal.SIGHUP)
                after.wait_until(lambda: trusted(agent.state) == second or None, timeout_s=WITHIN_S)
            finally:
                after.stop()
        finally:
            if running.alive():
                running.stop()


def _learn(served: Served, agent: Agent, first: str) -> None:
    """Begin, and wait until the agent has said that it knows the next CA."""
    served.collector.command("tls", "roll")
    served.process.handle.send_signal(signal.SIGHUP)
    served.until(lambda: len(trusted(agent.state)) > len(first))
    served.until(lambda: not served.collector.ask("tls", "show")["agents_without_next_ca"])


def _move(served: Served) -> None:
    served.collector.command("tls", "roll")
    served.process.handle.send_signal(signal.SIGHUP)
    served.until(lambda: "certificate exchanged" in served.log())


def _acked_by(state: Path, pid: int) -> bool:
    said = status(state)
    return said.get("pid") == pid and bool(said.get("last_ack_at"))


async def asked(state: Path, way: Way = STRAIGHT) -> Reply:
    async with Link(load_identity(state), way=way) as link:
        return await link.request("GET", "/agent/v1/assignment", deadline_s=30)


async def test_agents_show_a_client_certificate_where_it_is_wanted(tmp_path: Path) -> None:
    mine = client_certificates.made(tmp_path / "mine")
    foreign = client_certificates.made(tmp_path / "foreign")
    way = Way(client_certificate_file=str(mine.certificate), client_key_file=str(mine.key))
    settings = {"FIELDPOST_TLS_CLIENT_CA_FILE": str(mine.ca), "FIELDPOST_TLS_CLIENT_REQUIRED": "true"}
    with serving(tmp_path / "collector", **settings) as served:
        token, pin = served.token()
        await enrol(tmp_path / "agent", Wanted(url=served.url, token=token, name="a", ca_pin=pin, way=way))
        assert (await asked(tmp_path / "agent", way)).status == 200
        without = await asked(tmp_path / "agent")
        assert (without.status, without.error and without.error.code) == (403, "client_certificate")
        with pytest.raises(LinkDownError, match="client certificate"):
            await asked(
                tmp_path / "agent",
                Way(client_certificate_file=str(foreign.certificate), client_key_file=str(foreign.key)),
            )
        served.until(lambda: "client certificate refused: unable to get local issuer" in served.log())
        async with httpx.AsyncClient(verify=_trusting(served)) as browser:
            assert (await browser.get(f"{served.url}/ui/sign-in")).status_code in {200, 303}, "people need none"


def _trusting(served: Served) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=served.collector.state / "tls" / "ca.pem")


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_a_proxy_may_ask_for_the_client_certificate(tmp_path: Path, kind: str) -> None:
    proxies.needed(kind)
    mine = client_certificates.made(tmp_path / "mine")
    way = Way(client_certificate_file=str(mine.certificate), client_key_file=str(mine.key))
    (tmp_path / "proxy").mkdir()
    port = free_port()
    settings = {"FIELDPOST_TRUSTED_PROXIES": '["127.0.0.1"]', "FIELDPOST_TLS_CLIENT_REQUIRED": "true"}
    collector = Collector(tmp_path / "collector", port, settings=settings)
    process = collector.serve()
    tool = proxies.nginx if kind == "nginx" else proxies.haproxy
    try:
        collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        token = collector.ask("agent", "token", "--tenant", "acme")["token"]
        with tool(tmp_path / "proxy", f"127.0.0.1:{port}", client_ca=mine.ca) as url:
            ca = tmp_path / "proxy" / "tls" / "ca.pem"
            await enrol(tmp_path / "agent", Wanted(url=url, token=token, name="a", ca_file=ca, way=way))
            assert (await asked(tmp_path / "agent", way)).status == 200
            without = await asked(tmp_path / "agent")
            assert (without.status, without.error and without.error.code) == (403, "client_certificate")
    finally:
        process.stop()


async def test_an_agent_goes_through_an_http_proxy_that_wants_a_login(tmp_path: Path) -> None:
    proxies.needed("tinyproxy")
    secret = "s3cret-of-the-proxy"
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(f"agent:{secret}\n")
    bad.write_text("agent:wrong\n")
    (tmp_path / "proxy").mkdir()
    state = tmp_path / "agent"
    with serving(tmp_path / "collector") as served:
        port = int(served.url.rpartition(":")[2])
        token, pin = served.token()
        with proxies.tinyproxy(tmp_path / "proxy", login=f"agent:{secret}", connect_to=port) as proxy:
            way = Way(proxy=proxy, proxy_login_file=str(good))
            wanted = Wanted(url=served.url, token=token, name="a", ca_pin=pin, way=way)
            await enrol(state, wanted)
            assert (await asked(state, way)).status == 200
            passed = (tmp_path / "proxy" / "tinyproxy.log").read_text()
            assert f"CONNECT 127.0.0.1:{port}" in passed, "what was sent went through the proxy"
            for refused in (Way(proxy=proxy), Way(proxy=proxy, proxy_login_file=str(bad))):
                with pytest.raises(
                    LinkDownError, match=r"proxy wants a login.*HTTP 40[17].*proxy_login_file"
                ) as raised:
                    await asked(state, refused)
                assert secret not in str(raised.value)
        with pytest.raises(LinkDownError, match=r"the proxy 127\.0\.0\.1:\d+ cannot be reached"):
            await asked(state, way)
        with (
            proxies.tinyproxy(tmp_path / "proxy", login=f"agent:{secret}", connect_to=1) as proxy,
            pytest.raises(LinkDownError, match=r"does not allow the way to the collector \(HTTP 403\)"),
        ):
            await asked(state, Way(proxy=proxy, proxy_login_file=str(good)))
        assert (await asked(state)).status == 200, "without a proxy the way is straight"
