"""Outlives a run of proofs that is killed itself, and ends what that has started: `python -I -S guard.py`.

Each line of its standard input has the number of a program; the input ends with the run, however that ends.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    begun = {}
    for line in sys.stdin:
        pid = int(line)
        begun[pid] = _begun(pid)
    for pid, before in begun.items():
        if _begun(pid) in {before, ""}:  # the same program still, or its number is nobody else's
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _begun(pid: int) -> str:
    """When it was started, as the system counts; "" where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


if __name__ == "__main__":
    main()
