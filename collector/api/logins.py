"""How people prove who they are, for programs and browsers alike: password, code of the second factor, invitation."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.api.hashing import Hashing
from collector.core import problems
from collector.core.database import Database
from collector.core.limits import Limiter
from collector.core.problems import Problem
from collector.core.tenancy import acting_for
from collector.core.vault import Vault
from collector.domain.access import factors, passwords, people, sessions
from collector.domain.access.people import Acceptance
from collector.domain.access.rules import check_name
from collector.domain.access.sessions import Membership
from common import tokens
from common.clock import utc_now

TRIES_PER_MINUTE = 20
"""For one address of a person, from wherever; one client has fewer (`members.AUTH_PER_MINUTE`)."""
CODES_PER_MINUTE = 5


class CodeNeeded(Problem):
    """The password is right, and the person has a second factor."""

    def __init__(self) -> None:
        super().__init__(401, "unauthorized", "This account has a second factor: send its code as `code` as well.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What somebody says; `address`: from where, `code`: of the second factor, where there is one."""

    email: str
    password: str
    address: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation's secret and who accepts it; `password`: a new one, or that of somebody who has one already."""

    token: str
    name: str
    password: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Logins:
    """The one place where passwords and codes are compared."""

    db: Database
    limiter: Limiter
    hashing: Hashing
    vault: Vault

    async def proven(self, attempt: Attempt) -> Sequence[Membership]:
        """Where somebody may act who has proven everything at once; never empty."""
        known = await self.with_password(attempt)
        await self._second_factor(attempt)
        return known

    async def with_password(self, attempt: Attempt) -> Sequence[Membership]:
        """Where somebody may act whose password is right; never empty. A second factor is still to be asked for."""
        known = await self.db.read(sessions.memberships, attempt.email) if await self.is_password(attempt) else ()
        if not known:
            await self.failed(attempt)
            raise refused()
        return known

    async def is_password(self, attempt: Attempt) -> bool:
        quota = await self.limiter.hit("address", attempt.email, per_minute=TRIES_PER_MINUTE)
        if not quota.allowed:
            raise problems.rate_limited(quota.retry_after)
        stored = await self.db.read(sessions.password_of, attempt.email)
        return await self.hashing.matches(stored, attempt.password)

    async def has_second_factor(self, email: str) -> bool:
        return await self.db.read(factors.state, email) is not None

    async def with_code(self, attempt: Attempt) -> None:
        """Use up a code of the second factor, or refuse it."""
        quota = await self.limiter.hit("code", attempt.email, per_minute=CODES_PER_MINUTE)
        if not quota.allowed:
            raise problems.rate_limited(quota.retry_after)
        outcome = await self.db.write(factors.prove, attempt.email, attempt.code, self.vault, utc_now())
        if outcome == "good":
            return
        await self.failed(attempt)
        if outcome == "locked":
            minutes = int(factors.LOCKED_FOR.total_seconds()) // 60
            raise Problem(401, "unauthorized", f"Too many wrong codes; codes are taken again within {minutes} minutes.")
        raise Problem(401, "unauthorized", "The code is not right, or was used already.")

    async def failed(self, attempt: Attempt) -> None:
        """Leave a trace."""
        await self.db.write(sessions.note_failure, attempt.email, attempt.address, utc_now())

    async def accept(self, given: Invited, address: str, *, present: str = "") -> Membership:
        """Make a member of who was invited. `present`: the address of who is signed in and need prove nothing more."""
        invited = await self._invitation(given.token)
        new_hash = None if present == invited.email else await self._newly_proven(given, invited.email, address)
        accepted = Acceptance(_named(given.name), new_hash, utc_now())
        with acting_for(invited.tenant_id):
            await self.db.write(people.accept, invited.tenant_id, invited, accepted)
        known = await self.db.read(sessions.memberships, invited.email)
        return next(membership for membership in known if membership.tenant_id == invited.tenant_id)

    async def _newly_proven(self, given: Invited, email: str, address: str) -> str | None:
        """The hash of a first password, or None for who has one and gave it.

        Who is a member elsewhere without a password comes in by single sign-on: an invitation, which whoever invites
        can read, must not give that person a password.
        """
        if await self.db.read(sessions.password_of, email) is not None:
            attempt = Attempt(email=email, password=given.password, address=address, code=given.code)
            await self._known_person(attempt)
            return None
        if await self.db.read(sessions.is_somewhere, email):
            raise Problem(401, "unauthorized", "This address has an account without a password: sign in to it first.")
        return await self.hashing.hashed(acceptable(given.password, "password"))

    async def _known_person(self, attempt: Attempt) -> None:
        if not await self.is_password(attempt):
            await self.failed(attempt)
            raise refused()
        await self._second_factor(attempt)

    async def _second_factor(self, attempt: Attempt) -> None:
        if not await self.has_second_factor(attempt.email):
            return
        if not attempt.code:
            raise CodeNeeded
        await self.with_code(attempt)

    async def _invitation(self, token: str) -> people.Open:
        usable = token.isascii() and tokens.well_formed(tokens.INVITATION, token)
        found = await self.db.read(people.open_invitation, tokens.digest(token), utc_now()) if usable else None
        if found is None:
            raise Problem(401, "unauthorized", "The invitation is not known, used, or past its end.")
        return found


def refused() -> Problem:
    """The same for a wrong password, an unknown address, and a member who may no longer log on."""
    return Problem(401, "unauthorized", "Email or password is not right.")


def acceptable(password: str, field: str) -> str:
    """A new password, which is never repeated."""
    try:
        return passwords.check_password(password)
    except ValueError as error:
        raise problems.invalid(field, "…", str(error).partition("expected ")[2]) from None


def _named(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise problems.invalid("name", name, str(error).partition("expected ")[2]) from None
