"""Sign-ins that are under way: what a browser has proven so far, kept here for minutes and good once."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, insert, select

from collector.core.tenancy import across_tenants
from collector.core.vault import Vault
from collector.domain.access.browsers import Method
from collector.domain.access.tables import sign_in_step

LIFETIME = timedelta(minutes=10)

Kind = Literal["code", "tenant", "single_sign_on"]
_ANYBODY = "nobody is signed in yet"
_ABOUT = "sign_in_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What comes next: the code of the second factor, the choice of a tenant, or the provider's answer."""

    kind: Kind
    next: str
    method: Method = "password"
    email: str = ""
    state: str = ""
    nonce: str = ""
    verifier: str = ""


@across_tenants(_ANYBODY)
def keep(conn: Connection, digest: bytes, step: Step, vault: Vault, now: datetime) -> None:
    sealed = vault.seal(json.dumps(asdict(step)).encode(), about=_ABOUT)
    conn.execute(insert(sign_in_step), {"digest": digest, "sealed": sealed, "expires_at": now + LIFETIME})


@across_tenants(_ANYBODY)
def look(conn: Connection, digest: bytes, vault: Vault, now: datetime) -> Step | None:
    """The step of this browser, which stays."""
    row = conn.execute(_FIND, {"digest": digest, "now": now}).one_or_none()
    return Step(**json.loads(vault.open(row.sealed, about=_ABOUT))) if row else None


@across_tenants(_ANYBODY)
def take(conn: Connection, digest: bytes, vault: Vault, now: datetime) -> Step | None:
    """As `look`, but only one of those who ask for it gets it."""
    found = look(conn, digest, vault, now)
    return found if conn.execute(_REMOVE, {"of_digest": digest}).rowcount else None


@across_tenants("the sweep serves all of them")
def forget(conn: Connection, now: datetime, most: int) -> int:
    """Delete those that are over."""
    return conn.execute(_FORGET, {"now": now, "most": most}).rowcount


_S = sign_in_step.c
_FIND = select(_S.sealed).where(_S.digest == bindparam("digest"), _S.expires_at > bindparam("now"))
_REMOVE = delete(sign_in_step).where(_S.digest == bindparam("of_digest"))
_FORGET = delete(sign_in_step).where(
    _S.digest.in_(
        select(_S.digest).where(_S.expires_at < bindparam("now")).order_by(_S.expires_at).limit(bindparam("most"))
    )
)
