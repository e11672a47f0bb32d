"""One bench at a time, each in a process of its own that hands its rows over in a file."""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.bench.table import Line, Row, Unmeasured

LIMIT_S, QUICK_LIMIT_S = 1800.0, 120.0
FIGURES = "FIELDPOST_BENCH_FIGURES"
"""Holds what benches of the same run have measured, for those that set it beside something else."""
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A module of this folder, and what it is about."""

    name: str
    title: str
    in_quick: bool = True


class _Rows(msgspec.Struct):
    """As they are between two processes."""

    measured: list[tuple[int, Row]]
    others: list[tuple[int, Unmeasured]]


def run(
    bench: Bench, *, quick: bool, limit_s: float | None = None, figures: Mapping[str, float] | None = None
) -> list[Line]:
    """Its rows; one that failed is a row that says why, and the others still run. `figures`: of this run so far."""
    print(f"--- {bench.name}", file=sys.stderr, flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        into = Path(folder) / "rows.json"
        os.environ[FIGURES] = json.dumps(dict(figures or {}))
        code = _in_a_process(bench, into, quick=quick, limit_s=limit_s or (QUICK_LIMIT_S if quick else LIMIT_S))
        ended = code is not None and into.exists()
        found: list[Line] = unpacked(into.read_bytes()) if ended else [_died(bench, code)]
    print(f"--- {bench.name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def run_here(name: str, into: Path, *, quick: bool) -> int:
    """What the process of one bench does."""
    try:
        rows: list[Line] = list(importlib.import_module(f"tests.bench.{name}").main(quick=quick))
    except Exception as trouble:  # noqa: BLE001 - whatever stops one bench is its row; the others still run
        traceback.print_exc()
        rows = [Unmeasured(name, _told(trouble), failed=True)]
    into.write_bytes(packed(rows))
    return 0


def packed(lines: list[Line]) -> bytes:
    """Rows as JSON, in their order."""
    numbered = list(enumerate(lines))
    return msgspec.json.encode(
        _Rows(
            [(n, line) for n, line in numbered if isinstance(line, Row)],
            [(n, line) for n, line in numbered if isinstance(line, Unmeasured)],
        )
    )


def unpacked(text: bytes) -> list[Line]:
    """What `packed` made."""
    rows = msgspec.json.decode(text, type=_Rows)
    numbered: list[tuple[int, Line]] = [*rows.measured, *rows.others]
    return [line for _, line in sorted(numbered, key=lambda pair: pair[0])]


def _in_a_process(bench: Bench, into: Path, *, quick: bool, limit_s: float) -> int | None:
    """Its exit code, None when it took too long. What it started goes with it."""
    command = [sys.executable, "-m", "tests.bench", "--one", bench.name, "--into", str(into)]
    with subprocess.Popen([*command, *(["--quick"] if quick else [])], start_new_session=True, stdout=2) as process:
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Interrupted, it ends what it started, in whatever session that is; what then is left of its own is killed."""
    with suppress(subprocess.TimeoutExpired):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _died(bench: Bench, code: int | None) -> Unmeasured:
    why = "took too long" if code is None else f"its process ended with {code}"
    return Unmeasured(bench.name, why, failed=True)


def _told(trouble: Exception) -> str:
    first = str(trouble).strip().partition("\n")[0]
    return f"{type(trouble).__name__}: {first}" if first else type(trouble).__name__
