"""A newer table is taken when a trusted key signed it; a broken one is named and changes nothing."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from agent import reference_data
from agent.oracle.reference import Reference, Support
from agent.reference_data import bundled, current, install, parse
from common.errors import ConfigurationError
from common.identity import PrivateKey
from common.sealed import seal

KEY = PrivateKey.generate()
TODAY = date(2030, 6, 1)
BUNDLED = Reference(issued=date(2029, 1, 1))


def table(issued: str = "2030-01-20", more: str = "") -> bytes:
    return f"""issued = {issued}
[release_updates]
"19.99" = 2030-01-16
[support."19"]
premier = 2029-12-31
{more}""".encode()


@pytest.fixture(autouse=True)
def a_bundled_table_of_known_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_data, "bundled", lambda: BUNDLED)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "reference-keys").write_text(f"# who may sign\n{KEY.public.text} release team\n")
    return folder


def given(folder: Path, content: bytes) -> Path:
    path = folder / "given.toml"
    path.write_bytes(content)
    return path


def take(tmp_path: Path, config: Path, content: bytes) -> Reference:
    (tmp_path / "state").mkdir(exist_ok=True)
    return install(given(tmp_path, content), state_dir=tmp_path / "state", config_dir=config, today=TODAY)


def test_a_signed_newer_table_is_used_from_then_on(tmp_path: Path, config: Path) -> None:
    taken = take(tmp_path, config, seal(table(), KEY))
    assert taken.release_updates == {"19.99": date(2030, 1, 16)}
    assert taken.support == {"19": Support(premier=date(2029, 12, 31), extended=None)}
    assert current(tmp_path / "state", config) == (taken, "")
    assert taken.origin == "imported"
    assert taken.age_days(TODAY) == 132
    assert not taken.stale(TODAY)
    assert taken.stale(TODAY + timedelta(days=300))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table(), "it is not signed: the last line is no `# fieldpost-signature: …`"),
        (seal(table(), KEY).replace(b"19.99", b"19.98"), "the signature does not fit"),
        (seal(table(), KEY) + b'["23.1"]\n', "it is signed by key"),
        (seal(table(), PrivateKey.generate()), "which is not trusted here"),
        (seal(table("2028-12-31"), KEY), "issued: `2028-12-31`; expected 2029-01-01 or later, the bundled table's day"),
        (seal(table("2031-01-01"), KEY), "issued: `2031-01-01`; expected a day that has come"),
        (seal(b'issued = "today"', KEY), "issued: `today`; expected a day such as 2026-10-20"),
        (seal(table(more='extended = "never"'), KEY), "support.19.extended: `never`; expected a day"),
        (seal(table(more="until = 2030-01-01"), KEY), "support.19: `until`; expected premier and extended"),
        (seal(b"issued = 2030-01-01\n[release_updates]\nlatest = 2030-01-01", KEY), "`latest`; expected a release"),
        (seal(b"issued = 2030-01-01\nrelease_updates = 1", KEY), "release_updates: `1`; expected a table"),
        (seal(b"issued =", KEY), "not TOML"),
        (b"\xff\xfe", "it is not signed"),
        (b"x" * (1024 * 1024 + 1), "more than 1048576 bytes"),
    ],
)
def test_what_cannot_be_believed_is_refused_and_nothing_changes(
    tmp_path: Path, config: Path, content: bytes, message: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        take(tmp_path, config, content)
    assert message in str(raised.value)
    assert "given.toml" in str(raised.value)
    assert current(tmp_path / "state", config) == (BUNDLED, "")


def test_an_older_table_does_not_replace_a_newer_one(tmp_path: Path, config: Path) -> None:
    take(tmp_path, config, seal(table("2030-02-01"), KEY))
    with pytest.raises(ConfigurationError, match="expected 2030-02-01 or later, the imported table's day"):
        take(tmp_path, config, seal(table("2030-01-20"), KEY))
    assert current(tmp_path / "state", config)[0].issued == date(2030, 2, 1)
    assert take(tmp_path, config, seal(table("2030-02-01", more="extended = 2032-12-31"), KEY)).support["19"].extended


def test_a_table_that_was_altered_on_disk_or_lost_its_key_is_named_and_ignored(tmp_path: Path, config: Path) -> None:
    take(tmp_path, config, seal(table(), KEY))
    path = tmp_path / "state" / "reference.toml"
    path.write_bytes(path.read_bytes().replace(b"2030-01-16", b"2030-01-17"))
    reference, wrong = current(tmp_path / "state", config)
    assert reference == BUNDLED
    assert str(path) in wrong
    (config / "reference-keys").write_text("abc\n")
    assert "reference-keys, line 1: public_key: expected 32 bytes" in current(tmp_path / "state", config)[1]
    (config / "reference-keys").unlink()
    assert "no key is trusted" in current(tmp_path / "state", config)[1]


def test_a_newer_version_of_the_agent_may_bring_a_newer_table(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(tmp_path, config, seal(table(), KEY))
    newer = Reference(issued=date(2030, 5, 1))
    monkeypatch.setattr(reference_data, "bundled", lambda: newer)
    assert current(tmp_path / "state", config) == (newer, "")


def test_the_bundled_table_can_be_read() -> None:
    assert bundled().origin == "bundled"
    assert bundled().release_updates


def test_tables_of_a_later_format_are_left_to_later_agents() -> None:
    assert parse(table() + b"\n[default_passwords]\nSCOTT = 1\n", origin="x").issued == date(2030, 1, 20)
