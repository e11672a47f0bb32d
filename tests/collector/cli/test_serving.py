"""The collector as a process: it starts, serves over its own certificate, takes commands, and ends cleanly."""

import asyncio
import json
import sqlite3
import ssl
import stat
import time
from pathlib import Path

import httpx
import pytest

from collector.core import certificates
from common import wire
from common.identity import PrivateKey
from common.wire import Ack, Assignment, EnrolReply, Kind
from tests.collector import builders
from tests.collector.builders import T0, AgentHere
from tests.collector.process import command, serving

pytestmark = pytest.mark.slow


async def add_tenant(state: Path) -> None:
    code, _, err = await command(state, "tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    assert code == 0, err


async def issue(state: Path, *options: str) -> dict[str, str]:
    code, out, err = await command(state, "agent", "token", "--tenant", "acme", "--json", *options)
    assert code == 0, err
    issued: dict[str, str] = json.loads(out)
    return issued


async def enrol(client: httpx.AsyncClient, secret: str) -> AgentHere:
    key = PrivateKey.generate()
    answer = await client.post("/agent/v1/enroll", content=wire.encode(builders.enrol_request(secret, key)))
    assert answer.status_code == 200, answer.text
    return AgentHere(0, wire.decode(answer.content, EnrolReply).agent, key)


async def test_a_fresh_collector_makes_its_certificate_and_an_agent_can_pin_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with serving(state, tls="auto") as collector:
        await add_tenant(state)
        issued = await issue(state)
        port = collector.url.rpartition(":")[2]
        async with httpx.AsyncClient(base_url=collector.url, verify=_trusting_nobody()) as stranger:
            ca = (await stranger.get("/agent/v1/ca")).content
        assert certificates.pin(ca) == issued["ca_pin"]
        trust = ssl.create_default_context(cadata=ca.decode())
        async with httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=trust) as client:
            await enrol(client, issued["token"])
            assert (await client.get("/health")).text == "OK"
        code, out, _ = await command(state, "agent", "list", "--tenant", "acme", "--json")
        assert (code, [agent["name"] for agent in json.loads(out)]) == (0, ["agent-1"])
        assert await collector.stop() == 0
    assert issued["token"] not in collector.log.read_text()
    for file in (state / "tls").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((state / "collector.sqlite").stat().st_mode) == 0o600
    assert not (state / "control.sock").exists()


async def test_sigterm_lets_waiting_agents_go_and_ends_within_seconds(tmp_path: Path) -> None:
    state = tmp_path / "state"
    path = "/agent/v1/assignment"
    async with serving(state) as collector:
        await add_tenant(state)
        async with httpx.AsyncClient(base_url=collector.url, timeout=60) as client:
            here = await enrol(client, (await issue(state))["token"])
            etag = (await client.get(path, headers=here.headers("GET", path))).headers["etag"]
            headers = {**here.headers("GET", path), "If-None-Match": etag}
            waiting = asyncio.create_task(client.get(path, params={"wait": 50}, headers=headers))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            assert await collector.stop() == 0
            assert time.monotonic() - began < 5
            assert (await waiting).status_code == 304


