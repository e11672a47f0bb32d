"""Pure: takes secrets, and names where that is wanted, out of text that leaves the host."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from common.logs import hide_secrets

HIDDEN = "[hidden]"
_SHORTEST = 4
_SHORTEST_ENCODED = 6
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(basic|bearer|digest)\s+[\w+/=.~-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)((?:proxy-)?authorization|x-api-key|cookie|set-cookie)(\s*[:=]\s*)[^\r\n]+"), rf"\1\2{HIDDEN}"),
    (
        re.compile(
            r"(?i)([\"']?\b[\w.-]*(?:password|passwd|pwd|secret|passphrase|private_key|api_?key|token|external_?id)[\"']?"
            r"\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;)}\]]+)"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)(identified\s+by\s+(?:values\s+)?)(\"[^\"]*\"|'[^']*'|[^\s;]+)"), rf"\1{HIDDEN}"),
    (re.compile(r"(://)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), HIDDEN),
    (re.compile(r"(?im)^(\s*(?:Environment|SetCredential|SetCredentialEncrypted)=)(.*)$"), rf"\1{HIDDEN}"),
    (re.compile(r"\b[\w$#.]+/[^\s/@\"']+@(?=[\w.\[(/])"), f"{HIDDEN}@"),  # user/password@database
)
_IPV4 = re.compile(r"(?<![\d.])(?!127\.|0\.0\.0\.0\b)(?:\d{1,3}\.){3}\d{1,3}\b(?!\.\d)")


class Redactor:
    """Hides secrets by what they are (`known`, in every form in which they may stand there) and by how they look."""

    def __init__(self, known: Iterable[str]) -> None:
        forms = {form for secret in known for form in forms_of(secret)}
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor()"

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = hide_secrets(_PEM.sub(HIDDEN, text))
        for pattern, put in _PATTERNS:
            text = pattern.sub(put, text)
        return text


def forms_of(secret: str) -> Iterator[str]:
    """A secret as it is, line by line, and as it stands in URLs, JSON, base64 (at each offset) and hexadecimal."""
    whole = secret.strip()
    for one in dict.fromkeys([whole, *(line.strip() for line in whole.splitlines())]):
        if len(one) < _SHORTEST:
            continue
        yield one
        yield quote(one, safe="")
        yield quote_plus(one)
        yield json.dumps(one)[1:-1]
        yield json.dumps(one, ensure_ascii=False)[1:-1]
        if len(one) >= _SHORTEST_ENCODED:
            yield from _encoded(one.encode())


def _encoded(raw: bytes) -> Iterator[str]:
    yield raw.hex()
    yield raw.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            first = -(-offset * 4 // 3) if offset else 0  # characters that also depend on what stands before
            last = (offset + len(raw)) % 3
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            yield text[first : len(text) - (1 if last else 0)]


class Names:
    """Puts a stable, meaningless word in the place of each name; the same in every file of one installation."""

    def __init__(self, names: Iterable[str], key: bytes) -> None:
        self._key = key
        wanted = sorted({name for name in names if len(name) > 1}, key=len, reverse=True)
        parts = "|".join(map(re.escape, wanted))
        self._names = re.compile(rf"(?<![\w-])(?:{parts})(?![\w-])", re.IGNORECASE) if wanted else None

    def __call__(self, text: str) -> str:
        if self._names is not None:
            text = self._names.sub(lambda found: self._word("name", found[0]), text)
        return _IPV4.sub(lambda found: self._word("address", found[0]), text)

    def _word(self, kind: str, name: str) -> str:
        digest = hmac.new(self._key, name.lower().encode(), hashlib.sha256).hexdigest()
        return f"{kind}-{digest[:10]}"


def as_they_are(text: str) -> str:
    """In place of `Names` where names may be told."""
    return text
