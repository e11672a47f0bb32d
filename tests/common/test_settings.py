"""File < environment < flags; a wrong key or value says which one, and never repeats a secret."""

from pathlib import Path

import pytest
from pydantic import Field

from common.settings import ConfigurationError, Settings, load


class Example(Settings):
    port: int = Field(default=8080, ge=1, le=65535, description="Port.")
    database_url: str = Field(default="sqlite", pattern="^sqlite", description="Database.")


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_flags_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "port = 1")
    assert load(Example, file=path).port == 1
    monkeypatch.setenv("FIELDPOST_PORT", "2")
    assert load(Example, file=path).port == 2
    assert load(Example, file=path, flags={"port": 3}).port == 3
    assert load(Example, file=path, flags={"port": None}).port == 2


def test_an_unknown_key_is_named_with_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown key `prot`; known are database_url, port"):
        load(Example, file=file(tmp_path, "prot = 1"))


def test_a_wrong_value_names_the_field_and_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="port: Input should be less than or equal to 65535"):
        load(Example, file=file(tmp_path, "port = 70000"))


def test_a_wrong_value_is_not_repeated_where_it_may_be_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(Example, file=file(tmp_path, 'database_url = "oops://me:tiger@host"'))
    assert "tiger" not in str(refused.value)


@pytest.mark.parametrize("text", ["port = ", "= 1", "port = 1\nport = 2"])
def test_a_file_that_is_not_toml_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"settings\.toml"):
        load(Example, file=file(tmp_path, text))


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="not found"):
        load(Example, file=Path("/nonexistent/settings.toml"))
