"""One database, one vault key: whoever comes with another would store secrets that the others cannot read."""

from sqlalchemy import Connection, delete, select

from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing
from collector.core.vault import SealBroken, Vault
from collector.domain.access import signing
from collector.domain.access.tables import vault_seal

_NAME = "vault"
_PLAIN = b"fieldpost"


@across_tenants("one key seals the secrets of all tenants")
def check(conn: Connection, vault: Vault) -> None:
    """`SealBroken` with another key than that of whoever came first; of several at once one is the first."""
    sealed = conn.execute(_SEALED).scalar_one_or_none()
    if sealed is None:
        signing.check(conn, vault)
        _KEEP(conn, [{"name": _NAME, "sealed": vault.seal(_PLAIN, about=_NAME)}])
        sealed = conn.execute(_SEALED).scalar_one()
    vault.open(sealed, about=_NAME)


@across_tenants("one key seals the secrets of all tenants")
def begin_anew(conn: Connection, vault: Vault) -> int:
    """The key before is lost: forget what signs and cannot be read any more; how many keys that were."""
    lost = signing.drop_unreadable(conn, vault)
    try:
        check(conn, vault)
    except SealBroken:
        conn.execute(delete(vault_seal))
        check(conn, vault)
    return lost


_SEALED = select(vault_seal.c.sealed).where(vault_seal.c.name == _NAME)
_KEEP = insert_missing(vault_seal)
