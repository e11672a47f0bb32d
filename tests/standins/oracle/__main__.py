"""`python -m tests.standins.oracle`: serve scenarios until told to stop."""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.standins.oracle.estate import scenario_names, standin, targets
from tests.standins.oracle.faults import Fault, Faults, parse_fault


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    faults = Faults()
    for service, fault in options.fault:
        faults.add(service, fault)
    asyncio.run(_serve(options, faults))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.oracle", description=__doc__)
    parser.add_argument("--port-19c", type=int, default=0, metavar="PORT", help="0 takes a free one")
    parser.add_argument("--port-23ai", type=int, default=0, metavar="PORT", help="0 takes a free one")
    known = scenario_names()
    parser.add_argument("--scenario", action="append", default=[], choices=known, help="may be repeated; default: all")
    parser.add_argument("--fault", action="append", default=[], type=_fault, metavar="SERVICE:KIND[:ARGUMENT]")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="where to write what is printed, too")
    return parser


def _fault(text: str) -> tuple[str, Fault]:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


async def _serve(options: argparse.Namespace, faults: Faults) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    ports = {"19c": options.port_19c, "23ai": options.port_23ai}
    server = standin(options.scenario, faults=faults, ports=ports)
    if strangers := {service for service, _ in options.fault} - server.services:
        await server.stop()
        raise SystemExit(f"--fault: no service {', '.join(strangers)} among {', '.join(server.services)}")
    async with server:
        reachable = [target.as_json() for target in targets(server.ports, options.scenario)]
        _announce(json.dumps({"ports": server.ports, "targets": reachable}, indent=2), options.ready_file)
        await stop.wait()


def _announce(text: str, ready_file: Path | None) -> None:
    """The file appears whole or not at all, because somebody waits for it."""
    print(text, flush=True)
    if ready_file is None:
        return
    draft = ready_file.with_name(ready_file.name + ".draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(ready_file)


if __name__ == "__main__":
    main()
