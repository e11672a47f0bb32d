"""Run on a machine: what the agent's host checks read there, as JSON; the argument is where Oracle keeps its files."""

import json
import sys
from dataclasses import asdict

from agent.host.snapshot import Asked, Host

if __name__ == "__main__":
    place, port = sys.argv[1:]
    asked = Asked(oracle_paths={place: "datafiles"}, listeners=(("127.0.0.1", int(port)),))
    json.dump(asdict(Host().take(asked)), sys.stdout)
