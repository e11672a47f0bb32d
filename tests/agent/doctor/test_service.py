"""What the service manager says is planted as it says it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.doctor import service
from agent.status import Status, write_status
from common import unit
from common.checkup import examine
from common.clock import utc_now
from tests.agent.doctor.grounds import bad, ground

WELL = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0", "MainPID": "9"}


@pytest.mark.parametrize(
    ("said", "message", "mend"),
    [
        ({"ActiveState": "inactive"}, "does not run, although it is enabled", "systemctl enable --now fieldpost-agent"),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, "and is not enabled", "systemctl enable --now"),
        ({"ActiveState": "failed", "ExecMainStatus": "78"}, "configuration cannot be used", "journalctl -u"),
        ({"ActiveState": "failed", "Result": "signal"}, "has failed (signal)", "systemctl restart"),
        ({"UnitFileState": "disabled"}, "ends with this boot", "systemctl enable fieldpost-agent"),
        ({"LoadState": "masked"}, "is masked", "systemctl unmask"),
        ({"NRestarts": "12"}, "was restarted 12 times", "journalctl"),
    ],
)
def test_a_service_that_is_not_as_it_should_be_is_judged(said: dict[str, str], message: str, mend: str) -> None:
    finding = unit.judge("fieldpost-agent", WELL | said, "run")
    assert finding.state == "unwell"
    assert message in finding.detail
    assert mend in finding.mend


def test_a_service_that_runs_is_well_and_a_missing_unit_is_no_fault() -> None:
    assert unit.judge("fieldpost-agent", WELL, "run").state == "well"
    assert unit.judge("fieldpost-agent", {"LoadState": "not-found"}, "run").state == "unknown"


def test_a_service_manager_is_asked_and_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unit.properties("fieldpost-agent") is None
    manager = tmp_path / "systemctl"
    manager.write_text(
        f"#!{sys.executable}\nprint('ActiveState=inactive\\nUnitFileState=enabled\\nLoadState=loaded')\n"
    )
    manager.chmod(0o755)
    found = {finding.id: finding for finding in examine(service.LOOKS, ground(tmp_path)).findings}
    assert "does not run, although it is enabled" in bad(found)["service"].detail
    manager.write_text(f"#!{sys.executable}\nimport sys; sys.exit(1)\n")
    assert unit.properties("fieldpost-agent") is None


def test_an_agent_that_runs_as_root_is_told(tmp_path: Path) -> None:
    at = ground(tmp_path)
    now = utc_now()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        write_status(at.state, Status(now, running.pid, "1", now, None, None, "", None, (), ()))
        found = {finding.id: finding for finding in examine(service.LOOKS, at).findings}
        running.communicate(b"\n")
    if os.geteuid() == 0:
        assert bad(found)["user"].detail.startswith("the agent runs as root")
        assert "User=fieldpost-agent" in found["user"].mend
    else:
        assert found["user"].state == "well"
