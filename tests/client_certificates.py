"""An authority of client certificates, and one certificate of it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.clock import utc_now


@dataclass(frozen=True)
class Client:
    """Files in PEM form."""

    ca: Path
    certificate: Path
    key: Path


def made(folder: Path, name: str = "agent-1", *, days: int = 30) -> Client:
    """A new authority, and a certificate of it that is good for `days` from two days ago."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = f"Authority of {folder.name}"
    ca = _signed(authority, ca_key.public_key(), authority, ca_key, days=3650)
    own = _signed(name, key.public_key(), authority, ca_key, days=days)
    found = Client(folder / "ca.pem", folder / "client.pem", folder / "client.key")
    found.ca.write_bytes(ca.public_bytes(Encoding.PEM))
    found.certificate.write_bytes(own.public_bytes(Encoding.PEM))
    found.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return found


def _signed(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, days: int
) -> x509.Certificate:
    begins = utc_now() - timedelta(days=2)
    is_ca = name == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
