"""`make bench`: every measurement of this folder in one run, each beside its floor or peer, as a table and as JSON.

To add one: a module here with `main(*, quick: bool) -> list[Row]`, which tells its progress on standard error, and its
line in `BENCHES`. Each runs in a process of its own, so that none inherits another's memory or settings.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import running, table
from tests.bench.running import Bench
from tests.bench.table import Line

BENCHES = {
    bench.name: bench
    for bench in (
        Bench("ingest", "records taken in, signed and on disk before they are acknowledged"),
        Bench("reads", "lists and the fleet after a long history"),
        Bench("deliveries", "webhooks"),
        Bench("idle_agent", "an agent that watches ten connections"),
        Bench("visits", "a full round of one database"),
        Bench("many_agents", "agents that wait for news at one collector"),
        Bench("activity", "the activity log", in_quick=False),
        Bench("status_page", "the public status page", in_quick=False),
        Bench("pages", "pages of the web UI, milliseconds of processor time", in_quick=False),
        Bench("aws_scan", "a scan of an AWS account", in_quick=False),
        Bench("backups", "backup, restore and move of a million outcomes", in_quick=False),
        Bench("peers", "other programs at the same work", in_quick=False),
    )
}
_KEPT = Path(".bench/last.json")


def main() -> int:
    asked = _asked()
    if asked.one:
        return running.run_here(asked.one, Path(asked.into), quick=asked.quick)
    names = asked.names or [bench.name for bench in BENCHES.values() if bench.in_quick or not asked.quick]
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        print(f"bench: `{unknown[0]}` is not known; expected {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    sections, began = list[tuple[str, Sequence[Line]]](), time.monotonic()
    for bench in (BENCHES[name] for name in names):
        figures = table.figures([line for _, part in sections for line in part])
        sections.append((f"{bench.name}: {bench.title}", running.run(bench, quick=asked.quick, figures=figures)))
    return _tell(sections, quick=asked.quick, seconds=time.monotonic() - began)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="which benches; without any, all of them")
    parser.add_argument("--quick", action="store_true", help="under three minutes, on a smaller history")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    return parser.parse_args()


def _tell(sections: Sequence[tuple[str, Sequence[Line]]], *, quick: bool, seconds: float) -> int:
    lines = [line for _, part in sections for line in part]
    said: dict[str, object] = {
        **table.figures(lines),
        "missed": table.missed(lines),
        "failed": table.failed(lines),
        "quick": quick,
        "seconds": round(seconds),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    _KEPT.parent.mkdir(exist_ok=True)
    _KEPT.write_bytes(running.packed([*lines]))
    print(table.table(sections), end="\n\n")
    print(json.dumps(said))
    return 1 if table.failed(lines) else 0


if __name__ == "__main__":
    sys.exit(main())
