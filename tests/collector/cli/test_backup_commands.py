"""`backup`, `restore` and `migrate --to`, as somebody types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app, moving
from collector.cli.backing import Progress
from collector.core.problems import Refusal
from common.errors import ConfigurationError

SECRET = "postgresql://fieldpost:hunter2@db.example.com/fieldpost"


def run(folder: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *map(str, words)])


@pytest.fixture
def served_before(tmp_path: Path) -> Path:
    """A state folder with a tenant, a vault key and certificates."""
    folder = tmp_path / "first"
    assert run(folder, "tenant", "add", "acme").exit_code == 0
    (folder / "vault.key").write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
    (folder / "tls").mkdir()
    (folder / "tls" / "ca.key").write_text("a key")
    return folder


@pytest.mark.slow
def test_keys_are_taken_along_when_asked_for_and_put_in_place_once(served_before: Path, tmp_path: Path) -> None:
    kept, second = tmp_path / "kept.zip", tmp_path / "second"
    assert "keys are in it (vault.key, tls/ca.key)" in run(served_before, "backup", "--with-keys", kept).stdout
    told = json.loads(run(second, "restore", "--with-keys", "--json", kept).stdout)
    assert (told["rows"], told["vault_here"], len(told["files"])) == (1, True, 2)
    assert (second / "tls" / "ca.key").read_text() == "a key"
    assert (second / "vault.key").stat().st_mode & 0o777 == 0o600
    assert "0 of " in run(second, "restore", "--compare", kept).stdout
    run(second, "tenant", "add", "more")
    differing = run(second, "restore", "--compare", kept)
    assert (differing.exit_code, "tenant: 2 rows; expected 1" in differing.stdout) == (1, True)


@pytest.mark.slow
def test_no_key_is_overwritten_and_no_secret_is_lost_unasked(served_before: Path, tmp_path: Path) -> None:
    kept, bare, second = tmp_path / "kept.zip", tmp_path / "bare.zip", tmp_path / "second"
    run(served_before, "backup", "--with-keys", kept)
    assert "which is not in it: keep that key too" in run(served_before, "backup", bare).stdout
    second.mkdir()
    (second / "vault.key").write_text("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n")
    for words, said in (
        (("--with-keys", kept), "vault.key: is there already, and another one than in the backup"),
        (("--with-keys", bare), "this backup was made without"),
        ((bare,), "the secrets of the backup are sealed under"),
    ):
        refused = run(second, "restore", *words)
        assert isinstance(refused.exception, Refusal)
        assert said in str(refused.exception)
    assert [path.name for path in second.iterdir()] == ["vault.key"]
    assert "put it in place before you serve" in run(second, "restore", "--other-vault-key", bare).stdout


@pytest.mark.slow
def test_a_backup_is_verified_where_its_key_is_not(served_before: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.zip"
    run(served_before, "backup", kept)
    said = run(tmp_path / "elsewhere", "backup", "--verify", kept).stdout
    assert "is whole; 1 rows" in said
    assert "cannot be told: the vault key that it names is not here" in said
    kept.write_bytes(kept.read_bytes()[:-100])
    assert isinstance(run(served_before, "backup", "--verify", kept).exception, Refusal)


@pytest.mark.slow
def test_a_store_moves_to_another_file(served_before: Path, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'moved.sqlite'}"
    said = run(served_before, "migrate", "--to", target)
    assert (said.exit_code, f'database_url = "{target}"' in said.stdout) == (0, True)
    (tmp_path / "url").write_text(target + "\n")
    again = run(served_before, "migrate", "--to-file", tmp_path / "url")
    assert "holds something (tenant)" in str(again.exception)
    same = run(served_before, "migrate", "--from", target, "--to", target)
    assert "the same database as --from" in str(same.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", SECRET), "--to: holds a password"),
        (("--from", SECRET, "--to", "sqlite:////tmp/x"), "--from: holds a password"),
        (("--to", "mysql://db/x"), "--to: `mysql:…`; expected postgresql://user@host/name or sqlite:///path"),
        (("--to", "postgresql://host:nonsense/x"), "--to: the URL cannot be understood (it is not shown)"),
        (("--from", "sqlite:////tmp/x"), "--from: without --to; expected both"),
        (("--check", "--to", "sqlite:////tmp/x"), "--check: looks at the database of the settings"),
        (("--to", "sqlite:////tmp/x", "--to-file", "url"), "--to-file: given beside --to"),
        (("--to-file", "/nowhere/url"), "--to-file: `/nowhere/url` cannot be read"),
    ],
)
def test_what_cannot_be_moved_is_refused_and_no_password_is_shown(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    refused = run(tmp_path, "migrate", *words)
    assert isinstance(refused.exception, ConfigurationError)
    assert said in str(refused.exception)
    assert "hunter2" not in str(refused.exception) + refused.output
    assert list(tmp_path.iterdir()) == []


def test_a_password_may_come_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(moving.TO, SECRET)
    assert moving.url_of("to", None, None, moving.TO) == SECRET
    monkeypatch.setenv(moving.TO, "oracle://hunter2")
    with pytest.raises(ConfigurationError, match="--to: `oracle:"):
        moving.url_of("to", None, None, moving.TO)


def test_whoever_waits_hears_of_it_now_and_then() -> None:
    said: list[str] = []
    progress = Progress(said.append, said_at=-100.0)
    progress("run", 1_000_000)
    progress("run", 2_000_000)
    assert said == ["run: 1,000,000 rows"]
