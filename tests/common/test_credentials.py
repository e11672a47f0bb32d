"""Secrets by name: as the service manager loaded them, else from the folder that it would load."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from common import credentials
from common.settings import ConfigurationError, Settings, load


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    made = tmp_path / "etc"
    made.mkdir()
    return made


def test_an_older_service_manager_loads_nothing_and_the_folder_counts(folder: Path) -> None:
    assert credentials.find("hr-password", folder) == folder / "hr-password"


def test_what_was_loaded_counts_by_its_own_name_before_what_came_with_the_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tmp_path / "run"
    loaded.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(loaded))
    assert credentials.find("hr-password", folder) == folder / "hr-password"
    (loaded / "fieldpost_hr-password").touch()
    assert credentials.find("hr-password", folder) == loaded / "fieldpost_hr-password"
    (loaded / "hr-password").touch()
    assert credentials.find("hr-password", folder) == loaded / "hr-password"


class Example(Settings):
    credentials_dir: ClassVar[Path] = Path("/etc/example/credentials")
    smtp_password_file: Path | None = Field(default=None, description="A file.")
    name: str = Field(default="", description="No file.")


def test_a_setting_that_is_a_file_may_name_a_credential(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDPOST_SMTP_PASSWORD_FILE", "credential:smtp")
    monkeypatch.setenv("FIELDPOST_NAME", "credential:smtp")
    loaded = load(Example)
    assert loaded.smtp_password_file == Path("/etc/example/credentials/smtp")
    assert loaded.name == "credential:smtp"
    (folder / "smtp").touch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert load(Example).smtp_password_file == folder / "smtp"


@pytest.mark.parametrize("name", ["", "../key", "/etc/passwd", "a b", ".."])
def test_a_name_that_leads_elsewhere_is_refused(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.exists()
    monkeypatch.setenv("FIELDPOST_SMTP_PASSWORD_FILE", f"credential:{name}")
    with pytest.raises(ConfigurationError, match=r"smtp_password_file: .*expected credential: and a file's name"):
        load(Example)
