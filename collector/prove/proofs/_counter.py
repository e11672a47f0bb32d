"""The families that ask for a credential, over a proof's own store, in this process; and how often they ask it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from starlette.types import ASGIApp

from collector.api.hashing import Hashing
from collector.api.health import family as health
from collector.api.journal import Journal
from collector.api.keyring import Keyring
from collector.api.logins import Logins
from collector.api.status import family as status
from collector.api.tuner import family as tuner
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.engines import Engines
from collector.core.limits import Limiter
from collector.core.vault import Vault
from collector.domain.activity.store import Entry

T = TypeVar("T")


class Watched(Database):
    """A store that counts how often it is asked."""

    def __init__(self, store: Engines) -> None:
        super().__init__(store)
        self.asked = 0

    async def read(self, fn: Callable[..., T], *args: object, heavy: bool = False) -> T:
        self.asked += 1
        return await super().read(fn, *args, heavy=heavy)

    async def write(self, fn: Callable[..., T], *args: object) -> T:
        self.asked += 1
        return await super().write(fn, *args)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One replica: the families of keys (health), tokens (status) and members (tuner)."""

    db: Watched
    keyring: Keyring
    health: ASGIApp
    status: ASGIApp
    tuner: ASGIApp


def over(db: Watched, vault: Vault) -> Counter:
    """Nothing is noted of uses: what the store is asked, it is asked by those who come."""
    limiter, keyring = Limiter(None), Keyring(db, vault)
    logins = Logins(db, limiter, Hashing(), vault)
    return Counter(
        db=db,
        keyring=keyring,
        health=health.build(db, limiter, Uses(_unnoted), Journal(_unkept)).app,
        status=status.build(db, limiter, Uses(_unnoted), Journal(_unkept), per_minute=1_000_000).app,
        tuner=tuner.build(db, keyring, limiter, logins).app,
    )


async def _unnoted(_tenant_id: int, _credential: str) -> None:
    return


async def _unkept(_entries: Mapping[int, Sequence[Entry]]) -> None:
    return
