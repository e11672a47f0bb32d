"""The collector's own CA and the certificates that it issues."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from collector.core import certificates
from collector.core.settings import Settings
from common.settings import ConfigurationError, load

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
NAMES = ("collector.example", "localhost", "127.0.0.1")


def test_the_server_certificate_is_the_cas_and_covers_every_name(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    server, ca = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    server.verify_directly_issued_by(ca)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["collector.example", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)


def test_nothing_is_made_anew_without_need(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    before = (files.ca.read_bytes(), files.certificate.read_bytes())
    certificates.ensure(tmp_path, NAMES, NOW + timedelta(days=300))
    assert (files.ca.read_bytes(), files.certificate.read_bytes()) == before


@pytest.mark.parametrize("later", [timedelta(days=336), timedelta(days=4000)])
def test_the_server_certificate_is_renewed_in_time_by_the_same_ca(tmp_path: Path, later: timedelta) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    pin, before = certificates.pin(files.ca.read_bytes()), files.certificate.read_bytes()
    certificates.ensure(tmp_path, NAMES, NOW + later)
    assert files.certificate.read_bytes() != before
    assert certificates.valid_until(files.certificate.read_bytes()) > NOW + later + timedelta(days=300)
    assert certificates.pin(files.ca.read_bytes()) == pin


def test_a_new_public_name_gets_a_new_certificate(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    before = files.certificate.read_bytes()
    certificates.ensure(tmp_path, ("other.example", *NAMES), NOW)
    assert files.certificate.read_bytes() != before


def test_a_certificate_without_its_key_is_made_anew(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    files.key.write_bytes(certificates.ensure(tmp_path / "other", NAMES, NOW).key.read_bytes())
    certificates.ensure(tmp_path, NAMES, NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)


def test_plain_http_is_for_loopback_alone() -> None:
    assert load(Settings, flags={"tls": "off", "listen": "::1"}).tls == "off"
    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.1.*loopback"):
        load(Settings, flags={"tls": "off", "listen": "10.0.0.1"})
    with pytest.raises(ConfigurationError, match="tls_certificate"):
        load(Settings, flags={"tls": "files"})
    with pytest.raises(ConfigurationError, match="mysql"):
        load(Settings, flags={"database": "mysql://x"})


def test_the_server_is_called_by_every_name_it_has() -> None:
    settings = load(Settings, flags={"public_host": "c.example", "listen": "10.0.0.1"})
    assert settings.server_names == ("c.example", "10.0.0.1", "localhost", "127.0.0.1", "::1")
    everywhere = load(Settings, flags={"listen": "0.0.0.0"})  # noqa: S104 - nothing is bound
    assert everywhere.server_names == ("localhost", "127.0.0.1", "::1")
