"""PostgreSQL on a file system that is full: agents keep what they have, readers go on, and all is well afterwards.

The same of SQLite is among the proofs (P5).
"""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection, select, text

from collector import worker
from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.domain.results.tables import unknown_record
from common import wire
from common.clock import utc_now
from common.ids import random_text
from tests.collector import builders
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.conftest import Postgres, few_signing_keys, postgres  # noqa: F401 - fixtures

pytestmark = pytest.mark.system
SIZE = 96 * 2**20


@dataclass(frozen=True, slots=True)
class Volume:
    """A small file system, which something else can fill."""

    path: Path

    @property
    def ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self, *, but: int) -> None:
        stat = os.statvfs(self.path)
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, stat.f_bavail * stat.f_frsize - but)

    def empty(self) -> None:
        self.ballast.unlink()


@pytest.fixture
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    path = tmp_path_factory.mktemp("volume")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0777", "tmpfs", path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        for folder in path.parents:  # the server runs as a user of its own
            if folder.stat().st_uid == os.getuid() and folder.name.startswith(("pytest", "popen", "bt_")):
                folder.chmod(0o755)
        yield Volume(path)
    finally:
        subprocess.run(["umount", path], check=True)


@pytest_asyncio.fixture
async def small(postgres: Postgres, volume: Volume) -> AsyncIterator[Database]:  # noqa: F811 - a fixture's name
    place = volume.path / "tablespace"
    place.mkdir()
    os.chown(place, postgres.data.stat().st_uid, postgres.data.stat().st_gid)
    postgres.run(f"CREATE TABLESPACE small LOCATION '{place}'")
    name = postgres.new()
    postgres.run(f"ALTER DATABASE {name} SET TABLESPACE small")
    db = Database.open(postgres.url_of(name))
    yield db
    await db.close()
    postgres.drop(name)
    postgres.run("DROP TABLESPACE small")


def stored(conn: Connection) -> list[int]:
    return sorted(conn.execute(select(unknown_record.c.seq)).scalars())


async def test_agents_wait_readers_go_on_and_it_ends_by_itself(small: Database, volume: Volume) -> None:
    owner = await account(small)
    ana = await someone(small, owner.tenant)
    here = await builders.agent(small, owner.tenant)
    async with serving(small) as app, client_of(app) as client:
        session = await ana.log_on(client)
        volume.fill(but=2**20)
        acknowledged: list[int] = []
        refused: list[int] = []
        for seq in range(1, 80):
            body, signature = here.batch(
                [wire.record_line(seq, "sunspots", utc_now(), {"x": random_text(40_000)})], seqs=[seq]
            )
            answer = await here.send(client, body, signature)
            if answer.status_code == 200:
                acknowledged.append(seq)
                continue
            assert answer.status_code == 507, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            refused.append(seq)
            if len(refused) == 3:
                break
        assert len(refused) == 3, "the volume was never full"
        assert (await client.get("/api/v1/health/connections", headers=owner.headers)).status_code == 200
        assert (await client.get("/api/accounts", headers=session)).status_code == 200
        assert (await client.get("/health")).status_code == 200
        with pytest.raises(StoreUnavailable, match="full"):
            await worker.tick(small, [hoarding])
        assert await small.read(stored) == acknowledged
        volume.empty()
        for seq in refused:
            body, signature = here.batch([wire.record_line(seq, "sunspots", utc_now(), {"x": ""})], seqs=[seq])
            assert (await here.send(client, body, signature)).status_code == 200
        assert (await ana.log_on(client))["Authorization"]
    assert await small.read(stored) == sorted(acknowledged + refused)


def hoarding(conn: Connection, _now: datetime, _limit: int) -> int:
    """Background work that needs room."""
    conn.execute(text("CREATE TABLE hoard AS SELECT repeat(md5(n::text), 100) AS x FROM generate_series(1, 9000) n"))
    return 0
