"""API tokens of the status family for tests."""

from dataclasses import dataclass
from datetime import datetime

from collector.core.database import Database
from collector.domain.access import tokens
from collector.domain.access.rules import SCOPES, Act, Scope
from collector.domain.access.tokens import Wanted
from common.clock import utc_now


@dataclass(frozen=True, slots=True)
class Holder:
    """A token with its secret."""

    tenant: int
    id: str
    secret: str

    @property
    def prefix(self) -> str:
        return self.secret.removeprefix("ops_")[:8]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


async def token(
    db: Database, tenant: int, *scopes: Scope, name: str = "tests", expires_at: datetime | None = None
) -> Holder:
    """A token with these scopes; with all of them where none is named."""
    wanted = Wanted(name, scopes or SCOPES, expires_at)
    made = await db.write(tokens.create, tenant, wanted, Act("tests", utc_now()))
    return Holder(tenant, made.id, made.secret)
