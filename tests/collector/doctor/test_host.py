"""Faults of the collector's host and certificate, planted as files and sockets, and found."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from collector.core import certificates
from collector.doctor import host, tls
from collector.doctor.examining import Source, examined
from common.clock import utc_now
from tests.collector.doctor.grounds import Found, bad, found, ground, seen


def looked(tmp_path: Path, **settings: object) -> Found:
    return found(host.LOOKS, ground(tmp_path, **settings))


@contextmanager
def control(folder: Path) -> Iterator[None]:
    """What a collector that serves listens on."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "state" / "control.sock"))
        listener.listen()
        yield


# --- folder, port, names ---------------------------------------------------------------------------------------------


def test_a_host_as_it_should_be_is_well(tmp_path: Path) -> None:
    assert bad(looked(tmp_path)) == {}


def test_a_state_folder_that_others_may_enter_is_closed_by_chmod(tmp_path: Path) -> None:
    at = ground(tmp_path)
    at.state.chmod(0o750)
    finding = bad(found(host.LOOKS, at))["state-folder"]
    assert finding.mend == f"chmod 0700 {at.state}"
    at.state.chmod(0o700)
    at.state.rmdir()
    assert "is not there" in bad(found(host.LOOKS, at))["state-folder"].detail


def test_a_port_that_another_has_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        finding = bad(looked(tmp_path, port=port))["port"]
    assert f"something else listens at 127.0.0.1:{port}; the collector cannot start" in finding.detail
    assert f"ss -ltnp 'sport = :{port}'" in finding.mend


async def test_a_collector_that_serves_elsewhere_than_its_settings_say_is_told(tmp_path: Path) -> None:
    at = ground(tmp_path, port=1)
    with control(tmp_path):
        finding = bad(await seen(host.LOOKS, at))["port"]
    assert "the collector serves, and 127.0.0.1:1 does not answer" in finding.detail


async def test_a_collector_that_runs_as_root_is_told(tmp_path: Path) -> None:
    at = ground(tmp_path)
    with control(tmp_path):
        findings = await seen(host.LOOKS, at)
    if os.geteuid() == 0:
        assert "the collector runs as root" in bad(findings)["user"].detail
    else:
        assert findings["user"].state == "well"


def test_a_public_name_that_does_not_resolve_is_named(tmp_path: Path) -> None:
    assert (
        "collector.invalid cannot be resolved"
        in bad(looked(tmp_path, public_host="collector.invalid"))["public-host"].detail
    )
    assert "not set" in bad(looked(tmp_path, listen="0.0.0.0"))["public-host"].detail  # noqa: S104 - nobody listens
    assert looked(tmp_path, public_host="localhost")["public-host"].state == "well"


def test_a_proxy_that_nobody_trusts_is_told(tmp_path: Path) -> None:
    finding = looked(tmp_path, tls="off")["trusted-proxies"]
    assert (finding.state, "trusted_proxies = " in finding.mend) == ("unknown", True)
    assert looked(tmp_path, tls="off", trusted_proxies=["127.0.0.1/32"])["trusted-proxies"].state == "well"


def test_a_disk_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "ENOUGH_BYTES", 2**60)
    assert "nothing is stored" in bad(looked(tmp_path))["disk"].detail


# --- clock and open files --------------------------------------------------------------------------------------------


