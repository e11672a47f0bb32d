"""Resident memory and CPU of an idle agent that watches ten connections, beside a bare Python process with asyncio."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.standins.estate import Agent, Collector, get, start_oracle
from tests.standins.processes import free_port

CONNECTIONS = 10
WATCHED_S = 60.0
_BARE = "import asyncio; asyncio.run(asyncio.sleep(30))"


def main() -> None:
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
        before, started = _cpu_s(running.pid), time.monotonic()
        time.sleep(WATCHED_S)
        share = (_cpu_s(running.pid) - before) / (time.monotonic() - started)
        resident, bare = _rss_mib(running.pid), _bare_mib()
    print(f"agent with {CONNECTIONS} connections, {WATCHED_S:.0f} s after its first runs: {resident:.1f} MiB resident")
    print(f"bare asyncio process: {bare:.1f} MiB; ratio {resident / bare:.2f}")
    print(f"CPU while watching: {share:.2%} of a core")


def _all_visited(base_url: str, key: str) -> bool | None:
    fleet = get(f"{base_url}/api/v1/health/fleet", key) or {"data": []}
    done = len(fleet["data"]) == CONNECTIONS and all(entry["score"] is not None for entry in fleet["data"])
    return True if done else None


def _bare_mib() -> float:
    with subprocess.Popen([sys.executable, "-c", _BARE]) as process:
        time.sleep(1)
        resident = _rss_mib(process.pid)
        process.terminate()
    return resident


def _rss_mib(pid: int) -> float:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
