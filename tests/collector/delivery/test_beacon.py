"""A second system hears of the collector while it makes progress, and only then."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.delivery import setup
from collector.delivery.beacon import Beacon
from common.settings import load
from tests.collector.webhooks.receiving import receiver


async def beat(beacon: Beacon) -> bool:
    async with aiohttp.ClientSession() as session:
        return await beacon.beat(session)


async def test_silence_means_that_something_is_wrong(tmp_path: Path) -> None:
    async with receiver() as there:
        url, trouble = tmp_path / "url", [StoreUnavailable("gone", "away")]
        url.write_text(there.url.replace("/hook", "/ping") + "\n")

        async def check() -> None:
            if trouble:
                raise trouble[0]

        beacon = Beacon(url, [check], every=0.01)
        assert not await beat(beacon)
        assert there.pings == 0
        trouble.clear()
        assert await beat(beacon)
        assert there.pings == 1
        there.answer = lambda _: web.Response(status=500)
        assert not await beat(beacon)
        url.write_text("not a url")
        assert not await beat(beacon)
        url.unlink()
        assert not await beat(beacon)


async def test_it_speaks_for_the_loop_the_store_and_the_outbox(database: Database, tmp_path: Path) -> None:
    async with receiver() as there:
        url = tmp_path / "url"
        url.write_text(there.url.replace("/hook", "/ping"))
        settings = load(Settings, flags={"state_dir": tmp_path, "beacon_url_file": url})
        drains = setup.dispatcher(settings, database)
        assert setup.beacon(load(Settings, flags={"state_dir": tmp_path}), database, drains) is None
        beacon = setup.beacon(settings, database, drains)
        assert beacon is not None
        assert await beat(beacon)
        drains.turned_at = time.monotonic() - 3600
        assert not await beat(beacon)
        await drains.turn()
        assert await beat(beacon)
        task = asyncio.create_task(beacon.run())
        while there.pings < 3:  # noqa: ASYNC110 - the receiver has no event for it
            await asyncio.sleep(0.01)
        for running in (task, asyncio.create_task(drains.run())):
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        await drains._stop()
