import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent import daemon as daemon_module
from agent.config import load_connections, make_connection, save_connections
from agent.enrolment import Wanted, enrol
from agent.options import take
from agent.spool import Limits, Spool
from common.errors import ConfigurationError
from common.wire import Assignment, Job, Rejection
from tests.agent.collectors import Collector, new_token, serving
from tests.agent.waiting import until

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from agent.cli import main; main()"]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with serving(Collector()) as running:
        running.assignment = Assignment(version="v1", heartbeat_s=5)
        yield running


@pytest.fixture
async def state(tmp_path: Path, collector: Collector) -> Path:
    await enrol(tmp_path, Wanted(url=collector.url, token=new_token(collector), name="host"))
    add(tmp_path, "Nobody there")
    return tmp_path


def add(state: Path, name: str, *, paused: bool = False) -> str:
    """A connection to a port that nobody listens on."""
    known = load_connections(state / "connections.toml")
    values = {"key": f"key-{name.replace(' ', '-')}", "name": name, "user": "fp", "host": "127.0.0.1", "port": 1}
    connection = make_connection({**values, "service": "x", "password_env": "FP_PASSWORD", "paused": paused})
    save_connections(state / "connections.toml", [*known, connection])
    return connection.key


class Agent:
    def __init__(self, process: asyncio.subprocess.Process, notified: socket.socket) -> None:
        self.process = process
        self.notified = notified

    def messages(self) -> list[str]:
        """What the service manager was told, without the lines that it shows people."""
        found = []
        while True:
            try:
                found.append(self.notified.recv(1_000).decode())
            except BlockingIOError:
                return [message for message in found if not message.startswith("STATUS=")]

    async def end(self, *, within_s: float = 5.0) -> str:
        """SIGTERM; what the agent had written to its log."""
        self.process.terminate()
        _, errors = await asyncio.wait_for(self.process.communicate(), within_s)
        assert self.process.returncode == 0, errors.decode()
        return errors.decode()


@asynccontextmanager
async def running(state: Path, **environment: str) -> AsyncIterator[Agent]:
    address = str(state / "notify")
    Path(address).unlink(missing_ok=True)  # noqa: ASYNC240 - a test's own file
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notified:
        notified.bind(address)
        notified.setblocking(False)
        variables = {**os.environ, "NOTIFY_SOCKET": address, "FP_PASSWORD": "x", **environment}
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--state-dir", str(state), "run", env=variables, stderr=asyncio.subprocess.PIPE
        )
        try:
            yield Agent(process, notified)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


def more_than(things: Sized, count: int) -> bool:
    return len(things) > count


async def test_an_agent_says_what_it_checks_what_it_watches_how_it_is_and_what_it_found(
    state: Path, collector: Collector
) -> None:
    async with running(state, WATCHDOG_USEC="400000") as agent:
        await until(lambda: collector.bodies("run") and collector.bodies("heartbeat"))
        await until(lambda: collector.bodies("catalogue"))
        await asyncio.sleep(0.5)
        started = time.monotonic()
        log = await agent.end()
        assert time.monotonic() - started < 5
        messages = agent.messages()
    assert messages[0] == "READY=1"
    assert messages[-1] == "STOPPING=1"
    assert "WATCHDOG=1" in messages
    inventory: Any = collector.bodies("inventory")[0]
    assert [connection["name"] for connection in inventory["connections"]] == ["Nobody there"]
    assert collector.bodies("run")[0]["reachable"] is False
    assert collector.bodies("heartbeat")[0]["version"]
    assert "agent stopped" in log
    assert "Traceback" not in log
    with closing(Spool(state, Limits(min_free=0))) as spool:
        assert spool.state().dead == 0


async def test_the_catalogue_is_uploaded_once(state: Path, collector: Collector) -> None:
    for _ in range(2):
        async with running(state) as agent:
            await until(partial(more_than, collector.records, len(collector.records)))
            await agent.end()
    parts = collector.bodies("catalogue")
    assert len(parts) == parts[0]["parts"]


