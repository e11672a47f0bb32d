"""Tables of credentials: API keys and tokens, people's passwords and sessions, invitations, and keys that sign.

Secrets are stored as digests; only the signing keys are needed again, and those are sealed.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class ApiKey(SQLModel, table=True):
    """A `tv_api_…` key; `prefix` is the part that may be shown."""

    __tablename__ = "api_key"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    name: str
    prefix: str
    digest: bytes = Field(unique=True)
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)
    last_used_at: datetime | None = Field(sa_type=Instant)
    expires_at: datetime | None = Field(sa_type=Instant)


class ApiToken(SQLModel, table=True):
    """An `ops_…` token of the status family; `prefix` is the part that may be shown."""

    __tablename__ = "api_token"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    name: str
    prefix: str
    digest: bytes = Field(unique=True)
    scopes: Any = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)
    created_by: str
    expires_at: datetime | None = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)
    last_used_at: datetime | None = Field(sa_type=Instant)


class Person(SQLModel, table=True):
    """Someone who can log on. One address is one person, who may be a member of several tenants."""

    __tablename__ = "person"

    email: str = Field(primary_key=True)
    password_hash: str
    changed_at: datetime = Field(sa_type=Instant)


class Session(SQLModel, table=True):
    """A login, until it expires or is revoked. `refresh_digest`: of the one refresh token that is good now."""

    __tablename__ = "session"
    __table_args__ = (Index("session_by_member", "tenant_id", "member_id"), Index("session_by_expiry", "expires_at"))

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    member_id: int = Field(sa_type=BigInteger)
    refresh_digest: bytes
    address: str
    created_at: datetime = Field(sa_type=Instant)
    refreshed_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)


class BrowserSession(SQLModel, table=True):
    """A sign-in to the web UI; `digest` is that of the cookie, `method` how the person proved who it is."""

    __tablename__ = "browser_session"
    __table_args__ = (
        Index("browser_session_by_member", "tenant_id", "member_id"),
        Index("browser_session_by_expiry", "expires_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    member_id: int = Field(sa_type=BigInteger)
    digest: bytes = Field(unique=True)
    method: str
    address: str
    browser: str
    created_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)


class SecondFactor(SQLModel, table=True):
    """A person's authenticator; it counts once a code has confirmed it. `last_step`: of the last code that was good."""

    __tablename__ = "second_factor"

    email: str = Field(primary_key=True)
    sealed: bytes
    created_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(sa_type=Instant)
    last_step: int = Field(sa_type=BigInteger)
    failures: int
    locked_until: datetime | None = Field(sa_type=Instant)


class RecoveryCode(SQLModel, table=True):
    """A code that is good once in place of the authenticator's."""

    __tablename__ = "recovery_code"

    email: str = Field(primary_key=True)
    digest: bytes = Field(primary_key=True)
    used_at: datetime | None = Field(sa_type=Instant)


class SignInStep(SQLModel, table=True):
    """A sign-in that is under way: `digest` is that of the browser's cookie, what is known of it is sealed."""

    __tablename__ = "sign_in_step"
    __table_args__ = (Index("sign_in_step_by_expiry", "expires_at"),)

    digest: bytes = Field(primary_key=True)
    sealed: bytes
    expires_at: datetime = Field(sa_type=Instant)


class Invitation(SQLModel, table=True):
    """An `fpi_…` secret that makes its bearer a member; `prefix` is the part that may be shown."""

    __tablename__ = "invitation"
    __table_args__ = (Index("invitation_by_expiry", "expires_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    email: str
    role: str
    prefix: str
    digest: bytes = Field(unique=True)
    invited_by: str
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    accepted_at: datetime | None = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)


class SigningKey(SQLModel, table=True):
    """An RSA key of access tokens; a retired one stays readable until its last token has expired."""

    __tablename__ = "signing_key"

    id: str = Field(primary_key=True)
    sealed: bytes
    public: Any = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(sa_type=Instant)


class VaultSeal(SQLModel, table=True):
    """Something known, sealed: it opens with the vault key of this database alone."""

    __tablename__ = "vault_seal"

    name: str = Field(primary_key=True)
    sealed: bytes


api_key = table(ApiKey)
api_token = table(ApiToken)
person = table(Person)
session = table(Session)
browser_session = table(BrowserSession)
second_factor = table(SecondFactor)
recovery_code = table(RecoveryCode)
sign_in_step = table(SignInStep)
invitation = table(Invitation)
signing_key = table(SigningKey)
vault_seal = table(VaultSeal)
