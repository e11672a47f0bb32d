"""The units under a real systemd: both programs serve under their restrictions, and the host checks lose no reading."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.units import AGENT, COLLECTOR, FOLDER
from tests.system.machine import Machine, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]

AGENT_UNIT, COLLECTOR_UNIT = "fieldpost-agent.service", "fieldpost-collector.service"
STATUS = "/var/lib/fieldpost-agent/status.json"
ORACLE_FILES = "/home/oracle/data"
SGA = 8 * 1024 * 1024
DATABASE = f"""
import ctypes, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.shmget(0, ctypes.c_size_t({SGA}), 0o1600) >= 0
for name in ("ora_pmon_ORCL", "tnslsnr"):
    subprocess.Popen([name, "600"], executable="/bin/sleep")
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open("/run/database/up", "w").close()
time.sleep(600)
"""
READINGS = "/opt/fieldpost/agent/current/bin/python -m tests.system.host_readings"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {"collector": free_port(), "listener": free_port()}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[Machine]:
    """One with collector, agent and a database's processes on it; nothing is started yet but those."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    for program, unit in (("agent", AGENT), ("collector", COLLECTOR)):
        made.slot(program, "0.7.0")
        made.unit(unit)
    made.drop_in(AGENT_UNIT, "quick", "[Service]\nWatchdogSec=10\nRestartSec=1\nCPUQuota=\n")
    made.write("/etc/fieldpost-collector/collector.toml", f"port = {ports['collector']}\nheartbeat_s = 5\n")
    made.write("/etc/oratab", f"ORCL:{ORACLE_FILES}:Y\n")
    made.write("/opt/database.py", DATABASE)
    made.path("/home/oracle").mkdir(parents=True)
    disk = made.folder / "disk"
    (disk / "data").mkdir(parents=True)
    made.more = f"mount --bind {disk} /home/oracle"
    (made.units / "database.service").write_text(
        "[Service]\nUser=oracle\nRuntimeDirectory=database\n"
        f"ExecStart=/opt/fieldpost/agent/current/bin/python /opt/database.py {ports['listener']}\n"
    )
    _plan_readings(made, ports["listener"])
    with made.running():
        made.run("systemctl", "start", "database.service")
        made.until(lambda: made.path("/run/database/up").exists())
        yield made


def _plan_readings(machine: Machine, port: int) -> None:
    """The same look at the host twice: by a service without any restriction, and by the agent's unit."""
    start = f"Type=oneshot\nExecStart=\nExecStart={READINGS} {ORACLE_FILES} {port}\n"
    (machine.units / "plain.service").write_text(
        f"[Service]\nUser=fieldpost-agent\n{start}StandardOutput=truncate:/run/plain.json\n"
    )
    machine.unit(
        AGENT, other=f"[Service]\n{start}Restart=no\nWatchdogSec=0\nStandardOutput=truncate:/run/shut-in.json\n"
    )
    (machine.units / AGENT.name).rename(machine.units / "shut-in.service")
    (machine.units / f"{AGENT.name}.d/other.conf").rename(machine.units / "other.conf")
    (machine.units / "shut-in.service.d").mkdir()
    (machine.units / "other.conf").rename(machine.units / "shut-in.service.d/other.conf")
    machine.unit(AGENT)


def readings(machine: Machine, unit: str) -> dict[str, Any]:
    machine.run("systemctl", "start", unit)
    found: dict[str, Any] = json.loads(machine.path(f"/run/{unit.partition('.')[0]}.json").read_text())
    return found


def test_every_reading_of_the_host_works_under_the_agents_restrictions(machine: Machine) -> None:
    outside, inside = readings(machine, "plain.service"), readings(machine, "shut-in.service")
    assert outside["instances"] == ["ORCL"]
    assert outside["listener_processes"] == 1
    assert outside["sga_bytes"] == SGA
    assert outside["limits"][0]["nofile"]
    assert outside["listeners"][0]["error"] == ""
    same = set(outside) - {"cpu", "memory", "disks", "mounts", "listeners", "huge_pages"}
    assert {name: inside[name] for name in same} == {name: outside[name] for name in same}
    assert inside["listeners"][0]["error"] == ""
    assert inside["cpu"]["cores"] == outside["cpu"]["cores"]
    assert inside["cpu"]["total_s"] >= outside["cpu"]["total_s"]
    assert inside["memory"]["total"] == outside["memory"]["total"]
    assert [disk["device"] for disk in inside["disks"]] == [disk["device"] for disk in outside["disks"]]
    assert (inside["huge_pages"] is None) == (outside["huge_pages"] is None)


def test_every_file_system_is_seen_and_measured_under_the_agents_restrictions(machine: Machine) -> None:
    outside, inside = ({mount["path"]: mount for mount in readings(machine, unit)["mounts"]} for unit in _LOOKS)
    assert "/home/oracle" in outside
    for path, mount in outside.items():
        assert {name: inside[path][name] for name in _STATIC} == {name: mount[name] for name in _STATIC}, path


_LOOKS = ("plain.service", "shut-in.service")
_STATIC = ("device", "kind", "total", "inodes", "hung")


def test_what_the_unit_leaves_out_would_blind_the_checks(machine: Machine) -> None:
    """So the comparison above notices what it is for."""
    machine.drop_in("shut-in.service", "blind", (FOLDER / "drop-ins/agent-no-host-checks.conf").read_text())
    machine.run("systemctl", "daemon-reload")
    blind = readings(machine, "shut-in.service")
    (machine.units / "shut-in.service.d/blind.conf").unlink()
    machine.run("systemctl", "daemon-reload")
    assert blind["instances"] == []
    assert blind["sga_bytes"] == 0


