"""Identifiers that sort by the time they were made."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter that reads like a digit
_TIME_CHARS = 10
_RANDOM_CHARS = 12


def new_id(prefix: str) -> str:
    """`agt_06d1kz…`: 48 bits of milliseconds, then 60 random bits."""
    return f"{prefix}_{_base32(time.time_ns() // 1_000_000, _TIME_CHARS)}{random_text(_RANDOM_CHARS)}"


def random_text(length: int) -> str:
    return secrets.token_bytes(length).translate(_LETTERS).decode()


def _base32(number: int, length: int) -> str:
    return "".join([_ALPHABET[(number >> shift) & 31] for shift in range(5 * length - 5, -1, -5)])


_LETTERS = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
