"""Resident memory and CPU of an idle agent that watches ten connections, beside a bare Python process with asyncio.

What its memory is made of is found by importing the same things step by step in a process of its own.
"""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.machine import cpu_s, rss_mib
from tests.bench.table import Row
from tests.standins.estate import Agent, Collector, get, start_oracle
from tests.standins.processes import Process, free_port

CONNECTIONS = 10
SETTLES_S, QUICK_SETTLES_S = 30.0, 1.0
WATCHED_S, QUICK_WATCHED_S = 120.0, 15.0
MOST_MIB, MOST_CPU_PERCENT = 80, 0.5
_SAMPLE_S = 0.5
_STEPS = """
import asyncio, json, sys
from pathlib import Path

def mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256

found = [mib()]
sys.modules["rich"] = sys.modules["greenlet"] = None
import aiohttp, cryptography.x509, joserfc.jws, joserfc.jwt, msgspec, oracledb, psutil, sqlite3, structlog, zoneinfo
found.append(mib())
import agent.daemon, agent.visiting
from agent.oracle.checks import catalogue
catalogue()
found.append(mib())
print(json.dumps(found))
"""


def main(*, quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        state = Path(folder)
        oracle, databases = start_oracle(state / "oracle", ["healthy-19c"])
        stack.callback(oracle.stop)
        collector = Collector(state / "collector", free_port())
        stack.callback(collector.serve().stop)
        collector.command("tenant", "add", "bench", "--name", "Bench", "--plan", "enterprise")
        key = collector.ask("key", "add", "--tenant", "bench", "--name", "bench")["key"]
        agent = Agent(state / "agent")
        agent.enrol(collector.base_url, collector.ask("agent", "token", "--tenant", "bench")["token"], "bench")
        for number in range(CONNECTIONS):
            agent.add(databases[0], name=f"db{number}")
        running = agent.run()
        stack.callback(running.stop)
        running.wait_until(lambda: _all_visited(collector.base_url, key), timeout_s=200, what="done with first runs")
        time.sleep(QUICK_SETTLES_S if quick else SETTLES_S)
        return _rows(running, QUICK_WATCHED_S if quick else WATCHED_S)


def _rows(running: Process, watched: float) -> list[Row]:
    before, began, seen = cpu_s(running.pid), time.monotonic(), list[float]()
    while time.monotonic() - began < watched:
        seen.append(rss_mib(running.pid))
        time.sleep(_SAMPLE_S)
    share = (cpu_s(running.pid) - before) / (time.monotonic() - began)
    resident, (bare, libraries, own) = median(seen), _steps()
    return [
        Row(
            name=f"agent with {CONNECTIONS} connections, median of {watched:.0f} s after its first runs",
            value=resident,
            unit="MiB resident",
            beside="a bare asyncio process",
            other=bare,
            key="agent_rss_mib",
            at_most=MOST_MIB,
        ),
        Row(name="at its highest, while visits are under way", value=max(seen), unit="MiB resident"),
        Row(name="of it: libraries as they are imported (driver, TLS, HTTP)", value=libraries - bare, unit="MiB"),
        Row(name="of it: our modules and the catalogue of checks", value=own - libraries, unit="MiB"),
        Row(name="of it: what runs (sessions, spool, what malloc keeps)", value=resident - own, unit="MiB"),
        Row(
            name="processor time meanwhile, at default intervals",
            value=100 * share,
            unit="% of a core",
            key="agent_cpu_percent",
            at_most=MOST_CPU_PERCENT,
        ),
    ]


def _all_visited(base_url: str, key: str) -> bool | None:
    fleet = get(f"{base_url}/api/v1/health/fleet", key) or {"data": []}
    done = len(fleet["data"]) == CONNECTIONS and all(entry["score"] is not None for entry in fleet["data"])
    return True if done else None


def _steps() -> list[float]:
    """MiB after the interpreter, the libraries, our own modules."""
    done = subprocess.run([sys.executable, "-P", "-c", _STEPS], capture_output=True, text=True, check=True, timeout=60)
    found: list[float] = json.loads(done.stdout)
    return found
