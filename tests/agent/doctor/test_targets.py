"""Faults of connections, planted in the stand-in's databases, in files and in the network, and found by doctor."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.config import Connection, save_connections
from agent.doctor import targets
from agent.doctor.ground import Ground
from agent.oracle.samples import FILE_NAME, Samples
from common.checkup import Finding, examine
from tests.agent.doctor.grounds import bad, ground, issued, seen
from tests.standins.oracle import visit
from tests.standins.oracle.codec import Writer
from tests.standins.oracle.engine import load_scenario
from tests.standins.oracle.engine.overlay import Changes, overlay
from tests.standins.oracle.estate import standin
from tests.standins.oracle.faults import Fault, FaultKind
from tests.standins.oracle.packets import HEADER, ConnectRequest, PacketType, frame
from tests.standins.oracle.persona import Persona
from tests.standins.oracle.server import Standin

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[Standin]:
    async with standin(["healthy-19c", "no-grants"]) as running:
        yield running


@pytest.fixture
def target(server: Standin, tmp_path: Path) -> Connection:
    secret = tmp_path / "secret"
    secret.write_text("watch-healthy19c\n")
    secret.chmod(0o600)
    return Connection(
        key="k", name="Sales", host="127.0.0.1", port=server.ports["19c"], service="healthy19c", user="FIELDPOST",
        password_file=secret,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "LOGON_S", 1.5)


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., "asyncio.Future[dict[str, Finding]]"]:
    def found(*connections: Connection, only: tuple[str, ...] = ()) -> "asyncio.Future[dict[str, Finding]]":
        at = ground(tmp_path)
        save_connections(at.settings.connections_file, connections)
        return asyncio.ensure_future(seen(targets.LOOKS, Ground(at.settings, only)))

    return found


Look = Callable[..., "asyncio.Future[dict[str, Finding]]"]


def as_user(target: Connection, user: str, password: str, *, service: str = "nogrants") -> Connection:
    assert target.password_file
    target.password_file.write_text(password)
    return replace(target, user=user, service=service)


async def test_a_connection_without_faults_is_well(target: Connection, look: Look) -> None:
    found = await look(target)
    assert bad(found) == {}
    assert found["database-login"].what == "logon of Sales"
    assert found["database-grants"].detail.endswith("views that the checks read")


# --- network -------------------------------------------------------------------------------------------------------


async def test_a_host_name_that_does_not_resolve_is_named(target: Connection, look: Look) -> None:
    finding = bad(await look(replace(target, host="db.invalid")))["database-host"]
    assert "the host name db.invalid cannot be resolved here" in finding.detail
    assert "getent hosts db.invalid" in finding.mend


async def test_a_listener_that_is_down_is_named(target: Connection, look: Look) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        finding = bad(await look(replace(target, port=port)))["database-listener"]
    assert f"nothing listens at 127.0.0.1:{port} (ORA-12541" in finding.detail
    assert "lsnrctl start" in finding.mend


async def test_a_service_that_the_listener_does_not_know_is_named(target: Connection, look: Look) -> None:
    finding = bad(await look(replace(target, service="sales.example.com")))["database-service"]
    assert "the listener does not know the service sales.example.com" in finding.detail
    assert "lsnrctl services" in finding.mend


async def test_a_listener_that_never_answers_is_a_firewall_or_hangs(
    server: Standin, target: Connection, look: Look
) -> None:
    server.faults.set("healthy19c", Fault(FaultKind.SILENT))
    finding = bad(await look(target))["database-network"]
    assert "does not answer in time: a firewall drops it, or the listener hangs" in finding.detail
    assert f"nc -vz -w 5 127.0.0.1 {target.port}" in finding.mend


# --- logon ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password", "message", "mend"),
    [
        ("FIELDPOST", "tiger", "user name or password is refused (ORA-01017", "connection test 'Sales'"),
        ("LOCKED_USER", "locked-nogrants", "the account LOCKED_USER is locked", "ALTER USER LOCKED_USER ACCOUNT UN"),
        ("EXPIRED_USER", "expired-nogrants", "the password of EXPIRED_USER has expired", "ALTER USER EXPIRED_USER"),
    ],
)
async def test_a_refused_logon_is_told_by_its_reason(
    target: Connection, look: Look, *, user: str, password: str, message: str, mend: str
) -> None:
    finding = bad(await look(as_user(target, user, password)))["database-login"]
    assert message in finding.detail
    assert mend in finding.mend
    assert password not in str(finding)


async def test_a_refused_password_is_not_tried_again_by_doctor_either(
    server: Standin, target: Connection, look: Look, tmp_path: Path
) -> None:
    at = ground(tmp_path)
    with Samples(at.state / FILE_NAME):
        pass
    wrong = as_user(target, "FIELDPOST", "tiger")
    await look(wrong)
    tried = len(server.attempts)
    finding = bad(await look(wrong))["database-login"]
    assert "so as not to lock it" in finding.detail
    assert "user name or password is refused" in finding.detail
    assert len(server.attempts) == tried


@pytest.mark.parametrize(
    ("flags", "version", "id_", "message", "mend"),
    [
        (0x14, 318, "database-encryption", "requires native network encryption", "SQLNET.ENCRYPTION_SERVER = ACCEPTED"),
        (0x04, 313, "database-version", "the database is older than 12.1", "thick client"),
    ],
)
async def test_what_the_thin_driver_cannot_do_is_told_by_the_handshake(
    target: Connection,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
    *,
    flags: int,
    version: int,
    id_: str,
    message: str,
    mend: str,
) -> None:
    def accept(persona: Persona, request: ConnectRequest) -> bytes:
        body = Writer().u16(version).u16(1).u16(8192).u16(8192).u16(1).u16(0).u16(HEADER + 33)
        body.u8(flags, flags).raw(bytes(8)).u32(request.sdu).u32(8192).u8(0).u32(persona.accept_flags)
        return frame(PacketType.ACCEPT, body.done(), large=False)

    monkeypatch.setattr(visit, "accept", accept)
    finding = bad(await look(target))[id_]
    assert message in finding.detail
    assert mend in finding.mend


async def test_a_server_that_refuses_for_want_of_encryption_says_so_too(
    server: Standin, target: Connection, look: Look
) -> None:
    server.faults.set("healthy19c", Fault(FaultKind.REFUSE, code=12660))
    assert "native network encryption" in bad(await look(target))["database-encryption"].detail


async def test_an_instance_that_is_not_open_is_no_fault_of_the_agent(
    server: Standin, target: Connection, look: Look
) -> None:
    server.faults.set("healthy19c", Fault(FaultKind.REFUSE, code=12528))
    assert "takes no new connections now" in bad(await look(target))["database-instance"].detail


# --- grants --------------------------------------------------------------------------------------------------------


async def test_views_that_are_not_granted_are_named_with_their_grants(
    server: Standin, target: Connection, look: Look
) -> None:
    revoked = frozenset({"V_$LOG", "DBA_JOBS", "V_$ARCHIVE_DEST"})
    base = load_scenario("healthy-19c")
    server.add(overlay(base, Changes(revoked=revoked), name="ungranted", at=NOW, started=NOW - timedelta(days=9)))
    finding = bad(await look(replace(target, service="ungranted")))["database-grants"]
    base.close()
    assert "FIELDPOST may not read 3 of" in finding.detail
    assert set(finding.mend.splitlines()) == {f"GRANT SELECT ON SYS.{name} TO FIELDPOST;" for name in revoked}


async def test_an_account_without_any_grant_is_sent_to_the_script(target: Connection, look: Look) -> None:
    finding = bad(await look(as_user(target, "FIELDPOST", "watch-nogrants")))["database-grants"]
    assert "without which nothing is known" in finding.detail
    assert finding.mend.startswith("fieldpost-agent grants --user FIELDPOST")


# --- passwords -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0o600, "No such file or directory"),
        ("", 0o600, "is empty; expected a password"),
        ("first\nsecond\n", 0o600, "has 2 lines; expected the password alone"),
        ("watch-healthy19c", 0o644, "is open to others (mode 0644"),
    ],
)
async def test_a_password_file_that_is_not_right_is_named(
    target: Connection, look: Look, content: str | None, mode: int, message: str
) -> None:
    assert target.password_file
    target.password_file.unlink()
    if content is not None:
        target.password_file.write_text(content)
        target.password_file.chmod(mode)
    found = await look(target)
    assert message in bad(found)["password"].detail
    assert "watch-healthy19c" not in str(found)
    assert not any(id_.startswith("database") for id_ in found)


async def test_a_credential_that_the_service_does_not_have_is_named(
    target: Connection, look: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    finding = bad(await look(replace(target, password_file=None, password_credential="sales")))["password"]
    assert "/etc/fieldpost-agent/credentials/sales" in finding.mend


async def test_a_variable_of_the_agent_cannot_be_seen_from_here(target: Connection, look: Look) -> None:
    found = await look(replace(target, password_file=None, password_env="J7_NO_SUCH_VARIABLE"))
    assert found["password"].state == "unknown"
    assert "has an environment of its own" in found["password"].detail


async def test_a_connections_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    at = ground(tmp_path)
    at.settings.connections_file.write_text('[[connection]]\nname = "x"\n')
    assert "connection x: key: missing" in bad(await seen(targets.LOOKS, at))["connections"].detail


async def test_one_connection_may_be_asked_for(target: Connection, look: Look) -> None:
    other = replace(target, key="o", name="Other", port=1)
    assert bad(await look(target, other, only=("Sales",))) == {}
    assert "`Nobody`; expected one of" in bad(await look(target, only=("Nobody",)))["connections"].detail


async def test_a_paused_connection_is_not_visited(server: Standin, target: Connection, look: Look) -> None:
    found = await look(replace(target, paused=True))
    assert "database-login" not in found
    assert not server.attempts


# --- wallets -------------------------------------------------------------------------------------------------------


async def every(tmp_path: Path, connection: Connection) -> tuple[Finding, ...]:
    """Also of one id several findings."""
    at = ground(tmp_path)
    save_connections(at.settings.connections_file, [connection])
    return (await asyncio.to_thread(examine, targets.LOOKS, at)).findings


def wallet(folder: Path, *, ends: float = 300, password: bytes | None = None) -> Path:
    """A folder as Oracle's cloud gives it: certificates and key in one file."""
    made = issued(folder, ends=ends)
    key = ec.generate_private_key(ec.SECP256R1())
    closed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed)
    file = folder / "ewallet.pem"
    file.write_bytes(pem + made.chain.read_bytes())
    file.chmod(0o600)
    return folder


