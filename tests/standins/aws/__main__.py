"""`python -m tests.standins.aws`: serve accounts, and the estate in them, until told to stop."""

import argparse
import json
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.standins.aws.faults import Faults, parse_fault
from tests.standins.aws.server import ACCOUNTS, REGIONS, Served, serve
from tests.standins.aws.world import World


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    faults = Faults(latency_ms=options.latency_ms)
    faults.add(options.fault)
    began = time.monotonic()
    world = World(faults=faults, transition_s=options.transition_ms / 1000)
    served = serve(options.port, world, estate=not options.no_estate, copies=options.copies)
    stop = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: stop.set())
    if options.key_file is not None:
        options.key_file.write_text(json.dumps(world.expected, indent=1) + "\n", encoding="utf-8")
    answering = threading.Thread(target=served.server.serve_forever, daemon=True)
    answering.start()
    _announce(served, options.ready_file, time.monotonic() - began)
    stop.wait()
    served.server.shutdown()
    served.server.server_close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="where to write what is printed, too")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="each call takes this much longer")
    parser.add_argument("--transition-ms", type=float, default=200.0, help="how long a start or a stop takes")
    parser.add_argument("--no-estate", action="store_true", help="accounts with their roles and nothing else")
    parser.add_argument("--copies", type=int, default=1, help="the estate this many times over")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="where to write what a scan must find")
    parser.add_argument("--fault", action="append", default=[], type=_fault, metavar="KIND=ARGUMENT[:ARGUMENT]")
    return parser


def _fault(text: str) -> str:
    try:
        parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _announce(served: Served, ready_file: Path | None, seconds: float) -> None:
    """The file appears whole or not at all, because somebody waits for it."""
    text = json.dumps(
        {
            "endpoint": served.endpoint,
            "regions": REGIONS,
            "accounts": [roles.as_json() for roles in ACCOUNTS],
            "built_s": round(seconds, 1),
        },
        indent=2,
    )
    print(text, flush=True)
    if ready_file is None:
        return
    draft = ready_file.with_name(ready_file.name + ".draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(ready_file)


if __name__ == "__main__":
    main()
