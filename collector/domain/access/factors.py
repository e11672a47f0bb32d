"""Second factors: codes of an authenticator (RFC 6238), and recovery codes for who has lost it; each good once."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import pyotp
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.core.vault import Vault
from collector.domain.access import people, sessions
from collector.domain.access.rules import Act
from collector.domain.access.tables import recovery_code, second_factor
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from common import tokens

STEP_SECONDS = 30
DRIFT = 1
"""How many steps a phone's clock may be off, to either side."""
MOST_FAILURES = 10
LOCKED_FOR = timedelta(minutes=15)
RECOVERY_CODES = 10

Outcome = Literal["good", "wrong", "locked"]

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that reads like something else
_GROUPS, _GROUP = 4, 4
_WHOLE = "an address is one person, whatever the tenant"


class State(NamedTuple):
    """What may be shown of a second factor that counts."""

    since: datetime
    recovery_codes: int


def step_of(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """The step whose code this is, unless that one or a later one was used already; None for any other text."""
    made, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    steps = range(present - DRIFT, present + DRIFT + 1)
    found = [step for step in steps if secrets.compare_digest(made.generate_otp(step).encode(), code.encode())]
    return next((step for step in found if step > after), None)


def tidy(code: str) -> str:
    """As people type codes: with blanks and dashes, in capitals."""
    return "".join(code.split()).replace("-", "").lower()


# --- what a person has -------------------------------------------------------------------------------------------


@across_tenants(_WHOLE)
def state(conn: Connection, email: str) -> State | None:
    """None while no second factor counts."""
    row = conn.execute(_CONFIRMED, {"email": email}).one_or_none()
    if row is None:
        return None
    return State(row.confirmed_at, conn.execute(_CODES_LEFT, {"email": email}).scalar_one())


@across_tenants(_WHOLE)
def pending(conn: Connection, email: str, vault: Vault) -> str | None:
    """The secret of an authenticator that no code has confirmed yet."""
    row = conn.execute(_PENDING, {"email": email}).one_or_none()
    return vault.open(row.sealed, about=_about(email)).decode() if row else None


@across_tenants(_WHOLE)
def begin(conn: Connection, email: str, vault: Vault, now: datetime) -> str:
    """A new secret, which counts for nothing until `confirm`; an older one that was begun is forgotten."""
    if state(conn, email) is not None:
        raise Refusal("second factor: it is on already; expected it to be off")
    secret = pyotp.random_base32()
    sealed = vault.seal(secret.encode(), about=_about(email))
    row = {"email": email, "sealed": sealed, "created_at": now, "last_step": 0, "failures": 0}
    _PUT(conn, [{**row, "confirmed_at": None, "locked_until": None}])
    return secret


@across_tenants(_WHOLE)
def confirm(conn: Connection, email: str, code: str, vault: Vault, act: Act) -> Sequence[str]:
    """Make it count, if this is its code; the recovery codes, which are known at this moment alone, or none."""
    secret = pending(conn, email, vault)
    step = step_of(secret, tidy(code), act.at, after=0) if secret else None
    if step is None or not conn.execute(_CONFIRM, {"of_email": email, "now": act.at, "step": step}).rowcount:
        return ()
    _note(conn, email, "second_factor_on", act)
    return _new_codes(conn, email)


@across_tenants(_WHOLE)
def renew_codes(conn: Connection, email: str, act: Act) -> Sequence[str]:
    """Other recovery codes; the old ones are good for nothing."""
    if state(conn, email) is None:
        raise Refusal("second factor: it is off; expected it to be on")
    _note(conn, email, "recovery_codes_renewed", act)
    return _new_codes(conn, email)


# --- a code at a sign-in -----------------------------------------------------------------------------------------


@across_tenants(_WHOLE)
def prove(conn: Connection, email: str, code: str, vault: Vault, now: datetime) -> Outcome:
    """Use up a code, in the transaction that finds it good; after too many wrong ones even a good one has to wait."""
    row = conn.execute(_CONFIRMED, {"email": email}).one_or_none()
    if row is None:
        return "wrong"
    if row.locked_until is not None and now < row.locked_until:
        return "locked"
    text = tidy(code)
    secret = vault.open(row.sealed, about=_about(email)).decode()
    step = step_of(secret, text, now, after=row.last_step)
    if step is not None and conn.execute(_USE_STEP, {"of_email": email, "step": step}).rowcount:
        return "good"
    return _recovered(conn, email, text, now) or _failed(conn, email, row.failures + 1, now)


@across_tenants(_WHOLE)
def _recovered(conn: Connection, email: str, text: str, now: datetime) -> Literal["good"] | None:
    used = conn.execute(_USE_CODE, {"of_email": email, "of_digest": tokens.digest(text), "now": now})
    if not used.rowcount:
        return None
    conn.execute(_AFTER, {"of_email": email, "failures": 0, "locked_until": None})
    left = conn.execute(_CODES_LEFT, {"email": email}).scalar_one()
    _note(conn, email, "recovery_code_used", Act(email, now), left=left)
    return "good"


@across_tenants(_WHOLE)
def _failed(conn: Connection, email: str, failures: int, now: datetime) -> Outcome:
    """Count a wrong code; a whole set of them locks for a while, and then a new set begins."""
    lock = failures >= MOST_FAILURES
    about = {"failures": 0 if lock else failures, "locked_until": now + LOCKED_FOR if lock else None}
    conn.execute(_AFTER, {"of_email": email, **about})
    if lock:
        _note(conn, email, "second_factor_locked", Act(email, now))
    return "wrong"


# --- off again ---------------------------------------------------------------------------------------------------


@across_tenants(_WHOLE)
def turn_off(conn: Connection, email: str, act: Act) -> bool:
    """Forget a person's second factor, also one that was never confirmed; whether one counted."""
    counted = state(conn, email) is not None
    conn.execute(_FORGET_CODES, {"of_email": email})
    conn.execute(_FORGET, {"of_email": email})
    if counted:
        _note(conn, email, "second_factor_off", act)
    return counted


def reset(conn: Connection, tenant_id: int, member_id: int, act: Act) -> None:
    """Let a member in with the password alone again. Not where the person belongs to other tenants as well.

    What one tenant does must not make another one's members easier to pass for; there the operator does it.
    """
    email = people.find(conn, tenant_id, member_id).email
    if any(known.tenant_id != tenant_id for known in sessions.memberships(conn, email)):
        raise Refusal(
            f"member: {email!r} belongs to other tenants too; expected the operator of the collector to do it"
            " (fieldpost-collector member reset-second-factor)"
        )
    if not turn_off(conn, email, act):
        raise Refusal(f"member: {email!r} has no second factor")


@across_tenants(_WHOLE)
def on_among(conn: Connection, emails: Sequence[str]) -> frozenset[str]:
    """Whose second factor counts, of these people."""
    return frozenset(conn.execute(_ON_AMONG, {"emails": list(emails)}).scalars())


@across_tenants(_WHOLE)
def _new_codes(conn: Connection, email: str) -> Sequence[str]:
    conn.execute(_FORGET_CODES, {"of_email": email})
    codes = ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]
    rows = [{"email": email, "digest": tokens.digest(tidy(code)), "used_at": None} for code in codes]
    conn.execute(insert(recovery_code), rows)
    return codes


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP))


