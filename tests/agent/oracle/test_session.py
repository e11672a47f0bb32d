"""A session against the stand-in: statements that race their time limit, refused views, too many rows, licences."""

import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.config import Connection
from agent.oracle.catalogue import LicenceRefusedError, Row
from agent.oracle.session import MAX_ROWS, Session, StatementFailure, session
from tests.standins.oracle.estate import standin
from tests.standins.oracle.faults import Fault, FaultKind
from tests.standins.oracle.server import Standin

SERVICE = "healthy19c"


@pytest.fixture
async def server() -> AsyncIterator[Standin]:
    async with standin(["healthy-19c"]) as running:
        yield running


@pytest.fixture
def target(server: Standin, tmp_path: Path) -> Connection:
    secret = tmp_path / "secret"
    secret.write_text("watch-healthy19c")
    return Connection(
        key="k",
        name="k",
        host="127.0.0.1",
        port=server.ports["19c"],
        service=SERVICE,
        user="FIELDPOST",
        password_file=secret,
    )


async def ask(opened: Session, sql: str, timeout_s: float = 10) -> list[Row]:
    return list(await opened.query(sql, action="TEST", timeout_s=timeout_s, packs=frozenset()))


@pytest.mark.slow
async def test_statements_that_race_their_time_limit_never_end_the_process(
    server: Standin, target: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the driver's own call_timeout does not survive: python-oracledb 26.1 dies of SIGSEGV within some hundred."""
    monkeypatch.setattr("agent.oracle.session.BREAK_S", 0.3)
    server.faults.set(SERVICE, Fault(FaultKind.SLOW_QUERY, seconds=0.025, pattern=re.compile(r"v\$log\b")))
    chance = random.Random(7)
    outcomes: Counter[str] = Counter()
    for _ in range(15):
        async with session(target) as opened:
            for _ in range(6):
                try:
                    await ask(opened, "SELECT group# FROM v$log", chance.uniform(0.018, 0.05))
                    outcomes["answered"] += 1
                except StatementFailure as failure:
                    outcomes["lost" if failure.lost else failure.code] += 1
                    if failure.lost:
                        break
    assert outcomes["answered"]
    assert outcomes["ORA-01013"]


async def test_a_session_goes_on_after_a_statement_was_broken_off(server: Standin, target: Connection) -> None:
    server.faults.set(SERVICE, Fault(FaultKind.SLOW_QUERY, seconds=30, pattern=re.compile(r"v\$log\b")))
    async with session(target) as opened:
        with pytest.raises(StatementFailure, match=r"broken off after 0\.2 s") as failure:
            await ask(opened, "SELECT group# FROM v$log", 0.2)
        assert failure.value.timed_out
        assert not failure.value.lost
        assert await ask(opened, "SELECT dummy FROM dual") == [{"dummy": "X"}]


@pytest.mark.parametrize(
    ("sql", "code", "named"),
    [
        ("SELECT username FROM dba_wallets", "ORA-00942", ""),
        ("SELECT d.name, x.program FROM v$database d, v$xs_sessions x", "ORA-00942", "V$XS_SESSIONS"),
        ("SELECT nonsense FROM v$log", "ORA-00904", ""),
    ],
)
async def test_a_refused_statement_has_its_code_and_the_refused_view(
    target: Connection, sql: str, code: str, named: str
) -> None:
    async with session(target) as opened:
        with pytest.raises(StatementFailure) as failure:
            await ask(opened, sql)
    assert failure.value.code == code
    assert not named or failure.value.object == named


async def test_more_rows_than_a_visit_may_hold_are_an_error_and_not_cut_off(target: Connection) -> None:
    async with session(target) as opened:
        rows = f"SELECT LEVEL AS n FROM dual CONNECT BY LEVEL <= {MAX_ROWS}"
        assert len(await ask(opened, rows)) == MAX_ROWS
        assert opened.round_trips == MAX_ROWS // 1000 + 1
        with pytest.raises(StatementFailure, match=f"more than {MAX_ROWS} rows"):
            await ask(opened, f"SELECT LEVEL AS n FROM dual CONNECT BY LEVEL <= {MAX_ROWS + 1}")


async def test_a_read_only_session_changes_nothing(target: Connection) -> None:
    async with session(target) as opened:
        with pytest.raises(StatementFailure, match="does not return rows"):
            await ask(opened, "CREATE TABLE t (n NUMBER)")
        await opened.read_only()
        with pytest.raises(StatementFailure, match="ORA-01456"):
            await ask(opened, "INSERT INTO t VALUES (1)")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sql_id FROM v$active_session_history",
        "SELECT * FROM SYS.DBA_HIST_SYSSTAT",
        "select 1 from gv$sql_monitor",
    ],
)
async def test_a_licensed_view_is_refused_before_it_is_sent(target: Connection, sql: str) -> None:
    async with session(target) as opened:
        with pytest.raises(LicenceRefusedError, match="pack, which is not declared"):
            await ask(opened, sql)
        assert opened.round_trips == 0
