"""What an operator keeps beside the agent, through its commands."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.local import read_local
from agent.reference_data import BUNDLED, bundled
from common import logs
from common.wire import Assignment, CheckSetting, encode
from tests.agent.test_cli import logs_as_before

__all__ = ["logs_as_before"]
ROOT = Path(__file__).parents[2]
OWN = """
[[check]]
id = "OWN_QUEUE"
title = "Orders wait"
sql = "SELECT COUNT(*) AS value FROM app.orders"
warning = 10
"""
Run = Callable[..., int]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "checks.d").mkdir(parents=True)
    return folder


@pytest.fixture
def run(tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("FIELDPOST_CONFIG_DIR", str(config))

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["fieldpost-agent", "--state-dir", str(tmp_path / "state"), *arguments])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    yield call
    logs.configure(level="warning", form="logfmt")


def test_a_bad_file_is_named_and_the_good_ones_count(tmp_path: Path, config: Path) -> None:
    folder = config / "checks.d"
    (folder / "10-good.toml").write_text(OWN)
    (folder / "20-same.toml").write_text(OWN)
    (folder / "30-catalogue.toml").write_text(OWN.replace("OWN_QUEUE", "REDOLOG_SIZE"))
    (folder / "40-binary.toml").write_bytes(b"\xff")
    (folder / "notes.txt").write_text("not read")
    local = read_local(tmp_path, config)
    assert list(local.checks) == ["OWN_QUEUE"]
    assert [part.split(": ")[0].rsplit("/", 1)[1] for part in local.bad_checks.split("; /")] == [
        "20-same.toml",
        "30-catalogue.toml",
        "40-binary.toml",
    ]
    assert "id: `OWN_QUEUE`; expected an id that no other check has" in local.bad_checks
    assert local.reference == bundled()


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "checks.d").write_text("a file where a folder should be")
    (tmp_path / "reference-keys").mkdir()
    (tmp_path / "reference.toml").write_text("issued = 2030-01-01")
    local = read_local(tmp_path, tmp_path)
    assert local.bad_checks == f"{tmp_path}/checks.d: cannot be read (Not a directory)"
    assert local.bad_reference == f"{tmp_path}/reference-keys: cannot be read (Is a directory)"


def test_without_any_folder_all_is_well(tmp_path: Path) -> None:
    local = read_local(tmp_path, tmp_path / "nowhere")
    assert (dict(local.checks), local.bad_checks, local.bad_reference) == ({}, "", "")


def test_the_list_says_where_each_threshold_comes_from(
    run: Run, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "checks.d" / "own.toml").write_text(OWN)
    assert run("connection", "add", "--name", "S", "--user", "fp", "--password-env", "P", "--host", "h",
               "--service", "s", "--tag", "erp") == 0  # fmt: skip
    overrides = (
        CheckSetting(check="REDOLOG_SIZE", origin="tenant", warning=400),
        CheckSetting(check="OWN_QUEUE", origin="tag", tag="erp", critical=20, interval_s=600),
        CheckSetting(check="FRA_USED_PCT", origin="tag", tag="other", warning=1),
    )
    (tmp_path / "state" / "assignment.json").write_bytes(encode(Assignment(version="v", checks=overrides)))
    capsys.readouterr()
    assert run("check", "--list", "--json") == 0
    everywhere = {entry["check_id"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert (everywhere["REDOLOG_SIZE"]["warning"], everywhere["REDOLOG_SIZE"]["threshold_origin"]) == (400, "tenant")
    assert everywhere["OWN_QUEUE"]["threshold_origin"] == "default"
    assert "HOST_CPU" in everywhere
    assert run("check", "--list", "--connection", "S", "--json") == 0
    there = {entry["check_id"]: entry for entry in json.loads(capsys.readouterr().out)}
    own = there["OWN_QUEUE"]
    assert (own["critical"], own["threshold_origin"], own["interval_s"], own["own"]) == (20, "tag", 600, True)
    assert there["FRA_USED_PCT"]["threshold_origin"] == "default"
    assert "HOST_CPU" not in there, "the agent is not on that host"
    assert run("check", "--list", "--check", "own_queue", "-c", "S") == 0
    shown = capsys.readouterr().out
    assert ">= 10" in shown
    assert "tag (own)" in shown
    assert "1 checks, 1 of them on" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "--list", "--check", "NO_SUCH"), "--check: `NO_SUCH` is not known"),
        (("check", "--list", "--category", "nothing"), "--category: `nothing` is not known"),
        (("check", "--list", "-c", "nobody"), "--connection: `nobody` is not known"),
        (("check", "--list", "-c", "a", "-c", "b"), "--connection: given more than once"),
    ],
)
def test_a_filter_that_fits_nothing_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_a_bad_file_shows_in_doctor_and_beside_a_check(
    run: Run, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "checks.d" / "own.toml").write_text(OWN.replace("10", '"ten"'))
    assert run("check", "--list") == 0
    assert "own.toml: check OWN_QUEUE: warning: `ten`; expected a number" in capsys.readouterr().err
    assert run("doctor", "--json") == 1
    found = {finding["id"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert "warning: `ten`; expected a number" in found["own-checks"]["detail"]
    assert found["own-checks"]["state"] == "unwell"
    assert "bundled table of" in found["reference-data"]["detail"]


def test_the_grants_script_knows_the_views_of_own_checks(
    run: Run, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "checks.d" / "own.toml").write_text(OWN.replace("app.orders", "dba_editions"))
    assert run("grants") == 0
    assert "GRANT SELECT ON SYS.DBA_EDITIONS TO FIELDPOST;" in capsys.readouterr().out


def sign(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "packaging" / "sign_reference.py"), *arguments]
    return subprocess.run(command, capture_output=True, check=False, cwd=ROOT)


def test_a_table_is_signed_by_the_publisher_and_imported_here(
    run: Run, tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = sign("--new-key", str(tmp_path / "key.pem"), str(BUNDLED))
    assert made.returncode == 0, made.stderr
    assert sign("--new-key", str(tmp_path / "key.pem"), str(BUNDLED)).returncode == 1
    table = tmp_path / "table.toml"
    table.write_bytes(made.stdout)
    assert run("reference", "import", str(table)) == 1
    assert "no key is trusted" in capsys.readouterr().err
    (config / "reference-keys").write_text(made.stderr.decode().split(": ")[1])
    assert run("reference", "import", str(table)) == 0
    assert f"imported table of {bundled().issued}" in capsys.readouterr().out
    table.write_bytes(made.stdout.replace(b"issued", b"issued ", 1))
    assert run("reference", "import", str(table)) == 1
    assert "the signature does not fit" in capsys.readouterr().err
    assert run("reference", "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["issued"] == bundled().issued.isoformat()
    assert shown["problem"] is None
    (tmp_path / "state" / "reference.toml").write_text("issued = 2030-01-01\n")
    assert run("reference", "show") == 0
    assert "is not signed" in capsys.readouterr().err
    (tmp_path / "bad.toml").write_text("issued = 3")
    assert sign(str(tmp_path / "key.pem"), str(tmp_path / "bad.toml")).returncode == 1
