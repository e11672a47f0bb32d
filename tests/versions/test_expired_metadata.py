"""What has expired or cannot be read beside an agent never stops it from checking and telling; it only says so."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from agent.enrolment import Wanted, enrol
from common.identity import PrivateKey
from common.sealed import seal
from common.wire import Assignment
from tests.agent.collectors import Collector, new_token, serving
from tests.agent.test_daemon import add, running
from tests.agent.waiting import until

pytestmark = pytest.mark.slow

OLD_TABLE = f'issued = {date(2019, 1, 1)}\n[release_updates]\n"19.3" = 2019-04-16\n'.encode()
OLD_BOOK = gzip.compress(json.dumps({"asOf": "2019-01-01", "source": "old", "currency": "USD", "regions": {}}).encode())


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with serving(Collector()) as started:
        started.assignment = Assignment(version="v1", heartbeat_s=5)
        yield started


@pytest.fixture
async def state(tmp_path: Path, collector: Collector) -> Path:
    await enrol(tmp_path, Wanted(url=collector.url, token=new_token(collector), name="host"))
    add(tmp_path, "Nobody there")
    (tmp_path / "config").mkdir()
    return tmp_path


def expire(state: Path) -> None:
    """Years ago, by a key that nobody trusts any more."""
    signer = PrivateKey.generate()
    (state / "reference.toml").write_bytes(seal(OLD_TABLE, signer))
    (state / "config" / "reference-keys").write_text(f"{PrivateKey.generate().public.text} another\n")
    (state / "pricebook.json.gz").write_bytes(seal(OLD_BOOK + b"\n", signer))


def spoil(state: Path) -> None:
    """As a disk leaves it that has lost its mind."""
    for path in ("reference.toml", "pricebook.json.gz", "config/reference-keys", "assignment.json", "jobs.json"):
        (state / path).write_bytes(b"\xff\x00 not what it was")


@pytest.mark.parametrize("harm", [expire, spoil], ids=["expired", "unreadable"])
async def test_an_agent_goes_on_and_says_what_is_wrong(state: Path, collector: Collector, harm: object) -> None:
    assert callable(harm)
    harm(state)
    async with running(state, FIELDPOST_CONFIG_DIR=str(state / "config")) as agent:
        await until(lambda: collector.bodies("run") and collector.bodies("heartbeat"), within_s=90)
        log = await agent.end()
    assert "Traceback" not in log
    said = str([beat.get("problems") for beat in collector.bodies("heartbeat")]) + log
    assert "reference" in said
    assert (state / "reference.toml").exists(), "what cannot be used is left for people to look at"
