"""Backup, restore and the move of a database of a million outcomes, by their command lines."""

import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.bench import history
from tests.bench.history import MIB, Recipe
from tests.bench.table import Row
from tests.standins import postgresql
from tests.standins.processes import BIN

_MILLION = Recipe(visits=100)
_SMALL = Recipe(visits=10)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command: seconds on the clock, seconds of processor time, and the most memory that it had."""

    seconds: float
    cpu: float
    mib: float


def main(*, quick: bool) -> list[Row]:
    past = history.past(_SMALL if quick else _MILLION)
    store = Path(past.path).absolute()
    with tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as name, postgresql.server("18") as server:
        folder = Path(name)
        source, target, kept = f"sqlite:///{store}", server.new(), folder / "kept.zip"
        nothing = _run(folder, source, "--version")
        floor = _plain_copy(store, folder / "copy.sqlite")
        costs = {
            "backup of SQLite, with its check": _run(folder, source, "backup", kept),
            "restore into SQLite, compared": _run(folder, f"sqlite:///{folder}/new.sqlite", "restore", kept),
            "move from SQLite to PostgreSQL, compared": _run(folder, source, "migrate", "--to", target),
            "backup of PostgreSQL, with its check": _run(folder, target, "backup", folder / "again.zip"),
        }
        size = kept.stat().st_size / MIB
    rows = [_row(name, cost, nothing, floor) for name, cost in costs.items()]
    most = max(cost.mib for cost in costs.values())
    return [
        *rows,
        Row(name="size of the backup", value=size, unit="MiB", beside="the database", other=store.stat().st_size / MIB),
        Row(name="most memory of any", value=most, unit="MiB", beside="a command that does nothing", other=nothing.mib),
    ]


def _row(name: str, cost: Cost, nothing: Cost, floor: float) -> Row:
    """Without what the program takes to start."""
    taken = max(cost.seconds - nothing.seconds, 0.0)
    return Row(name=f"{name} ({cost.cpu:.1f} s of processor)", value=taken, unit="s", beside="VACUUM INTO", other=floor)


def _plain_copy(store: Path, copy: Path) -> float:
    """What SQLite itself takes to write all rows anew, on one store and without a comparison."""
    began = time.perf_counter()
    with closing(sqlite3.connect(store)) as raw:
        raw.execute("VACUUM INTO ?", (str(copy),))
    return time.perf_counter() - began


def _run(folder: Path, url: str, *words: object) -> Cost:
    command = [str(BIN / "fieldpost-collector"), "--state-dir", str(folder), *map(str, words)]
    print(f"backups: {words[0]}", file=sys.stderr)
    began = time.perf_counter()
    pid = os.posix_spawn(
        command[0],
        command,
        {**os.environ, "FIELDPOST_DATABASE_URL": url},
        file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)],
    )
    _, status, used = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
