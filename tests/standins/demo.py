"""`make demo`: an Oracle estate, two AWS accounts, a collector and an agent on this machine, until Ctrl-C."""

import argparse
import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from common.clock import utc_now
from tests.standins import demo_status
from tests.standins.aws.launch import Aws, start_aws
from tests.standins.demo_aws import TENANT, Linked, Member, link_accounts, sign_up
from tests.standins.demo_status import Status
from tests.standins.estate import PLANS, Agent, Collector, Database, get, start_oracle
from tests.standins.processes import NotReadyError, Process
from tests.standins.reference import publish

READY_WITHIN_S = 300
_OWN = ("oracle", "aws", "collector", "agent", "demo.json")
_NEVER_RUN = "RETIRED-DB09"


def main() -> int:
    options = _options()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    state: Path = options.state.resolve()
    try:
        _make_room(state)
        with ExitStack() as stack:
            _run(state, options.port, stack, stopped)
    except NotReadyError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--state", type=Path, default=Path(".demo"))
    return parser.parse_args()


def _make_room(state: Path) -> None:
    """Start afresh, but never delete what another program put there."""
    foreign = [entry.name for entry in state.iterdir() if entry.name not in _OWN] if state.exists() else []
    if foreign:
        raise NotReadyError(f"STATE={state}: holds `{foreign[0]}`; expected an empty folder or one of an earlier demo")
    for name in _OWN:
        entry = state / name
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)


def _run(state: Path, port: int, stack: ExitStack, stopped: threading.Event) -> None:
    started = time.monotonic()
    collector = Collector(state / "collector", port)
    with ThreadPoolExecutor(len(PLANS) + 1) as side_by_side:
        estate = side_by_side.submit(start_oracle, state / "oracle")
        cloud = side_by_side.submit(start_aws, state / "aws")
        served = collector.serve()
        stack.callback(served.stop)
        keys = dict(zip(PLANS, side_by_side.map(partial(_tenant, collector), PLANS), strict=True))
        member = sign_up(collector)
        oracle, databases = estate.result()
        stack.callback(oracle.stop)
        aws = cloud.result()
        stack.callback(aws.process.stop)
    agent = _agent(state / "agent", collector, databases, aws)
    watching = agent.run()
    stack.callback(watching.stop)
    with ThreadPoolExecutor(1) as side_by_side:
        linking = side_by_side.submit(link_accounts, collector, member, watching, aws, stopped)
        fleet = _first_runs(watching, collector.base_url, keys["enterprise"], stopped)
        linked = linking.result()
    status = demo_status.set_up(collector.base_url, member)
    description = _description(collector.base_url, keys, status, databases)
    people = {"ui": {"url": f"{collector.base_url}/ui", **_credentials(member)}, "tuner": _credentials(member)}
    _write(state / "demo.json", {**description, **_clouds(aws, linked), **people})
    if not stopped.is_set():
        print(f"\nFieldpost is up ({time.monotonic() - started:.0f} s): one collector, one agent, and what they watch.")
        _print_screen(collector.base_url, keys["enterprise"], member, fleet, state)
    _wait([oracle, aws.process, served, watching], stopped)


def _tenant(collector: Collector, plan: str) -> str:
    """A tenant on this plan and its API key; the estate belongs to the enterprise one."""
    collector.command("tenant", "add", f"demo-{plan}", "--name", f"Demo {plan}", "--plan", plan)
    return str(collector.ask("key", "add", "--tenant", f"demo-{plan}", "--name", "demo")["key"])


def _agent(state: Path, collector: Collector, databases: Sequence[Database], aws: Aws) -> Agent:
    config = state / "config"
    _allow(config, aws)
    # A demo is looked at by day, whenever that is: heavy checks run at once, and its releases stay young.
    settings = {"FIELDPOST_HEAVY_WINDOW": "always", "FIELDPOST_CONFIG_DIR": str(config)}
    agent = Agent(state, settings={**settings, **aws.environment})
    agent.command("reference", "import", publish(config, utc_now().date()))
    token = collector.ask("agent", "token", "--tenant", "demo-enterprise")["token"]
    agent.enrol(collector.base_url, token, "demo-agent")
    for database in databases:
        agent.add(database, "--tier", "prod", "--tag", "demo")
    agent.add(databases[0], "--tier", "dev", "--paused", name=_NEVER_RUN)
    return agent


