"""The certificate that the server shows: exchanged while it serves, and never for one that cannot be used."""

import io
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.core import certificates, tls
from collector.core.certificates import Files
from collector.core.settings import Settings
from collector.core.tls import ServerTls, Sources
from common import logs
from common.clock import utc_now
from common.settings import ConfigurationError, load
from tests.client_certificates import Client, made

NAMES = ("localhost",)
NOW = utc_now()  # OpenSSL verifies by the host's own clock


@pytest.fixture
def said() -> io.StringIO:
    """What is logged."""
    target = io.StringIO()
    logs.configure(stream=target)
    return target


class Line:
    """Both ends of a handshake, without a socket between them."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self._up, self._down = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self._down, self._up, server_hostname="localhost")
        self.server = server.wrap_bio(self._up, self._down, server_side=True)

    def shake(self) -> "Line":
        """Raises what the client is told."""
        with suppress(ssl.SSLWantReadError):
            self.client.do_handshake()
        while self._up.pending or self._down.pending:
            with suppress(ssl.SSLWantReadError):
                if self._up.pending:
                    self.server.do_handshake()
            with suppress(ssl.SSLWantReadError):
                if self._down.pending:
                    self.client.do_handshake()
                    self.client.read(1)
        return self

    @property
    def shown(self) -> bytes:
        found = self.client.getpeercert(binary_form=True)
        assert found
        return found


def client_of(ca: Path, mine: Client | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    if mine:
        context.load_cert_chain(mine.certificate, mine.key)
    return context


def copied(made: Files, at: Path) -> Sources:
    at.mkdir(exist_ok=True)
    found = Sources(at / "server.pem", at / "server.key")
    found.certificate.write_bytes(made.certificate.read_bytes())
    found.key.write_bytes(made.key.read_bytes())
    return found


@pytest.fixture
def one(tmp_path: Path) -> Files:
    return certificates.ensure(tmp_path / "1", NAMES, NOW)


@pytest.fixture
def two(tmp_path: Path) -> Files:
    return certificates.ensure(tmp_path / "2", NAMES, NOW)


def test_new_connections_get_the_new_certificate_and_old_ones_live_on(one: Files, two: Files, tmp_path: Path) -> None:
    at = copied(one, tmp_path / "used")
    server = ServerTls(at)
    before = Line(server.context, client_of(one.ca)).shake()
    copied(two, tmp_path / "used")
    assert server.look()
    after = Line(server.context, client_of(two.ca)).shake()
    assert after.shown != before.shown
    before.client.write(b"still here")
    assert before.server.read(20) == b"still here"
    assert not server.look(), "nothing is new the second time"


def touch(at: Sources, _other: Files) -> None:
    at.certificate.write_bytes(at.certificate.read_bytes())


def half(at: Sources, other: Files) -> None:
    at.certificate.write_bytes(other.certificate.read_bytes())


def gone(at: Sources, _other: Files) -> None:
    at.key.unlink()


def cut(at: Sources, other: Files) -> None:
    at.certificate.write_bytes(other.certificate.read_bytes()[:200])


def past(at: Sources, other: Files) -> None:
    old = certificates.ensure(other.folder / "old", NAMES, NOW - timedelta(days=400))
    copied(old, at.certificate.parent)


@pytest.mark.parametrize("spoil", [touch, half, gone, cut, past])
def test_a_pair_that_cannot_be_used_changes_nothing(
    spoil: Callable[[Sources, Files], None],
    one: Files,
    two: Files,
    tmp_path: Path,
    said: io.StringIO,
) -> None:
    at = copied(one, tmp_path / "used")
    server = ServerTls(at)
    spoil(at, two)
    assert not server.look()
    assert not server.look()
    Line(server.context, client_of(one.ca)).shake()
    assert said.getvalue().count("certificate refused") == (0 if spoil is touch else 1), "said once"
    copied(two, tmp_path / "used")
    assert server.look(), "what is mended is taken"


def test_what_cannot_be_used_at_the_start_is_named(one: Files, two: Files, tmp_path: Path) -> None:
    at = copied(one, tmp_path / "used")
    half(at, two)
    with pytest.raises(ConfigurationError, match=r"server\.pem.*key values mismatch; expected"):
        ServerTls(at)
    at.key.unlink()
    with pytest.raises(ConfigurationError, match=r"server\.key: No such file"):
        ServerTls(at)


def test_the_end_is_counted_and_warned_of_once_a_day(one: Files, tmp_path: Path, said: io.StringIO) -> None:
    clock = [NOW]
    server = ServerTls(copied(one, tmp_path / "used"), now=lambda: clock[0])
    assert round(server.days_left()) == 365
    for days in (350, 352, 352, 353):
        clock[0] = NOW + timedelta(days=days)
        server.look()
    assert said.getvalue().count("certificate ends soon") == 2


def test_a_client_certificate_may_be_shown_and_is_verified(one: Files, tmp_path: Path) -> None:
    mine = made(tmp_path / "clients")
    server = ServerTls(Sources(one.certificate, one.key, mine.ca))
    plain = Line(server.context, client_of(one.ca)).shake()
    assert tls.client_name(plain.server) == ""
    with_one = Line(server.context, client_of(one.ca, mine)).shake()
    assert tls.client_name(with_one.server) == "commonName=agent-1"


@pytest.mark.parametrize(("days", "reason"), [(30, "unable to get local issuer"), (1, "certificate has expired")])
def test_both_sides_hear_why_a_client_certificate_is_refused(
    one: Files, tmp_path: Path, said: io.StringIO, days: int, reason: str
) -> None:
    mine = made(tmp_path / "mine", days=days)
    known = mine if days == 1 else made(tmp_path / "known")
    server = ServerTls(Sources(one.certificate, one.key, known.ca))
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match="ALERT"):
            Line(server.context, client_of(one.ca, mine)).shake()
    assert server.failed == 2
    assert said.getvalue().count(f"client certificate refused: {reason}") == 1, "each reason once a minute"


def test_other_authorities_of_clients_count_from_the_next_connection_on(one: Files, tmp_path: Path) -> None:
    before, after = made(tmp_path / "before"), made(tmp_path / "after")
    clients = tmp_path / "clients.pem"
    clients.write_bytes(before.ca.read_bytes())
    server = ServerTls(Sources(one.certificate, one.key, clients))
    clients.write_bytes(after.ca.read_bytes())
    assert server.look()
    assert tls.client_name(Line(server.context, client_of(one.ca, after)).shake().server)
    with pytest.raises(ssl.SSLError, match="ALERT"):
        Line(server.context, client_of(one.ca, before)).shake()


def test_older_versions_of_tls_are_refused(one: Files) -> None:
    server = ServerTls(Sources(one.certificate, one.key))
    assert server.context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_settings_that_go_together_are_asked_for() -> None:
    with pytest.raises(ConfigurationError, match=r"unix:/run/x\.sock.*tls: off"):
        load(Settings, flags={"listen": "unix:/run/x.sock"})
    with pytest.raises(ConfigurationError, match="unix:/absolute/path"):
        load(Settings, flags={"listen": "unix:x.sock", "tls": "off"})
    with pytest.raises(ConfigurationError, match="tls_client_required: true; expected tls_client_ca_file or"):
        load(Settings, flags={"tls_client_required": True})
    behind = load(Settings, flags={"listen": "unix:/run/x.sock", "tls": "off", "public_host": "c.example"})
    assert (behind.agents_url, behind.public_url) == ("https://c.example", "https://c.example")
    elsewhere = load(Settings, flags={"trusted_proxies": ["10.0.0.5"], "public_host": "c.example", "public_port": 8443})
    assert elsewhere.agents_url == "https://c.example:8443"
    assert tls.sources(behind) is None


def test_a_certificate_is_described(one: Files) -> None:
    shown = tls.described(one.certificate.read_bytes())
    assert (shown.subject, shown.names) == ("CN=localhost", ("localhost",))
    assert shown.begins < datetime.now(UTC) < shown.ends
