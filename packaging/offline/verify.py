# ruff: noqa: INP001 - a script that is carried in the bundle
"""Verify an Ed25519 signature with nothing but Python: `verify.py PUBLIC.pem FILE SIGNATURE`; exit code 0 when good.

For hosts whose OpenSSL cannot (before 3.0). After RFC 8032, section 5.1.7; it handles no secret.
"""

import base64
import hashlib
import sys
from pathlib import Path

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)
_HEAD = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key in its PEM."""

Point = tuple[int, int, int, int]


def main() -> int:
    """Exit code 1 when the signature is not by that key."""
    key, file, signature = (Path(argument).read_bytes() for argument in sys.argv[1:4])
    return 0 if verify(raw_key(key.decode()), file, signature) else 1


def raw_key(pem: str) -> bytes:
    """The 32 bytes of a public key."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    content = base64.b64decode("".join(lines))
    if not content.startswith(_HEAD) or len(content) != len(_HEAD) + 32:
        raise SystemExit("verify.py: expected a public Ed25519 key in PEM")
    return content[len(_HEAD) :]


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether [s]B = R + [k]A."""
    public, commitment = _point(key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or public is None or commitment is None or scalar >= ORDER:  # noqa: PLR2004 - two halves
        return False
    digest = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return _same(_times(scalar, _base()), _sum(commitment, _times(digest, public)))


def _base() -> Point:
    y = 4 * pow(5, -1, PRIME) % PRIME
    x = _root(y, 0)
    assert x is not None  # noqa: S101 - the base point is on the curve
    return x, y, 1, x * y % PRIME


def _point(content: bytes) -> Point | None:
    number = int.from_bytes(content, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    x = _root(y, sign)
    return None if x is None else (x, y, 1, x * y % PRIME)


def _root(y: int, sign: int) -> int | None:
    """The x of a point on the curve whose lowest bit is `sign`."""
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT_OF_MINUS_ONE % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    return PRIME - x if x & 1 != sign else x


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % PRIME
    b = (one[1] + one[0]) * (other[1] + other[0]) % PRIME
    c, d = 2 * one[3] * other[3] * D % PRIME, 2 * one[2] * other[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def _times(scalar: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = _sum(found, point)
        point = _sum(point, point)
        scalar >>= 1
    return found


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % PRIME == 0 and (one[1] * other[2] - other[1] * one[2]) % PRIME == 0


if __name__ == "__main__":
    sys.exit(main())
