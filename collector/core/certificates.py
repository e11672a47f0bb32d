"""The collector's own CA and the server certificate that it issues: made on first start, renewed by themselves.

A CA is followed by another one in three steps (`begin`, `move`, `drop`), each of which may be cut off anywhere and is
finished by `ensure`. Whoever writes in the folder holds its lock.
"""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.authorities import ca_mark
from common.identity import write_private

CA_LIFETIME = timedelta(days=3652)
SERVER_LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
_BACKDATED = timedelta(hours=1)  # for agents whose clock is a little behind


@dataclass(frozen=True, slots=True)
class Files:
    """Where the pieces are, all of them 0600."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, then the CA's."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def next_ca(self) -> Path:
        """The CA that agents learn to trust before it is used; there while the first step is done."""
        return self.folder / "next-ca.pem"

    @property
    def next_ca_key(self) -> Path:
        return self.folder / "next-ca.key"

    @property
    def old_ca(self) -> Path:
        """The CA before this one, which agents still trust; there while the second step is done."""
        return self.folder / "old-ca.pem"


def ensure(folder: Path, names: Sequence[str], now: datetime) -> Files:
    """The CA and a server certificate for `names` that is good for 30 days and more; made where missing."""
    files = Files(folder)
    with _locked(files):
        _ensure(files, names, now)
    return files


Stage = Literal["settled", "announced", "moved"]


def stage(files: Files) -> Stage:
    """How far the CA is on its way to the next: `announced` beside the next one, `moved` to it beside the old one."""
    if files.next_ca.exists():
        return "announced"
    return "moved" if files.old_ca.exists() else "settled"


@dataclass(frozen=True, slots=True)
class Announced:
    """Every CA that agents are to trust now (`pem`), the one in use first. `mark`: by which they notice a change."""

    pem: bytes
    pin: str
    mark: str


def announced(files: Files) -> Announced:
    found = (path.read_bytes() for path in (files.ca, files.next_ca, files.old_ca) if path.exists())
    pem = b"".join(dict.fromkeys(found))
    return Announced(pem, pin(pem), ca_mark(pem))


def begin(files: Files, now: datetime) -> None:
    """First step: make the next CA, which agents learn to trust from then on."""
    with _locked(files):
        if stage(files) == "settled":
            _make_ca(files.next_ca, files.next_ca_key, now)


def move(files: Files, names: Sequence[str], now: datetime) -> None:
    """Second step: the next CA is the one in use, and issues a server certificate; the old CA's key is gone."""
    with _locked(files):
        if stage(files) == "announced":
            _take_next(files)
        _ensure(files, names, now)


def drop(files: Files) -> None:
    """Third step: agents are to trust the old CA no more."""
    with _locked(files):
        files.old_ca.unlink(missing_ok=True)


def moved_at(files: Files) -> datetime:
    """When the second step was taken."""
    return datetime.fromtimestamp(files.old_ca.stat().st_mtime, UTC)


def begun_at(files: Files) -> datetime:
    """When the first step was taken."""
    return x509.load_pem_x509_certificate(files.next_ca.read_bytes()).not_valid_before_utc + _BACKDATED


@contextmanager
def _locked(files: Files) -> Iterator[None]:
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(files.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _ensure(files: Files, names: Sequence[str], now: datetime) -> None:
    if files.next_ca.exists() and not files.next_ca_key.exists():  # `move` was cut off after it had taken the key
        _take_next(files)
    if not files.ca.exists() or valid_until(files.ca.read_bytes()) <= now:
        _replace_ca(files, now)
    if not _is_good(files, names, now):
        _issue(files, names, now)


def pin(ca_pem: bytes) -> str:
    """`sha256:<hex>` over the CA's public key, by which an agent recognises it."""
    key = x509.load_pem_x509_certificate(ca_pem).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(spki).hexdigest()}"


def valid_until(pem: bytes) -> datetime:
    """When the first certificate of a chain ends."""
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _replace_ca(files: Files, now: datetime) -> None:
    """There is none, or it has ended while nobody looked: agents that do not know the new one have to enrol again."""
    if files.next_ca.exists():
        _take_next(files)
    else:
        _make_ca(files.ca, files.ca_key, now)


def _take_next(files: Files) -> None:
    if files.next_ca_key.exists():
        write_private(files.old_ca, files.ca.read_bytes())
        files.next_ca_key.replace(files.ca_key)
    files.next_ca.replace(files.ca)


def _make_ca(at: Path, key_at: Path, now: datetime) -> None:
    """The key first: without its certificate it counts for nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"Fieldpost collector {now:%Y-%m-%d} {secrets.token_hex(4)}")]
    )
    certificate = (
        _builder(name, key.public_key(), now, CA_LIFETIME)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_private(key_at, _key_pem(key))
    write_private(at, certificate.public_bytes(serialization.Encoding.PEM))


def _issue(files: Files, names: Sequence[str], now: datetime) -> None:
    ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
    ca_key = serialization.load_pem_private_key(files.ca_key.read_bytes(), password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{files.ca_key}: expected an EC key")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _builder(subject, key.public_key(), now, min(SERVER_LIFETIME, ca.not_valid_after_utc - now))
        .issuer_name(ca.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write_private(files.key, _key_pem(key))
    write_private(files.certificate, certificate.public_bytes(pem) + ca.public_bytes(pem))


def _is_good(files: Files, names: Sequence[str], now: datetime) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    if key.public_key() != certificate.public_key():
        return False  # a crash came between the two files
    ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
    if not _issued_by(certificate, ca):
        return False
    if certificate.not_valid_after_utc < min(now + RENEW_BEFORE, ca.not_valid_after_utc):
        return False
    covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return list(covered) == [_general_name(name) for name in names]


def _issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, InvalidSignature):
        return False
    return True


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
