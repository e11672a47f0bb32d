"""Tenants with people, keys, tokens and a service each, made in a store before a collector serves from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from collector.api.keyring import Keyring
from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access import browsers, keys, sessions
from collector.domain.access import tokens as access
from collector.domain.access.bearer import Claims
from collector.domain.access.browsers import NewBrowser
from collector.domain.access.rules import ROLES, SCOPES, Act, Role, Scope
from collector.domain.access.sessions import Membership, NewSession
from collector.domain.access.tokens import Wanted
from collector.domain.services import changes
from collector.domain.services.changes import Terms as ServiceTerms
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewMember
from collector.prove import world
from common import tokens
from common.clock import utc_now
from common.ids import new_id, random_text

BY = "prove@example.com"
COOKIE = "fieldpost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member who is logged on: as a program, and in a browser."""

    role: Role
    id: int
    email: str
    access: str
    cookie: str
    browser: str
    """The id of the browser's session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One tenant: an API key, a token for each scope and one for all, people of each role, a service."""

    id: int
    slug: str
    key: str
    scoped: Mapping[Scope, str]
    token: str
    people: Mapping[Role, Sequence[Person]]
    service: int
    enrolment: str


async def settle(url: str, folder: Path, *, slugs: Sequence[str], people: int = 1) -> list[House]:
    """`folder`: of the collector that is going to be served, whose key signs; `people`: how many of each role."""
    ground = await world.prepare(url, slugs=slugs)
    state = folder / "state"
    state.mkdir(parents=True, mode=0o700)
    db = Database.open(url)
    try:
        keyring = Keyring(db, Vault.of_file(state / "vault.key"))
        return [await _house(db, keyring, slug, people, ground.tokens[slug]) for slug in slugs]
    finally:
        await db.close()


async def _house(db: Database, keyring: Keyring, slug: str, people: int, enrolment: str) -> House:
    act = Act(BY, utc_now())
    tenant = await db.read(tenants.get, slug)
    made = await db.write(keys.create, tenant.id, "proof", act)
    scoped: dict[Scope, str] = {}
    for scope in SCOPES:
        scoped[scope] = (await db.write(access.create, tenant.id, Wanted(scope, (scope,)), act)).secret
    whole = await db.write(access.create, tenant.id, Wanted("all", SCOPES), act)
    service = await db.write(changes.create, tenant.id, ServiceTerms(name="Payments", visibility="public"), act)
    return House(
        id=tenant.id,
        slug=slug,
        key=made.secret,
        scoped=scoped,
        token=whole.secret,
        people={role: [await _person(db, keyring, slug, tenant.id, role) for _ in range(people)] for role in ROLES},
        service=service.id,
        enrolment=enrolment,
    )


async def _person(db: Database, keyring: Keyring, slug: str, tenant_id: int, role: Role) -> Person:
    now, cookie = utc_now(), random_text(40)
    who = await db.write(_member, tenant_id, slug, role)
    claims = Claims(tenant_id, who.member_id, new_id("ses"))
    pair = await keyring.issue(claims, now)
    opened = NewSession(session_id=claims.session_id, digest=tokens.digest(pair.refresh), address="127.0.0.1")
    await db.write(sessions.open_session, tenant_id, who, opened, now)
    browser = NewBrowser(
        session_id=new_id("brs"), digest=tokens.digest(cookie), method="password", address="127.0.0.1", browser="proof"
    )
    await db.write(browsers.open_session, tenant_id, who, browser, now)
    return Person(
        role=role, id=who.member_id, email=who.email, access=pair.access, cookie=cookie, browser=browser.session_id
    )


def _member(conn: Connection, tenant_id: int, slug: str, role: Role) -> Membership:
    name = f"{role}-{random_text(6)}"
    email = f"{name}@{slug}.example.com"
    one = tenants.add_member(conn, tenant_id, NewMember(name=name, email=email, role=role), utc_now())
    return Membership(tenant_id, slug, one.id, name, email, role, slug)