def test_a_clock_that_nobody_sets_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.clock("NTPSynchronized=no\n").state == "unwell"
    assert host.clock("NTPSynchronized=yes\n").state == "well"
    tool = tmp_path / "timedatectl"
    tool.write_text("#!/bin/sh\necho NTPSynchronized=no\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert "is not synchronised" in bad(looked(tmp_path))["clock"].detail


def test_too_few_open_files_for_so_many_agents_are_told(tmp_path: Path) -> None:
    at = ground(tmp_path)
    assert host.open_files(at, 5).state == "unknown"
    with control(tmp_path):
        few, many = host.open_files(at, 5), host.open_files(at, 10_000_000)
    assert few.state == "well"
    assert "LimitNOFILE=" in bad({"open-files": many})["open-files"].mend


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("prot = 8443\n", "unknown key `prot`"),
        ('\nlisten = "example.com"\n', "(line 2)"),
        ('database = "mysql://x"\n', "expected postgresql://user@host/name or sqlite:///path"),
        ('listen = "0.0.0.0"\ntls = "off"\n', "plain HTTP is for loopback addresses alone"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(content)
    report = examined(Source(file, {}))
    assert (report.findings[0].id, report.findings[0].state, report.well) == ("settings", "unwell", False)
    assert message in report.findings[0].detail
    assert str(file) in report.findings[0].mend


# --- certificate ---------------------------------------------------------------------------------------------------


def made(
    folder: Path,
    *,
    days: tuple[int, int] = (-1, 200),
    names: tuple[str, ...] = ("fp.example.com",),
    closed: bool = False,
) -> tuple[Path, Path]:
    key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at + timedelta(days=days[0]))
        .not_valid_after(at + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    how: KeySerializationEncryption = BestAvailableEncryption(b"x") if closed else NoEncryption()
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    private.chmod(0o600)
    return chain, private


def certificate(tmp_path: Path, chain: Path, key: Path, public_host: str = "fp.example.com") -> Found:
    given = {"tls": "files", "tls_certificate": chain, "tls_key": key, "public_host": public_host}
    return found(tls.LOOKS, ground(tmp_path, **given))


@pytest.mark.parametrize(
    ("days", "message"),
    [((-90, -1), "has expired on"), ((-90, 5), "in 4 days"), ((3, 90), "is not valid yet")],
)
def test_a_certificate_of_yours_is_told_when_it_ends(tmp_path: Path, days: tuple[int, int], message: str) -> None:
    assert message in bad(certificate(tmp_path, *made(tmp_path, days=days)))["certificate"].detail


def test_a_certificate_of_yours_has_to_have_the_public_name(tmp_path: Path) -> None:
    chain, key = made(tmp_path, names=("fp.example.com", "*.dmz.example.com"))
    assert bad(certificate(tmp_path, chain, key)) == {}
    assert bad(certificate(tmp_path, chain, key, "FP.dmz.example.com")) == {}
    finding = bad(certificate(tmp_path, chain, key, "other.example.com"))["certificate"]
    assert "and not for public_host other.example.com" in finding.detail


def test_a_key_that_is_not_the_certificates_is_told(tmp_path: Path) -> None:
    chain, _ = made(tmp_path)
    (tmp_path / "other").mkdir()
    _, strange = made(tmp_path / "other")
    assert "is not that of the certificate" in bad(certificate(tmp_path, chain, strange))["certificate"].detail


def test_a_key_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    chain, key = made(tmp_path, closed=True)
    assert "or the key has a password" in bad(certificate(tmp_path, chain, key))["certificate"].detail
    key.unlink()
    assert "cannot be read" in bad(certificate(tmp_path, chain, key))["certificate"].detail
    chain, key = made(tmp_path)
    key.chmod(0o644)
    assert bad(certificate(tmp_path, chain, key))["certificate"].mend.startswith("chmod o-rwx")


def test_a_certificate_of_its_own_is_looked_at_too(tmp_path: Path) -> None:
    at = ground(tmp_path)
    assert found(tls.LOOKS, at)["certificate"].state == "unknown"
    certificates.ensure(at.settings.tls_dir, at.settings.server_names, utc_now())
    assert found(tls.LOOKS, at)["certificate"].state == "well"
    shutil.rmtree(at.settings.tls_dir)
    certificates.ensure(at.settings.tls_dir, at.settings.server_names, utc_now() - timedelta(days=400))
    finding = bad(found(tls.LOOKS, at))["certificate"]
    assert "no agent can connect" in finding.detail
    assert finding.mend.startswith("systemctl restart fieldpost-collector")


def test_what_chmod_is_told_to_mend_is_mended_by_it(tmp_path: Path) -> None:
    chain, key = made(tmp_path)
    key.chmod(0o644)
    subprocess.run(bad(certificate(tmp_path, chain, key))["certificate"].mend, shell=True, check=True)  # noqa: S602 - so it is
    assert bad(certificate(tmp_path, chain, key)) == {}
