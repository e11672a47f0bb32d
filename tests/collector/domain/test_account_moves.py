"""An account that passes from agent to agent: at no time can two of them act in it, whatever gets lost or late."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from collector.domain.accounts import rules
from collector.domain.accounts.rules import Fence, Holding
from collector.domain.assignments.rules import generation, numbered, tag

NOW = datetime(2026, 5, 14, 3, tzinfo=UTC)
AGENTS = ("agt_a", "agt_b", "agt_c")


@dataclass(frozen=True)
class Document:
    """What an agent is told: its number, and whether it names the account."""

    number: int = 0
    named: bool = False


@dataclass
class Agent:
    """An agent, the answer that is on its way to it, and what it said of itself and has not been delivered."""

    applied: Document = field(default_factory=Document)
    coming: Document | None = None
    beats: list[int] = field(default_factory=list)
    revoked: bool = False


class Moves(RuleBasedStateMachine):
    """The collector's side by the rules; agents that poll, apply, report and die in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.holding = Holding()
        self.agents = {name: Agent() for name in AGENTS}
        self.numbers = dict.fromkeys(AGENTS, 0)
        self.heard = dict.fromkeys(AGENTS, 0)

    @rule(to=st.sampled_from((*AGENTS, None)))
    def entrust(self, to: str | None) -> None:
        if to is not None and self.agents[to].revoked:
            return
        holder, taken = self.holding.holder, None
        if holder is not None and holder != to:
            self.numbers[holder] += 1
            taken = Fence(agent_id=holder, number=self.numbers[holder], since=NOW)
        self.holding = rules.entrusted(self.holding, to, taken)

    @rule()
    def settle(self) -> None:
        fence = self.holding.fence
        if fence is None:
            return
        state = "revoked" if self.agents[fence.agent_id].revoked else "active"
        if rules.let_go(fence, state, self.heard[fence.agent_id]):  # type: ignore[arg-type]  # one of the states
            self.holding = rules.lifted(self.holding)

    @rule(name=st.sampled_from(AGENTS))
    def poll(self, name: str) -> None:
        if not self.agents[name].revoked:
            self.agents[name].coming = Document(self.numbers[name], named=self.holding.holder == name)

    @rule(name=st.sampled_from(AGENTS))
    def apply(self, name: str) -> None:
        agent = self.agents[name]
        agent.applied, agent.coming = agent.coming or agent.applied, None

    @rule(name=st.sampled_from(AGENTS))
    def lose_the_answer(self, name: str) -> None:
        self.agents[name].coming = None

    @rule(name=st.sampled_from(AGENTS))
    def say(self, name: str) -> None:
        self.agents[name].beats.append(self.agents[name].applied.number)

    @rule(name=st.sampled_from(AGENTS), late=st.integers(0, 5))
    def hear(self, name: str, late: int) -> None:
        """Any of the heartbeats that were sent, in any order, perhaps again."""
        beats = self.agents[name].beats
        if beats and not self.agents[name].revoked:
            self.heard[name] = beats[late % len(beats)]

    @rule(name=st.sampled_from(AGENTS))
    def revoke(self, name: str) -> None:
        """Rare; a revoked agent is one that an operator vouches for: it acts no more."""
        if name == AGENTS[-1]:
            self.agents[name] = Agent(revoked=True)

    @invariant()
    def one_agent_at_most_can_act(self) -> None:
        acting = {name for name, agent in self.agents.items() if agent.applied.named}
        coming = {name for name, agent in self.agents.items() if agent.coming and agent.coming.named}
        told = {self.holding.holder} - {None}
        assert len(acting | coming | told) <= 1, (acting, coming, told)

    @invariant()
    def nobody_is_holder_and_fenced_off(self) -> None:
        assert self.holding.holder is None or (self.holding.fence is None and self.holding.heir is None)


Moves.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestMoves = Moves.TestCase


def fence(agent: str = "agt_a", number: int = 3) -> Fence:
    return Fence(agent_id=agent, number=number, since=NOW)


def test_an_account_waits_for_the_agent_before_and_then_has_its_new_one() -> None:
    waiting = rules.entrusted(Holding(holder="agt_a"), "agt_b", fence())
    assert waiting == Holding(heir="agt_b", fence=fence())
    assert not rules.let_go(fence(), "active", 2)
    assert rules.let_go(fence(), "active", 3)
    assert rules.let_go(fence(), "revoked", 0)
    assert rules.lifted(waiting) == Holding(holder="agt_b")


def test_whoever_may_still_act_in_an_account_can_have_it_back_at_once() -> None:
    waiting = Holding(heir="agt_b", fence=fence())
    assert rules.entrusted(waiting, "agt_a", None) == Holding(holder="agt_a")
    assert rules.entrusted(waiting, "agt_c", None) == Holding(heir="agt_c", fence=fence())
    assert rules.entrusted(Holding(holder="agt_a"), "agt_a", None) == Holding(holder="agt_a")


def test_nobody_loses_an_account_without_a_fence() -> None:
    with pytest.raises(ValueError, match="without a fence"):
        rules.entrusted(Holding(holder="agt_a"), "agt_b", None)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (NOW - timedelta(minutes=1), "is in reach and has not confirmed yet"),
        (NOW - timedelta(hours=5), "has not been heard of since 2026-05-13 22:00 UTC"),
        (None, "was never heard of"),
    ],
)
def test_people_are_told_whom_an_account_waits_for(seen: datetime | None, said: str) -> None:
    assert said in rules.waits_for(fence(), seen, NOW)


@pytest.mark.parametrize("seen", [lambda version: version, lambda version: tag(version, 60)])
def test_a_version_tells_how_often_accounts_were_taken(seen: Callable[[str], str]) -> None:
    assert generation(seen(numbered("0123456789abcdef", 7))) == 7
    assert generation(seen(numbered("0123456789abcdef", 0))) == 0
    assert generation("") == 0
