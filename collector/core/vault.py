"""Secrets that must be readable again (signing keys, webhook secrets), sealed under this installation's own key."""

import base64
import binascii
import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import ConfigurationError
from common.identity import write_private

_KEY_BYTES = 32
_NONCE_BYTES = 12


class SealBroken(Exception):  # noqa: N818 - it reads as the state it is
    """Sealed under another key, for another purpose, or altered."""


class Vault:
    """AES-256-GCM. `about` ties a sealed secret to its place, so that it cannot be moved to another row."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "Vault()"

    @classmethod
    def of_file(cls, path: Path) -> "Vault":
        """The key in this file; a missing one is made, readable by its owner alone."""
        if not path.exists():
            try:
                _make(path)
            except OSError as error:
                missing = f"vault_key_file: `{path}` does not exist and cannot be made ({error.strerror})"
                raise ConfigurationError(f"{missing}; expected 32 bytes in base64") from None
        return cls(_read(path))

    def derive(self, about: str) -> bytes:
        """A key of 32 bytes for one more purpose, the same for as long as this one is."""
        return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=about.encode()).derive(self._key)

    def seal(self, plain: bytes, *, about: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(
                f"{about}: sealed under another key; expected the vault key that it was stored with"
            ) from None


def _make(path: Path) -> None:
    """Of several processes that start at once one makes the key; what any of them sealed must open again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    write_private(draft, base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes(), validate=False)
    except (OSError, binascii.Error) as error:
        raise ConfigurationError(f"vault_key_file: `{path}` cannot be read ({type(error).__name__})") from None
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"vault_key_file: `{path}` has {len(key)} bytes; expected {_KEY_BYTES} in base64")
    return key
