"""What the link's endpoints work with, and who calls them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import Request

from collector.api.agents import bodies
from collector.api.agents.changes import Changes
from collector.api.agents.proofs import Proofs
from collector.core.certificates import Announced
from collector.core.database import Database
from collector.core.limits import Limiter
from collector.core.metrics import Metrics
from collector.core.problems import Problem
from collector.core.tenancy import go_on_for
from collector.domain.agents import clones, instances, keys
from collector.domain.agents.callers import AgentCaller, Asked, RetiredKeyError, authenticate
from common import logs
from common.clock import utc_now
from common.identity import NotAuthentic

_PARKED = (
    "another machine speaks as this agent, and this one is parked: nothing of it is taken until an operator decides "
    "(a fresh token and `fieldpost-agent enroll --new-key` make it an agent of its own)"
)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`ca`: what agents are to trust, where the collector has its own CA; `collector_key`: signs what is carried.

    `wants_certificate`: every agent shows one, to the collector or to the proxy before it.
    """

    db: Database
    limiter: Limiter
    changes: Changes
    heartbeat_s: int
    ca: Callable[[], Announced] | None
    wants_certificate: bool
    collector_key: str
    metrics: Metrics
    proofs: Proofs = field(default_factory=Proofs)

    async def caller(self, request: Request) -> AgentCaller:
        """The agent that makes this request, or `NotAuthentic`; 409 for a machine that is parked."""
        scheme, _, token = bodies.header(request, b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotAuthentic("bad_signature", "Authorization: expected Bearer and a request token")
        now, path = utc_now(), request.scope["path"]
        known = self.proofs.get((token, request.method, path), now)
        if known is not None:
            request.state.credential = known.agent_id
            go_on_for(known.tenant_id)
            return known
        caller = await self._proven(request, token.strip(), now)
        if request.method == "POST" and not caller.key_is_new:
            self.proofs.put((token, request.method, path), caller, now)
        return caller

    async def _proven(self, request: Request, token: str, now: datetime) -> AgentCaller:
        alive = clones.alive_for(self.heartbeat_s)
        asked = Asked(request.method, request.scope["path"], now, alive)
        try:
            caller = await self.db.read(authenticate, token, asked)
        except RetiredKeyError as reuse:
            await self.db.write(keys.note_reuse, reuse.tenant_id, reuse.agent_id, reuse.key_id, now)
            raise
        request.state.credential = caller.agent_id
        go_on_for(caller.tenant_id)
        await self._believe(caller, every=alive * (1 if request.method == "POST" else 2) / 3)
        if caller.key_is_new:
            self.proofs.forget(caller.agent_id)
            await self.db.write(keys.promote, caller.tenant_id, caller.agent_id, caller.key.key_id, now)
            log.info("agent has a new key", agent=caller.agent_id, key=caller.key.key_id)
        return caller

    async def _believe(self, caller: AgentCaller, *, every: timedelta) -> None:
        """Refuse a clone; remember now and then who speaks."""
        verdict, spoken = caller.verdict, caller.spoken
        if spoken is None:
            return
        if clones.is_due(verdict, caller.known, every=every):
            self.proofs.forget(caller.agent_id)
            alive = clones.alive_for(self.heartbeat_s)
            verdict = await self.db.write(instances.note, caller.tenant_id, caller.agent_id, spoken, alive)
        if verdict.parked:
            raise Problem(409, "identity_conflict", _PARKED)