@pytest.mark.parametrize(
    ("fault", "message", "mend"),
    [
        ("folder", "is not there", "install -d -m 0700"),
        ("file", "ewallet.pem is not there (cwallet.sso)", "openssl pkcs12 -in"),
        ("password", "has a key under a password", "openssl pkey -in"),
        ("expired", "has expired on", "renew the wallet"),
        ("nonsense", "holds no certificate that can be read", "openssl"),
        ("mode", "is open to others (mode 0644", "chmod 0600"),
    ],
)
async def test_a_wallet_that_is_not_right_is_named(
    target: Connection, look: Look, tmp_path: Path, *, fault: str, message: str, mend: str
) -> None:
    folder = tmp_path / "wallet"
    if fault != "folder":
        wallet(folder, ends=-0.5 if fault == "expired" else 300, password=b"x" if fault == "password" else None)
    if fault == "file":
        (folder / "ewallet.pem").rename(folder / "cwallet.sso")
    if fault == "nonsense":
        (folder / "ewallet.pem").write_text("nonsense")
    if fault == "mode":
        (folder / "ewallet.pem").chmod(0o644)
    found = await look(replace(target, wallet_dir=folder))
    finding = bad(found)["wallet"]
    assert message in finding.detail
    assert mend in finding.mend
    assert "database-login" not in found, "the driver would ask a terminal, or say less"


