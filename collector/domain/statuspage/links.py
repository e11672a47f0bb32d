"""Pure: links in mails. What they carry can be checked and not be made up, and nothing of it has to be stored."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Purpose = Literal["confirm", "unsubscribe"]

ABOUT = "links of status pages"
"""What the key is derived for."""

_MAC_BYTES = 20
_MAX_TOKEN = 128


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and checks what links carry: `<subscriber>.<code>`. The key never leaves the process."""

    key: bytes

    def __repr__(self) -> str:
        return "Links()"

    def confirm(self, tenant_id: int, subscriber_id: str, asked_at: datetime) -> str:
        """Good for this question alone: a later one voids it."""
        return f"{subscriber_id}.{self._code('confirm', tenant_id, subscriber_id, asked_at.isoformat())}"

    def unsubscribe(self, tenant_id: int, subscriber_id: str) -> str:
        """Good for ever: an old mail must still get one out."""
        return f"{subscriber_id}.{self._code('unsubscribe', tenant_id, subscriber_id)}"

    def may_confirm(self, token: str, tenant_id: int, asked_at: datetime) -> bool:
        return hmac.compare_digest(token, self.confirm(tenant_id, subscriber_in(token), asked_at))

    def may_unsubscribe(self, token: str, tenant_id: int) -> bool:
        return hmac.compare_digest(token, self.unsubscribe(tenant_id, subscriber_in(token)))

    def _code(self, purpose: Purpose, tenant_id: int, *about: str) -> str:
        text = "\n".join((purpose, str(tenant_id), *about))
        mac = hmac.new(self.key, text.encode(), hashlib.sha256).digest()[:_MAC_BYTES]
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def subscriber_in(token: str) -> str:
    """Whom it claims to be about."""
    return token.partition(".")[0]


def plausible(token: str) -> bool:
    return token.isascii() and len(token) <= _MAX_TOKEN and "." in token