async def test_sighup_reads_the_connections_anew(state: Path, collector: Collector) -> None:
    async with running(state) as agent:
        await until(lambda: collector.bodies("run"))
        paused = add(state, "Paused", paused=True)
        key = add(state, "Second")
        agent.process.send_signal(signal.SIGHUP)
        await until(lambda: any(run["connection"] == key for run in collector.bodies("run")))
        assert len(collector.bodies("inventory")) == 2
        assert not any(run["connection"] == paused for run in collector.bodies("run"))
        told: Any = collector.bodies("inventory")[-1]["connections"]
        assert [connection["name"] for connection in told] == ["Nobody there", "Paused", "Second"]
        await agent.end()
        messages = agent.messages()
    assert [message.partition("\n")[0] for message in messages[:3]] == ["READY=1", "RELOADING=1", "READY=1"]
    assert "MONOTONIC_USEC=" in messages[1]


OWN = '[[check]]\nid = "OWN_ONE"\ntitle = "Mine"\nsql = "SELECT 1 AS value FROM dual"\nwarning = 2\n'


async def test_sighup_reads_own_checks_anew_and_a_bad_file_is_reported(state: Path, collector: Collector) -> None:
    folder = state / "config" / "checks.d"
    folder.mkdir(parents=True)

    def said() -> set[str]:
        parts: Any = collector.bodies("catalogue")
        return {entry["check"] for part in parts for entry in part["entries"]}

    async with running(state, FIELDPOST_CONFIG_DIR=str(state / "config")) as agent:
        await until(said)
        assert "OWN_ONE" not in said()
        (folder / "mine.toml").write_text(OWN)
        (folder / "bad.toml").write_text(OWN.replace("warning = 2", 'warning = "two"').replace("OWN_ONE", "OWN_TWO"))
        agent.process.send_signal(signal.SIGHUP)
        await until(lambda: "OWN_ONE" in said())
        await until(lambda: any("bad.toml" in str(beat.get("problems")) for beat in collector.bodies("heartbeat")))
        await agent.end()
    assert "OWN_TWO" not in said()


async def test_a_running_agent_sends_its_dead_letters_once_more_when_asked(state: Path, collector: Collector) -> None:
    with closing(Spool(state, Limits(min_free=0))) as spool:
        spool.append("heartbeat", datetime.now(UTC), {"refused": 1})
        spool.flush()
        offer = spool.offer()
        assert offer
        spool.bury(offer, [Rejection(1, "malformed", "not known then")])
    async with running(state) as agent:
        await until(lambda: collector.bodies("run"))
        assert {"refused": 1} not in collector.bodies("heartbeat")
        command = await asyncio.create_subprocess_exec(*COMMAND, "--state-dir", str(state), "spool", "retry")
        assert await command.wait() == 0
        await until(lambda: {"refused": 1} in collector.bodies("heartbeat"))
        await agent.end()
    assert not (state / "spool.retry").exists()


async def test_connections_that_cannot_be_read_are_reported_and_the_old_ones_go_on(
    state: Path, collector: Collector
) -> None:
    async with running(state) as agent:
        await until(lambda: collector.bodies("run"))
        (state / "connections.toml").write_text("[[connection]]\nname = 3\n")
        agent.process.send_signal(signal.SIGHUP)
        await until(lambda: any("connections" in str(beat.get("problems")) for beat in collector.bodies("heartbeat")))
        assert agent.process.returncode is None
        await agent.end()
    assert len(collector.bodies("inventory")) == 1


async def test_a_job_runs_all_checks_at_once_and_its_result_comes_back(state: Path, collector: Collector) -> None:
    async with running(state) as agent:
        await until(lambda: collector.bodies("run"))
        deadline = datetime.now(UTC) + timedelta(minutes=5)
        jobs = (
            Job("job_1", "check", "lease_1", deadline, target="key-Nobody-there"),
            Job("job_2", "dance", "lease_2", deadline),
        )
        collector.assignment = Assignment(version="v2", heartbeat_s=5, jobs=jobs)
        collector.changed.set()
        await until(lambda: len(collector.bodies("job")) >= 3)
        await agent.end()
    states = sorted((body["job"], body["state"]) for body in collector.bodies("job"))
    assert states == [("job_1", "started"), ("job_1", "succeeded"), ("job_2", "refused")]


async def test_a_second_agent_on_the_same_state_is_refused(state: Path, collector: Collector) -> None:
    async with running(state) as agent:
        await until(lambda: collector.bodies("heartbeat"))
        second = await asyncio.create_subprocess_exec(
            *COMMAND, "--state-dir", str(state), "run", stderr=asyncio.subprocess.PIPE
        )
        _, errors = await second.communicate()
        await agent.end()
    assert second.returncode == 1
    assert f"another agent (process {agent.process.pid}) uses it" in errors.decode()


