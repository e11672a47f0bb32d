"""What may be done to API keys; each change leaves its activity entry."""

from datetime import timedelta

from sqlalchemy import Connection

from collector.domain.access import store
from collector.domain.access.rules import Act
from collector.domain.access.store import ListedKey, NewKey
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry

MAX_GRACE = timedelta(days=30)


def create(conn: Connection, tenant_id: int, name: str, act: Act) -> NewKey:
    made = store.add_key(conn, tenant_id, name, act.at)
    _note(conn, tenant_id, "key_created", act, key_id=made.id, name=name)
    return made


def revoke(conn: Connection, tenant_id: int, key_or_prefix: str, act: Act) -> ListedKey:
    revoked = store.revoke_key(conn, tenant_id, key_or_prefix, act.at)
    _note(conn, tenant_id, "key_revoked", act, key_id=revoked.id, name=revoked.name, prefix=revoked.prefix)
    return revoked


def regenerate(conn: Connection, tenant_id: int, key_or_prefix: str, grace: timedelta, act: Act) -> NewKey:
    """A new key in place of this one, which stays good for `grace` so that its users can change over."""
    old = store.find_key(conn, tenant_id, key_or_prefix)
    made = store.add_key(conn, tenant_id, old.name, act.at)
    if grace:
        store.expire_key(conn, tenant_id, old.id, act.at + grace)
    else:
        store.revoke_key(conn, tenant_id, old.id, act.at)
    about = {"key_id": made.id, "replaces": old.id, "name": old.name, "grace_s": int(grace.total_seconds())}
    _note(conn, tenant_id, "key_regenerated", act, **about)
    return made


def _note(conn: Connection, tenant_id: int, action: str, act: Act, **about: object) -> None:
    activity.append(conn, tenant_id, [Entry(action, {"by": act.by, **about}, act.at)])
