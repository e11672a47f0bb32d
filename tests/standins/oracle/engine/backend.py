"""One database: a scenario, the users' own tables, and the sessions that are open now."""

import itertools
import shutil
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tests.standins.oracle.engine.clocks import Clock
from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.plans import Plans
from tests.standins.oracle.engine.scenario import SCENARIOS, Row, Scenario, User, read_scenario
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.engine.tables import Tables
from tests.standins.oracle.engine.values import decode
from tests.standins.oracle.types import Account, Login, Mode

_ADMINISTRATORS: dict[str, str] = {"sysdba": "SYS", "sysdg": "SYSDG", "sysbackup": "SYSBACKUP", "sysoper": "PUBLIC"}


class Database:
    """What the wire half knows as a Backend."""

    scenario: Scenario
    db_name: str
    unique_name: str
    db_domain: str
    instance_name: str
    database_role: str
    host_name: str

    def __init__(self, scenario: Scenario, *, clock: Clock | None = None, plans: Plans | None = None) -> None:
        """`plans`: those of a database that differs in rows and grants alone."""
        self.scenario = scenario
        self.name = scenario.name
        self.release = scenario.release
        self.db_name = self._fact("db_name", "V$DATABASE", "NAME")
        self.unique_name = self._fact("db_unique_name", "V$DATABASE", "DB_UNIQUE_NAME")
        self.db_domain = scenario.facts.get("db_domain", "")
        self.instance_name = self._fact("instance_name", "V$INSTANCE", "INSTANCE_NAME")
        self.database_role = self._fact("database_role", "V$DATABASE", "DATABASE_ROLE") or "PRIMARY"
        self.host_name = self._fact("host_name", "V$INSTANCE", "HOST_NAME")
        self.tables = Tables()
        self.plans = plans or Plans()
        self.clock = clock or Clock()
        self._folder = Path(tempfile.mkdtemp(prefix="standin-"))
        self._sessions: dict[int, Session] = {}
        self._lock = threading.Lock()
        self._transactions = itertools.count(1)

    @property
    def file(self) -> Path:
        return self._folder / "tables.sqlite"

    def now(self) -> datetime:
        return self.clock.now()

    def rows(self, view: str) -> tuple[Row, ...]:
        return self.scenario.rows(view)

    def sessions(self) -> list[Session]:
        with self._lock:
            return list(self._sessions.values())

    def next_transaction(self) -> str:
        number = next(self._transactions)
        return f"{number % 10 + 1}.{number % 34}.{number + 1000}"

    def services(self) -> Mapping[str, int]:
        return self.scenario.services

    def container_name(self, service: str) -> str:
        return self.name_of_container(self.scenario.services[service.lower()])

    def name_of_container(self, number: int) -> str:
        """The name of a container, from the scenario or from V$CONTAINERS."""
        if not self.scenario.cdb:
            return self.db_name
        if number in self.scenario.containers:
            return self.scenario.containers[number]
        for row in (*self.rows("V$CONTAINERS"), *self.rows("V$PDBS")):
            if _plain(row, "CON_ID") == str(number):
                return _plain(row, "NAME")
        return {1: "CDB$ROOT", 2: "PDB$SEED"}.get(number, f"PDB{number}")

    def lookup_user(self, name: str, mode: Mode) -> Account | None:
        user = self.scenario.users.get(name.upper())
        if self.scenario.mounted and mode == "normal":
            raise ora(1033)
        return user.account if user else None

    def open_session(self, account: Account, login: Login) -> Session:
        user = self.scenario.users.get(account.name)
        if user is None or login.mode not in account.modes:
            raise ora(1017)
        self._check_admission(user, login.mode)
        session = Session(self, user, login, _ADMINISTRATORS.get(login.mode, account.name))
        with self._lock:
            self._sessions[id(session)] = session
        return session

    def _check_admission(self, user: User, mode: Mode) -> None:
        if mode != "normal":
            return
        if self.scenario.mounted:
            raise ora(1033)
        if "CREATE SESSION" not in user.system_privileges:
            raise ora(1045, user.account.name)
        if self.scenario.restricted and "RESTRICTED SESSION" not in user.system_privileges:
            raise ora(1035)

    def forget(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(id(session), None)

    def close(self) -> None:
        for session in self.sessions():
            session.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fact(self, fact: str, view: str, column: str) -> str:
        if fact in self.scenario.facts:
            return self.scenario.facts[fact]
        for row in self.rows(view):
            return _plain(row, column)
        return self.scenario.name.replace("-", "")[:8].upper() if view == "V$DATABASE" else ""


def _plain(row: Row, column: str) -> str:
    cell = row.get(column)
    value = decode(cell) if cell is None or isinstance(cell, str | bytes | int | float) else None
    return "" if value is None else str(value)


def load_scenario(name_or_path: str | Path) -> Database:
    """The database that a scenario folder describes, by name or by path."""
    folder = Path(name_or_path)
    if not (folder / "scenario.yaml").is_file():
        folder = SCENARIOS / str(name_or_path)
    if not (folder / "scenario.yaml").is_file():
        known = ", ".join(sorted(file.parent.name for file in SCENARIOS.glob("*/scenario.yaml")))
        raise ValueError(f"scenario {str(name_or_path)!r}: no such folder; there are {known}")
    return Database(read_scenario(folder))
