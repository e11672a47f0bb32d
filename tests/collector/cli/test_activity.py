"""`activity verify` and `activity export`: what an auditor types."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

from typer.testing import CliRunner, Result

from collector import checkpoints
from collector.cli import app
from collector.core.database import Database
from collector.core.problems import Refusal
from collector.core.vault import Vault
from collector.domain.activity import chain
from collector.domain.activity.store import Entry
from collector.domain.tenants import store as tenants
from common.clock import utc_now


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words])


def chained(folder: Path, *, entries: int) -> None:
    """A tenant `acme` whose log holds so many entries, and a signed checkpoint at their end."""
    assert run(folder, "tenant", "add", "acme").exit_code == 0
    grown(folder, entries=entries)


def grown(folder: Path, *, entries: int) -> None:
    """So many by now, and a signed checkpoint at their end."""

    async def fill() -> None:
        db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
        tenant_id = (await db.read(tenants.get, "acme")).id
        while await db.write(chain.chain, utc_now(), 500):
            pass
        known = (await db.read(chain.head_of, tenant_id)).position
        made = [Entry("login", {"by": "ana@example.com", "n": n}, utc_now()) for n in range(entries - known)]
        await db.write(chain.record, tenant_id, made)
        await checkpoints.sign(db, checkpoints.key_of(Vault.of_file(folder / "vault.key")))
        await db.close()

    asyncio.run(fill())


def test_a_log_that_was_not_touched_holds(tmp_path: Path) -> None:
    chained(tmp_path, entries=12)
    result = run(tmp_path, "activity", "verify", "--tenant", "acme")
    assert result.exit_code == 0, result.output
    assert result.stdout == "12 entries, positions 1 to 12, hold; signed up to 12\n"
    verdict = json.loads(run(tmp_path, "activity", "verify", "--tenant", "acme", "--json").stdout)
    assert verdict == {"entries": 12, "first": 1, "last": 12, "signed": 12, "waiting": 0}


def test_an_altered_entry_is_named_by_its_position(tmp_path: Path) -> None:
    chained(tmp_path, entries=12)
    with sqlite3.connect(tmp_path / "collector.sqlite") as conn:
        conn.execute("UPDATE activity_entry SET action_type = 'logout' WHERE position = 7")
    conn.close()
    result = run(tmp_path, "activity", "verify", "--tenant", "acme")
    assert result.exit_code != 0
    assert "the activity log of acme does not hold: position 7: altered" in str(result.exception)


def test_another_installations_checkpoints_count_only_where_its_key_is_trusted(tmp_path: Path) -> None:
    chained(tmp_path, entries=3)
    (tmp_path / "vault.key").rename(tmp_path / "theirs.key")
    refused = run(tmp_path, "activity", "verify", "--tenant", "acme")
    assert "position 3: signed by a key that is not trusted here" in str(refused.exception)
    theirs = checkpoints.key_of(Vault.of_file(tmp_path / "theirs.key")).public.text
    assert run(tmp_path, "activity", "verify", "--tenant", "acme", f"--trust={theirs}").exit_code == 0


def kept(folder: Path) -> Path:
    """What an auditor keeps elsewhere, a line a day."""
    file = folder / "acme.checkpoints"
    printed = run(folder, "activity", "checkpoint", "--tenant", "acme")
    assert printed.exit_code == 0, printed.output
    with file.open("a") as lines:
        lines.write(printed.stdout)
    return file


def verified(folder: Path, file: Path) -> Result:
    return run(folder, "activity", "verify", "--tenant", "acme", f"--kept={file}")


def test_a_log_that_has_grown_goes_on_from_what_was_kept(tmp_path: Path) -> None:
    chained(tmp_path, entries=3)
    kept(tmp_path)
    grown(tmp_path, entries=5)
    file = kept(tmp_path)
    grown(tmp_path, entries=9)
    result = verified(tmp_path, file)
    assert result.exit_code == 0, result.output
    assert "9 entries, positions 1 to 9, hold; signed up to 9; goes on from 5, which was kept" in result.stdout
    exported = tmp_path / "export"
    exported.write_text(run(tmp_path, "activity", "export", "--tenant", "acme").stdout)
    assert verified(tmp_path, exported).exit_code == 0


def test_an_older_database_in_its_place_is_noticed_by_what_was_kept(tmp_path: Path) -> None:
    chained(tmp_path, entries=3)
    old = shutil.copy(tmp_path / "collector.sqlite", tmp_path / "yesterday")
    grown(tmp_path, entries=6)
    file = kept(tmp_path)
    shutil.copy(old, tmp_path / "collector.sqlite")
    assert run(tmp_path, "activity", "verify", "--tenant", "acme").exit_code == 0
    assert "position 6: signed at " in str(verified(tmp_path, file).exception)
    assert "and kept, but the chain ends at 3: it is an older one" in str(verified(tmp_path, file).exception)
    grown(tmp_path, entries=8)
    assert run(tmp_path, "activity", "verify", "--tenant", "acme").exit_code == 0
    result = verified(tmp_path, file)
    assert result.exit_code != 0
    assert "and kept: the chain was written anew from before" in str(result.exception)


def test_what_was_kept_has_to_be_what_was_printed_of_this_tenant(tmp_path: Path) -> None:
    chained(tmp_path, entries=3)
    file = kept(tmp_path)
    line = file.read_text()
    for text, message in (
        ("", "no checkpoint in it; expected what `activity checkpoint` printed"),
        ("hello\n", "line 1: "),
        (line + line.replace('"position":3', '"position":2'), "line 2: no checkpoint of this tenant: position 2: the"),
        (line.replace('"hash":"', '"hash":"x'), "line 1: non-hexadecimal number"),
    ):
        file.write_text(text)
        result = verified(tmp_path, file)
        assert isinstance(result.exception, Refusal)
        assert message in str(result.exception)
    assert "No such file" in str(verified(tmp_path, tmp_path / "nowhere").exception)


def test_nothing_that_is_signed_is_nothing_to_keep(tmp_path: Path) -> None:
    assert run(tmp_path, "tenant", "add", "acme").exit_code == 0
    result = run(tmp_path, "activity", "checkpoint", "--tenant", "acme")
    assert "nothing of the activity log of acme is signed yet" in str(result.exception)


def test_the_export_holds_all_that_a_stranger_needs_to_verify_it(tmp_path: Path) -> None:
    chained(tmp_path, entries=5)
    lines = [json.loads(line) for line in run(tmp_path, "activity", "export", "--tenant", "acme").stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["begin", *["entry"] * 5, "checkpoint"]
    assert lines[0]["hash"] == "00" * 32
    assert lines[-1]["hash"] == lines[-2]["hash"]
    assert [line["position"] for line in lines[1:-1]] == [1, 2, 3, 4, 5]
