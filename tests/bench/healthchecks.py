"""Healthchecks, a monitoring service in Python that one person runs in production: pings taken in, and a list of all.

No package registry has it: whoever wants the rows puts its source and an environment with what it requires,
psycopg-binary and gunicorn into `.bench/peers/healthchecks` (`src`, `venv`). It runs as its own compose file has it: on
PostgreSQL, in four processes; its connections to the database are kept, which is not its default. On SQLite it keeps
no log ahead, so that its processes wait for one another and the row said only that. A ping is one small POST without
a signature.
"""

import asyncio
import os
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from tests.bench import loads
from tests.bench.packaged import PLACE, NotHereError
from tests.bench.table import Row
from tests.standins.postgresql import server
from tests.standins.processes import free_port, start

CHECKS, PING_CLIENTS, LIST_CLIENTS, SECONDS = 500, 8, 2, 6.0
WARMS_UP_S = 3.0
"""Each process loads its routes with the first request."""
_WORKERS = 4
_HOME = PLACE / "healthchecks"
_KEY = "k" * 32
_FILL = f"""
from django.contrib.auth.models import User
from hc.accounts.models import Project
from hc.api.models import Check
owner = User.objects.create(username="bench", email="bench@example.org")
project = Project.objects.create(owner=owner, api_key="{_KEY}", name="bench")
made = [Check.objects.create(project=project, name=f"db{{n}}") for n in range({CHECKS})]
print(" ".join(str(one.code) for one in made))
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A served instance and the codes of its checks."""

    port: int
    codes: Sequence[str]


def rows(folder: Path, ours: Mapping[str, float], listed: float) -> list[Row]:
    with _running(folder) as served:
        requests = [_ping(code) for code in served.codes]
        asyncio.run(loads.posts(served.port, requests, clients=PING_CLIENTS, seconds=WARMS_UP_S))
        pings = asyncio.run(loads.posts(served.port, requests, clients=PING_CLIENTS, seconds=SECONDS))
        url = f"http://127.0.0.1:{served.port}/api/v3/checks/"
        headers = {"X-Api-Key": _KEY}
        lists, length = asyncio.run(loads.gets(url, headers, clients=LIST_CLIENTS, seconds=SECONDS))
    name = f"Healthchecks {_version()}, {_WORKERS} processes, PostgreSQL 18"
    single = ours.get("single_batches_s")
    return [
        Row(name="requests with one record (ours: 20 results)", value=single, unit="/s", beside=name, other=pings)
        if single
        else Row(name=f"pings: {name}", value=pings, unit="/s"),
        Row(
            name=f"all {CHECKS} entries in one answer, {LIST_CLIENTS} clients",
            value=listed,
            unit="/s",
            beside=f"{name}, {length / 1000:.0f} kB",
            other=lists,
        ),
    ]


@contextmanager
def _running(folder: Path) -> Iterator[Running]:
    if not (_HOME / "src" / "manage.py").exists() or not (_HOME / "venv" / "bin" / "python").exists():
        raise NotHereError("in no package registry; with its source in .bench/peers/healthchecks it runs")
    folder.mkdir(parents=True)
    port, python = free_port(), _HOME / "venv" / "bin" / "python"
    with server("18") as postgres:
        environment = _environment(make_url(postgres.new()), f"http://127.0.0.1:{port}")
        _manage(python, environment, "migrate")
        codes = _manage(python, environment, "shell", "-v", "0", "-c", _FILL).split()
        where = ["--chdir", _HOME / "src", "--bind", f"127.0.0.1:{port}"]
        # Threads, if only one each: the other workers of gunicorn end a connection with each answer.
        workers = ["--worker-class", "gthread", "--workers", _WORKERS, "--threads", 1]
        command = [python, "-m", "gunicorn", *where, *workers, "hc.wsgi"]
        process = start("healthchecks", command, log=folder / "log", environment=environment)
        try:
            process.wait_until(lambda: _answers(port), timeout_s=60)
            yield Running(port, codes)
        finally:
            process.stop()


def _environment(database: URL, url: str) -> dict[str, str]:
    return {
        "SECRET_KEY": "bench",
        "DEBUG": "False",
        "ALLOWED_HOSTS": "*",
        "DB": "postgres",
        "DB_HOST": str(database.host),
        "DB_PORT": str(database.port),
        "DB_NAME": str(database.database),
        "DB_USER": str(database.username),
        "DB_CONN_MAX_AGE": "600",
        "SITE_ROOT": url,
    }


def _manage(python: Path, environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [str(python), "manage.py", *words],
        cwd=_HOME / "src",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise NotHereError(f"manage.py {words[0]}: {done.stderr.strip().splitlines()[-1][:120]}")
    return done.stdout


def _answers(port: int) -> bool | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v3/status/", timeout=5) as answer:
            return bool(answer.status)
    except OSError:
        return None


def _ping(code: str) -> bytes:
    body = b"x" * 200
    head = f"POST /ping/{code} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _version() -> str:
    found = (_HOME / "src" / "CHANGELOG.md").read_text().partition("## ")[2].partition("\n")[0]
    return found.partition(" - ")[0].strip() or "?"
