"""Passwords: argon2id (RFC 9106) with the parameters that OWASP names for a server that has other things to do."""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
NOBODY: Final = _HASHER.hash("an address that nobody has costs as much to try as one that somebody has")


def hashed(password: str) -> str:
    return _HASHER.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether this is the password; without a stored one it takes as long and answers no."""
    try:
        _HASHER.verify(stored or NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def check_password(text: str) -> str:
    """What is accepted as a new password; the text itself is never repeated."""
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise ValueError(f"password: {len(text)} characters; expected {MIN_LENGTH} to {MAX_LENGTH}")
    if len(set(text)) < MIN_LENGTH // 2:
        raise ValueError(f"password: expected at least {MIN_LENGTH // 2} different characters")
    return text
