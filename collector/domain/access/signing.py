"""The keys that sign members' tokens: made when first needed, sealed at rest, replaced on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from joserfc.jwk import RSAKey
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from collector.core.tenancy import across_tenants
from collector.core.vault import SealBroken, Vault
from collector.domain.access.bearer import ALGORITHM, KEY_BITS, REFRESH_LIFETIME
from collector.domain.access.tables import signing_key
from common.ids import new_id


@dataclass(frozen=True, slots=True)
class Signing:
    """Every key whose tokens may still be good, newest first; `current` signs."""

    keys: dict[str, RSAKey]
    public: Sequence[dict[str, object]]

    @property
    def current(self) -> tuple[str, RSAKey]:
        return next(iter(self.keys.items()))


@across_tenants("tokens of all tenants are signed with the same keys")
def signing(conn: Connection, vault: Vault, now: datetime) -> Signing:
    """The keys; the first one is made when there is none."""
    rows = conn.execute(_ALL).all()
    if not rows or rows[0].retired_at is not None:
        _add(conn, vault, now)
        rows = conn.execute(_ALL).all()
    keys = {row.id: _parsed(vault.open(row.sealed, about=_about(row.id))) for row in rows}
    return Signing(keys, [row.public for row in rows])


@across_tenants("tokens of all tenants are signed with the same keys")
def check(conn: Connection, vault: Vault) -> None:
    """`SealBroken` where the newest key was sealed under another one."""
    row = conn.execute(_ALL).first()
    if row is not None:
        vault.open(row.sealed, about=_about(row.id))


@across_tenants("tokens of all tenants are signed with the same keys")
def drop_unreadable(conn: Connection, vault: Vault) -> int:
    """Forget keys that were sealed under another one, with all tokens that they signed; how many there were."""
    lost = [row.id for row in conn.execute(_ALL) if not _opens(vault, row.id, row.sealed)]
    for key_id in lost:
        conn.execute(_DROP, {"of_id": key_id})
    return len(lost)


def _opens(vault: Vault, key_id: str, sealed: bytes) -> bool:
    try:
        vault.open(sealed, about=_about(key_id))
    except SealBroken:
        return False
    return True


@across_tenants("tokens of all tenants are signed with the same keys")
def retire(conn: Connection, now: datetime) -> None:
    """Sign with a new key from its next use on; tokens of the old ones stay good until they expire."""
    conn.execute(_RETIRE, {"now": now})
    conn.execute(_FORGET, {"before": now - REFRESH_LIFETIME})


@across_tenants("tokens of all tenants are signed with the same keys")
def _add(conn: Connection, vault: Vault, now: datetime) -> str:
    key, key_id = RSAKey.generate_key(KEY_BITS, private=True), new_id("sig")
    public = {**key.as_dict(private=False), "kid": key_id, "use": "sig", "alg": ALGORITHM}
    sealed = vault.seal(key.as_pem(private=True), about=_about(key_id))
    conn.execute(insert(signing_key), {"id": key_id, "sealed": sealed, "public": public, "created_at": now})
    return key_id


@lru_cache(maxsize=8)
def _parsed(pem: bytes) -> RSAKey:
    """Kept, since each parsing proves the primes anew, which takes 80 ms."""
    return RSAKey.import_key(pem)


def _about(key_id: str) -> str:
    return f"signing_key/{key_id}"


_S = signing_key.c

_ALL = select(_S.id, _S.sealed, _S.public, _S.retired_at).order_by(_S.retired_at.is_not(None), _S.created_at.desc())
_RETIRE = update(signing_key).where(_S.retired_at.is_(None)).values(retired_at=bindparam("now"))
_DROP = delete(signing_key).where(_S.id == bindparam("of_id"))
_FORGET = delete(signing_key).where(_S.retired_at < bindparam("before"))
