"""Requests whose token was proven a moment ago, for agents that send one batch after the other."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import NamedTuple

from collector.domain.agents.callers import AgentCaller

FOR = timedelta(seconds=5)
"""How late another start of the same agent may be noticed that another replica speaks with. A revoked agent and a
retired key are refused at once: whoever writes looks at both."""
_MOST = 8192

Asked = tuple[str, str, str]
"""Token, method, path."""


class _Proof(NamedTuple):
    caller: AgentCaller
    at: datetime


class Proofs:
    """The last request of each agent, so that one that alternates with another is proven each time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Asked, _Proof] = OrderedDict()
        self._last: dict[str, Asked] = {}

    def get(self, asked: Asked, now: datetime) -> AgentCaller | None:
        """None for a request that has to be proven."""
        proof = self._kept.get(asked)
        if proof is None:
            return None
        if proof.at <= now <= min(proof.at + FOR, proof.caller.good_until):
            return proof.caller
        self.forget(proof.caller.agent_id)
        return None

    def put(self, asked: Asked, caller: AgentCaller, now: datetime) -> None:
        self.forget(caller.agent_id)
        self._kept[asked] = _Proof(caller, now)
        self._last[caller.agent_id] = asked
        if len(self._kept) > _MOST:
            self.forget(next(iter(self._kept.values())).caller.agent_id)

    def forget(self, agent_id: str) -> None:
        """Something else is known of this agent now."""
        asked = self._last.pop(agent_id, None)
        if asked is not None:
            del self._kept[asked]
