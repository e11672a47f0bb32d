"""The one door to a target: after refused credentials it stays shut for a while, whoever knocks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.config import Connection
from agent.oracle.logins import LoginFailure
from agent.oracle.samples import Samples
from agent.oracle.session import LOGIN_DEADLINE_S, Session, session
from common.clock import Now, utc_now


@asynccontextmanager
async def logon(
    connection: Connection, samples: Samples, *, deadline_s: float = LOGIN_DEADLINE_S, now: Now = utc_now
) -> AsyncIterator[Session]:
    """A session, or `LoginFailure`. Trying a refused password again locks the account, so nobody may for 15 min."""
    put_off = samples.logon_allowed_at(connection.key)
    if put_off and now() < put_off[0]:
        raise LoginFailure("", "credentials", f"{put_off[1]}; no logon is tried before {put_off[0]:%H:%M} UTC")
    try:
        async with session(connection, deadline_s=deadline_s) as opened:
            samples.allow_logon(connection.key)
            yield opened
    except LoginFailure as failure:
        next_try = failure.next_try(now())
        if next_try:
            samples.put_logon_off(connection.key, next_try, str(failure))
        raise
