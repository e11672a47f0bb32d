"""What tablespaces can reach: the sum of their files at full growth, cut to what the devices under them hold."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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


def reaches(files: Rows, disks: Sequence[Disk] = ()) -> Mapping[Key, Reach]:
    """Per tablespace; one whose files are all offline (no size) is missing."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for file in files:
        if file["bytes"] is not None:
            found[key(file)].append(file)
    return {tablespace: _reach(own, disks) for tablespace, own in found.items()}


def growth(file: Row) -> float:
    """Bytes that autoextend may still add. MAXBYTES is 0 without it, and less than BYTES after a resize by hand."""
    if file["autoextensible"] != "YES":
        return 0.0
    return max(0.0, (number(file["maxbytes"]) or 0.0) - (number(file["bytes"]) or 0.0))


def disk_under(path: str, disks: Sequence[Disk]) -> Disk | None:
    """The file system that holds a path: the one with the longest mount point above it."""
    fitting = [disk for disk in disks if path.startswith(disk.mount.rstrip("/") + "/")]
    return max(fitting, key=lambda disk: len(disk.mount), default=None)


def _reach(files: Rows, disks: Sequence[Disk]) -> Reach:
    allocated = sum(number(file["bytes"]) or 0.0 for file in files)
    promised: dict[Disk | None, float] = defaultdict(float)
    for file in files:
        promised[disk_under(text(file["file_name"]), disks)] += growth(file)
    possible = sum(min(size, disk.free) if disk else size for disk, size in promised.items())
    return Reach(allocated, allocated + possible)


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