async def test_a_wallet_that_ends_soon_is_told_in_time(target: Connection, look: Look, tmp_path: Path) -> None:
    found = await look(replace(target, wallet_dir=wallet(tmp_path / "wallet", ends=10)))
    assert found["wallet"].state == "unknown"
    assert "ends on" in found["wallet"].detail


async def test_a_wallet_that_does_not_trust_the_server_is_told(tmp_path: Path, target: Connection) -> None:
    tls = issued(tmp_path / "tls")
    async with standin(["healthy-19c"], tls=tls.context) as running:
        port, folder = running.ports["19c-tls"], wallet(tmp_path / "wallet")
        descriptor = f"tcps://127.0.0.1:{port}/healthy19c"
        behind = replace(target, descriptor=descriptor, port=port, service=None, wallet_dir=folder)
        finding = next(one for one in await every(tmp_path, behind) if one.id == "wallet" and one.state == "unwell")
    assert "the TLS handshake with 127.0.0.1" in finding.detail
    assert "orapki wallet display" in finding.mend


def test_every_code_that_the_agent_tells_apart_is_explained() -> None:
    from agent.doctor.logons import explained  # noqa: PLC0415 - of this test alone
    from agent.oracle.logins import _KINDS  # noqa: PLC0415 - likewise

    synonyms = {"DPY-6001", "DPY-6003", "DPY-4011"}
    assert set(_KINDS) - synonyms - set(explained()) == set()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
async def test_a_password_file_of_another_user_is_named(target: Connection, look: Look) -> None:
    assert target.password_file
    target.password_file.chmod(0o000)
    assert "cannot be read by this user" in bad(await look(target))["password"].detail


async def test_a_memory_of_refusals_that_is_damaged_keeps_nobody_out(
    target: Connection, look: Look, tmp_path: Path
) -> None:
    at = ground(tmp_path)
    (at.state / FILE_NAME).write_bytes(b"nonsense" * 512)
    assert bad(await look(target)) == {}
    with closing((at.state / FILE_NAME).open("rb")) as kept:
        assert kept.read(8) == b"nonsense"
