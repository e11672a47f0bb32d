"""`python -m tests.standins.oracle` as the demo runs it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oracledb
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "tests.standins.oracle"]
READY_WITHIN = 60


@contextmanager
def _serving(ready_file: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    command = [*COMMAND, "--ready-file", str(ready_file), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, _wait_for(ready_file, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait_for(ready_file: Path, process: subprocess.Popen[str]) -> Any:
    deadline = time.monotonic() + READY_WITHIN
    while not ready_file.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.05)
    return json.loads(ready_file.read_text())


def _log_in(target: dict[str, Any]) -> oracledb.Connection:
    dsn = f"{target['host']}:{target['port']}/{target['service_name']}"
    mode = oracledb.AUTH_MODE_SYSDGD if target["mode"] == "sysdg" else oracledb.AUTH_MODE_DEFAULT
    return oracledb.connect(user=target["user"], password=target["password"], dsn=dsn, mode=mode)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_all_scenarios_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    with _serving(tmp_path / "ready.json") as (process, ready):
        assert set(ready["ports"]) == {"19c", "23ai"}
        names = {target["scenario"] for target in ready["targets"]}
        assert names >= {"healthy-19c", "healthy-23ai-cdb", "neglected", "no-grants"}
        connections = [_log_in(target) for target in ready["targets"] if target["scenario"] != "locked-account"]
        for connection in connections:
            assert connection.cursor().execute("select 1 from dual").fetchone() == (1,)
        process.send_signal(stop)
        printed, complaints = process.communicate(timeout=20)
        assert (process.returncode, complaints) == (0, "")
        assert json.loads(printed) == ready
        for connection in connections:
            with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
                connection.ping()


def test_a_fault_can_be_asked_for(tmp_path: Path) -> None:
    arguments = ("--scenario", "healthy-19c", "--fault", "healthy19c:error:1555@1")
    with _serving(tmp_path / "ready.json", *arguments) as (_, ready):
        (target,) = ready["targets"]
        with _log_in(target) as connection, pytest.raises(oracledb.DatabaseError, match="ORA-01555"):
            connection.cursor().execute("select 1 from dual")


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--fault", "healthy19c:earthquake"], "expected SERVICE:KIND"),
        (["--fault", "atlantis:silent"], "no service atlantis"),
        (["--scenario", "atlantis"], "invalid choice"),
        (["--port-19c", "x"], "invalid int"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--scenario", "healthy-19c", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert complaint in done.stderr
