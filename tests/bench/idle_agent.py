"""Resident memory and CPU of an idle agent that watches ten connections, beside a bare Python process with asyncio."""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench.machine import cpu_s, rss_mib
from tests.bench.table import Row
from tests.standins.estate import Agent, Collector, get, start_oracle
from tests.standins.processes import free_port

CONNECTIONS = 10
WATCHED_S, QUICK_WATCHED_S = 90.0, 15.0
MOST_MIB, MOST_CPU_PERCENT = 80, 0.5
_BARE = "import asyncio; asyncio.run(asyncio.sleep(30))"


def main(*, quick: bool) -> list[Row]:
    watched = QUICK_WATCHED_S if quick else WATCHED_S
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
        running.wait_until(lambda: _all_visited(collector.base_url, key), timeout_s=90, what="done with first runs")
        before, started = cpu_s(running.pid), time.monotonic()
        time.sleep(watched)
        share = (cpu_s(running.pid) - before) / (time.monotonic() - started)
        resident, bare = rss_mib(running.pid), _bare_mib()
    return [
        Row(
            name=f"agent with {CONNECTIONS} connections, {watched:.0f} s after its first runs",
            value=resident,
            unit="MiB resident",
            beside="a bare asyncio process",
            other=bare,
            key="agent_rss_mib",
            at_most=MOST_MIB,
        ),
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


def _bare_mib() -> float:
    with subprocess.Popen([sys.executable, "-c", _BARE]) as process:
        time.sleep(1)
        resident = rss_mib(process.pid)
        process.terminate()
    return resident
