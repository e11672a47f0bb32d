"""Each fault on the way to the collector is planted with real sockets, and found where it is."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from agent.doctor import way
from agent.doctor.ground import Ground
from agent.host_id import note_parked
from agent.identity import CANDIDATE_FILE
from common import wire
from common.checkup import Finding
from common.clock import utc_now
from common.identity import PrivateKey
from tests.agent.collectors import Collector, serving
from tests.agent.doctor.grounds import bad, enrol, ground, issued, seen

Answer = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine that runs the tests, and little patience."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(way, "STAGE_S", 1.0)


@asynccontextmanager
async def listening(answer: Answer | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port that answers the first packet of whoever comes; silent without an answer."""
    visits: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        visits.append(task)
        try:
            asked = await reader.read(65_536)
            if answer is None:
                await asyncio.Event().wait()
            else:
                writer.write(answer(asked))
        finally:
            writer.transport.abort() if answer is None else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


@asynccontextmanager
async def pages(ca: bytes, *, ahead: timedelta = timedelta(0), tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A web server that gives this at the place of a collector's CA, with its own idea of the time."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=ca, headers={"Date": format_datetime(utc_now() + ahead, usegmt=True)})

    application = web.Application()
    application.router.add_get("/agent/v1/ca", show)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def found_at(at: Ground) -> dict[str, Finding]:
    return await seen(way.LOOKS, at)


async def test_a_way_without_faults_is_well_from_end_to_end(tmp_path: Path) -> None:
    tls = issued(tmp_path / "tls")
    collector, at = Collector(), ground(tmp_path)
    async with pages(tls.ca_pem.encode(), tls=tls.context) as port:
        enrol(at, f"https://127.0.0.1:{port}", ca_pem=tls.ca_pem)
        found = await found_at(at)
    assert bad(found) == {}
    assert {"collector-port", "collector-tls", "collector-answer", "clock"} <= set(found)
    async with serving(collector):
        collector.agents["agt_1"] = enrol(at, collector.url).public
        found = await found_at(at)
    assert {finding.state for finding in found.values()} == {"well"}
    assert found["enrolment"].detail.endswith("knows this agent as agt_1")


async def test_a_name_that_does_not_resolve_is_named(tmp_path: Path) -> None:
    at = ground(tmp_path, collector_url="https://collector.invalid:8443")
    finding = bad(await found_at(at))["collector-name"]
    assert "the name collector.invalid cannot be resolved" in finding.detail
    assert "getent hosts collector.invalid" in finding.mend


async def test_a_closed_port_is_told_from_one_that_a_firewall_drops(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        at = ground(tmp_path, collector_url=f"https://127.0.0.1:{port}")
        finding = bad(await found_at(at))["collector-port"]
    assert "refuses connections: nothing listens there" in finding.detail
    assert "systemctl status fieldpost-collector" in finding.mend


async def test_a_port_that_drops_what_comes_is_a_firewall(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # the queue of the kernel is full then, and it drops the next one without an answer
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        at = ground(tmp_path, collector_url=f"https://127.0.0.1:{full.getsockname()[1]}")
        finding = bad(await found_at(at))["collector-port"]
        for one in waiting:
            one.close()
    assert "does not answer within 1 s: a firewall drops it" in finding.detail
    assert "nc -vz" in finding.mend


async def test_plain_http_at_the_port_is_no_collector(tmp_path: Path) -> None:
    async with pages(b"hello") as port:
        finding = bad(await found_at(ground(tmp_path, collector_url=f"https://127.0.0.1:{port}")))["collector-tls"]
    assert "does not speak TLS" in finding.detail
    assert f"curl -v http://127.0.0.1:{port}/" in finding.mend


async def test_another_web_server_is_no_collector(tmp_path: Path) -> None:
    tls = issued(tmp_path / "tls")
    at = ground(tmp_path)
    async with pages(b"<html>printer</html>", tls=tls.context) as port:
        enrol(at, f"https://127.0.0.1:{port}", ca_pem=tls.ca_pem)
        finding = bad(await found_at(at))["collector-answer"]
    assert "answers HTTP 200, and not as a Fieldpost collector does" in finding.detail


async def test_a_port_that_speaks_no_http_is_no_collector(tmp_path: Path) -> None:
    async with listening(lambda _: b"SSH-2.0-OpenSSH\r\n") as port:
        finding = bad(await found_at(ground(tmp_path, collector_url=f"http://127.0.0.1:{port}")))["collector-answer"]
    assert "does not answer as a collector does" in finding.detail


async def test_a_server_that_falls_silent_does_not_keep_doctor(tmp_path: Path) -> None:
    async with listening(None) as port:
        finding = bad(await found_at(ground(tmp_path, collector_url=f"https://127.0.0.1:{port}")))["collector-tls"]
    assert "127.0.0.1" in finding.detail


@pytest.mark.parametrize(
    ("fault", "message", "mend"),
    [
        ({}, "an authority that this agent does not trust", "--ca-pin sha256:"),
        ({"starts": -20.0, "ends": -1.0}, "its certificate has expired", "fieldpost-collector doctor"),
        ({"starts": 1.0}, "its certificate is not valid yet", "timedatectl set-ntp true"),
        ({"host": "elsewhere.example.com"}, "its certificate has other names", 'public_host = "127.0.0.1"'),
    ],
    ids=["unknown CA", "expired", "not yet valid", "wrong name"],
)
async def test_a_certificate_is_refused_for_its_own_reason(
    tmp_path: Path, fault: dict[str, object], message: str, mend: str
) -> None:
    tls = issued(tmp_path / "tls", **fault)  # type: ignore[arg-type]  # of the table above
    pinned = tls if fault else issued(tmp_path / "other")
    at = ground(tmp_path)
    async with pages(b"", tls=tls.context) as port:
        enrol(at, f"https://127.0.0.1:{port}", ca_pem=pinned.ca_pem)
        finding = bad(await found_at(at))["collector-tls"]
    assert message in finding.detail
    assert mend in finding.mend


@pytest.mark.parametrize(("hours", "way_off"), [(1, "3600 s behind"), (-1, "3600 s ahead of")])
async def test_a_clock_that_is_off_shows_against_the_collectors(tmp_path: Path, hours: int, way_off: str) -> None:
    tls = issued(tmp_path / "tls")
    at = ground(tmp_path)
    async with pages(tls.ca_pem.encode(), ahead=timedelta(hours=hours), tls=tls.context) as port:
        enrol(at, f"https://127.0.0.1:{port}", ca_pem=tls.ca_pem)
        finding = bad(await found_at(at))["clock"]
    told = finding.detail.replace("3599", "3600").replace("3601", "3600")
    assert f"{way_off} the collector's" in told
    assert "timedatectl set-ntp true" in finding.mend


# --- whether it knows us ---------------------------------------------------------------------------------------------


async def test_an_agent_that_was_never_enrolled_is_told_how(tmp_path: Path) -> None:
    finding = bad(await found_at(ground(tmp_path)))["enrolment"]
    assert "not enrolled" in finding.detail
    assert "enroll --url https://" in finding.mend


@pytest.mark.parametrize(
    ("standing", "message", "mend"),
    [
        ("strange", "does not know this agent", "agent list --tenant acme"),
        ("pending", "an operator has to approve this agent first", "agent approve --tenant acme agt_1"),
        ("revoked", "this agent was revoked", "--new-key"),
        ("other key", "under another key", "--new-key"),
        ("parked", "this agent is parked", "--new-key"),
    ],
)
async def test_what_the_collector_holds_against_this_agent_is_said(
    tmp_path: Path, standing: str, message: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector, at = Collector(), ground(tmp_path)
    async with serving(collector):
        key = enrol(at, collector.url, state="pending" if standing == "pending" else "active")
        if standing not in ("strange", "other key"):
            collector.agents["agt_1"] = key.public
        if standing == "other key":
            collector.add_agent()
        collector.pending = {"agt_1"} if standing == "pending" else set()
        collector.revoked = {"agt_1"} if standing == "revoked" else set()
        if standing == "parked":
            park(collector, monkeypatch)
        finding = bad(await found_at(at))["enrolment"]
    assert message in finding.detail
    assert mend in finding.mend


def park(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(_: web.Request) -> str:
        body = wire.encode(wire.LinkError("identity_conflict", "parked", utc_now()))
        raise web.HTTPConflict(text=body.decode(), content_type="application/json")

    monkeypatch.setattr(collector, "_caller", conflict)


# --- proxies -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def proxy(answer: bytes, *, login: bytes = b"") -> AsyncIterator[int]:
    """Answers CONNECT with this; after a 200 it is a tunnel."""
    tasks: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while part := await source.read(65_536):
            sink.write(part)
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if login not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        elif b" 200 " in answer:
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            there, onward = await asyncio.open_connection(host, int(port))
            writer.write(answer)
            writers.extend((writer, onward))
            tasks.extend(asyncio.create_task(one) for one in (pump(reader, onward), pump(there, writer)))
            return
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "login", "message"),
    [
        (GRANTED, b"Proxy-Authorization", "wants a login (HTTP 407)"),
        (b"HTTP/1.1 403 Filtered\r\n\r\n", b"", "refuses the way to collector.example.com:8443 (HTTP 403 Filtered)"),
        (b"220 smtp ready\r\n\r\n", b"", "does not answer as an HTTP proxy does"),
    ],
)
async def test_a_proxy_that_lets_nobody_through_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, login: bytes, message: str
) -> None:
    at = ground(tmp_path, collector_url="https://collector.example.com:8443")
    async with proxy(answer, login=login) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        found = await found_at(at)
    assert message in bad(found)["proxy"].detail
    assert set(found) == {"proxy"}


async def test_a_proxy_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    at = ground(tmp_path, collector_url="https://collector.example.com:8443", proxy="http://proxy.invalid:3128")
    assert "the name proxy.invalid cannot be resolved" in bad(await found_at(at))["proxy"].detail


async def test_a_proxy_that_lets_through_does_not_hide_what_is_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, at = issued(tmp_path / "tls"), ground(tmp_path)
    async with pages(tls.ca_pem.encode(), tls=tls.context) as behind, proxy(GRANTED, login=b"Basic Zm86cHc=") as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://fo:pw@127.0.0.1:{port}")
        enrol(at, f"https://127.0.0.1:{behind}", ca_pem=tls.ca_pem)
        found = await found_at(at)
    assert bad(found) == {}
    assert "through 127.0.0.1" in found["collector-port"].detail
    assert "pw" not in str(found)


async def test_a_login_of_the_proxy_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    login = tmp_path / "none"
    at = ground(
        tmp_path, collector_url="https://c.example.com:8443", proxy="http://127.0.0.1:1", proxy_login_file=login
    )
    assert "proxy_login_file: " in bad(await found_at(at))["way-settings"].detail


async def test_a_client_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    at = ground(tmp_path, collector_url="https://127.0.0.1:1", client_certificate_file=tmp_path / "none")
    assert "client_certificate_file" in bad(await found_at(at))["way-settings"].detail


async def test_a_change_of_the_key_that_is_under_way_is_left_to_the_agent(tmp_path: Path) -> None:
    collector, at = Collector(), ground(tmp_path)
    async with serving(collector):
        enrol(at, collector.url)
        collector.add_agent()
        PrivateKey.generate().save(at.state / CANDIDATE_FILE)
        finding = (await found_at(at))["enrolment"]
    assert (finding.state, finding.detail) == ("unknown", "a change of the key is under way, which the agent ends")


@pytest.mark.parametrize("parked", [False, True])
async def test_doctor_is_no_second_start_of_the_agent(tmp_path: Path, *, parked: bool) -> None:
    collector, at = Collector(), ground(tmp_path)
    claims: list[str] = []
    instance = "i" * 32
    if parked:
        note_parked(at.state, instance)
    async with serving(collector):
        collector.agents["agt_1"] = enrol(at, collector.url).public
        caller = collector._caller

        def noted(request: web.Request) -> str:
            claims.append(request.headers["Authorization"].split(".")[1])
            return caller(request)

        collector._caller = noted  # type: ignore[method-assign]  # what it does is done, and looked at
        assert (await found_at(at))["enrolment"].state == "well"
    told = [base64.urlsafe_b64decode(claim + "==").decode() for claim in claims]
    assert told
    assert all((instance in claim) == parked for claim in told), "a parked machine asks as the one that was parked"
    assert all(('"ins"' in claim) == parked for claim in told)
