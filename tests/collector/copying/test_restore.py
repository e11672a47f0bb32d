"""A restore fills an empty store of either kind or changes nothing."""

import math
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from collector import migrations
from collector.copying import connecting, snapshots
from collector.copying.rows import Damaged
from collector.core import sequences
from collector.core.database import Database
from collector.core.problems import Refusal, StoreInUse
from tests.collector.conftest import StoreName
from tests.collector.copying.conftest import Make
from tests.collector.copying.filled import TENANTS, backed_up, manifest, restored, run, with_tenants
from tests.collector.copying.test_backup import rewritten

pytestmark = pytest.mark.slow


def tenants(url: str) -> int:
    engine = (
        connecting.of_file(connecting.sqlite_path(url), "ro") if url.startswith("sqlite") else connecting.of_server(url)
    )
    with connecting.transaction(engine) as conn:
        return int(conn.execute(text("SELECT count(*) FROM tenant")).scalar_one())


@pytest.fixture
def kept(new_store: Make, tmp_path: Path) -> Path:
    return backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")


async def test_counting_goes_on_after_the_last_number(kept: Path, store_name: StoreName, new_store: Make) -> None:
    url = new_store(store_name)
    restored(url, kept)
    database = Database.open(url)
    assert await database.write(sequences.take, "tenant", 2) == [TENANTS + 1, TENANTS + 2]
    assert await database.write(sequences.take, "run", 1) == [1]
    await database.close()


def test_a_store_that_holds_anything_is_left_as_it_is(kept: Path, store_name: StoreName, new_store: Make) -> None:
    url = new_store(store_name)
    run(url, "INSERT INTO tenant (id, slug, name, plan, created_at) VALUES (7, 'mine', 'Mine', 'team', 1)")
    with pytest.raises(Refusal, match=r"holds something \(tenant\); expected an empty database"):
        restored(url, kept)
    assert tenants(url) == 1


def test_a_backup_that_lies_about_its_rows_changes_nothing(kept: Path, store_name: StoreName, new_store: Make) -> None:
    rewritten(kept, lambda name, content: b"" if name == "tables/tenant.rows" else content)
    url = new_store(store_name)
    with pytest.raises(Damaged, match="tenant: not what its manifest says; nothing was changed"):
        restored(url, kept)
    assert tenants(url) == 0


async def test_a_store_that_is_served_from_is_refused(kept: Path, new_store: Make) -> None:
    url = new_store("sqlite")
    database = Database.open(url)
    await database.ping()
    with pytest.raises(StoreInUse):
        restored(url, kept)
    with pytest.raises(StoreInUse), snapshots.at_rest(url):
        pass
    await database.close()


@pytest.mark.postgres
async def test_a_server_that_others_are_connected_to_is_refused(kept: Path, new_store: Make) -> None:
    url = new_store("postgres")
    database = Database.open(url)
    await database.ping()
    with pytest.raises(Refusal, match=r"in use: [0-9] more connections of the same role"):
        restored(url, kept)
    await database.close()


@pytest.mark.postgres
async def test_a_collector_that_starts_while_its_store_is_moved_away_is_noticed(new_store: Make) -> None:
    """What it writes would be missing in the copy."""
    url = new_store("postgres")
    with snapshots.at_rest(url):
        pass
    database = Database.open(url)
    with pytest.raises(Refusal, match=r"in use: [0-9] more"), snapshots.at_rest(url):
        await database.ping()
    await database.close()


def test_a_backup_of_a_newer_version_names_what_to_install(kept: Path, new_store: Make) -> None:
    rewritten_manifest(kept, '"revision": "', '"revision": "9')
    with pytest.raises(Refusal, match=r"at revision 9[0-9]+; this program knows revisions up to"):
        restored(new_store("sqlite"), kept)


def rewritten_manifest(path: Path, old: str, new: str) -> None:
    """With right digests: it is not damaged, it is another one."""
    import hashlib  # noqa: PLC0415 - here alone

    changed = b""

    def change(name: str, content: bytes) -> bytes:
        nonlocal changed
        if name == "manifest.json":
            changed = content.replace(old.encode(), new.encode())
            return changed
        if name == "manifest.seal.json":
            return f'{{"sha256": "{hashlib.sha256(changed).hexdigest()}", "signature": ""}}'.encode()
        return content

    rewritten(path, change)


def test_an_older_revision_is_filled_first_and_then_upgraded(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    engine = connecting.of_file(old, "rwc")
    with engine.begin() as conn:
        migrations.upgrade(conn, "0014")
        conn.execute(text("INSERT INTO tenant (id, slug, name, plan, created_at) VALUES (1, 'a', 'A', 'team', 1)"))
    engine.dispose()
    kept = backed_up(f"sqlite:///{old}", tmp_path / "kept.zip")
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    restored(url, kept)
    assert (manifest(kept).revision, tenants(url)) == ("0014", 1)
    with connecting.transaction(connecting.of_file(tmp_path / "new.sqlite", "ro")) as conn:
        assert migrations.current(conn) == migrations.newest()
        assert conn.execute(text("SELECT count(*) FROM schema_floor")).scalar_one() >= 0


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE tenant SET rate_limit = 3000000000", "tenant.rate_limit: 3000000000; PostgreSQL holds 32 bits there"),
        ("UPDATE tenant SET name = 'a' || char(0) || 'b'", "tenant: PostgreSQL refuses a row"),
    ],
)
def test_what_does_not_fit_postgresql_is_named(statement: str, said: str, new_store: Make, tmp_path: Path) -> None:
    source, target = with_tenants(new_store("sqlite")), new_store("postgres")
    run(source, statement)
    with pytest.raises(Refusal, match=said):
        restored(target, backed_up(source, tmp_path / "kept.zip"))
    assert tenants(target) == 0


@pytest.mark.postgres
def test_not_a_number_goes_from_postgresql_to_postgresql_and_is_refused_by_sqlite(
    new_store: Make, tmp_path: Path
) -> None:
    source, other, file = new_store("postgres"), new_store("postgres"), new_store("sqlite")
    run(source, "INSERT INTO metric_point (tenant_id, series_id, at, value) VALUES (1, 1, 1, 'NaN'), (1, 1, 2, '-0')")
    kept = backed_up(source, tmp_path / "kept.zip")
    restored(other, kept)
    with connecting.transaction(connecting.of_server(other)) as conn:
        value = conn.execute(text("SELECT value FROM metric_point WHERE at = 1")).scalar_one()
        assert math.isnan(value)
    with pytest.raises(Refusal, match=r"metric_point\.value: NaN; SQLite cannot hold it"):
        restored(file, kept)


def test_tables_of_something_else_are_left_alone(kept: Path, tmp_path: Path) -> None:
    """A SQLite file of another program is no empty database either."""
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (id INTEGER)")
    raw.close()
    with pytest.raises(Refusal, match="tables of something else"):
        restored(f"sqlite:///{path}", kept)
    assert path.stat().st_size > 0
