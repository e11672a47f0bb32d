"""The collector's own CA and the certificates that it issues."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from collector.core import certificates
from collector.core.settings import Settings
from common.identity import write_private
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


@pytest.mark.parametrize("later", [timedelta(days=336), timedelta(days=3000)])
def test_the_server_certificate_is_renewed_in_time_by_the_same_ca(tmp_path: Path, later: timedelta) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    pin, before = certificates.pin(files.ca.read_bytes()), files.certificate.read_bytes()
    certificates.ensure(tmp_path, NAMES, NOW + later)
    assert files.certificate.read_bytes() != before
    assert certificates.valid_until(files.certificate.read_bytes()) > NOW + later + timedelta(days=300)
    assert certificates.pin(files.ca.read_bytes()) == pin


def test_no_certificate_outlives_its_ca_and_is_made_anew_for_that(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    late = NOW + timedelta(days=3640)
    certificates.ensure(tmp_path, NAMES, late)
    assert ends(files.certificate) == ends(files.ca)
    before = files.certificate.read_bytes()
    certificates.ensure(tmp_path, NAMES, late + timedelta(days=5))
    assert files.certificate.read_bytes() == before


def test_a_ca_that_ended_while_nobody_looked_is_replaced(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    pin = certificates.pin(files.ca.read_bytes())
    late = NOW + timedelta(days=4000)
    certificates.ensure(tmp_path, NAMES, late)
    assert certificates.pin(files.ca.read_bytes()) != pin
    assert ends(files.certificate) > late
    issued_by_the_ca(files)


def test_a_ca_is_followed_by_another_in_three_steps(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, NAMES, NOW)
    first, server = files.ca.read_bytes(), files.certificate.read_bytes()
    certificates.begin(files, NOW)
    assert (certificates.stage(files), files.certificate.read_bytes()) == ("announced", server)
    second = files.next_ca.read_bytes()
    told = certificates.announced(files)
    assert (told.pem, told.pin) == (first + second, certificates.pin(first))
    certificates.begin(files, NOW)
    assert files.next_ca.read_bytes() == second, "begun once"
    assert certificates.begun_at(files) == NOW
    certificates.move(files, NAMES, NOW)
    assert (certificates.stage(files), certificates.announced(files).pem) == ("moved", second + first)
    issued_by_the_ca(files)
    certificates.move(files, NAMES, NOW)
    certificates.drop(files)
    assert (certificates.stage(files), certificates.announced(files).pem) == ("settled", second)
    assert told.mark != certificates.announced(files).mark


class CutOffError(Exception):
    pass


@pytest.mark.parametrize("last", range(1, 9))
def test_a_step_that_is_cut_off_anywhere_is_finished_or_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """`last`: how many changes on the disk happen before the process dies."""
    files = certificates.ensure(tmp_path, NAMES, NOW)
    first = certificates.pin(files.ca.read_bytes())
    done = 0

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def count(*given: Any) -> Any:
            nonlocal done
            if done == last:
                raise CutOffError
            done += 1
            return change(*given)

        return count

    with monkeypatch.context() as dying:
        dying.setattr(certificates, "write_private", counted(write_private))
        dying.setattr(Path, "replace", counted(Path.replace))
        with suppress(CutOffError):
            certificates.begin(files, NOW)
            certificates.move(files, NAMES, NOW)
    certificates.ensure(tmp_path, NAMES, NOW)
    issued_by_the_ca(files)
    known = {certificates.pin(ca) for ca in split(certificates.announced(files).pem)}
    assert first in known, "agents that know the first CA alone are not lost by dying"
    certificates.begin(files, NOW)
    if certificates.stage(files) == "announced":
        certificates.move(files, NAMES, NOW)
    issued_by_the_ca(files)
    assert certificates.pin(files.ca.read_bytes()) != first


def ends(certificate: Path) -> datetime:
    return certificates.valid_until(certificate.read_bytes())


def split(pem: bytes) -> list[bytes]:
    return [one.public_bytes(Encoding.PEM) for one in x509.load_pem_x509_certificates(pem)]


def issued_by_the_ca(files: certificates.Files) -> None:
    """The server's key and certificate, and the CA and its key, belong together."""
    server, shown = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
    assert shown == ca
    server.verify_directly_issued_by(ca)
    key = load_pem_private_key(files.ca_key.read_bytes(), None)
    assert key.public_key() == ca.public_key()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)


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