def test_the_restrictions_hold(machine: Machine) -> None:
    """What the unit file says is what the kernel was told."""
    machine.write("/opt/look.sh", _LOOK)
    machine.drop_in("shut-in.service", "zz", "[Service]\nExecStart=\nExecStart=/bin/sh /opt/look.sh\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "shut-in.service")
    told = machine.path("/run/shut-in.json").read_text()
    assert set(re.findall(r"^(\w+):\s+(\d+)$", told, re.MULTILINE)) == {
        ("CapBnd", "0" * 16),
        ("CapEff", "0" * 16),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    }
    assert told.count("Read-only file system") == 2


_LOOK = """
grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
for folder in /usr /etc; do touch $folder/x; done
exit 0
"""


def test_the_collector_serves_under_its_unit(machine: Machine) -> None:
    machine.run("systemctl", "start", COLLECTOR_UNIT)
    assert machine.show(COLLECTOR_UNIT, "StatusText") == "serving"
    lines = [json.loads(line) for line in machine.journal(COLLECTOR_UNIT, "-o", "json").splitlines()]
    (said,) = [line for line in lines if "event=listening" in line["MESSAGE"]]
    assert said["PRIORITY"] == "6"
    assert said["MESSAGE"].startswith("level=info logger=collector.cli.serving event=listening url=https://")


@pytest.fixture(scope="module")
def enrolled(machine: Machine, ports: dict[str, int]) -> Machine:
    """An agent that runs under its unit and has reached the collector."""
    machine.run("systemctl", "start", COLLECTOR_UNIT)
    collector = "/opt/fieldpost/collector/current/bin/fieldpost-collector"
    machine.run(collector, "tenant", "add", "acme", user="fieldpost-collector")
    made = json.loads(
        machine.run(collector, "agent", "token", "--tenant", "acme", "--json", user="fieldpost-collector")
    )
    machine.write("/var/lib/fieldpost-agent/token", made["token"], mode=0o600, owner="fieldpost-agent")
    folder = machine.path("/var/lib/fieldpost-agent")
    os.chown(folder, folder.joinpath("token").stat().st_uid, folder.joinpath("token").stat().st_gid)
    agent = "/opt/fieldpost/agent/current/bin/fieldpost-agent"
    url = f"https://127.0.0.1:{ports['collector']}"
    enrol = [agent, "enroll", "--url", url, "--token-file", "/var/lib/fieldpost-agent/token"]
    machine.run(*enrol, "--ca-pin", made["ca_pin"], user="fieldpost-agent")
    machine.run("systemctl", "start", AGENT_UNIT)
    machine.until(lambda: status(machine).get("last_ack_at"))
    return machine


def status(machine: Machine) -> dict[str, Any]:
    path = machine.path(STATUS)
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def test_the_agent_reaches_the_collector_under_its_unit(enrolled: Machine) -> None:
    enrolled.until(lambda: "the collector acknowledges" in enrolled.show(AGENT_UNIT, "StatusText"))
    state = enrolled.path("/var/lib/fieldpost-agent")
    assert state.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in state.iterdir() if path.name != "token")


def test_an_agent_that_stands_still_is_ended_by_the_watchdog_and_starts_anew(enrolled: Machine) -> None:
    before = status(enrolled)["started_at"]
    os.kill(enrolled.host_pid(AGENT_UNIT), signal.SIGSTOP)
    enrolled.until(lambda: status(enrolled)["started_at"] != before, within_s=90)
    told = enrolled.journal(AGENT_UNIT)
    assert "Watchdog timeout" in told
    assert "Fatal Python error: Aborted" in told


def test_an_agent_that_is_killed_starts_anew(enrolled: Machine) -> None:
    before = status(enrolled)["started_at"]
    os.kill(enrolled.host_pid(AGENT_UNIT), signal.SIGKILL)
    enrolled.until(lambda: status(enrolled)["started_at"] != before, within_s=60)


def test_reload_reads_the_connections_and_keeps_the_process(enrolled: Machine) -> None:
    pid = enrolled.show(AGENT_UNIT, "MainPID")
    enrolled.run("systemctl", "reload", AGENT_UNIT)
    enrolled.until(lambda: "connections read" in enrolled.journal(AGENT_UNIT))
    assert enrolled.show(AGENT_UNIT, "MainPID") == pid


def test_a_credential_that_only_root_can_read_reaches_the_service(enrolled: Machine) -> None:
    enrolled.write("/etc/fieldpost-agent/credentials/hr-password", "tiger", mode=0o600)
    enrolled.write("/opt/see.py", _SEE)
    start = "[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart=/opt/fieldpost/agent/current/bin/python "
    enrolled.drop_in("shut-in.service", "zz", start + "/opt/see.py\n")
    enrolled.run("systemctl", "daemon-reload")
    enrolled.run("systemctl", "start", "shut-in.service")
    assert enrolled.path("/run/shut-in.json").read_text() == "fieldpost_hr-password tiger\n"


_SEE = """
from pathlib import Path
from agent.config import credential_path
found = credential_path("hr-password")
print(found.name, found.read_text())
"""


def test_a_setting_that_cannot_be_used_ends_the_agent_for_good(enrolled: Machine) -> None:
    path: Path = enrolled.write("/etc/fieldpost-agent/agent.toml", "nonsense = 1\n")
    try:
        enrolled.run("systemctl", "restart", AGENT_UNIT, check=False)
        enrolled.until(lambda: enrolled.show(AGENT_UNIT, "ActiveState") == "failed")
        assert enrolled.show(AGENT_UNIT, "ExecMainStatus") == "78"
        assert enrolled.show(AGENT_UNIT, "NRestarts") == "0"
        assert "unknown key `nonsense`" in enrolled.journal(AGENT_UNIT)
    finally:
        path.unlink()
