"""Signs the ends of the activity log's chains, now and every hour; the log of the process is a witness of each."""

import asyncio

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.core.vault import Vault
from collector.domain.activity import chain
from common import logs
from common.clock import utc_now
from common.identity import PrivateKey

EVERY_SECONDS = 3600.0

log = logs.get(__name__)


def key_of(vault: Vault) -> PrivateKey:
    """The same on every replica that has the installation's key, and of no use for anything else."""
    return PrivateKey.of_seed(vault.derive("activity checkpoints"))


async def keep(db: Database, key: PrivateKey, *, every: float = EVERY_SECONDS) -> None:
    """Sign for ever; a store that is away is waited for."""
    while True:
        try:
            await sign(db, key)
        except StoreUnavailable as trouble:
            log.warning("activity checkpoint put off", why=trouble.why, detail=trouble.detail)
        await asyncio.sleep(every)


async def sign(db: Database, key: PrivateKey) -> None:
    for tenant_id, position, digest in await db.write(chain.sign, utc_now(), key.public.text, key.sign):
        log.info("activity checkpoint", tenant=tenant_id, position=position, hash=digest.hex())
