"""What the agent reads of its own host, as plain data: judges look at nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """Cumulative seconds since boot over all cores (`steal` is part of `total`), and the load average of 15 minutes."""

    cores: int
    total_s: float
    idle_s: float
    steal_s: float
    load_15: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes; `limit` is the control group's, None without one. Swapped-out bytes are counted since boot."""

    total: int
    available: int
    limit: int | None
    limit_used: int | None
    swap_total: int
    swap_used: int
    swapped_out: int
    page_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mounted file system; `free` excludes root's reserve. `hung`: no answer in time, all numbers 0."""

    path: str
    device: str
    kind: str
    total: int = 0
    used: int = 0
    free: int = 0
    inodes: int = 0
    inodes_free: int = 0
    hung: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCounters:
    """One block device, cumulative since boot."""

    device: str
    reads: int
    writes: int
    read_ms: float
    write_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HugePages:
    """Linux huge pages of the default size, in pages."""

    page_size: int
    total: int
    free: int
    reserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one PMON process as the kernel holds them; None is unlimited."""

    instance: str
    nofile: int | None
    nproc: int | None
    memlock: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A local listener address and how a TCP connect to it went."""

    host: str
    port: int
    connect_ms: float | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSnapshot:
    """One reading of the host; a part that this system does not offer is None or empty.

    `boot`: seconds since the epoch; counters of two snapshots compare only where it is the same. `oracle_paths`: where
    files of the databases live, and what they are. `instances`: whose PMON runs; `oratab`: the ones to be started with
    the host. `sga_bytes`: shared memory of all instances. `clock_offset_s`: this host's clock minus the collector's,
    None until the collector has answered. `database_release`: the newest that runs here.
    """

    system: str
    boot: float
    container: bool = False
    kernel: str = ""
    cpu: Cpu | None = None
    memory: Memory | None = None
    mounts: tuple[Mount, ...] = ()
    disks: tuple[DiskCounters, ...] = ()
    huge_pages: HugePages | None = None
    transparent_huge_pages: str = ""
    sysctl: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[Limits, ...] = ()
    instances: tuple[str, ...] = ()
    oratab: tuple[str, ...] = ()
    listeners: tuple[Endpoint, ...] = ()
    listener_processes: int = 0
    clock_offset_s: float | None = None
    oracle_paths: Mapping[str, str] = field(default_factory=dict)
    sga_bytes: int = 0
    database_release: tuple[int, int] | None = None
