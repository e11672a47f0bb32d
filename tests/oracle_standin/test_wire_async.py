"""Many sessions at once: asynchronous clients, pools, pipelines, TLS."""

import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import oracledb
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.oracle_standin.canned import PASSWORD, CannedBackend
from tests.oracle_standin.canned_answers import ANSWERS, LONG_TEXT
from tests.standins.oracle.server import HOST, running

QUICK = "select 1 from dual"


async def test_an_asynchronous_session_does_what_a_synchronous_one_does(dsn: str) -> None:
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        assert await connection.fetchall(QUICK) == [(0,), (1,)]
        assert len(await connection.fetchall("select n from thousands")) == 5000
        assert await connection.fetchone("select :1 from dual", ["x" * 40_000]) == ("x" * 40_000,)
        with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
            await connection.execute("select * from nope")
        row = await connection.fetchone("select * from typed")
        assert await row[-2].read() == LONG_TEXT
        await connection.commit()
        await connection.ping()


async def test_an_asynchronous_pool_shares_its_sessions(dsn: str) -> None:
    pool = oracledb.create_pool_async(user="scott", password=PASSWORD, dsn=dsn, min=1, max=4)

    async def work(number: int) -> object:
        async with pool.acquire() as connection:
            return await connection.fetchone("select :1 from dual", [number])

    assert await asyncio.gather(*map(work, range(40))) == [(n,) for n in range(40)]
    assert pool.opened <= 4
    await pool.close()


def test_a_pool_serves_more_threads_than_it_has_sessions(dsn: str) -> None:
    pool = oracledb.create_pool(user="scott", password=PASSWORD, dsn=dsn, min=2, max=5)

    def work(number: int) -> object:
        with pool.acquire() as connection, connection.cursor() as cursor:
            return cursor.execute("select :1 from dual", [number]).fetchone()

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(work, range(100))) == [(n,) for n in range(100)]
    assert pool.opened <= 5
    pool.close()


async def test_a_pipeline_is_answered_call_by_call(dsn: str) -> None:
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        pipeline = oracledb.create_pipeline()
        pipeline.add_fetchall(QUICK)
        pipeline.add_execute("insert into t values (:1, :2)", [1, "a"])
        pipeline.add_fetchall("select * from nope")
        pipeline.add_fetchone("select :1 from dual", [42])
        pipeline.add_commit()
        results = await connection.run_pipeline(pipeline, continue_on_error=True)
        assert results[0].rows == [(0,), (1,)]
        assert "ORA-00942" in str(results[2].error)
        assert results[3].rows == [(42,)]
        assert await connection.fetchall(QUICK) == [(0,), (1,)]


async def test_a_pipeline_stops_at_its_first_error_when_told_so(dsn: str) -> None:
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        pipeline = oracledb.create_pipeline()
        pipeline.add_fetchall("select * from nope")
        pipeline.add_fetchall(QUICK)
        with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
            await connection.run_pipeline(pipeline)
        assert await connection.fetchall(QUICK) == [(0,), (1,)]


async def test_a_hundred_sessions_live_side_by_side(dsn: str) -> None:
    async def visit(number: int) -> object:
        async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
            return await connection.fetchone("select :1 from dual", [number])

    assert await asyncio.gather(*map(visit, range(100))) == [(n,) for n in range(100)]


def test_nothing_is_left_of_a_stopped_server() -> None:
    before = set(threading.enumerate())
    with running([CannedBackend(ANSWERS)]) as server:
        for persona in ("19c", "23ai"):
            dsn = server.dsn("canned", persona)
            with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as connection:
                connection.ping()
    assert set(threading.enumerate()) <= before


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "ewallet.pem").write_bytes(certificate)
    (folder / "server.pem").write_bytes(certificate + private)
    return folder / "ewallet.pem", folder / "server.pem"


@pytest.mark.parametrize("persona", ["19c", "23ai"])
def test_tls_wraps_the_same_protocol(tmp_path: Path, persona: str) -> None:
    _, chain = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with running([CannedBackend(ANSWERS)], tls=context) as server:
        dsn = f"tcps://{HOST}:{server.ports[f'{persona}-tls']}/canned"
        wallet = str(tmp_path)
        with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn, wallet_location=wallet) as connection:
            assert len(connection.cursor().execute("select n from thousands").fetchall()) == 5000
            connection.call_timeout = 100
            with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
                connection.cursor().execute("begin sleep; end;")
            connection.call_timeout = 0
            connection.ping()
        with pytest.raises(oracledb.DatabaseError, match="CERTIFICATE_VERIFY_FAILED"):
            oracledb.connect(user="scott", password=PASSWORD, dsn=dsn)
