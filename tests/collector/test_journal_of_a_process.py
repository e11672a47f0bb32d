"""What a crash may cost the activity log: requests of the last second, and nothing that was older."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from collector.core.database import Database
from collector.domain.activity import store
from collector.domain.activity.store import Filter
from collector.domain.activity.verify import verify
from collector.domain.tenants import store as tenants
from common.clock import utc_now
from tests.collector.process import command, serving

pytestmark = pytest.mark.system

MAY_BE_LOST = timedelta(seconds=1)
PAUSE = 0.05


async def test_kill_9_loses_at_most_the_last_second_of_requests(tmp_path: Path) -> None:
    state = tmp_path / "state"
    asked: list[datetime] = []
    async with serving(state) as collector:
        assert (await command(state, "tenant", "add", "acme", "--rate-limit", "100000"))[0] == 0
        code, out, _ = await command(state, "key", "add", "--tenant", "acme", "--name", "k")
        assert code == 0
        key = next(line.split()[1] for line in out.splitlines() if line.startswith("key "))
        async with httpx.AsyncClient(base_url=collector.url, headers={"Authorization": f"Bearer {key}"}) as http:
            until = utc_now() + 3 * MAY_BE_LOST
            while utc_now() < until:
                assert (await http.get("/api/v1/health/fleet")).status_code == 200
                asked.append(utc_now())
                await asyncio.sleep(PAUSE)
        killed = utc_now()
        await collector.kill()
    db = Database.open(f"sqlite:///{state / 'collector.sqlite'}")
    tenant = await db.read(tenants.get, "acme")
    total, _ = await db.read(store.page, tenant.id, Filter(action_type="api_request"), 0, 1)
    held = await db.read(verify, tenant.id, frozenset())
    await db.close()
    assert len([at for at in asked if at < killed - MAY_BE_LOST]) <= total <= len(asked)
    assert held.entries + held.waiting >= total


async def test_an_orderly_end_loses_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with serving(state) as collector:
        await command(state, "tenant", "add", "acme")
        _, out, _ = await command(state, "key", "add", "--tenant", "acme", "--name", "k")
        key = next(line.split()[1] for line in out.splitlines() if line.startswith("key "))
        async with httpx.AsyncClient(base_url=collector.url, headers={"Authorization": f"Bearer {key}"}) as http:
            for _ in range(7):
                await http.get("/api/v1/team/roles")
        code, out, _ = await command(state, "activity", "verify", "--tenant", "acme")  # asks the one that serves
        assert (code, "hold" in out) == (0, True)
        assert await collector.stop() == 0
    db = Database.open(f"sqlite:///{state / 'collector.sqlite'}")
    tenant = await db.read(tenants.get, "acme")
    total, _ = await db.read(store.page, tenant.id, Filter(action_type="api_request"), 0, 1)
    await db.close()
    assert total == 7
