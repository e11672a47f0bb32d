"""The vault key: whether what was sealed in the database opens with it."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from collector.core.tenancy import across_tenants
from collector.core.vault import SealBroken, Vault
from collector.doctor.ground import Ground, quoted, user
from collector.domain.access.tables import second_factor, signing_key
from collector.domain.webhooks.rules import sealed_for
from collector.domain.webhooks.tables import endpoint
from common.checkup import Finding, unwell, well
from common.errors import ConfigurationError
from common.filemodes import open_to_others, said

_ID = "vault"


def look(ground: Ground, conn: Connection) -> Iterator[Finding]:
    path, sealed = ground.settings.vault_path, _count(conn)
    back = f"restore {path} from the backup that was made with the database; without it"
    lost = f"{back} new secrets have to be set:\nfieldpost-collector webhook list --tenant TENANT"
    if not path.exists():
        if sealed:
            yield unwell(_ID, f"{path} is not there, and {sealed} secrets are sealed under it", lost)
        else:
            yield well(_ID, "not made yet, and nothing is sealed")
        return
    try:
        found, vault = path.stat(), Vault.of_file(path)
    except (ConfigurationError, OSError) as error:
        yield unwell(_ID, str(error), f"chown {user()} {quoted(path)}\nchmod 0600 {quoted(path)}")
        return
    if open_to_others(found):
        yield unwell(_ID, f"{path} is open to others ({said(found)})", f"chmod 0600 {quoted(path)}")
        return
    if not _opens(conn, vault):
        yield unwell(_ID, f"{path} is not the key under which {sealed} secrets were sealed", lost)
        return
    yield well(_ID, f"opens what is sealed ({sealed} secrets)")


@across_tenants("one key seals the secrets of all tenants")
def _count(conn: Connection) -> int:
    webhooks = select(func.count()).select_from(endpoint).where(endpoint.c.secret.is_not(None))
    others = [select(func.count()).select_from(table) for table in (signing_key, second_factor)]
    return sum(int(conn.execute(one).scalar_one()) for one in (webhooks, *others))


@across_tenants("one key seals the secrets of all tenants")
def _opens(conn: Connection, vault: Vault) -> bool:
    """Tried on one secret of each kind; what opens is not looked at."""
    webhook = conn.execute(_A_WEBHOOK).first()
    key = conn.execute(select(signing_key.c.id, signing_key.c.sealed).limit(1)).first()
    tried = [(webhook.secret, sealed_for(webhook.id))] if webhook else []
    tried += [(key.sealed, f"signing_key/{key.id}")] if key else []
    try:
        for sealed, about in tried:
            vault.open(sealed, about=about)
    except SealBroken:
        return False
    return True


_A_WEBHOOK = select(endpoint.c.id, endpoint.c.secret).where(endpoint.c.secret.is_not(None)).limit(1)
