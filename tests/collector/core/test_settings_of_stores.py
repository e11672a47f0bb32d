"""Where the stores are: by their names of now and of before, given as such or in a file."""

from pathlib import Path

import pytest

from collector.core.settings import Settings
from common.errors import ConfigurationError
from common.settings import load

PLACE = "postgresql+psycopg://fieldpost@db.example.com/fieldpost"
SECRET = "postgresql://fieldpost:tiger@db.example.com/fieldpost"


def kept(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "url"
    path.write_text(f"{text}\n")
    return path


def test_without_a_setting_the_database_is_a_file_in_the_state_folder(tmp_path: Path) -> None:
    found = load(Settings, flags={"state_dir": tmp_path})
    assert (found.store_url, found.limits_url) == (f"sqlite:///{tmp_path}/collector.sqlite", "")


@pytest.mark.parametrize("name", ["FIELDPOST_DATABASE_URL", "FIELDPOST_DATABASE"])
def test_the_database_is_named_by_its_name_of_now_or_of_before(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, PLACE)
    assert load(Settings).store_url == PLACE


@pytest.mark.parametrize("field", ["database_url_file", "database_file"])
def test_a_url_with_a_password_comes_from_a_file(field: str, tmp_path: Path) -> None:
    assert load(Settings, flags={field: kept(tmp_path, SECRET)}).store_url == SECRET


def test_redis_is_named_in_a_file_that_wins(tmp_path: Path) -> None:
    file = kept(tmp_path, "redis://:tiger@cache.example.com/0")
    found = load(Settings, flags={"redis_url": "redis://elsewhere", "redis_url_file": file})
    assert found.limits_url == "redis://:tiger@cache.example.com/0"


@pytest.mark.parametrize(("one", "other"), [("database_url", "database"), ("database_url_file", "database_file")])
def test_both_names_at_once_are_refused(one: str, other: str, tmp_path: Path) -> None:
    value = kept(tmp_path, SECRET) if one.endswith("file") else PLACE
    with pytest.raises(ConfigurationError, match=f"{other}: the former name of {one}; expected one of the two"):
        load(Settings, flags={one: value, other: value})


@pytest.mark.parametrize("field", ["database_url", "database"])
def test_another_store_is_refused_without_showing_its_password(field: str) -> None:
    with pytest.raises(ConfigurationError, match="`mysql:…`; expected postgresql://") as refused:
        load(Settings, flags={field: "mysql://u:tiger@h/x"})
    assert "tiger" not in str(refused.value)


@pytest.mark.parametrize(("field", "place"), [("database_url_file", "store_url"), ("redis_url_file", "limits_url")])
def test_what_is_wrong_with_a_file_is_told_by_its_setting(field: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{field}: .*expected (postgresql|redis)://") as refused:
        getattr(load(Settings, flags={field: kept(tmp_path, "http://tiger@h")}), place)
    assert "tiger" not in str(refused.value)
    with pytest.raises(ConfigurationError, match=f"{field}: .*cannot be read"):
        getattr(load(Settings, flags={field: tmp_path / "none"}), place)