def _allow(config: Path, aws: Aws) -> None:
    """The agent may look at both accounts, and switch what carries the schedule's tag."""
    rules = [
        f'[[role]]\narn = "{account[role]}"\nallow = {json.dumps(allowed)}\n'
        for account in aws.accounts
        for role, allowed in (
            ("agent_role_arn", ["read", "switch"]),
            ("role_arn", ["read"]),
            ("schedule_role_arn", ["read", "switch"]),
        )
    ]
    config.mkdir(parents=True, exist_ok=True, mode=0o700)
    (config / "aws.toml").write_text("\n".join(rules))


def _first_runs(agent: Process, base_url: str, key: str, stopped: threading.Event) -> Mapping[str, Any]:
    """Wait until every connection but the paused one has been visited."""

    def visited() -> Mapping[str, Any] | None:
        fleet: Mapping[str, Any] = get(f"{base_url}/api/v1/health/fleet", key) or {"data": ()}
        waiting = [entry for entry in fleet["data"] if entry["score"] is None and entry["name"] != _NEVER_RUN]
        return fleet if (fleet["data"] and not waiting) or stopped.is_set() else None

    return agent.wait_until(visited, timeout_s=READY_WITHIN_S, every_s=1, what="done with its first runs")


def _description(
    base_url: str, keys: Mapping[str, str], status: Status, databases: Sequence[Database]
) -> dict[str, Any]:
    return {
        "base_url": base_url,
        "api_keys": dict(keys),
        "status_tokens": dict(status.tokens),
        "status": {"slug": TENANT, "page": status.page, "services": dict(status.services)},
        "oracle": [database.as_dict() for database in databases],
    }


def _clouds(aws: Aws, linked: Linked) -> dict[str, Any]:
    return {
        "aws_accounts": [account["account_id"] for account in aws.accounts],
        "aws_endpoint": aws.endpoint,
        "aws": {
            "endpoint": aws.endpoint,
            "regions": list(aws.regions),
            "accounts": list(aws.accounts),
            "linked": list(linked),
        },
    }


def _credentials(member: Member) -> dict[str, str]:
    return {"email": member.email, "password": member.password}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Complete or not there: who waits for the file may read it at once."""
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)


def _print_screen(base_url: str, key: str, member: Member, fleet: Mapping[str, Any], state: Path) -> None:
    width = max(len(entry["name"]) for entry in fleet["data"])
    estate = "\n".join(
        f"  {entry['name']:<{width}}  {'-' if entry['score'] is None else entry['score']:>4}  {entry['status']}"
        for entry in fleet["data"]
    )
    worst = min((entry for entry in fleet["data"] if entry["score"] is not None), key=lambda entry: entry["score"])
    print(
        f"""{len(fleet["data"])} Oracle connections; two AWS accounts, whose first scans are under way.

{estate}

  Web UI      {base_url}/ui   sign in as {member.email} with {member.password}
  API         {base_url}/api/v1   described at {base_url}/ui/docs
  Probes      {base_url}/health   {base_url}/health/ready
  Status page {base_url}/status/{TENANT}
  All details {state / "demo.json"}
  Logs        {state}/collector/collector.log  {state}/agent/agent.log

Try:
  KEY={key}
  curl -s -H "Authorization: Bearer $KEY" {base_url}/api/v1/health/fleet
  curl -s -H "Authorization: Bearer $KEY" "{base_url}/api/v1/health/connections?per_page=20"
  curl -s -H "Authorization: Bearer $KEY" {base_url}/api/v1/health/connections/{worst["id"]}/checks/latest

Ctrl-C stops everything.""",
        flush=True,
    )


def _wait(processes: Sequence[Process], stopped: threading.Event) -> None:
    while not stopped.wait(1):
        for process in processes:
            if not process.alive():
                raise NotReadyError(f"{process.name} ended with {process.handle.returncode}\n{process.tail()}")


if __name__ == "__main__":
    sys.exit(main())
