"""Pure: what Linux and Oracle's installer keep in text files, read into numbers."""

import re
from collections.abc import Iterable

from agent.host.readings import HugePages, Limits

KB = 1024
_PMON = re.compile(r"^(?:ora|asm|mdb|apx)_pmon_(.+)$")
_LIMIT = re.compile(r"^(Max [a-z ]+?)\s{2,}(\S+)\s+(\S+)", re.MULTILINE)


def instance_of(process: str) -> str:
    """`ORCL` of `ora_pmon_ORCL`, "" of any other process."""
    found = _PMON.match(process)
    return found[1] if found else ""


def oratab(text: str) -> list[tuple[str, str, bool]]:
    """(SID, home, started with the host) of each line; `*` and comments are left out."""
    entries = []
    for line in text.splitlines():
        parts = line.split("#", 1)[0].strip().split(":")
        if len(parts) >= 2 and parts[0] not in ("", "*"):  # noqa: PLR2004 - SID and home
            entries.append((parts[0], parts[1], len(parts) > 2 and parts[2].upper() == "Y"))  # noqa: PLR2004
    return entries


def huge_pages(meminfo: str) -> HugePages | None:
    values = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+)", meminfo, re.MULTILINE)}
    if "HugePages_Total" not in values or "Hugepagesize" not in values:
        return None
    return HugePages(
        page_size=values["Hugepagesize"] * KB,
        total=values["HugePages_Total"],
        free=values.get("HugePages_Free", 0),
        reserved=values.get("HugePages_Rsvd", 0),
    )


def transparent_huge_pages(text: str) -> str:
    """`madvise` of `always [madvise] never`."""
    found = re.search(r"\[(\w+)\]", text)
    return found[1] if found else ""


def limits(instance: str, text: str) -> Limits:
    """The hard limits of /proc/<pid>/limits."""
    hard = {name: None if value == "unlimited" else int(value) for name, _, value in _LIMIT.findall(text)}
    return Limits(
        instance=instance,
        nofile=hard.get("Max open files"),
        nproc=hard.get("Max processes"),
        memlock=hard.get("Max locked memory"),
    )


def shared_memory(text: str, owners: Iterable[int]) -> int:
    """Bytes of the segments in /proc/sysvipc/shm that belong to these users."""
    lines = [line.split() for line in text.splitlines()]
    if not lines:
        return 0
    size, uid, wanted = lines[0].index("size"), lines[0].index("uid"), set(owners)
    return sum(int(parts[size]) for parts in lines[1:] if len(parts) > uid and int(parts[uid]) in wanted)


def in_container(first_cgroup: str) -> bool:
    return re.search(r"docker|kubepods|containerd|libpod|/lxc", first_cgroup) is not None
