"""Signatures by an Ed25519 key, such as `openssl pkeyutl -verify -rawin` reads."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from making.errors import PackagingError


@dataclass(frozen=True, slots=True)
class Signer:
    """Whoever publishes."""

    key: Ed25519PrivateKey

    def sign(self, path: Path) -> Path:
        """Write the signature beside the file."""
        signature = path.with_name(path.name + ".sig")
        signature.write_bytes(self.key.sign(path.read_bytes()))
        return signature

    def publish(self, folder: Path) -> Path:
        """Write the public key, which whoever installs must have got by another way."""
        path = folder / "release.pub"
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        path.write_bytes(self.key.public_key().public_bytes(serialization.Encoding.PEM, form))
        return path


def load(path: Path) -> Signer:
    """The key of a PEM file, as `openssl genpkey -algorithm ed25519` makes it."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a key without a passphrase"
        raise PackagingError(f"key: `{path}`: {reason}; expected an Ed25519 key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise PackagingError(f"key: `{path}`: another kind of key; expected Ed25519")
    return Signer(key)
