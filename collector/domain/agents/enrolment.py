"""An enrolment token and a public key become an agent."""

from datetime import datetime

from sqlalchemy import Connection

from collector.domain.agents import store
from collector.domain.agents.store import Enrolled, NewAgent
from common import tokens
from common.identity import NotAuthentic, PublicKey
from common.wire import EnrolRequest


class InvalidToken(Exception):  # noqa: N818 - it reads as the refusal it is
    """Mistyped, unknown, expired, used up: whoever tries tokens learns no more than that."""


class KeyInUse(Exception):  # noqa: N818 - likewise
    """The key belongs to an agent that was enrolled with another token."""


def prove(request: EnrolRequest) -> PublicKey:
    """The key that is being registered, once its owner has shown to hold it."""
    if not tokens.well_formed(tokens.ENROLMENT_TOKEN, request.token):
        raise InvalidToken
    key = PublicKey.parse(request.public_key)
    key.verify(request.token.encode(), request.proof)
    return key


def enrol(conn: Connection, request: EnrolRequest, key: PublicKey, now: datetime) -> Enrolled:
    """Use the token up for a new agent; the same key with the same token gets the same agent again."""
    token = store.token_by_digest(conn, tokens.digest(request.token), now)
    if token is None:
        raise InvalidToken
    known = store.enrolled_with(conn, key.key_id)
    if known is not None:
        return _again(known, token.id)
    if not store.use_token(conn, token.tenant_id, token.id, now):
        raise InvalidToken
    new = NewAgent(
        name=request.name,
        hostname=request.hostname,
        version=request.version,
        key_id=key.key_id,
        public_key=request.public_key,
    )
    return store.add_agent(conn, token, new, now)


def _again(known: Enrolled, token_id: str) -> Enrolled:
    if known.state == "revoked":
        raise NotAuthentic("revoked", "this key belongs to an agent that was revoked")
    if known.enrolled_by != token_id:
        raise KeyInUse
    return known
