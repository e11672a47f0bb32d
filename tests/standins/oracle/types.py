"""What the wire half and the SQL half of the Oracle stand-in agree on."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol

Value = None | str | int | float | Decimal | bytes | bool | datetime | timedelta
"""NUMBER is int or Decimal, BINARY_DOUBLE float, DATE and TIMESTAMP naive, TIMESTAMP WITH TIME ZONE aware."""


class OraType(enum.Enum):
    VARCHAR2 = enum.auto()
    NVARCHAR2 = enum.auto()
    CHAR = enum.auto()
    LONG = enum.auto()
    NUMBER = enum.auto()
    BINARY_FLOAT = enum.auto()
    BINARY_DOUBLE = enum.auto()
    DATE = enum.auto()
    TIMESTAMP = enum.auto()
    TIMESTAMP_TZ = enum.auto()
    TIMESTAMP_LTZ = enum.auto()
    INTERVAL_DS = enum.auto()
    RAW = enum.auto()
    CLOB = enum.auto()
    BLOB = enum.auto()
    ROWID = enum.auto()
    BOOLEAN = enum.auto()


@dataclass(frozen=True)
class Column:
    """One column of a query; size counts characters (bytes for RAW) and matters to strings and RAW only."""

    name: str
    type: OraType
    size: int = 0
    precision: int = 0
    scale: int = -127
    nullable: bool = True


class Direction(enum.Enum):
    IN = "in"
    OUT = "out"
    INOUT = "inout"


@dataclass(frozen=True)
class Bind:
    """One bind of one execution.

    In SQL binds come in order of occurrence, in PL/SQL once per distinct name. Names are upper case (or as
    quoted) and come from the statement's text, `:1` has the name "1". The client never says a direction: a value
    of SQL is IN, a bind after RETURNING … INTO is OUT, a bind of PL/SQL INOUT until the engine knows better.
    """

    name: str
    type: OraType
    value: Value
    direction: Direction = Direction.IN
    size: int = 0


@dataclass(frozen=True)
class Result:
    """What one execute call did.

    `returned` (RETURNING INTO) holds per execution, per OUT bind, the values of the rows touched.
    `directions` (PL/SQL) has one entry per bind, `out_values` per execution the values of those that are not IN.
    """

    columns: Sequence[Column] = ()
    rows: Sequence[tuple[Value, ...]] = ()
    rowcount: int = 0
    returned: Sequence[Sequence[Sequence[Value]]] = ()
    directions: Sequence[Direction] = ()
    out_values: Sequence[Sequence[Value]] = ()

    @property
    def is_query(self) -> bool:
        return bool(self.columns)


class OracleError(Exception):
    """An error of the server; text lacks the ORA- prefix, offset counts characters into the SQL from 0."""

    def __init__(self, code: int, text: str, offset: int = 0) -> None:
        super().__init__(code, text, offset)
        self.code = code
        self.text = text
        self.offset = offset

    def __str__(self) -> str:
        return f"ORA-{self.code:05d}: {self.text}"


Mode = Literal["normal", "sysdba", "sysoper", "sysasm", "sysbackup", "sysdg", "syskm", "sysrac"]


class AccountStatus(enum.Enum):
    OPEN = "open"
    LOCKED = "locked"  # ORA-28000
    EXPIRED = "expired"  # ORA-28001
    EXPIRING = "expiring"  # logs in with the warning ORA-28002


@dataclass(frozen=True)
class Account:
    name: str
    password: str = field(repr=False)
    status: AccountStatus = AccountStatus.OPEN
    modes: frozenset[Mode] = frozenset({"normal"})  # administrative modes that the password file grants


@dataclass(frozen=True)
class Login:
    """Who logs in, from where, to what; sid and serial are those that the client is told."""

    service: str
    mode: Mode = "normal"
    sid: int = 1
    serial: int = 1
    program: str = ""
    machine: str = ""
    terminal: str = ""
    os_user: str = ""
    process: str = ""


class SqlSession(Protocol):
    """One Oracle session; everything but `interrupt` is called from one thread."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
        """Run a statement: one row of binds, several for executemany, one empty row where there are none."""

    def describe(self, sql: str) -> Sequence[Column]:
        """Parse a statement without running it; the columns of a query, nothing for anything else."""

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None:
        """Roll back and let go of everything."""

    def interrupt(self) -> None:
        """Make the statement that runs now, if any, raise ORA-01013; called from another thread."""

    def set_attribute(self, name: str, value: str | None) -> None:
        """Take module, action, client_info, client_identifier, dbop, current_schema or time_zone."""


class Backend(Protocol):
    """One database: what a scenario folder describes."""

    name: str  # of the scenario
    release: tuple[int, int, int, int, int]
    db_name: str
    unique_name: str
    db_domain: str
    instance_name: str

    def services(self) -> Mapping[str, int]:
        """Service name in lower case -> container id where its sessions land."""

    def container_name(self, service: str) -> str:
        """The PDB, CDB$ROOT or the database's own name that a service leads to."""

    def lookup_user(self, name: str, mode: Mode) -> Account | None:
        """Find an account; raises ORA-01033 and the like when nobody may even try a password."""

    def open_session(self, account: Account, login: Login) -> SqlSession:
        """Start a session after the password was right; raises ORA-01045, ORA-01035 and the like."""

    def close(self) -> None:
        """Let go of the database's storage."""
