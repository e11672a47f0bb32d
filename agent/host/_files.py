"""File systems that hold Oracle's files: space and inodes."""

from agent.host.readings import HostSnapshot, Mount
from agent.oracle.catalogue import Seen, Verdict
from agent.oracle.judging import of_items, size, skipped
from common.wire import Item, Status

GB = 1 << 30
FREE_FOR_WARNING = 50 * GB
FREE_FOR_CRITICAL = 20 * GB


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """The file system of a path: the longest mount point above it."""
    above = [mount for mount in mounts if path == mount.path or path.startswith(mount.path.rstrip("/") + "/")]
    return max(above, key=lambda mount: len(mount.path), default=None)


def of_oracle(host: HostSnapshot) -> list[tuple[Mount, str]]:
    """Each mount that holds files of Oracle, with what they are."""
    found: dict[str, tuple[Mount, list[str]]] = {}
    for path, what in sorted(host.oracle_paths.items()):
        mount = mount_of(path, host.mounts)
        if mount:
            found.setdefault(mount.path, (mount, []))[1].append(what)
    return [(mount, ", ".join(dict.fromkeys(whats))) for mount, whats in found.values()]


def judge_space(seen: Seen, host: HostSnapshot) -> Verdict:
    """A share and a size together: 5 % of a large disk is still a lot of room."""
    mounts = of_oracle(host)
    if not mounts:
        return skipped("no file system with files of Oracle is known on this host")
    items = [_space(seen, mount, what) for mount, what in mounts]
    fullest = max((item.value or 0.0 for item in items), default=0.0)
    return of_items(items, good=f"at most {fullest:.0f} % used on {len(items)} file systems")


def _space(seen: Seen, mount: Mount, what: str) -> Item:
    if mount.hung or mount.used + mount.free == 0:
        return Item(name=mount.path, status="unknown", detail="does not answer" if mount.hung else "has no size")
    # Blocks that are reserved for root are no room for Oracle.
    percent = 100 * mount.used / (mount.used + mount.free)
    detail = f"{percent:.0f} %, {size(mount.free)} left ({what})"
    return Item(name=mount.path, status=_room(seen, percent, mount.free), value=percent, detail=detail)


def _room(seen: Seen, percent: float, free: int) -> Status:
    levels = seen.levels
    if levels.critical is not None and percent >= levels.critical and free < FREE_FOR_CRITICAL:
        return "critical"
    if levels.warning is not None and percent >= levels.warning and free < FREE_FOR_WARNING:
        return "warning"
    return "ok"


def judge_inodes(seen: Seen, host: HostSnapshot) -> Verdict:
    mounts = of_oracle(host)
    if not mounts:
        return skipped("no file system with files of Oracle is known on this host")
    items = [_inodes(seen, mount) for mount, _ in mounts if mount.hung or mount.inodes]
    if not items:
        return skipped("these file systems count no inodes")
    fullest = max((item.value or 0.0 for item in items), default=0.0)
    return of_items(items, good=f"at most {fullest:.0f} % of the inodes used")


def _inodes(seen: Seen, mount: Mount) -> Item:
    if mount.hung:
        return Item(name=mount.path, status="unknown", detail="does not answer")
    percent = 100 * (mount.inodes - mount.inodes_free) / mount.inodes
    detail = f"{percent:.0f} % of the inodes used"
    return Item(name=mount.path, status=seen.levels.status(percent), value=percent, detail=detail)
