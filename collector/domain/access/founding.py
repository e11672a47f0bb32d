"""The first tenant of a collector and its first owner, made together, once."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access import people, sessions
from collector.domain.access.rules import Act
from collector.domain.access.sessions import Membership
from collector.domain.tenants import store
from collector.domain.tenants.store import NewMember, NewTenant


class FoundedAlready(Refusal):
    """This collector has a tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What set-up asks for; all of it is checked by the rules of its nouns."""

    tenant: NewTenant
    owner: NewMember
    password_hash: str


@across_tenants("there is no tenant yet")
def is_new(conn: Connection) -> bool:
    """Whether this collector waits for its set-up."""
    return not store.tenants(conn)


@across_tenants("it makes the tenant")
def found(conn: Connection, new: Founding, act: Act) -> Membership:
    """Of several who try at once one makes the tenant: the others wait for the mark, and then find it."""
    if not conn.execute(_MARK).rowcount or not is_new(conn):
        raise FoundedAlready("this collector has been set up already")
    made = store.add(conn, new.tenant, act.at)
    people.add(conn, made.id, new.owner, act)
    people.set_password(conn, new.owner.email, new.password_hash, act)
    return next(one for one in sessions.memberships(conn, new.owner.email) if one.tenant_id == made.id)


_MARK = text("INSERT INTO counter (name, value) VALUES ('founded', 1) ON CONFLICT (name) DO NOTHING")
