"""What the engine's tests share: open sessions on the small scenarios, and a plain way to run a statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.types import Bind, Login, Mode, OracleError, OraType, Result, Value

SCENARIOS = Path(__file__).parent / "engine_scenarios"
_BIND_TYPES: dict[type, OraType] = {
    str: OraType.VARCHAR2,
    int: OraType.NUMBER,
    Decimal: OraType.NUMBER,
    float: OraType.BINARY_DOUBLE,
    datetime: OraType.TIMESTAMP,
    timedelta: OraType.INTERVAL_DS,
    bytes: OraType.RAW,
    type(None): OraType.VARCHAR2,
}


@contextmanager
def database(name: str = "small") -> Iterator[Database]:
    opened = load_scenario(SCENARIOS / name)
    try:
        yield opened
    finally:
        opened.close()


def login(
    opened: Database, user: str = "WATCHER", *, mode: Mode = "normal", service: str = "", sid: int = 7
) -> Session:
    account = opened.lookup_user(user, mode)
    assert account is not None
    chosen = service or next(iter(opened.services()))
    return opened.open_session(account, Login(service=chosen, mode=mode, sid=sid, serial=11, program="tests"))


def run(session: Session, sql: str, *values: Value) -> Result:
    return session.execute(sql, [[Bind(str(n), _BIND_TYPES[type(v)], v) for n, v in enumerate(values, 1)]])


def rows(session: Session, sql: str, *values: Value) -> list[tuple[Value, ...]]:
    return list(run(session, sql, *values).rows)


def value(session: Session, expression: str, *values: Value) -> Value:
    """The value of one expression over DUAL."""
    return rows(session, f"SELECT {expression} FROM dual", *values)[0][0]


def error(session: Session, sql: str, *values: Value) -> OracleError:
    """The error that a statement raises."""
    try:
        run(session, sql, *values)
    except OracleError as raised:
        return raised
    raise AssertionError(f"no error: {sql}")
