import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agent.host import snapshot
from agent.host.checks import CHECKS
from agent.host.snapshot import Asked, Host, disks
from tests.agent.oracle import builders


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_this_host_can_be_read_and_every_check_judges_it() -> None:
    taken = Host().take(Asked(oracle_paths={"/": "datafiles"}))
    assert taken.cpu is not None
    assert taken.cpu.total_s > taken.cpu.idle_s > 0
    assert taken.memory is not None
    assert 0 < taken.memory.available <= taken.memory.total
    assert any(mount.path == "/" and mount.total > mount.free > 0 for mount in taken.mounts)
    assert any(disk.mount == "/" for disk in disks(taken))
    for check in CHECKS:
        assert check.judge(builders.seen(check, host=taken)).line


def test_a_listener_that_answers_and_one_that_does_not(listener: int) -> None:
    refused = closed_port()
    taken = Host().take(Asked(listeners=[("127.0.0.1", listener), ("127.0.0.1", refused)]))
    first, second = taken.listeners
    assert first.connect_ms is not None
    assert first.connect_ms < 1000
    assert (second.connect_ms, second.error, second.port) == (None, "refused", refused)


def test_files_of_another_root_are_read(tmp_path: Path) -> None:
    files = {
        "etc/oratab": "ORCL:/u01/home:Y\nTEST:/u01/other:N\n",
        "proc/meminfo": "HugePages_Total: 10\nHugepagesize: 2048 kB\n",
        "proc/sys/kernel/sem": "250\t32000\t100\t128\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
        "sys/fs/cgroup/memory.max": "1000\n",
        "sys/fs/cgroup/memory.current": "900\n",
        "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 300\n",
        ".dockerenv": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    taken = Host(tmp_path).take(Asked(oracle_paths={"/u02/data": "datafiles"}))
    assert taken.oratab == ("ORCL",)
    assert taken.oracle_paths == {"/u01/home": "Oracle home", "/u01/other": "Oracle home", "/u02/data": "datafiles"}
    assert taken.huge_pages is not None
    assert taken.huge_pages.total == 10
    assert taken.transparent_huge_pages == "always"
    assert taken.sysctl == {"kernel.sem": "250\t32000\t100\t128"}
    assert taken.memory is not None
    assert (taken.memory.limit, taken.memory.limit_used) == (1000, 600)
    assert taken.container


def test_a_file_system_that_hangs_is_reported_and_asked_by_one_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    released, asked, real = threading.Event(), [], os.statvfs

    def statvfs(path: str) -> os.statvfs_result:
        if path == "/":
            asked.append(path)
            released.wait(30)
        return real(path)

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(snapshot, "STAT_TIMEOUT_S", 0.05)
    host = Host()
    try:
        for _ in range(3):
            taken = host.take(Asked())
            assert [mount.hung for mount in taken.mounts if mount.path == "/"] == [True]
            assert not any(disk.mount == "/" for disk in disks(taken))
        assert asked == ["/"]
    finally:
        released.set()
    for thread in list(host._stuck.values()):
        thread.join(5)
    monkeypatch.setattr(snapshot, "STAT_TIMEOUT_S", 5.0)
    assert [mount.hung for mount in host.take(Asked()).mounts if mount.path == "/"] == [False]


def test_psutil_is_not_loaded_before_a_host_is_read() -> None:
    code = "import sys, agent.host.snapshot, agent.host.checks; sys.exit('psutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_network_and_pseudo_file_systems_are_left_alone() -> None:
    assert snapshot._worth("xfs", "/u01", ())
    assert not snapshot._worth("tmpfs", "/run", ["/run/x"])
    assert not snapshot._worth("nfs4", "/home", ["/u01"])
    assert snapshot._worth("nfs4", "/u03", ["/u03/oradata"])
    assert not snapshot._worth("xfs", "/u01/.snapshot/daily", ())


def test_a_running_pmon_process_is_seen_with_its_limits() -> None:
    with psutil.Popen(["bash", "-c", "exec -a ora_pmon_SEENBYTEST sleep 30"], stdout=-3, stderr=-3) as process:
        try:
            for _ in range(100):
                taken = Host().take(Asked())
                if "SEENBYTEST" in taken.instances:
                    break
            assert "SEENBYTEST" in taken.instances
            assert any(limits.instance == "SEENBYTEST" and limits.nofile for limits in taken.limits)
        finally:
            process.kill()
