"""Secrets that are shown once: their form, checksum, display prefix and digest.

A new kind of secret is one `Kind` here. The checksum lets a mistyped secret be refused without a query.
"""

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Kind:
    """`prefix` + `length` random characters + a CRC-32 in `check_length` characters of the same alphabet."""

    prefix: str
    alphabet: str
    length: int
    check_length: int


API_KEY = Kind("tv_api_", _BASE62, 32, 6)
STATUS_TOKEN = Kind("ops_", _HEX, 64, 8)
ENROLMENT_TOKEN = Kind("fpe_", _BASE62, 32, 6)
INVITATION = Kind("fpi_", _BASE62, 32, 6)
KINDS = (API_KEY, STATUS_TOKEN, ENROLMENT_TOKEN, INVITATION)

_DISPLAYED = 8


def mint(kind: Kind) -> str:
    body = "".join(secrets.choice(kind.alphabet) for _ in range(kind.length))
    return kind.prefix + body + _checksum(kind, body)


def well_formed(kind: Kind, text: str) -> bool:
    body = text[len(kind.prefix) : len(kind.prefix) + kind.length]
    return text.startswith(kind.prefix) and text == kind.prefix + body + _checksum(kind, body)


def display_prefix(kind: Kind, text: str) -> str:
    """The part that may be shown and logged: the first 8 characters after the kind's prefix."""
    return text[len(kind.prefix) : len(kind.prefix) + _DISPLAYED]


def digest(text: str) -> bytes:
    """What is stored of a secret: SHA-256. The secret has 160 bits and more, so no slow hash is needed."""
    return hashlib.sha256(text.encode()).digest()


def _checksum(kind: Kind, body: str) -> str:
    number = zlib.crc32((kind.prefix + body).encode())
    digits: list[str] = []
    for _ in range(kind.check_length):
        number, digit = divmod(number, len(kind.alphabet))
        digits.append(kind.alphabet[digit])
    return "".join(digits)
