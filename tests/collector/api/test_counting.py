"""Figures for monitoring: fresh enough, gone while the store is away, and what agents send is counted."""

from pathlib import Path

import httpx
import pytest

from collector.api.counting import Counting
from collector.app import create_app
from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from tests.collector import builders
from tests.collector.accounts import client_of
from tests.collector.estate import info, reporter

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


def shown(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


async def test_figures_are_read_again_only_when_they_are_old(database: Database) -> None:
    metrics = Metrics()
    kept, always = Counting(database, metrics, fresh_s=3600.0), Counting(database, Metrics(), fresh_s=0.0)
    await kept()
    await builders.tenant(database)
    await kept()
    await always()
    assert not [line for line in shown(metrics) if line.startswith("fieldpost_connections{")]


async def test_a_store_that_is_away_is_said_and_nothing_is_made_up(database: Database) -> None:
    metrics = Metrics()
    counting = Counting(database, metrics, fresh_s=0.0)
    await builders.tenant(database)
    await counting()
    assert "fieldpost_store_up 1.0" in shown(metrics)
    assert [line for line in shown(metrics) if line.startswith("fieldpost_agents{")]
    await database.close()
    with pytest.raises(StoreUnavailable):
        await database.ping()
    await counting()
    assert "fieldpost_store_up 0.0" in shown(metrics)
    assert not [line for line in shown(metrics) if line.startswith("fieldpost_agents{")]


async def test_records_are_counted_by_what_became_of_them(database: Database, tmp_path: Path) -> None:
    metrics = Metrics()
    app = create_app(Settings(state_dir=tmp_path), database, metrics=metrics)
    async with client_of(app) as http:
        await _send_twice(database, http)
    await app.shut_down()
    assert 'fieldpost_records_total{outcome="new"} 1.0' in shown(metrics)
    assert 'fieldpost_records_total{outcome="duplicate"} 1.0' in shown(metrics)
    assert 'fieldpost_records_total{outcome="rejected"} 0.0' in shown(metrics)


async def _send_twice(database: Database, http: httpx.AsyncClient) -> None:
    agent = await reporter(database, await builders.tenant(database), http)
    await agent.list_only(info("prod"))
    agent.sent = 0
    await agent.list_only(info("prod"))
