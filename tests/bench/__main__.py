"""`make bench [names]`: every measurement of this folder, each a ratio within one run.

To add one: a module here with `main() -> None`, which prints its lines, and its name in `BENCHES`.
"""

import importlib
import sys

BENCHES = ("visits", "ingest", "reads", "deliveries", "idle_agent", "activity", "aws_scan", "status_page", "pages")


def main() -> int:
    names = sys.argv[1:] or list(BENCHES)
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        print(f"bench: `{unknown[0]}` is not known; expected {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"--- {name}", flush=True)
        importlib.import_module(f"tests.bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
