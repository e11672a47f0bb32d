"""The units: what systemd itself thinks of them, and that they agree with the programs."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from agent.daemon import _EXIT_AT_ONCE
from common import credentials
from common.errors import EXIT_CONFIGURATION
from tests.packaging.units import AGENT, COLLECTOR, DROP_INS, FOLDER, GATE, UNITS, directives, values

ANALYZE = shutil.which("systemd-analyze")
NEWER_THAN_239 = {
    "LoadCredential": 247,
    "SetCredential": 247,
    "OOMPolicy": 243,
    "PrivateIPC": 248,
    "ProcSubset": 247,
    "ProtectClock": 245,
    "ProtectHostname": 242,
    "ProtectKernelLogs": 244,
    "ProtectProc": 247,
    "RestartMaxDelaySec": 254,
    "RestartSteps": 254,
    "RestrictSUIDSGID": 242,
}
"""From which version on a directive counts; docs/service.md says what its absence means."""
KNOWN_TO_239 = """
After AmbientCapabilities CPUQuota CPUWeight CapabilityBoundingSet ConditionPathExists ConfigurationDirectory
ConfigurationDirectoryMode Description DevicePolicy Documentation Environment ExecReload ExecStart Group
IOWeight KeyringMode KillMode LimitCORE LimitNOFILE LockPersonality MemoryDenyWriteExecute MemoryHigh MemoryMax
NoNewPrivileges NotifyAccess OOMScoreAdjust PrivateDevices PrivateMounts PrivateNetwork PrivateTmp PrivateUsers
ProtectControlGroups ProtectHome ProtectKernelModules ProtectKernelTunables ProtectSystem ReadWritePaths
RemoveIPC Restart RestartPreventExitStatus RestartSec RestrictAddressFamilies RestrictNamespaces
RestrictRealtime RuntimeDirectory RuntimeDirectoryMode StartLimitIntervalSec StateDirectory StateDirectoryMode
SuccessExitStatus SystemCallArchitectures SystemCallErrorNumber SystemCallFilter TasksMax TimeoutStartSec
TimeoutStopSec Type UMask User WantedBy WatchdogSec
"""


def _version() -> int:
    if ANALYZE is None:
        return 0
    said = subprocess.run([ANALYZE, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


needs_offline = pytest.mark.skipif(_version() < 250, reason="systemd-analyze from 250 on is not here: `make tools`")


def exposure(unit: Path) -> float:
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


@needs_offline
@pytest.mark.parametrize(
    ("unit", "most"), [(AGENT, 1.5), (COLLECTOR, 2.0), (GATE, 2.0)], ids=lambda one: str(one)[-23:]
)
def test_a_service_exposes_little(unit: Path, most: float) -> None:
    assert exposure(unit) <= most


def _whole(unit: Path, folder: Path) -> Path:
    """A copy whose commands are there, as they are on a host on which the package is installed."""
    command = re.compile(r"^(ExecStart=)(/opt|/usr/lib/fieldpost)\S+", re.MULTILINE)
    copy = folder / unit.name
    copy.write_text(command.sub(r"\1/bin/true", unit.read_text()))
    return copy


def _complaints(unit: Path) -> list[str]:
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", unit.name], capture_output=True, text=True, check=False, cwd=unit.parent
    )
    unknown = re.compile(r"Unknown key(?: name)? '(\w+)' in section")
    lines = [line for line in done.stderr.splitlines() if str(unit.parent) in line or unit.name in line]
    newer = {name for name, since in NEWER_THAN_239.items() if since > _version()}
    return [line for line in lines if not ((found := unknown.search(line)) and found[1] in newer)]


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here: `make tools`")
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    assert _complaints(_whole(unit, tmp_path)) == []


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here: `make tools`")
@pytest.mark.parametrize("drop_in", DROP_INS, ids=lambda one: one.stem)
def test_systemd_finds_nothing_wrong_with_a_drop_in(drop_in: Path, tmp_path: Path) -> None:
    unit = AGENT if drop_in.name.startswith("agent-") else COLLECTOR
    copy = _whole(unit, tmp_path)
    folder = tmp_path / f"{unit.name}.d"
    folder.mkdir()
    shutil.copy(drop_in, folder)
    assert _complaints(copy) == []
    assert f"/etc/systemd/system/{unit.name}.d/" in drop_in.read_text()


@needs_offline
def test_an_agent_that_watches_no_host_can_be_shut_in_further(tmp_path: Path) -> None:
    shutil.copy(AGENT, tmp_path)
    whole = tmp_path / AGENT.name
    whole.write_text(
        whole.read_text().replace(
            "[Install]", (FOLDER / "drop-ins/agent-no-host-checks.conf").read_text() + "\n[Install]"
        )
    )
    assert exposure(whole) <= 1.1


def test_the_agent_sees_the_processes_and_files_that_the_host_checks_read() -> None:
    hidden = {"ProtectProc", "ProcSubset", "PrivateUsers", "PrivateIPC", "InaccessiblePaths", "PrivatePIDs"}
    assert hidden.isdisjoint(name for _, name, _ in directives(AGENT))
    assert values(AGENT, "ProtectHome") == ["read-only"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_every_directive_is_old_enough_or_known_to_be_newer(unit: Path) -> None:
    named = {name for _, name, _ in directives(unit)}
    assert named <= set(KNOWN_TO_239.split()) | set(NEWER_THAN_239)
    manual = (FOLDER.parents[1] / "docs" / "service.md").read_text()
    assert {name for name in named & set(NEWER_THAN_239) if f"`{name}=" not in manual} == set()


@pytest.mark.parametrize("unit", [AGENT, COLLECTOR], ids=lambda one: one.name)
def test_a_configuration_that_cannot_be_used_is_not_tried_again(unit: Path) -> None:
    assert values(unit, "Restart") == ["on-failure"]
    assert values(unit, "RestartPreventExitStatus") == [f"2 {EXIT_CONFIGURATION}"]
    assert values(unit, "StartLimitIntervalSec") == ["0"]


def test_an_agent_that_was_told_twice_to_stop_has_not_failed() -> None:
    assert values(AGENT, "SuccessExitStatus") == [str(_EXIT_AT_ONCE)]
    assert _EXIT_AT_ONCE == 128 + signal.SIGTERM


@pytest.mark.parametrize("unit", [AGENT, COLLECTOR], ids=lambda one: one.name)
def test_the_folder_of_credentials_is_loaded_by_the_name_that_the_programs_know(unit: Path) -> None:
    folder = f"/etc/{unit.stem}/credentials"
    assert values(unit, "LoadCredential") == [f"{credentials.FOLDER_ID}:{folder}"]
    assert values(unit, "SetCredential") == [f"{credentials.FOLDER_ID}:none"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_no_secret_and_no_flag_stands_in_a_unit(unit: Path) -> None:
    (start,) = values(unit, "ExecStart")
    assert re.fullmatch(r"/(opt|usr/lib)/fieldpost\S* (run|serve|watch)", start)
    for value in values(unit, "Environment"):
        assert all(word.startswith("PYTHON") for word in value.split())
