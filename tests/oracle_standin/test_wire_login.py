"""Who comes in and who does not, with python-oracledb in front of a canned database."""

import asyncio
import socket

import oracledb
import pytest

from tests.oracle_standin.canned import PASSWORD, CannedBackend, CannedSession
from tests.standins.oracle.server import HOST, RunningStandin, Standin
from tests.standins.oracle.types import Result


def _refusal(
    dsn: str, user: str = "scott", password: str = PASSWORD, mode: oracledb.AuthMode = oracledb.AUTH_MODE_DEFAULT
) -> str:
    with pytest.raises(oracledb.DatabaseError) as caught:
        oracledb.connect(user=user, password=password, dsn=dsn, mode=mode)
    return str(caught.value)


def test_a_session_knows_its_database(connection: oracledb.Connection) -> None:
    assert connection.version == "19.22.0.0.0"
    assert connection.db_name == "CANNED"
    assert connection.instance_name == "CANNED1"
    assert connection.db_domain == "example.com"
    assert connection.service_name == "canned"
    assert connection.max_open_cursors == 1000
    assert connection.warning is None


def test_the_server_knows_who_came(connection: oracledb.Connection, session: CannedSession) -> None:
    assert session.login.machine == socket.gethostname()
    assert "python" in session.login.program
    assert session.login.mode == "normal"
    assert session.login.serial == connection.serial_num


@pytest.mark.parametrize(
    ("user", "password", "code"),
    [
        ("scott", "wrong", "ORA-01017"),
        ("scott", PASSWORD.lower(), "ORA-01017"),
        ("nobody", PASSWORD, "ORA-01017"),
        ("locked", PASSWORD, "ORA-28000"),
        ("expired", PASSWORD, "ORA-28001"),
        ("expired", "wrong", "ORA-01017"),
        ("nosession", PASSWORD, "ORA-01045"),
        ("early", "wrong", "ORA-01033"),
    ],
)
def test_a_login_is_refused_with_oracles_code(dsn: str, user: str, password: str, code: str) -> None:
    assert code in _refusal(dsn, user, password)


def test_attempts_are_remembered(server: RunningStandin, dsn: str) -> None:
    _refusal(dsn, "scott", "wrong")
    last = server.attempts[-1]
    assert (last.service, last.user, last.code) == ("canned", "scott", 1017)


def test_a_password_that_expires_soon_is_a_warning(dsn: str) -> None:
    with oracledb.connect(user="expiring", password=PASSWORD, dsn=dsn) as connection:
        assert connection.warning is not None
        assert connection.warning.full_code == "ORA-28002"


@pytest.mark.parametrize(
    ("mode", "name"), [(oracledb.AUTH_MODE_SYSDBA, "sysdba"), (oracledb.AUTH_MODE_SYSDGD, "sysdg")]
)
def test_administrative_modes_reach_the_database(
    dsn: str, backend: CannedBackend, mode: oracledb.AuthMode, name: str
) -> None:
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn, mode=mode):
        assert backend.sessions[-1].login.mode == name


def test_an_administrative_mode_needs_its_privilege(dsn: str) -> None:
    assert "ORA-01017" in _refusal(dsn, "plain", mode=oracledb.AUTH_MODE_SYSDBA)


def test_an_unknown_service_is_refused_by_the_listener(server: RunningStandin, persona: str) -> None:
    assert "DPY-6001" in _refusal(server.dsn("nowhere", persona))


def _descriptor(server: RunningStandin, persona: str, data: str, extra: str = "") -> str:
    address = f"(ADDRESS=(PROTOCOL=tcp)(HOST={HOST})(PORT={server.ports[persona]}))"
    return f"(DESCRIPTION={extra}{address}(CONNECT_DATA={data}))"


def test_a_sid_leads_to_the_instance(server: RunningStandin, persona: str) -> None:
    dsn = _descriptor(server, persona, "(SID=CANNED1)")
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as connection:
        assert connection.instance_name == "CANNED1"
    assert "DPY-6003" in _refusal(_descriptor(server, persona, "(SID=OTHER)"))


def test_a_long_descriptor_comes_in_a_packet_of_its_own(server: RunningStandin, persona: str) -> None:
    padding = f"(SERVICE_NAME=canned)(POOL_CONNECTION_CLASS={'x' * 400})"
    dsn = _descriptor(server, persona, padding)
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as connection:
        connection.ping()


def test_the_smallest_packets_carry_everything(server: RunningStandin, persona: str) -> None:
    dsn = _descriptor(server, persona, "(SERVICE_NAME=canned)", "(SDU=512)")
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as connection:
        rows = connection.cursor().execute("select n from thousands").fetchall()
        assert len(rows) == 5000
        (echoed,) = connection.cursor().execute("select :1 from dual", ["x" * 20_000]).fetchone()
        assert echoed == "x" * 20_000


def test_a_pooled_server_is_an_ordinary_one(server: RunningStandin, persona: str) -> None:
    with oracledb.connect(user="scott", password=PASSWORD, dsn=server.dsn("canned:pooled", persona)) as opened:
        opened.ping()


def test_logging_off_closes_the_session(dsn: str, backend: CannedBackend) -> None:
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as connection:
        number = connection.session_id
    session = next(one for one in backend.sessions if one.login.sid == number)
    for _ in range(100):
        if session.closed:
            return
        asyncio.run(asyncio.sleep(0.01))
    pytest.fail("the session stayed open")


async def test_more_sessions_than_allowed_are_turned_away() -> None:
    async with Standin([CannedBackend({})], max_sessions=2) as standin:
        dsn = f"{HOST}:{standin.ports['19c']}/canned"

        async def connect() -> oracledb.AsyncConnection:
            connection: oracledb.AsyncConnection = await oracledb.connect_async(
                user="scott", password=PASSWORD, dsn=dsn
            )
            return connection

        async with await connect(), await connect():
            with pytest.raises(oracledb.DatabaseError, match="ORA-12519"):
                await connect()


async def test_stopping_ends_every_session_and_closes_the_databases() -> None:
    backend = CannedBackend({})
    async with Standin([backend]) as standin:
        dsn = f"{HOST}:{standin.ports['23ai']}/canned"
        connection = await oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn)
    assert backend.closed
    assert all(session.closed for session in backend.sessions)
    with pytest.raises(oracledb.DatabaseError):
        await connection.ping()


async def test_a_port_that_is_taken_is_an_error_that_leaves_nothing_open() -> None:
    backend = CannedBackend({})
    with socket.create_server((HOST, 0)) as taken:
        standin = Standin([backend], wanted_ports={"23ai": taken.getsockname()[1]})
        with pytest.raises(OSError, match="address already in use"):
            await standin.start()
    assert backend.closed


async def test_a_bug_of_the_engine_ends_its_session_and_is_told_when_the_server_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: object) -> Result:
        raise RuntimeError("a bug")

    standin = Standin([CannedBackend({"select 1 from dual": broken})])
    await standin.start()
    dsn = f"{HOST}:{standin.ports['19c']}/canned"
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
            await connection.fetchone("select 1 from dual")
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        await connection.ping()
    with pytest.raises(RuntimeError, match="a bug"):
        await standin.stop()
    assert "the stand-in itself failed" in caplog.text


def test_two_databases_may_not_share_a_service() -> None:
    with pytest.raises(ValueError, match="service canned is in both"):
        Standin([CannedBackend({}), CannedBackend({}, name="other")])
