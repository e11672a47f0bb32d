"""An enrolment token and a public key become an agent."""

from datetime import datetime

from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents import instances, keys, store
from collector.domain.agents.keys import KeyInUse
from collector.domain.agents.rules import State
from collector.domain.agents.store import Enrolled, NewAgent, UsableToken
from common import tokens
from common.admission import Request
from common.identity import NotAuthentic, PublicKey
from common.wire import EnrolRequest


class InvalidToken(Exception):  # noqa: N818 - it reads as the refusal it is
    """Mistyped, unknown, expired, used up: whoever tries tokens learns no more than that."""


def prove(request: EnrolRequest) -> PublicKey:
    """The key that is being registered, once its owner has shown to hold it."""
    if not tokens.well_formed(tokens.ENROLMENT_TOKEN, request.token):
        raise InvalidToken
    key = PublicKey.parse(request.public_key)
    key.verify(request.token.encode(), request.proof)
    return key


def enrol(conn: Connection, request: EnrolRequest, key: PublicKey, now: datetime) -> Enrolled:
    """Use the token up for an agent; the same key with the same token gets the same agent again."""
    token = store.token_by_digest(conn, tokens.digest(request.token), now)
    if token is None:
        raise InvalidToken
    known = store.enrolled_with(conn, key.key_id)
    if known is not None:
        return _once_more(known, token)
    if not store.use_token(conn, token.tenant_id, token.id, now):
        raise InvalidToken
    new = NewAgent(
        name=request.name,
        hostname=request.hostname,
        version=request.version,
        key_id=key.key_id,
        public_key=request.public_key,
        host=request.host,
    )
    if token.agent_id is not None:
        return become(conn, token.tenant_id, token.agent_id, new, by=token.id, now=now)
    state: State = "pending" if token.requires_approval else "active"
    return store.add_agent(conn, token.tenant_id, new, state=state, by=token.id, now=now)


def become(conn: Connection, tenant_id: int, agent_id: str, new: NewAgent, *, by: str, now: datetime) -> Enrolled:
    """A rebuilt host is the same agent again: its connections and their history stay, its old keys end at once."""
    known = store.enrolled(conn, tenant_id, agent_id)
    if known is None or known.state == "revoked":
        raise NotAuthentic("revoked", "the agent that this is to be again was revoked")
    keys.replace_all(conn, tenant_id, agent_id, PublicKey.parse(new.public_key), now)
    store.move(conn, tenant_id, agent_id, new, by=by)
    instances.forget_all(conn, tenant_id, agent_id, now)
    about = {"agent_id": agent_id, "hostname": new.hostname, "key_id": new.key_id}
    activity.append(conn, tenant_id, [Entry("agent_reenrolled", about, now)])
    return known._replace(enrolled_by=by, again=True)


def admit(
    conn: Connection, tenant_id: int, request: Request, key: PublicKey, *, act: Act, agent_id: str | None = None
) -> Enrolled:
    """Let a host in that sent its request as a file, as a new agent or as one that is here; twice is once."""
    by = f"file {key.key_id}"
    known = store.enrolled_with(conn, key.key_id)
    if known is not None:
        if (known.tenant_id, known.enrolled_by) != (tenant_id, by) or known.state == "revoked":
            raise Refusal("request: its key was registered before; expected a new one (`enroll --request … --new-key`)")
        return known._replace(again=agent_id is not None)
    new = NewAgent(
        name=request.name,
        hostname=request.hostname,
        version=request.version,
        key_id=key.key_id,
        public_key=request.public_key,
        host=request.host,
    )
    if agent_id is not None:
        if store.enrolled(conn, tenant_id, agent_id) is None:
            raise Refusal(f"agent: {agent_id!r}; there is no such agent in this tenant")
        made = become(conn, tenant_id, agent_id, new, by=by, now=act.at)
    else:
        made = store.add_agent(conn, tenant_id, new, state="active", by=by, now=act.at)
    about = {"by": act.by, "agent_id": made.id, "hostname": request.hostname, "key_id": key.key_id}
    activity.append(conn, tenant_id, [Entry("agent_admitted", about, act.at)])
    return made


def _once_more(known: Enrolled, token: UsableToken) -> Enrolled:
    if known.state == "revoked":
        raise NotAuthentic("revoked", "this key belongs to an agent that was revoked")
    if known.enrolled_by != token.id:
        raise KeyInUse
    return known._replace(again=token.agent_id is not None)
