"""What the link's endpoints work with, and who calls them."""

from dataclasses import dataclass

from starlette.requests import Request

from collector.api.agents.changes import Changes
from collector.core.database import Database
from collector.core.limits import Limiter
from collector.core.metrics import Metrics
from collector.domain.agents.callers import AgentCaller, authenticate
from common.clock import utc_now
from common.identity import NotAuthentic


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`ca`: the CA's certificate (PEM), where the collector has its own; `collector_key`: signs what is carried."""

    db: Database
    limiter: Limiter
    changes: Changes
    heartbeat_s: int
    ca: bytes | None
    collector_key: str
    metrics: Metrics

    async def caller(self, request: Request) -> AgentCaller:
        """The agent that makes this request, or `NotAuthentic`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotAuthentic("bad_signature", "Authorization: expected Bearer and a request token")
        caller = await self.db.read(authenticate, token.strip(), request.method, request.scope["path"], utc_now())
        request.state.credential = caller.agent_id
        return caller
