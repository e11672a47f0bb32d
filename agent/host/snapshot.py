"""Reads the host: the only place that asks psutil, the file systems and the local listeners."""

import os
import platform
import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.host import linux
from agent.host.readings import Cpu, DiskCounters, Endpoint, HostSnapshot, HugePages, Limits, Memory, Mount
from agent.oracle.catalogue import Disk

STAT_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5.0
_PSEUDO = re.compile(
    r"autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs"
    r"|proc|pstore|ramfs|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tmpfs|tracefs"
)
_NETWORK = re.compile(r"nfs4?|cifs|smb3|smbfs|9p|ceph|fuse\.sshfs|fuse\.glusterfs|acfs|gpfs|lustre")
_NO_DISK = re.compile(r"^(?:loop|ram|zram|sr|fd|md)\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What only the rest of the agent knows: where files of the databases live (path: what it is), local listeners
    (host, port), this clock minus the collector's, and the newest database release here.
    """

    oracle_paths: Mapping[str, str] = field(default_factory=dict)
    listeners: Sequence[tuple[str, int]] = ()
    clock_offset_s: float | None = None
    database_release: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Processes:
    pmon: Mapping[str, int]
    owners: frozenset[int]
    listeners: int


class Host:
    """Takes snapshots of this host, in a thread: it blocks for up to some seconds. `root`: another one's files."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._stuck: dict[str, threading.Thread] = {}

    def take(self, asked: Asked) -> HostSnapshot:
        import psutil  # noqa: PLC0415 - only a host that is watched pays for it

        processes = self._processes()
        oratab = [entry for name in ("etc/oratab", "var/opt/oracle/oratab") for entry in linux.oratab(self._text(name))]
        paths = {home: "Oracle home" for _, home, _ in oratab if home} | dict(asked.oracle_paths)
        return HostSnapshot(
            system=platform.system(),
            boot=round(psutil.boot_time()),
            container=self._in_container(),
            kernel=platform.release(),
            cpu=_cpu(),
            memory=self._memory(),
            mounts=self._mounts(paths),
            disks=self._disks(),
            huge_pages=self._huge_pages(),
            transparent_huge_pages=linux.transparent_huge_pages(
                self._text("sys/kernel/mm/transparent_hugepage/enabled")
            ),
            sysctl=self._sysctl(),
            limits=self._limits(processes.pmon),
            instances=tuple(sorted(processes.pmon)),
            oratab=tuple(sid for sid, _, started in oratab if started),
            listeners=tuple(_connect(host, port) for host, port in asked.listeners),
            listener_processes=processes.listeners,
            clock_offset_s=asked.clock_offset_s,
            oracle_paths=paths,
            sga_bytes=linux.shared_memory(self._text("proc/sysvipc/shm"), processes.owners),
            database_release=asked.database_release,
        )

    # --- files of the kernel ---

    def _text(self, name: str) -> str:
        """A small file, "" where this system has none or keeps it from us."""
        try:
            return (self._root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _in_container(self) -> bool:
        marks = (self._root / ".dockerenv", self._root / "run/.containerenv")
        return any(mark.exists() for mark in marks) or linux.in_container(self._text("proc/1/cgroup"))

    def _huge_pages(self) -> HugePages | None:
        return linux.huge_pages(self._text("proc/meminfo"))

    def _sysctl(self) -> dict[str, str]:
        names = {"kernel.sem": "proc/sys/kernel/sem", "kernel.shmmax": "proc/sys/kernel/shmmax"}
        found = {name: self._text(path).strip() for name, path in names.items()}
        return {name: value for name, value in found.items() if value}

    def _limits(self, pmon: Mapping[str, int]) -> tuple[Limits, ...]:
        texts = {instance: self._text(f"proc/{pid}/limits") for instance, pid in sorted(pmon.items())}
        return tuple(linux.limits(instance, text) for instance, text in texts.items() if text)

    def _memory(self) -> Memory:
        import psutil  # noqa: PLC0415

        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        limit = self._text("sys/fs/cgroup/memory.max").strip()
        used = self._text("sys/fs/cgroup/memory.current").strip()
        reclaimable = re.search(r"^inactive_file (\d+)", self._text("sys/fs/cgroup/memory.stat"), re.MULTILINE)
        limited = limit.isdigit() and used.isdigit()
        return Memory(
            total=memory.total,
            available=memory.available,
            limit=int(limit) if limited else None,
            limit_used=int(used) - (int(reclaimable[1]) if reclaimable else 0) if limited else None,
            swap_total=swap.total,
            swap_used=swap.used,
            swapped_out=swap.sout,
            page_size=os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096,
        )

    def _disks(self) -> tuple[DiskCounters, ...]:
        """Whole devices; what is a part of a volume or multipath device is counted there."""
        import psutil  # noqa: PLC0415

        if platform.system() != "Linux":
            return ()
        block = self._root / "sys/block"
        parts = {self._whole(part.name) for part in block.glob("dm-*/slaves/*")}
        counters = psutil.disk_io_counters(perdisk=True) or {}
        return tuple(
            DiskCounters(
                device=name,
                reads=found.read_count,
                writes=found.write_count,
                read_ms=found.read_time,
                write_ms=found.write_time,
            )
            for name, found in sorted(counters.items())
            if (block / name).exists() and name not in parts and not _NO_DISK.match(name)
        )

    def _whole(self, part: str) -> str:
        """The device of a partition: `sda` of `sda2`."""
        parents = [device.parent.name for device in (self._root / "sys/block").glob(f"*/{part}")]
        return parents[0] if parents else part

    # --- processes ---

    def _processes(self) -> _Processes:
        import psutil  # noqa: PLC0415

        pmon: dict[str, int] = {}
        owners: set[int] = set()
        listeners = 0
        for process in psutil.process_iter(["name", "cmdline", "uids"]):
            words = process.info["cmdline"] or [process.info["name"] or ""]
            if instance := linux.instance_of(words[0]):
                pmon[instance] = process.pid
                owners |= {process.info["uids"].real} if process.info["uids"] else set()
            listeners += Path(words[0]).name.lower() in ("tnslsnr", "tnslsnr.exe")
        return _Processes(pmon, frozenset(owners), listeners)

    # --- file systems ---

    def _mounts(self, paths: Iterable[str]) -> tuple[Mount, ...]:
        """Local file systems, and those of the network that hold files of Oracle; one that hangs is left alone."""
        import psutil  # noqa: PLC0415

        wanted = {
            partition.mountpoint: Mount(path=partition.mountpoint, device=partition.device, kind=partition.fstype)
            for partition in psutil.disk_partitions(all=True)
            if _worth(partition.fstype, partition.mountpoint, paths)
        }
        answers: dict[str, Mount] = {}
        started = {mount.path: self._start(mount, answers) for mount in wanted.values()}
        deadline = time.monotonic() + STAT_TIMEOUT_S
        for thread in started.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._stuck = {path: thread for path, thread in started.items() if thread.is_alive()}
        hung = {path: _hung(mount) for path, mount in wanted.items()}
        return tuple(answers.get(path, hung[path]) for path in sorted(wanted))

    def _start(self, mount: Mount, answers: dict[str, Mount]) -> threading.Thread:
        """A thread that may never come back, as a dead file server blocks for ever; it is not started twice."""
        if (stuck := self._stuck.get(mount.path)) and stuck.is_alive():
            return stuck
        thread = threading.Thread(target=_measure, args=(mount, answers), name=f"statvfs {mount.path}", daemon=True)
        thread.start()
        return thread


def disks(snapshot: HostSnapshot) -> list[Disk]:
    """The file systems as the databases' checks want them."""
    return [Disk(mount.path, mount.total, mount.free) for mount in snapshot.mounts if not mount.hung and mount.total]


def _worth(kind: str, mount: str, paths: Iterable[str]) -> bool:
    if _PSEUDO.fullmatch(kind) or "/.snapshot" in mount:
        return False
    below = mount.rstrip("/") + "/"
    return not _NETWORK.fullmatch(kind) or any(path == mount or path.startswith(below) for path in paths)


def _hung(mount: Mount) -> Mount:
    return Mount(path=mount.path, device=mount.device, kind=mount.kind, hung=True)


def _measure(mount: Mount, answers: dict[str, Mount]) -> None:
    try:
        found = os.statvfs(mount.path)
    except OSError:
        answers[mount.path] = mount
        return
    answers[mount.path] = Mount(
        path=mount.path,
        device=mount.device,
        kind=mount.kind,
        total=found.f_blocks * found.f_frsize,
        used=(found.f_blocks - found.f_bfree) * found.f_frsize,
        free=found.f_bavail * found.f_frsize,
        inodes=found.f_files,
        inodes_free=found.f_favail,
    )


def _cpu() -> Cpu:
    import psutil  # noqa: PLC0415

    times = psutil.cpu_times()._asdict()
    # Linux counts the time of guests in user and nice as well.
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    return Cpu(
        cores=psutil.cpu_count() or 1,
        total_s=total,
        idle_s=times["idle"] + times.get("iowait", 0.0),
        steal_s=times.get("steal", 0.0),
        load_15=os.getloadavg()[2] if hasattr(os, "getloadavg") else None,
    )


def _connect(host: str, port: int) -> Endpoint:
    started = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S):
            return Endpoint(host=host, port=port, connect_ms=(time.monotonic() - started) * 1000)
    except ConnectionRefusedError:
        return Endpoint(host=host, port=port, connect_ms=None, error="refused")
    except TimeoutError:
        return Endpoint(host=host, port=port, connect_ms=None, error=f"no answer within {CONNECT_TIMEOUT_S:g} s")
    except OSError as error:
        return Endpoint(host=host, port=port, connect_ms=None, error=error.strerror or str(error))
