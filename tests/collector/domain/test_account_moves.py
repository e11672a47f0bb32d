"""An account that passes from agent to agent: at no time can two of them act in it, whatever gets lost or late."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.accounts import rules
from collector.domain.accounts.rules import Fence, Holding
from collector.domain.agents.rules import State
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


@dataclass
class World:
    """The collector's side by the rules; agents that poll, apply, report and die in any order."""

    holding: Holding = field(default_factory=Holding)
    agents: dict[str, Agent] = field(default_factory=lambda: {name: Agent() for name in AGENTS})
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AGENTS, 0))
    heard: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AGENTS, 0))

    def entrust(self, to: str) -> None:
        """To nobody where the name is none."""
        if to in AGENTS and self.agents[to].revoked:
            return
        holder, taken = self.holding.holder, None
        if holder is not None and holder != to:
            self.numbers[holder] += 1
            taken = Fence(agent_id=holder, number=self.numbers[holder], since=NOW)
        self.holding = rules.entrusted(self.holding, to or None, taken)

    def settle(self, _: str) -> None:
        fence = self.holding.fence
        if fence is None:
            return
        state: State = "revoked" if self.agents[fence.agent_id].revoked else "active"
        if rules.let_go(fence, state, self.heard[fence.agent_id]):
            self.holding = rules.lifted(self.holding)

    def poll(self, name: str) -> None:
        if not self.agents[name].revoked:
            self.agents[name].coming = Document(self.numbers[name], named=self.holding.holder == name)

    def apply(self, name: str) -> None:
        agent = self.agents[name]
        agent.applied, agent.coming = agent.coming or agent.applied, None

    def follow(self, name: str) -> None:
        self.poll(name)
        self.apply(name)

    def lose_the_answer(self, name: str) -> None:
        self.agents[name].coming = None

    def say(self, name: str) -> None:
        self.agents[name].beats.append(self.agents[name].applied.number)

    def hear_the_newest(self, name: str) -> None:
        self._hear(name, -1)

    def hear_the_oldest(self, name: str) -> None:
        self._hear(name, 0)

    def _hear(self, name: str, which: int) -> None:
        if self.agents[name].beats and not self.agents[name].revoked:
            self.heard[name] = self.agents[name].beats[which]

    def revoke(self, name: str) -> None:
        """An operator vouches for it: it acts no more."""
        self.agents[name] = Agent(revoked=True)

    def check(self) -> None:
        acting = {name for name, agent in self.agents.items() if agent.applied.named}
        coming = {name for name, agent in self.agents.items() if agent.coming and agent.coming.named}
        told = {self.holding.holder} - {None}
        assert len(acting | coming | told) <= 1, (acting, coming, told)
        assert self.holding.holder is None or (self.holding.fence is None and self.holding.heir is None)


_OFTEN = [World.entrust, World.follow, World.settle]
_AT_TIMES = [World.poll, World.apply, World.lose_the_answer, World.say, World.hear_the_newest, World.hear_the_oldest]
STEPS = [
    *((step, name) for step in _OFTEN for name in AGENTS for _ in range(2)),
    *((step, name) for step in _AT_TIMES for name in AGENTS),
    (World.entrust, ""),
    (World.revoke, AGENTS[-1]),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=10, max_size=80))
def test_at_no_time_can_two_agents_act_in_an_account(steps: list[tuple[Callable[[World, str], None], str]]) -> None:
    world = World()
    for step, name in steps:
        step(world, name)
        world.check()


def test_an_account_reaches_its_new_agent_in_the_end() -> None:
    world = World()
    path = "entrust a, follow a, entrust b, settle, follow a, say a, hear_the_newest a, settle, follow b"
    for word in path.split(", "):
        step, _, name = word.partition(" ")
        getattr(world, step)(f"agt_{name}")
        world.check()
    assert world.agents["agt_b"].applied.named


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