@across_tenants(_WHOLE)
def _note(conn: Connection, email: str, action: str, act: Act, **about: object) -> None:
    """In the log of each tenant in which this person is."""
    for known in sessions.memberships(conn, email):
        entry = {"by": act.by, "member_id": known.member_id, "email": email, **about}
        activity.append(conn, known.tenant_id, [Entry(action, entry, act.at)])


def _about(email: str) -> str:
    return f"second_factor/{email}"


_F, _R = second_factor.c, recovery_code.c
_OF = _F.email == bindparam("email")

_PUT = upsert(second_factor)
_CONFIRMED = select(_F.sealed, _F.confirmed_at, _F.last_step, _F.failures, _F.locked_until).where(
    _OF, _F.confirmed_at.is_not(None)
)
_PENDING = select(_F.sealed).where(_OF, _F.confirmed_at.is_(None))
_ON_AMONG = select(_F.email).where(_F.email.in_(bindparam("emails", expanding=True)), _F.confirmed_at.is_not(None))
_CONFIRM = (
    update(second_factor)
    .where(_F.email == bindparam("of_email"), _F.confirmed_at.is_(None))
    .values(confirmed_at=bindparam("now"), last_step=bindparam("step"))
)
_USE_STEP = (
    update(second_factor)
    .where(_F.email == bindparam("of_email"), _F.last_step < bindparam("step"))
    .values(last_step=bindparam("step"), failures=0, locked_until=None)
)
_AFTER = (
    update(second_factor)
    .where(_F.email == bindparam("of_email"))
    .values(failures=bindparam("failures"), locked_until=bindparam("locked_until"))
)
_FORGET = delete(second_factor).where(_F.email == bindparam("of_email"))

_CODES_LEFT = (
    select(func.count()).select_from(recovery_code).where(_R.email == bindparam("email"), _R.used_at.is_(None))
)
_USE_CODE = (
    update(recovery_code)
    .where(_R.email == bindparam("of_email"), _R.digest == bindparam("of_digest"), _R.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
_FORGET_CODES = delete(recovery_code).where(_R.email == bindparam("of_email"))
