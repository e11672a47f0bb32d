"""Oracle's 12c password verifier and the session key exchange, seen from the server."""

import hashlib
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

VERIFIER_TYPE = 0x4815
GENERATION_ROUNDS = 4096
SESSION_ROUNDS = 3
_BLOCK = 16
_KEY = 32
_SPEEDY_SALT = b"AUTH_PBKDF2_SPEEDY_KEY"
_PROOF = b"SERVER_TO_CLIENT"


@dataclass(frozen=True)
class Verifier:
    """What a database stores instead of a password."""

    salt: bytes
    digest: bytes

    @property
    def transport_key(self) -> bytes:
        return self.digest[:_KEY]


def make_verifier(password: str) -> Verifier:
    """Derive a verifier; takes milliseconds, so it belongs in a thread."""
    salt = secrets.token_bytes(_BLOCK)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt + _SPEEDY_SALT, GENERATION_ROUNDS, 64)
    return Verifier(salt, hashlib.sha512(key + salt).digest())


def random_verifier() -> Verifier:
    """A verifier that no password matches, for users who do not exist."""
    return Verifier(secrets.token_bytes(_BLOCK), secrets.token_bytes(64))


class KeyExchange:
    """One login: the server's half of the session key and what follows from the client's."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._half = secrets.token_bytes(_KEY)
        self.session_salt = secrets.token_bytes(_BLOCK)

    @property
    def challenge(self) -> bytes:
        return _encrypt(self._verifier.transport_key, self._half)

    @property
    def salt(self) -> bytes:
        return self._verifier.salt

    def session_key(self, client_half: bytes) -> bytes:
        theirs = _decrypt(self._verifier.transport_key, client_half)[:_KEY]
        material = (theirs + self._half).hex().upper().encode()
        return hashlib.pbkdf2_hmac("sha512", material, self.session_salt, SESSION_ROUNDS, _KEY)

    def accepts(self, session_key: bytes, speedy_key: bytes) -> bool:
        """Whether the client knows the key that only the password gives."""
        if not speedy_key or len(speedy_key) % _BLOCK:
            return False
        key = _decrypt(session_key, speedy_key)[_BLOCK:]
        digest = hashlib.sha512(key + self._verifier.salt).digest()
        return secrets.compare_digest(digest, self._verifier.digest)


def server_proof(session_key: bytes) -> bytes:
    padding = bytes([_BLOCK]) * _BLOCK
    return _encrypt(session_key, secrets.token_bytes(_BLOCK) + _PROOF + padding)


def _encrypt(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _decrypt(key: bytes, data: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).decryptor()
    return decryptor.update(data) + decryptor.finalize()
