"""What tablespaces can reach: the sum of their files at full growth, cut to what the devices under them hold."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from agent.oracle.catalogue import Disk, Facts, Row, Rows, Value, Verdict
from agent.oracle.judging import number, text
from common.wire import Item

GB = 1 << 30
MB = 1 << 20
Key = tuple[Value, str]
"""A tablespace: its container's id and its name."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`allocated`: bytes of the files today; `reachable`: after all growth that limits and devices allow."""

    allocated: float
    reachable: float


def key(row: Row) -> Key:
    return row["con_id"], text(row["tablespace_name"])


def reaches(files: Rows, disks: Sequence[Disk] = (), groups: Rows = ()) -> Mapping[Key, Reach]:
    """Per tablespace; one whose files are all offline (no size) is missing. `groups`: the rows of ASM_GROUPS."""
    usable = {text(row["name"]): _usable(row) for row in groups}
    found: dict[Key, list[Row]] = defaultdict(list)
    for file in files:
        if file["bytes"] is not None:
            found[key(file)].append(file)
    return {tablespace: _reach(own, disks, usable) for tablespace, own in found.items()}


def growth(file: Row) -> float:
    """Bytes that autoextend may still add. MAXBYTES is 0 without it, and less than BYTES after a resize by hand."""
    if file["autoextensible"] != "YES":
        return 0.0
    return max(0.0, (number(file["maxbytes"]) or 0.0) - (number(file["bytes"]) or 0.0))


def disk_under(path: str, disks: Sequence[Disk]) -> Disk | None:
    """The file system that holds a path: the one with the longest mount point above it, or at it for a folder."""
    fitting = [disk for disk in disks if f"{path.rstrip('/')}/".startswith(disk.mount.rstrip("/") + "/")]
    return max(fitting, key=lambda disk: len(disk.mount), default=None)


def group_under(path: str) -> str | None:
    """The ASM disk group that holds a path: DATA for +DATA/ORCL/DATAFILE/users.269.1."""
    return path[1:].split("/", maxsplit=1)[0].upper() if path.startswith("+") else None


def _usable(group: Row) -> float:
    """Bytes that files may still take there; below zero when part of the mirror reserve is in use."""
    usable = number(group["usable_file_mb"])
    if usable is None:
        raise ValueError(f"disk group {text(group['name'])}: USABLE_FILE_MB is NULL")
    return max(0.0, usable) * MB


def _reach(files: Rows, disks: Sequence[Disk], usable: Mapping[str, float]) -> Reach:
    allocated = sum(number(file["bytes"]) or 0.0 for file in files)
    promised: dict[str | Disk | None, float] = defaultdict(float)
    for file in files:
        path = text(file["file_name"])
        promised[group_under(path) or disk_under(path, disks)] += growth(file)
    possible = sum(min(size, _free(device, usable)) for device, size in promised.items())
    return Reach(allocated, allocated + possible)


def _free(device: str | Disk | None, usable: Mapping[str, float]) -> float:
    """Of a device that is not known nothing is cut off."""
    if isinstance(device, Disk):
        return device.free
    return usable.get(device, inf) if device else inf


def closed(facts: Facts) -> list[Item]:
    """Containers that a dictionary check cannot see into: closed, so unknown and not well."""
    if not facts.in_root:
        return []
    return [Item(pdb.name, "unknown", detail="closed") for pdb in facts.containers if pdb.open_mode == "MOUNTED"]


def unseen(facts: Facts, rows: Rows) -> list[Item]:
    """The same, and open containers without a row where each must have some (CONTAINER_DATA of the user not set)."""
    if not facts.in_root:
        return []
    shown = {row["con_id"] for row in rows}
    hidden = [pdb for pdb in facts.containers if pdb.open_mode != "MOUNTED" and pdb.con_id not in shown]
    detail = "shows no rows: CONTAINER_DATA of the user is not set"
    return closed(facts) + [Item(pdb.name, "unknown", detail=detail) for pdb in hidden]


def place(facts: Facts, con_id: Value) -> str:
    """A name for a whole container: the PDB, or the database where there are none."""
    return facts.container_name(con_id) or facts.db_name


def plain(verdict: Verdict, facts: Facts) -> Verdict:
    """The line without the database's own name, which says nothing where there are no PDBs."""
    return replace(verdict, line=verdict.line.removeprefix(f"{facts.db_name} "))


def many(count: float, noun: str) -> str:
    """`1 file`, `1,168 files`."""
    return f"{count:,.0f} {noun}" if count == 1 else f"{count:,.0f} {noun}s"
