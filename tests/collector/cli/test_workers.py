"""`serve --workers`: one process serves, and says what to do for more."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app
from common.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "a SQLite database has one process that writes, expected 1"),
        ("postgresql://fieldpost@db.example.com/fieldpost", "each process is a service of its own"),
    ],
)
def test_more_than_one_worker_is_refused(url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDPOST_DATABASE_URL", url)
    refused = CliRunner().invoke(app, ["--state-dir", str(tmp_path), "serve", "--workers", "2"])
    assert isinstance(refused.exception, ConfigurationError)
    assert f"--workers: 2; {said}" in str(refused.exception).replace("expected 1. On PostgreSQL ", "")
    assert list(tmp_path.iterdir()) == []


def test_no_worker_at_all_is_a_mistake() -> None:
    assert CliRunner().invoke(app, ["serve", "--workers", "0"]).exit_code == 2
