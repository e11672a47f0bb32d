"""Upgrades of a running agent under a real systemd: what works stays, what does not is taken back and reported."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.units import AGENT, COLLECTOR, GATE
from tests.system.machine import ROOT, USERS, Machine, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]

AGENT_UNIT, COLLECTOR_UNIT, GATE_UNIT = (unit.name for unit in (AGENT, COLLECTOR, GATE))
HOME = "/opt/fieldpost/agent"
STATE = "/var/lib/fieldpost-agent"
DATABASE = "file:/var/lib/fieldpost-collector/collector.sqlite?mode=ro"
WAIT_S = 40


class Host:
    """A machine with a collector and an agent that has reached it."""

    def __init__(self, machine: Machine, port: int) -> None:
        self.machine = machine
        self.port = port

    @property
    def status(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self.machine.path(f"{STATE}/status.json").read_text())
            return found
        return {}

    @property
    def under_way(self) -> bool:
        return self.machine.path(f"{HOME}/upgrade.json").exists()

    def collector(self, *words: str) -> str:
        program = "/opt/fieldpost/collector/current/bin/fieldpost-collector"
        return self.machine.run(program, *words, user="fieldpost-collector")

    def told_to_the_collector(self) -> str:
        """The last heartbeat that the collector has stored."""
        select = "execute('SELECT heartbeat FROM agent').fetchone()"
        ask = f"import sqlite3; print(sqlite3.connect('{DATABASE}', uri=True).{select})"
        return self.machine.run("/opt/fieldpost/collector/current/bin/python", "-c", ask)

    def enrol(self) -> None:
        self.collector("tenant", "add", "acme")
        made = json.loads(self.collector("agent", "token", "--tenant", "acme", "--json"))
        folder = self.machine.path(STATE)
        folder.mkdir()
        os.chown(folder, USERS["fieldpost-agent"], USERS["fieldpost-agent"])
        self.machine.write(f"{STATE}/token", made["token"], mode=0o600, owner="fieldpost-agent")
        program = f"{HOME}/current/bin/fieldpost-agent"
        url = f"https://127.0.0.1:{self.port}"
        words = ("enroll", "--url", url, "--token-file", f"{STATE}/token", "--ca-pin", made["ca_pin"])
        self.machine.run(program, *words, user="fieldpost-agent")
        self.machine.run("systemctl", "start", AGENT_UNIT)

    def install(self, version: str) -> Path:
        """What the package's scripts do, but that this slot is made by the test."""
        slot = self.machine.slot("agent", version, current=False)
        home = self.machine.path(HOME)
        before = (home / "current").readlink()
        (home / "previous").unlink(missing_ok=True)
        (home / "previous").symlink_to(before)
        (home / "current.new").symlink_to(f"slots/{version}")
        (home / "current.new").rename(home / "current")
        return slot

    def upgrade(self) -> None:
        self.machine.run("/usr/lib/fieldpost-agent/gate", "begin")
        self.machine.run("systemctl", "--no-block", "restart", GATE_UNIT)

    def decided(self) -> str:
        """Wait for the gate; the version that runs then and speaks for itself."""
        self.machine.until(lambda: not self.under_way, within_s=3 * WAIT_S + 60)
        current = self.machine.path(f"{HOME}/current").readlink().name
        self.machine.until(lambda: self.status.get("version") == current)
        return current


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.slot("agent", "0.7.0")
    machine.slot("collector", "0.7.0")
    for unit in (AGENT, COLLECTOR, GATE):
        machine.unit(unit)
    machine.drop_in(AGENT_UNIT, "quick", "[Service]\nRestartSec=1\nCPUQuota=\n")
    machine.drop_in(GATE_UNIT, "quick", f"[Service]\nRestartSec=1\nEnvironment=FIELDPOST_GATE_WAIT_S={WAIT_S}\n")
    for script in ("slot", "gate"):
        text = (ROOT / "packaging/scripts" / script).read_text()
        machine.write(f"/usr/lib/fieldpost-agent/{script}", text, mode=0o755)
    port = free_port()
    machine.write("/etc/fieldpost-collector/collector.toml", f"port = {port}\nheartbeat_s = 5\n")
    with machine.running():
        machine.run("systemctl", "start", COLLECTOR_UNIT)
        made = Host(machine, port)
        made.enrol()
        machine.until(lambda: made.status.get("last_ack_at"))
        yield made


def test_a_version_that_works_stays(host: Host) -> None:
    host.install("0.8.0")
    host.upgrade()
    assert host.decided() == "0.8.0"
    assert "version 0.8.0 works" in host.machine.journal(GATE_UNIT)
    host.machine.until(lambda: host.machine.show(GATE_UNIT, "ActiveState") == "inactive")


def test_a_version_that_does_not_start_goes_back_and_the_collector_hears_of_it(host: Host) -> None:
    slot = host.install("0.9.0")
    (slot / "bin/fieldpost-agent").write_text("#!/bin/sh\nexit 3\n")
    host.upgrade()
    assert host.decided() == "0.8.0"
    host.machine.until(lambda: any("version 0.9.0 was rolled back" in text for text in host.status["problems"]))
    host.machine.until(lambda: "version 0.9.0 was rolled back" in host.told_to_the_collector())
    assert host.machine.show(GATE_UNIT, "Result") == "success"


def test_a_version_that_reaches_nobody_goes_back_also_when_its_gate_is_killed(host: Host) -> None:
    host.machine.until(lambda: host.status.get("last_ack_at"))
    slot = host.install("0.9.1")
    script = slot / "bin/fieldpost-agent"
    script.write_text(script.read_text().replace("exec ", "FIELDPOST_COLLECTOR_URL=https://127.0.0.1:1 exec "))
    host.upgrade()
    host.machine.until(lambda: host.status.get("version") == "0.9.1")
    os.kill(host.machine.host_pid(GATE_UNIT), signal.SIGKILL)
    assert host.decided() == "0.8.0"
    told = host.machine.journal(GATE_UNIT)
    assert "the collector has acknowledged nothing of version 0.9.1; it did of 0.8.0" in told
    assert "code=killed, status=9/KILL" in told


def test_a_version_stays_though_the_network_is_down_when_it_was_down_before(host: Host) -> None:
    host.machine.run("systemctl", "stop", COLLECTOR_UNIT)
    started = host.status["started_at"]
    host.machine.run("systemctl", "restart", AGENT_UNIT)
    host.machine.until(lambda: host.status.get("started_at") != started)
    assert host.status["last_ack_at"] is None
    host.install("0.9.2")
    host.upgrade()
    assert host.decided() == "0.9.2"


def test_without_an_upgrade_the_gate_has_nothing_to_do(host: Host) -> None:
    host.machine.run("systemctl", "start", GATE_UNIT)
    assert host.machine.show(GATE_UNIT, "ConditionResult") == "no"
