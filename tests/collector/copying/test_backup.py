"""A backup is whole or not there, and damage to it is noticed wherever it is."""

import errno
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.copying import archive, backup, snapshots
from collector.copying.rows import Damaged
from collector.core import sequences
from collector.core.database import Database
from collector.core.problems import Refusal
from collector.core.vault import Vault
from tests.collector.copying.conftest import Make
from tests.collector.copying.filled import TENANTS, backed_up, manifest, quiet, with_tenants

pytestmark = pytest.mark.slow


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.of_file(tmp_path / "vault.key")


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """The same zip with other members, as sound as any zip: only what is in it is wrong."""
    with zipfile.ZipFile(path) as old:
        members = [(name, change(name, old.read(name))) for name in old.namelist()]
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members:
            if content is not None:
                new.writestr(name, content)


def test_it_is_for_its_owner_alone_and_leaves_nothing_else_behind(new_store: Make, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    path = backed_up(with_tenants(new_store("sqlite")), backup.place_of(folder))
    assert path.name.startswith("fieldpost-2")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]
    told = manifest(path)
    assert (told.rows, told.counters) == (TENANTS, {"tenant": TENANTS})


async def test_it_is_made_beside_whoever_has_the_store(new_store: Make, tmp_path: Path) -> None:
    url = with_tenants(new_store("sqlite"))
    database = Database.open(url)
    await database.ping()
    await database.write(sequences.take, "run", 5)
    told = manifest(backed_up(url, tmp_path / "kept.zip"))
    assert (told.rows, told.counters["run"]) == (TENANTS, 5)
    assert await database.write(sequences.take, "run", 1) == [6]
    await database.close()


def test_every_bit_counts(new_store: Make, tmp_path: Path) -> None:
    """One bit at a time, through the whole file: what is not noticed changes nothing that is read."""
    path = backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")
    content, whole = path.read_bytes(), manifest(path)
    unnoticed = 0
    for place in range(0, len(content), 211):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        try:
            assert backup.check(path, None, quiet) == whole
        except Damaged:
            continue
        unnoticed += 1  # a date, a right, a comment of the zip
    assert unnoticed < len(content) / 211 / 2


def test_a_member_that_claims_a_password_is_damaged(new_store: Make, tmp_path: Path) -> None:
    """One bit in the directory of the zip."""
    path = backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")
    content = path.read_bytes()
    place = content.index(b"PK\x01\x02") + 8
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(Damaged, match=r"kept\.zip: .*: no backup, or damaged"):
        backup.check(path, None, quiet)


@pytest.mark.parametrize("trouble", [KeyError("key"), OSError(errno.ENOSPC, "No space left on device")])
def test_what_goes_wrong_elsewhere_is_not_said_of_the_backup(
    trouble: Exception, new_store: Make, tmp_path: Path
) -> None:
    path = backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")
    with pytest.raises(type(trouble)), archive.opened(path, None):
        raise trouble


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_damaged(share: float, new_store: Make, tmp_path: Path) -> None:
    path = backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(Damaged, match="no backup, or damaged"):
        backup.check(path, None, quiet)


def test_a_row_that_was_taken_out_is_missed(new_store: Make, tmp_path: Path) -> None:
    path = backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")
    rewritten(path, lambda name, content: b"" if name == "tables/tenant.rows" else content)
    with pytest.raises(Damaged, match="tenant: 0 rows; expected 3"):
        backup.check(path, None, quiet)


def test_a_manifest_that_was_changed_is_noticed(new_store: Make, tmp_path: Path) -> None:
    path = backed_up(with_tenants(new_store("sqlite")), tmp_path / "kept.zip")
    rewritten(path, lambda name, content: content.replace(b"1.2", b"9.9") if name == "manifest.json" else content)
    with pytest.raises(Damaged, match="manifest was changed"):
        backup.check(path, None, quiet)


def test_a_backup_with_a_manifest_of_somebody_else_is_not_ours(new_store: Make, tmp_path: Path, vault: Vault) -> None:
    """Whoever can write the file can make its digests right, but not the signature."""
    url = with_tenants(new_store("sqlite"))
    path = backed_up(url, tmp_path / "kept.zip", vault=vault)
    with archive.opened(path, vault) as opened:
        assert opened.signed is True
    with archive.opened(path, None) as opened:
        assert opened.signed is None
    rewritten(path, lambda name, content: content[:-12] + b'0123456789"}' if "seal" in name else content)
    with pytest.raises(Damaged, match="not signed by the vault key"):
        backup.check(path, vault, quiet)


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "taken.zip").write_text("mine")
    with pytest.raises(Refusal, match="is there already"):
        backup.place_of(tmp_path / "taken.zip")
    with pytest.raises(Refusal, match="no such folder"):
        backup.place_of(tmp_path / "nowhere" / "new.zip")


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="there is no database yet"):
        backed_up(f"sqlite:///{tmp_path / 'none.sqlite'}", tmp_path / "kept.zip")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_backup_left_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    left, named, busy = (tmp_path / f".{name}.zip.dead.part" for name in ("kept", "fieldpost-20261122T1", "other"))
    for folder in (left, named, busy):
        folder.mkdir()
        (folder / "copy.sqlite").write_text("much")
    with snapshots.workplace(tmp_path / "kept.zip") as mine:
        assert (left.exists(), named.exists()) == (False, False)
        with snapshots.workplace(tmp_path / "kept.zip") as other:
            assert (mine.exists(), mine != other) == (True, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [busy.name]


def test_an_old_revision_is_backed_up_as_it_is(tmp_path: Path) -> None:
    """What is not of this version's tables is no less part of it."""
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as raw:
        raw.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR); INSERT INTO alembic_version VALUES ('9999');"
            "CREATE TABLE counter (name VARCHAR, value BIGINT);"
            "CREATE TABLE of_tomorrow (id BIGINT, said TEXT); INSERT INTO of_tomorrow VALUES (1, 'hello');"
        )
    raw.close()
    told = manifest(backed_up(f"sqlite:///{path}", tmp_path / "kept.zip"))
    assert (told.revision, [(part.name, part.rows) for part in told.tables]) == ("9999", [("of_tomorrow", 1)])
