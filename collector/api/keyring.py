"""The signing keys as this process knows them: read from the store when first needed and when an unknown one shows."""

import time
from collections.abc import Sequence
from datetime import datetime

from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access import bearer, signing
from collector.domain.access.bearer import Claims, InvalidBearer, Pair, Use
from collector.domain.access.signing import Signing

REREAD_SECONDS = 5.0
"""How often an unknown key may have them read again: whoever likes can make up its name."""
KEEP_SECONDS = 60.0


class Keyring:
    """Issues and reads members' tokens. Another process may have replaced the key, so what is known here ages."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._known: Signing | None = None
        self._read_at = 0.0
        self._surprised_at = -REREAD_SECONDS

    async def issue(self, claims: Claims, now: datetime) -> Pair:
        key_id, key = (await self._keys(now, older_than=KEEP_SECONDS)).current
        return bearer.issue(key_id, key, claims, now)

    async def read(self, token: str, use: Use, now: datetime) -> Claims:
        """What a token says; `InvalidBearer` when it proves nothing."""
        key_id = bearer.key_id_of(token)
        keys = (await self._keys(now, older_than=KEEP_SECONDS)).keys
        if key_id not in keys and time.monotonic() - self._surprised_at >= REREAD_SECONDS:
            self._surprised_at = time.monotonic()
            keys = (await self._keys(now, older_than=0)).keys
        if key_id not in keys:
            raise InvalidBearer
        return bearer.read(token, keys[key_id], use, now)

    async def public(self, now: datetime) -> Sequence[dict[str, object]]:
        """The public halves, for whoever checks tokens without asking us (RFC 7517)."""
        return (await self._keys(now, older_than=KEEP_SECONDS)).public

    async def _keys(self, now: datetime, *, older_than: float) -> Signing:
        if self._known is None or time.monotonic() - self._read_at >= older_than:
            self._known = await self._db.write(signing.signing, self._vault, now)
            self._read_at = time.monotonic()
        return self._known
