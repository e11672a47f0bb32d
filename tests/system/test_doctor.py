"""Doctor and diag with whole processes: what runs well is well, and what breaks is named by its cause."""

import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.standins.estate import Agent, Collector, start_oracle
from tests.standins.processes import BIN, free_port
from tests.system.looking import beats, enrolled, until

pytestmark = pytest.mark.system

AS_ROOT = {"user"} if os.geteuid() == 0 else set[str]()
"""What these tests do themselves, and doctor rightly dislikes."""


def doctor(side: Agent | Collector, *words: str) -> tuple[int, dict[str, Mapping[str, Any]]]:
    program = "fieldpost-agent" if isinstance(side, Agent) else "fieldpost-collector"
    done = subprocess.run(
        [BIN / program, "doctor", "--json", *words],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, **side._environment},
    )
    assert not done.stderr, done.stderr
    return done.returncode, {finding["id"]: finding for finding in json.loads(done.stdout)}


def unwell(found: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {id_ for id_, finding in found.items() if finding["state"] == "unwell"} - AS_ROOT


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm", ".log", ".new"))}


def test_an_estate_that_runs_is_well_and_each_break_is_named_on_the_right_side(tmp_path: Path) -> None:
    for name in ("collector", "agent"):
        (tmp_path / name).mkdir(mode=0o700)
    oracle, (database,) = start_oracle(tmp_path / "oracle", ["healthy-19c"])
    collector = Collector(tmp_path / "collector", free_port(), settings={"FIELDPOST_HEARTBEAT_S": "5"})
    collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
    served = collector.serve()
    agent = enrolled(collector, tmp_path / "agent")
    agent.add(database)
    running = agent.run()
    try:
        until(lambda: beats(collector), what="a heartbeat")
        before = names(agent.state)
        _, of_agent = doctor(agent)
        _, of_collector = doctor(collector)
        assert unwell(of_agent) == set(), of_agent
        assert unwell(of_collector) == set(), of_collector
        assert of_agent["holder"]["detail"].endswith("is the agent, and reports")
        assert of_agent["database-grants"]["state"] == "well"
        assert of_collector["open-files"]["state"] == "well"
        assert names(agent.state) >= before

        oracle.kill()
        code, found = doctor(agent)
        assert (code, unwell(found)) == (1, {"database-listener"})

        (known,) = collector.ask("agent", "list", "--tenant", "acme")
        collector.command("agent", "revoke", "--tenant", "acme", known["id"])
        assert unwell(doctor(agent)[1]) == {"database-listener", "enrolment"}

        served.stop()
        assert unwell(doctor(agent, "--connection", database.name)[1]) == {"database-listener", "collector-port"}
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", collector.port))
            other.listen()
            assert "port" in unwell(doctor(collector)[1])
        _diag(agent, tmp_path / "agent.tar.gz", database.password)
        _diag(collector, tmp_path / "collector.tar.gz", database.password)
    finally:
        for process in (running, served, oracle):
            if process.alive():
                process.kill()


def _diag(side: Agent | Collector, to: Path, secret: str) -> None:
    side.command("diag", "--to", to)
    with tarfile.open(to) as archive:
        members = [archive.extractfile(member) for member in archive.getmembers()]
        told = b"".join(member.read() for member in members if member)
    assert b'"mend": ' in told
    assert secret.encode() not in told
