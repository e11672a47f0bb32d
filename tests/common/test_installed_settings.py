"""The settings file that a package installs is read without being named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app, context
from common.errors import ConfigurationError
from common.settings import installed


def test_there_need_not_be_a_settings_file(tmp_path: Path) -> None:
    assert installed(tmp_path / "agent.toml") is None


def test_a_settings_file_that_is_there_is_read(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").touch()
    assert installed(tmp_path / "agent.toml") == tmp_path / "agent.toml"


def test_whom_the_folder_is_closed_to_is_told_who_may_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", closed)
    with pytest.raises(ConfigurationError, match=r"agent\.toml.*expected root or fieldpost-agent"):
        installed(Path("/etc/fieldpost-agent/agent.toml"))


def test_the_collector_reads_the_file_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(f'state_dir = "{tmp_path}"\nport = 4711\n')
    monkeypatch.setattr(context, "SYSTEM_SETTINGS_FILE", file)
    assert context.Options().settings().port == 4711


def test_the_collector_tells_its_version() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert told.exit_code == 0
    assert told.stdout[0].isdigit()