async def test_kill_nine_loses_nothing_that_was_durable_and_doubles_nothing(state: Path, collector: Collector) -> None:
    for round_ in range(4):
        async with running(state) as agent:
            await until(partial(more_than, collector.records, len(collector.records)))
            await asyncio.sleep(0.1 * round_)
            agent.process.kill()
            await agent.process.wait()
    beats = len(collector.bodies("heartbeat"))  # an agent may have been killed before its first one was durable
    async with running(state) as agent:
        await until(lambda: len(collector.bodies("heartbeat")) > beats)
        await agent.end()
    runs = [body["run"] for body in collector.bodies("run")]
    assert len(runs) == len(set(runs))
    for epoch, stream in {key[1:3] for key in collector.order}:
        seqs = sorted(key[3] for key in collector.order if key[1:3] == (epoch, stream))
        assert seqs == list(range(1, len(seqs) + 1))


async def test_status_and_spool_commands_look_at_a_running_agent(state: Path, collector: Collector) -> None:
    async with running(state) as agent:
        await until(lambda: collector.bodies("run") and (state / "status.json").exists())
        status = await output(state, "status", "--json")
        assert json.loads(status)["running"] is True
        assert json.loads(status)["enrolled_as"] == "agt_1"
        assert json.loads(status)["last"]["reference"]["origin"] == "bundled"
        assert "reference data: bundled, of 20" in await output(state, "status")
        assert json.loads(await output(state, "spool", "status", "--json"))["dead"] == 0
        assert json.loads(await output(state, "spool", "dead", "--json")) == []
        assert "key-" in await output(state, "connection", "list", "--json")
        await output(state, "connection", "remove", "Nobody there")
        await until(lambda: collector.bodies("inventory")[-1] == {"connections": []})
        await agent.end()


async def output(state: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--state-dir", str(state), *arguments, stdout=asyncio.subprocess.PIPE
    )
    content, _ = await process.communicate()
    return content.decode()


async def test_an_agent_that_is_not_enrolled_ends_with_the_configuration_code(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--state-dir", str(tmp_path), "run", stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 78
    assert b"this agent is not enrolled" in errors


def test_the_daemon_alone_says_how_it_is_started() -> None:
    with pytest.raises(ConfigurationError, match="is started by `fieldpost-agent run`"):
        take({})


def test_the_daemon_loads_nothing_that_only_commands_need() -> None:
    heavy = ("pydantic", "typer", "boto3", "fastapi", "sqlalchemy")
    code = f"import sys, agent.daemon, agent.visiting; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_second_sigterm_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    daemon = object.__new__(daemon_module.Daemon)
    daemon._stop = asyncio.Event()
    daemon._asked_to_stop()
    assert ended == []
    daemon._asked_to_stop()
    assert ended == [143]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
async def test_a_full_disk_ends_nothing_and_is_reported_and_what_was_found_still_comes(
    tmp_path: Path, collector: Collector
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False).returncode:  # noqa: ASYNC221
        pytest.skip("this container may not mount")
    try:
        await enrol(disk, Wanted(url=collector.url, token=new_token(collector), name="host"))
        add(disk, "Nobody there")
        async with running(disk, FIELDPOST_SPOOL_MIN_FREE_BYTES="0") as agent:
            await until(lambda: collector.bodies("run"))
            _fill_up(disk)
            before = len(collector.bodies("heartbeat"))
            await until(lambda: len(collector.bodies("heartbeat")) > before + 2, within_s=40)
            assert agent.process.returncode is None
            await agent.end()
        async with running(disk, FIELDPOST_SPOOL_MIN_FREE_BYTES="0") as agent:
            before = len(collector.bodies("heartbeat"))
            await until(lambda: agent.messages() == ["READY=1"])
            (disk / "other").unlink()
            await until(lambda: len(collector.bodies("heartbeat")) > before)
            await agent.end()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)  # noqa: ASYNC221


def _fill_up(disk: Path) -> None:
    """Write until the disk itself says that it is full; the agent takes its share meanwhile."""
    with (disk / "other").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
