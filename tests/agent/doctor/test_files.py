"""Faults of the agent's own files, planted as files, and found."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.doctor import files
from agent.doctor.examining import examined
from agent.doctor.ground import Ground, user
from agent.doctor.settings_file import Source
from agent.identity import KEY_FILE
from agent.sole import sole_user
from agent.spool import FILE_NAME, Limits, Spool
from agent.status import Status, write_status
from common.checkup import Finding, examine
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Rejection
from tests.agent.doctor.grounds import bad, enrol, ground

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def at(tmp_path: Path) -> Ground:
    made = ground(tmp_path)
    enrol(made, "https://127.0.0.1:1")
    return made


def found(at: Ground) -> dict[str, Finding]:
    return {finding.id: finding for finding in examine(files.LOOKS, at).findings}


def test_a_folder_as_it_should_be_is_well_and_stays_as_it_is(at: Ground) -> None:
    with closing(Spool(at.state, Limits(min_free=0))) as spool:
        spool.append("run", datetime.now(UTC), {"n": 1})
    before = {path.name: path.stat().st_mtime_ns for path in at.state.iterdir()}
    assert bad(found(at)) == {}
    assert {path.name: path.stat().st_mtime_ns for path in at.state.iterdir()} == before


def test_a_state_folder_that_is_missing_is_told_how_to_make(tmp_path: Path) -> None:
    at = ground(tmp_path)
    at.state.rmdir()
    finding = bad(found(at))["state-folder"]
    assert finding.detail.endswith("is not there")
    assert f"install -d -m 0700 -o {user()} {at.state}" in finding.mend


def test_a_state_folder_that_others_may_enter_is_closed_by_chmod(at: Ground) -> None:
    at.state.chmod(0o755)
    finding = bad(found(at))["state-folder"]
    assert "is open to others (mode 0755, owner" in finding.detail
    assert finding.mend == f"chmod 0700 {at.state}"
    subprocess.run(finding.mend, shell=True, check=True)  # noqa: S602 - what doctor prints is what mends it
    assert "state-folder" not in bad(found(at))


@needs_root
def test_a_file_of_root_in_the_folder_of_the_service_is_named(at: Ground) -> None:
    os.chown(at.state, 65_534, 65_534)
    finding = bad(found(at))["state-folder"]
    assert KEY_FILE in finding.detail
    assert finding.mend.startswith("chown -R nobody")


@needs_root
@pytest.mark.parametrize(("path", "id_"), [(".", "state-folder"), (KEY_FILE, "key")])
def test_what_this_user_cannot_read_is_named(at: Ground, path: str, id_: str) -> None:
    for parent in (at.state, *at.state.parents[:4]):  # the folders above are the test session's
        parent.chmod(0o755)
    (at.state / path).chmod(0o700 if path == "." else 0o600)
    script = (
        "import os, pathlib; from agent.doctor import files, ground\n"
        "from agent.settings import Settings; from common.settings import load; from common.checkup import examine\n"
        f"at = ground.Ground(load(Settings, flags={{'state_dir': pathlib.Path({str(at.state)!r})}}))\n"
        "from agent.identity import KEY_FILE; from common.identity import PrivateKey\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "print([(f.id, f.state, f.detail) for look in files.LOOKS[:2] for f in examine((look,), at).findings])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"('{id_}', 'unwell'" in done.stdout
    assert "by nobody" in done.stdout


def test_a_key_that_others_may_read_is_named(at: Ground) -> None:
    (at.state / KEY_FILE).chmod(0o640)
    finding = bad(found(at))["key"]
    assert "mode 0640" in finding.detail
    assert finding.mend == f"chmod 0600 {at.state / KEY_FILE}"


def test_a_key_that_is_no_key_is_named_without_its_content(at: Ground) -> None:
    (at.state / KEY_FILE).write_text("PRIVATE-nonsense")
    finding = bad(found(at))["key"]
    assert "cannot be used as this agent's key" in finding.detail
    assert "nonsense" not in str(finding)
    assert "--new-key" in finding.mend


def test_a_key_that_is_lost_is_told_from_one_that_was_never_made(at: Ground, tmp_path: Path) -> None:
    (at.state / KEY_FILE).unlink()
    assert "although this agent is enrolled" in bad(found(at))["key"].detail
    (tmp_path / "new").mkdir()
    assert "key" not in bad(found(ground(tmp_path / "new")))


# --- who holds the folder --------------------------------------------------------------------------------------------


def said(at: Ground, *, pid: int, ago_s: float = 0) -> None:
    now = utc_now() - timedelta(seconds=ago_s)
    write_status(at.state, Status(now, pid, "1", now, None, None, "", None, (), ()))


def test_the_agent_that_runs_holds_its_folder_by_right(at: Ground) -> None:
    with sole_user(at.state):
        said(at, pid=os.getpid())
        assert found(at)["holder"].detail == f"process {os.getpid()} is the agent, and reports"


def test_a_process_that_holds_the_folder_and_says_nothing_is_named(at: Ground) -> None:
    with sole_user(at.state):
        said(at, pid=os.getpid(), ago_s=600)
        finding = bad(found(at))["holder"]
    assert f"process {os.getpid()}, which has said nothing since" in finding.detail
    assert f"kill {os.getpid()}" in finding.mend
    assert "holder" not in bad(found(at))


# --- spool and disk --------------------------------------------------------------------------------------------------


@contextmanager
def spool(at: Ground, records: int) -> Iterator[Spool]:
    with closing(Spool(at.state, Limits(min_free=0))) as opened:
        for number in range(records):
            opened.append("run", datetime.now(UTC), {"n": number, "text": os.urandom(15_000).hex()})
            if number % 50 == 0:  # more than what it keeps in memory
                opened.flush()
        opened.flush()
        yield opened


def test_dead_letters_are_counted(at: Ground) -> None:
    with spool(at, 2) as opened:
        offer = opened.offer()
        assert offer
        opened.bury(offer, [Rejection(1, "malformed", "no")])
        finding = bad(found(at))["dead-letters"]
    assert finding.detail.startswith("1 records were refused")
    assert "spool dead" in finding.mend


def test_a_spool_that_fills_up_is_seen_before_it_is_full(at: Ground, tmp_path: Path) -> None:
    with spool(at, 250):
        pass
    small = ground(tmp_path, spool_max_bytes=8 * 1024 * 1024)
    finding = bad(found(small))["spool-room"]
    assert "of 8 MiB used" in finding.detail
    assert f"spool_max_bytes = {16 * 1024 * 1024}" in finding.mend


def test_a_damaged_spool_is_found(at: Ground) -> None:
    with spool(at, 20):
        pass
    path = at.state / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 5] = os.urandom(4096 * 4)
    path.write_bytes(content)
    assert "is damaged or cannot be read" in bad(found(at))["spool"].detail
    path.write_bytes(b"nonsense" * 1000)
    assert "is damaged or cannot be read" in bad(found(at))["spool"].detail


def test_a_disk_without_room_is_told_in_figures(tmp_path: Path) -> None:
    finding = bad(found(ground(tmp_path, spool_min_free_bytes=2**60)))["disk"]
    assert "GiB are wanted: the spool does not grow" in finding.detail


def test_a_spool_that_is_locked_by_a_writer_does_not_keep_doctor(at: Ground) -> None:
    with spool(at, 2), closing(sqlite3.connect(at.state / FILE_NAME)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert found(at)["spool"].state == "well"


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message", "mend"),
    [
        ('log_level = "info"\nspool_size = 5\n', "unknown key `spool_size`; known are", "+2 "),
        ('# a\n\nlog_level = "loud"\n', "(line 3)", "+3 "),
        ("log_level = \n", "(line 1)", "+1 "),
        ('heavy_window = "noon"\n', "heavy_window", "+1 "),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, content: str, message: str, mend: str
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(content)
    report = examined(Source(file, {}))
    finding = report.findings[0]
    assert (finding.id, finding.state, report.well) == ("settings", "unwell", False)
    assert message in finding.detail
    assert f"$EDITOR {mend}" in finding.mend


def test_a_variable_that_cannot_be_used_is_named_in_place_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("")
    monkeypatch.setenv("FIELDPOST_LOG_LEVEL", "loud")
    assert "FIELDPOST_LOG_LEVEL" in examined(Source(file, {})).findings[0].mend


def test_a_settings_file_that_is_missing_is_named(tmp_path: Path) -> None:
    finding = examined(Source(tmp_path / "none.toml", {})).findings[0]
    assert "not found" in finding.detail
    assert "--config FILE" in finding.mend


@needs_root
def test_a_settings_file_that_the_service_cannot_read_is_named(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(0o755)
    file = tmp_path / "agent.toml"
    file.write_text("")
    file.chmod(0o600)
    script = (
        "import os, pathlib; from agent.doctor import settings_file\nos.setgid(65534); os.setuid(65534)\n"
        f"print(settings_file.read(settings_file.Source(pathlib.Path({str(file)!r}), {{}}))[1].mend)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("chgrp ")


def test_looks_that_hang_are_given_up_and_the_rest_is_told(at: Ground) -> None:
    from common.checkup import Look  # noqa: PLC0415 - beside its use

    def hang(_: Ground) -> Iterator[Finding]:
        yield Finding("slow", "", "well", "first")
        asyncio.run(asyncio.sleep(1.0))

    report = examine((Look({"slow": "slow thing"}, hang, deadline_s=0.1), *files.LOOKS), at)
    slow = [finding for finding in report.findings if finding.id == "slow"]
    assert [finding.state for finding in slow] == ["well", "unknown"]
    assert report.hung
    assert len(report.findings) > 5


def test_a_key_is_read_and_nothing_made(tmp_path: Path) -> None:
    at = ground(tmp_path)
    found(at)
    assert list(at.state.iterdir()) == []
    PrivateKey.generate().save(at.state / KEY_FILE)
    assert found(at)["key"].state == "well"
