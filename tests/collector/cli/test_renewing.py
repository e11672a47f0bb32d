"""What the serving collector does by itself about certificates."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from collector.cli import renewing
from collector.cli.renewing import Renewing
from collector.core import certificates
from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.settings import Settings
from collector.core.succession import Trust
from common.clock import utc_now
from common.settings import load
from tests.agent.waiting import until

NAMES = ("localhost",)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(Settings, flags={"state_dir": tmp_path})


def test_the_next_step_follows_from_the_files_and_from_what_agents_say(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, utc_now() - timedelta(days=3300))
    assert renewing.due(files, []) == "begin"
    certificates.begin(files, utc_now() - timedelta(days=2))
    old = certificates.pin(files.ca.read_bytes())
    assert renewing.due(files, [Trust("agt_1", (old,))]) is None
    assert renewing.due(files, [Trust("agt_1", ("system",))]) == "move"
    certificates.move(files, NAMES, utc_now())
    assert renewing.due(files, []) is None


def test_figures_tell_how_many_days_are_left(settings: Settings) -> None:
    metrics = Metrics()
    Renewing(settings, metrics)
    shown = metrics.render().decode()
    assert "fieldpost_certificate_days_left 36" in shown
    assert "fieldpost_ca_days_left 365" in shown


@pytest.mark.parametrize("store_name", ["sqlite"])
async def test_what_is_written_beside_it_is_taken_up_on_demand_and_trouble_ends_nothing(
    settings: Settings, database: Database, store_name: str
) -> None:
    del store_name
    kept = Renewing(settings, Metrics())
    assert kept.ca is not None
    first = kept.ca()
    files = certificates.Files(settings.tls_dir)
    running = asyncio.create_task(kept.run(database))
    certificates.begin(files, utc_now())
    kept.ask()
    await until(lambda: kept.ca is not None and kept.ca() != first)
    assert kept.ca().pin == first.pin
    whole = files.ca.read_bytes()
    files.ca.write_bytes(b"spoilt")
    kept.ask()
    await asyncio.sleep(0.2)
    assert not running.done()
    files.ca.write_bytes(whole)
    certificates.move(files, settings.server_names, utc_now())
    kept.ask()
    await until(lambda: kept.ca is not None and kept.ca().pin != first.pin)
    running.cancel()