@pytest.mark.system
async def test_commands_work_without_a_collector_and_refusals_have_their_exit_code(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await add_tenant(state)
    await issue(state, "--approval", "--uses", "2", "--valid-for", "7d")
    code, _, err = await command(state, "agent", "token", "--tenant", "nobody")
    assert (code, "nobody" in err) == (1, True)
    code, _, err = await command(state, "agent", "token", "--tenant", "acme", "--valid-for", "soon")
    assert (code, "24h" in err) == (1, True)
    code, _, err = await command(state, "agent", "revoke", "agt_none", "--tenant", "acme")
    assert (code, "agt_none" in err) == (1, True)
    code, _, err = await command(state, "agent", "list", "--tenant", "acme", FIELDPOST_TLS="perhaps")
    assert (code, "tls" in err) == (78, True)
    code, _, err = await command(state, "serve", "--listen", "0.0.0.0", FIELDPOST_TLS="off")  # noqa: S104 - refused
    assert (code, "loopback" in err) == (78, True)
    code, _, _ = await command(state, "agent", "token")
    assert code == 2


@pytest.mark.system
async def test_a_second_collector_on_the_same_state_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with serving(state):
        code, _, err = await command(state, "serve", FIELDPOST_TLS="off", FIELDPOST_PORT="0")
    assert code == 1
    assert "another process" in err


@pytest.mark.system
async def test_a_connection_is_checked_now_when_an_operator_asks(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with serving(state) as collector, httpx.AsyncClient(base_url=collector.url) as client:
        await add_tenant(state)
        here = await enrol(client, (await issue(state))["token"])
        record = wire.record_line(1, Kind.INVENTORY, T0, builders.inventory("PROD"))
        body, signature = here.batch([record], seqs=[1])
        assert (await here.send(client, body, signature)).status_code == 200
        code, out, err = await command(state, "connection", "list", "--tenant", "acme", "--json")
        assert code == 0, err
        (listed,) = json.loads(out)
        code, out, err = await command(state, "connection", "check", str(listed["id"]), "--tenant", "acme", "--json")
        assert code == 0, err
        path = "/agent/v1/assignment"
        answer = await client.get(path, headers=here.headers("GET", path))
        (job,) = wire.decode(answer.content, Assignment).jobs
        assert (job.kind, job.job) == ("check", json.loads(out)["job"])
        code, _, err = await command(state, "connection", "check", "4711", "--tenant", "acme")
        assert (code, "4711" in err) == (1, True)


@pytest.mark.system
async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path / "first") as collector:
        port = collector.url.rpartition(":")[2]
        code, _, err = await command(tmp_path / "second", "serve", FIELDPOST_TLS="off", FIELDPOST_PORT=port)
    assert code == 78
    assert f"port: {port}: Address already in use" in err


@pytest.mark.system
async def test_kill_9_loses_no_record_that_was_acknowledged_and_doubles_none(tmp_path: Path) -> None:
    state = tmp_path / "state"
    acked: set[int] = set()
    here: AgentHere | None = None
    for _ in range(3):
        async with serving(state) as collector:
            if here is None:
                await add_tenant(state)
                async with httpx.AsyncClient(base_url=collector.url) as client:
                    here = await enrol(client, (await issue(state))["token"])
            sender = asyncio.create_task(_send_until_it_dies(collector.url, here, acked))
            await asyncio.sleep(1.0)
            await collector.kill()
            await sender
    assert here is not None
    assert len(acked) > 50
    async with serving(state) as collector, httpx.AsyncClient(base_url=collector.url) as client:
        ack = await _push(client, here, range(max(acked) - 4, max(acked) + 1))
        assert (ack.new, ack.dup, ack.gaps) == (0, 5, ())
    stored = _stored_runs(state)
    assert len(stored) == len(set(stored))
    assert {f"run_{seq}" for seq in acked} <= set(stored)


async def _send_until_it_dies(url: str, here: AgentHere, acked: set[int]) -> None:
    first = max(acked, default=0) + 1
    async with httpx.AsyncClient(base_url=url) as client:
        while True:
            seqs = range(first, first + 5)
            try:
                ack = await _push(client, here, seqs)
            except httpx.TransportError:
                return
            assert ack.acked == ((seqs[0], seqs[-1]),)
            acked.update(seqs)
            first = seqs[-1] + 1


async def _push(client: httpx.AsyncClient, here: AgentHere, seqs: range) -> Ack:
    lines = [wire.record_line(seq, Kind.RUN, T0, builders.run([builders.outcome()], key=f"run_{seq}")) for seq in seqs][
        -500:
    ]
    body, signature = here.batch(lines, seqs=seqs[-500:])
    answer = await here.send(client, body, signature)
    assert answer.status_code == 200, answer.text
    return wire.decode(answer.content, Ack)


def _stored_runs(state: Path) -> list[str]:
    with sqlite3.connect(state / "collector.sqlite") as conn:
        keys = [key for (key,) in conn.execute("SELECT key FROM run")]
    conn.close()
    return keys


def _trusting_nobody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.system
async def test_a_collector_without_a_tenant_says_where_its_set_up_code_is_and_never_what(tmp_path: Path) -> None:
    path = tmp_path / "setup-code"
    async with serving(tmp_path) as collector:
        code = path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        logged = collector.log.read_text()
        assert str(path) in logged
        assert code not in logged
        async with httpx.AsyncClient() as client:
            assert code not in (await client.get(f"{collector.url}/ui/setup")).text
        await add_tenant(tmp_path)
    async with serving(tmp_path):
        assert not path.exists()
