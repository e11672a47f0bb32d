"""Pure: which agent may act in an account, when the account passes from one to another.

An agent acts on the last assignment that it got, also for days without the collector. So what is taken from it is
nobody's until it has confirmed a document without it, or can act no more.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from collector.domain.agents.rules import State

IN_REACH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The account was taken from this agent; documents from this number on do not name it."""

    agent_id: str
    number: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """`holder`: whose assignment names the account; `heir`: who gets it once there is no fence."""

    holder: str | None = None
    heir: str | None = None
    fence: Fence | None = None


def entrusted(now: Holding, to: str | None, taken: Fence | None) -> Holding:
    """The account is to be this agent's, or nobody's; `taken`: from its holder, where that is another agent.

    Whoever may still act in it can have it back at once.
    """
    if now.holder is not None and now.holder == to:
        return now
    if now.holder is not None and (taken is None or taken.agent_id != now.holder):
        raise ValueError(f"the account is taken from {now.holder} without a fence")
    fence = taken or now.fence
    if fence is not None and fence.agent_id != to:
        return Holding(heir=to, fence=fence)
    return Holding(holder=to)


def lifted(now: Holding) -> Holding:
    """The fence has done its work."""
    return now if now.fence is None else replace(now, holder=now.heir, heir=None, fence=None)


def let_go(fence: Fence, state: State, generation: int) -> bool:
    """Whether the agent can act in the account no more; `generation`: of the document that it says it applies."""
    return state == "revoked" or generation >= fence.number


def waits_for(fence: Fence, last_seen_at: datetime | None, now: datetime) -> str:
    """Why the account cannot be handed over yet, in a line for people."""
    if last_seen_at is not None and now - last_seen_at <= IN_REACH:
        return f"agent {fence.agent_id} is in reach and has not confirmed yet that it let go of the account"
    seen = f"has not been heard of since {last_seen_at:%Y-%m-%d %H:%M} UTC" if last_seen_at else "was never heard of"
    return (
        f"agent {fence.agent_id} {seen} and may still act in the account;"
        " revoke it, or use force when its host is gone for good"
    )
