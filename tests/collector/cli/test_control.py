"""Commands reach the database wherever it is open, and say plainly when they cannot."""

import asyncio
import json
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from collector import migrations
from collector.cli import control
from collector.cli.agents import APPROVE, ISSUE, LIST, IssueToken, OfTenant, OneAgent
from collector.cli.control import Command
from collector.core.database import Database
from collector.core.problems import Refusal, StoreUnavailable
from collector.core.settings import Settings
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.settings import load
from tests.collector import builders
from tests.collector.conftest import Postgres
from tests.collector.process import command, serving


@pytest.fixture
async def settings(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Settings]:
    """Of a collector that serves, as far as commands are concerned."""
    shutil.copy(sqlite_template, tmp_path / "collector.sqlite")
    found = load(Settings, flags={"state_dir": tmp_path})
    db = Database.open(found.store_url)
    await db.write(tenants.add, NewTenant(slug="acme", name="Acme", plan="team"), utc_now())
    server = await control.listen(db, found.control_socket)
    yield found
    server.close()
    await server.wait_closed()
    await db.close()


async def test_a_command_runs_in_the_collector_that_has_the_database(settings: Settings) -> None:
    asked = IssueToken(tenant="acme", uses=2, valid_for_s=60, requires_approval=False)
    issued = await asyncio.to_thread(control.call, settings, ISSUE, asked)
    assert issued.token.startswith("fpe_")
    assert issued.uses == 2
    assert await asyncio.to_thread(control.call, settings, LIST, OfTenant("acme")) == []


async def test_a_refusal_comes_back_in_its_own_words(settings: Settings) -> None:
    with pytest.raises(Refusal, match="agt_none"):
        await asyncio.to_thread(control.call, settings, APPROVE, OneAgent("acme", "agt_none"))


async def test_the_socket_is_for_its_owner_alone(settings: Settings) -> None:
    assert stat.S_IMODE(settings.control_socket.stat().st_mode) == 0o600


async def test_a_collector_of_another_version_says_that_it_lacks_a_command(settings: Settings) -> None:
    strange = Command("agent.sing", OfTenant, msgspec.Struct, LIST.run)  # type: ignore[arg-type]  # never run
    with pytest.raises(Refusal, match="another version"):
        await asyncio.to_thread(control.call, settings, strange, OfTenant("acme"))


async def test_nonsense_on_the_socket_is_answered_and_harms_nobody(settings: Settings) -> None:
    for nonsense in (b"\n", b"{}\n", b"\xff\xff\n", b'{"command":"agent.list","request":[]}\n'):
        reader, writer = await asyncio.open_unix_connection(settings.control_socket)
        writer.write(nonsense)
        assert json.loads(await reader.readline())["kind"] == "refusal"
        writer.close()
        await writer.wait_closed()
    assert await asyncio.to_thread(control.call, settings, LIST, OfTenant("acme")) == []


async def test_a_lock_without_a_socket_is_explained(tmp_path: Path) -> None:
    found = load(Settings, flags={"state_dir": tmp_path})
    db = Database.open(found.store_url)
    with pytest.raises(StoreUnavailable, match="another process has it"):
        await asyncio.to_thread(control.call, found, LIST, OfTenant("acme"))
    await db.close()


@pytest.mark.system
async def test_on_postgresql_a_collector_serves_and_commands_go_to_the_database(
    postgres: Postgres, tmp_path: Path
) -> None:
    name = postgres.new(template="template1")
    database = {"FIELDPOST_DATABASE": postgres.url_of(name)}
    state = tmp_path / "state"
    async with serving(state, **database) as collector:
        code, _, err = await command(state, "tenant", "add", "acme", "--name", "A", "--plan", "team", **database)
        assert code == 0, err
        code, out, err = await command(state, "agent", "token", "--tenant", "acme", "--json", **database)
        assert code == 0, err
        request = builders.enrol_request(json.loads(out)["token"], PrivateKey.generate())
        async with httpx.AsyncClient(base_url=collector.url) as client:
            answer = await client.post("/agent/v1/enroll", content=wire.encode(request))
        assert answer.status_code == 200
        _, out, _ = await command(state, "doctor", "--json", **database, FIELDPOST_TLS="off")
        found = {finding["id"]: finding["state"] for finding in json.loads(out)}
        assert (found["database"], found["database-server"], found["database-revision"]) == ("well", "well", "well")
        assert await collector.stop() == 0
    postgres.drop(name)


@pytest.mark.system
async def test_migrate_and_doctor_speak_of_what_they_find(tmp_path: Path) -> None:
    state = tmp_path / "state"
    code, out, err = await command(state, "migrate")
    assert (code, out.strip()) == (0, f"at revision {migrations.newest()}"), err
    _, out, err = await command(state, "doctor", "--json")
    findings = {finding["id"]: finding["state"] for finding in json.loads(out)}
    assert (findings["database"], findings["database-revision"], err) == ("well", "well", "")
    code, out, _ = await command(state, "doctor", FIELDPOST_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    assert code == 1
    assert "does not answer" in out
