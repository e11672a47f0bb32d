"""Who speaks: Ed25519 keys, request tokens (JWT, RFC 7519) and batch signatures (detached JWS, RFC 7515 appendix F)."""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from common.wire import AuthFailure

TOKEN_LIFETIME = timedelta(seconds=60)
CLOCK_TOLERANCE = timedelta(seconds=120)
AUDIENCE = "fieldpost"
_ALGORITHM = "Ed25519"
_ORIGIN_CLAIMS = ("ins", "host", "boot")
_MAX_ORIGIN = 64
_MOST_HEADS = 16_384
_PROVEN_HEADS: set[str] = set()
"""Heads of signatures that were in order once: each agent sends the same one with every batch."""


class NotAuthentic(Exception):  # noqa: N818 - it reads as the refusal it is
    """A request or batch whose origin is not proven; `failure` is the class that the agent is told."""

    def __init__(self, failure: AuthFailure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Origin:
    """Which start of an agent speaks, on which machine, since which start of that; "" from agents before 0.7."""

    instance: str = ""
    host: str = ""
    boot: str = ""


NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class Proven:
    """Who made a request, once its signature is proven; `sent_at` to the second."""

    agent: str
    sent_at: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An agent's or collector's key; never leaves its host, never shown."""

    _key: OKPKey

    def __repr__(self) -> str:
        return f"PrivateKey({self.key_id})"

    @property
    def public(self) -> "PublicKey":
        return PublicKey(OKPKey.import_key(self._key.as_dict(private=False)))

    @property
    def key_id(self) -> str:
        return self.public.key_id

    def request_token(self, *, agent: str, method: str, path: str, now: datetime, origin: Origin = NOWHERE) -> str:
        """A JWT that is good for 60 s and for this one method and path."""
        claims = {
            "iss": agent,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFETIME).timestamp()),
            "act": f"{method} {path}",
            **{name: value for name, value in zip(_ORIGIN_CLAIMS, astuple(origin), strict=True) if value},
        }
        return jwt.encode({"alg": _ALGORITHM, "kid": self.key_id}, claims, self._key, algorithms=[_ALGORITHM])

    def sign(self, payload: bytes) -> str:
        """A detached JWS: `header..signature`."""
        compact = jws.serialize_compact(
            {"alg": _ALGORITHM, "kid": self.key_id}, payload, self._key, algorithms=[_ALGORITHM]
        )
        return jws.detach_content(compact)

    def save(self, path: Path) -> None:
        """Write the key durably with mode 0600; a crash leaves the old file or the new one."""
        write_private(path, self._key.as_pem(private=True))

    @classmethod
    def generate(cls) -> "PrivateKey":
        return cls(OKPKey.generate_key("Ed25519", private=True))

    @classmethod
    def of_seed(cls, seed: bytes) -> "PrivateKey":
        """The key that follows from 32 secret bytes."""
        key = Ed25519PrivateKey.from_private_bytes(seed)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(OKPKey.import_key(pem))

    @classmethod
    def load(cls, path: Path) -> "PrivateKey":
        return cls(OKPKey.import_key(path.read_bytes()))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What the collector keeps of an agent's key."""

    _key: OKPKey

    @property
    def text(self) -> str:
        """The 32 bytes as base64url without padding (RFC 8037 `x`)."""
        return str(self._key.as_dict(private=False)["x"])

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]

    def verify(self, payload: bytes, detached: str) -> None:
        """`NotAuthentic` unless `detached` is this key's signature over `payload`."""
        head, _, signature = detached.partition("..")
        content = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
        try:
            if head in _PROVEN_HEADS:
                _verify(self._key, f"{head}.{content}", signature)
                return
            jws.deserialize_compact(f"{head}.{content}.{signature}", self._key, algorithms=[_ALGORITHM])
        except (JoseError, ValueError, InvalidSignature):
            raise NotAuthentic("bad_signature", "the signature does not fit the key and the content") from None
        if len(_PROVEN_HEADS) < _MOST_HEADS:
            _PROVEN_HEADS.add(head)

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Read `PublicKey.text`; ValueError says what was expected."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:  # noqa: PLR2004 - the size of every Ed25519 key
            raise ValueError("public_key: expected 32 bytes as base64url")
        return cls(OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": text}))


def _verify(key: OKPKey, signed: str, signature: str) -> None:
    """What is left of a JWS once its head is known to be one of ours: the signature."""
    public = key.get_op_key("verify")
    if not isinstance(public, Ed25519PublicKey):
        raise TypeError("expected an Ed25519 key")
    public.verify(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)), signed.encode())


KeyLookup = Callable[[str, str], PublicKey]
"""(agent, key id) -> its public key; raises `NotAuthentic` for an unknown or revoked agent and an unknown key."""


def key_id_of(token: str) -> str:
    """The `kid` a token or signature names, unverified; "" when there is none."""
    try:
        header = jws.extract_compact(_with_content(token).encode()).headers()
    except (JoseError, ValueError):
        return ""
    kid = header.get("kid", "")
    return kid if isinstance(kid, str) else ""


def verify_request(token: str, *, method: str, path: str, now: datetime, lookup: KeyLookup) -> Proven:
    """Who made this request; `NotAuthentic` says in its class why it is not believed."""
    agent = _unverified_issuer(token)
    key = lookup(agent, key_id_of(token))
    try:
        claims = jwt.decode(token, key._key, algorithms=[_ALGORITHM]).claims  # noqa: SLF001 - same module
    except (JoseError, ValueError):
        raise NotAuthentic("bad_signature", "the request token's signature does not fit its key") from None
    sent_at = _check_claims(claims, expected=f"{method} {path}", now=now)
    return Proven(agent, sent_at, Origin(*(_origin_claim(claims, name) for name in _ORIGIN_CLAIMS)))


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` atomically and durably, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was renamed in it stays renamed."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _with_content(token: str) -> str:
    return token.replace("..", ".e30.", 1)


def _unverified_issuer(token: str) -> str:
    try:
        claims = msgspec.json.decode(jws.extract_compact(token.encode()).payload, type=_Issuer)
    except (JoseError, ValueError):
        raise NotAuthentic("bad_signature", "the request token is not a JWT of this protocol") from None
    return claims.iss


def _origin_claim(claims: dict[str, object], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > _MAX_ORIGIN or not (value.isascii() and value.isprintable()):
        raise NotAuthentic(
            "bad_signature", f"the request token's `{name}` is not text of at most {_MAX_ORIGIN} characters"
        )
    return value


def _check_claims(claims: dict[str, object], *, expected: str, now: datetime) -> datetime:
    """When the token was made."""
    if claims.get("aud") != AUDIENCE or claims.get("act") != expected:
        raise NotAuthentic("bad_signature", "the request token was made for another request")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise NotAuthentic("bad_signature", "the request token has no times")
    early = datetime.fromtimestamp(issued, UTC) - CLOCK_TOLERANCE
    late = datetime.fromtimestamp(issued, UTC) + TOKEN_LIFETIME + CLOCK_TOLERANCE
    if not early <= now <= late:
        offset = int((datetime.fromtimestamp(issued, UTC) - now).total_seconds())
        raise NotAuthentic("clock_skew", f"the agent's clock differs by {offset} s")
    return datetime.fromtimestamp(issued, UTC)


class _Issuer(msgspec.Struct):
    iss: str
