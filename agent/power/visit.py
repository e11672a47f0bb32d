"""One visit to an area: look, decide, write down, switch, write down, tell.

Orders that come during a look are followed as soon as it is over. Later they end the visit where they are about
something that is being switched.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agent.aws.child import AskingError
from agent.aws.local_policy import LocalPolicy, read_policy
from agent.aws.messages import Target
from agent.disk import DiskThread
from agent.power.decision import Memory
from agent.power.known import Area, Changes, Known
from agent.power.ledger import Ledger
from agent.power.matching import Wanted, applies, wanted
from agent.power.messages import NEEDED, Looked, LookRequest, Switched, SwitchRequest
from agent.power.posts import FORGET_AFTER, Orders, Post, covers, next_look, worth_of
from agent.power.remembering import failed, rehearsed, succeeded
from agent.power.reporting import PATIENCE, Told, of_call, said
from agent.power.resource import Group, Resource, Sizes
from agent.power.rounds import Seat, Terms, again, call, intent, judge, releases, tell_of
from agent.power.telling import Teller
from agent.problems import Problems
from common import logs
from common.clock import Now
from common.errors import ConfigurationError
from common.wire_aws import Account, Schedule

log = logs.get("agent.power")

SWITCH_S = 120.0
PROTECTED = "OperationNotPermitted"
"""How a stop is refused of what is protected from it."""
DEADLINE = "Deadline"
"""The code of a call for which the child process had no time."""

Look = Callable[[LookRequest, Callable[[Looked], None]], Awaitable[Looked]]
Switch = Callable[[SwitchRequest], AsyncGenerator[Switched, None]]


class SupersededError(Exception):
    """There are other orders, which are to be followed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a visit works with; `look` and `switch` each start a child process, of which few may be there at once.
    `orders`: the newest ones.
    """

    ledger: Ledger
    disk: DiskThread
    teller: Teller
    problems: Problems
    look: Look
    switch: Switch
    orders: Callable[[Area], Orders | None]
    children: asyncio.Semaphore
    state_dir: Path
    config_dir: Path
    now: Now


class Visit:
    """To one area, as of one tick; `AskingError` when AWS could not be asked, or did not answer everything, and
    `SupersededError` when what it was about to do is not wanted any more.
    """

    def __init__(self, reach: Reach, post: Post, orders: Orders, now: datetime) -> None:
        self._reach = reach
        self._post = post
        self._area = post.area
        self._orders = orders
        self._now = now
        self._answered: dict[str, Memory] = {}
        self._acting: dict[str, Seat] = {}

    async def make(self) -> None:
        """All of it. What schedules match is told before anything is switched: a call may not be answered."""
        policy = await self._policy()
        known = await self._reach.disk(self._reach.ledger.known, self._area)
        want = wanted(self._orders.schedules)
        looked = await self._look(want, lambda early: self._tell_early(early, known, policy))
        shown = self._follow(want)
        seats = self._judged(looked, known, policy)
        self._complain(looked, seats)
        free = releases(seats, self._now)
        self._acting = {seat.key: seat for seat in free}
        await self._write(looked, known, seats)
        self._reach.teller.matches(self._post, self._orders, seats, self._now, told=shown)
        await self._switch(free)
        moments = [again(seat, self._answered.get(seat.key), self._now) for seat in seats]
        pending = [moment for moment in moments if moment is not None]
        self._post.next_at = next_look(self._orders, self._post.worth_at, pending, self._now)

    # --- orders ---

    def holds(self, newest: Orders | None) -> bool:
        """Whether to go on: what is looked at is still ours, and what is about to be switched is still wanted alike."""
        if newest is None or newest.account != self._orders.account:
            return False
        return newest == self._orders or all(_wants_alike(newest, seat, self._orders) for seat in self._acting.values())

    def _follow(self, want: Wanted) -> list[Schedule]:
        """The newest orders from now on; which schedules the look has shown all of."""
        newest = self._reach.orders(self._area)
        if newest is None or not self.holds(newest):
            raise SupersededError
        self._orders = newest
        shown = [one for one in newest.schedules if covers(want, one)]
        if len(shown) == len(newest.schedules):
            self._post.orders = newest
        return shown

    # --- look ---

    async def _policy(self) -> LocalPolicy:
        """Read each time, since it is edited by hand."""
        try:
            policy = await self._reach.disk(read_policy, self._reach.config_dir)
        except ConfigurationError as error:
            raise AskingError(str(error)) from None
        refusal = policy.refusal(self._orders.account.role_arn, "read", region=self._area.region)
        if refusal:
            raise AskingError(refusal)
        return policy

    async def _look(self, want: Wanted, early: Callable[[Looked], None]) -> Looked:
        worth, again = self._post.wants_worth(self._now), self._post.wants_protection(self._now)
        request = LookRequest(
            _target(self._orders.account),
            self._area.region,
            want.types,
            want.tags,
            want.ids,
            worth=worth,
            protection=self._post.protection,
            again=again,
            state_dir=str(self._reach.state_dir),
        )
        async with self._reach.children:
            looked = await self._reach.look(request, early)
        self._post.looked_at = self._now
        self._post.learn(looked, self._now, again=again)
        if worth:
            self._post.worth_at = self._now
            self._post.worths = {seen.resource.key: seen for seen in looked.resources}
        return looked

    def _judged(self, looked: Looked, known: Known, policy: LocalPolicy) -> list[Seat]:
        role, region = self._orders.account.role_arn, self._area.region

        def allowed(resource: Resource) -> bool:
            return policy.may_switch(role, region, resource.id, resource.tags)

        terms = Terms(
            schedules=self._orders.schedules,
            overrides=self._orders.overrides,
            allowed=allowed,
            now=self._now,
            skew=timedelta(seconds=looked.skew_s),
        )
        judged = [judge(worth_of(seen, self._post.worths), known, terms) for seen in looked.resources]
        return [seat for seat in judged if seat is not None]

    def _complain(self, looked: Looked, seats: Iterable[Seat]) -> None:
        self._reach.problems.update(f"{self._post.topic}, not read", _gaps(looked))
        complaints = [f"{seat.seen.resource.id}: {text}" for seat in seats for text in seat.complaints]
        self._reach.problems.update(f"{self._post.topic}, tags", "; ".join(complaints))

    def _tell_early(self, looked: Looked, known: Known, policy: LocalPolicy) -> None:
        """What schedules match of which nothing was said yet: somebody waits for that."""
        seats = self._judged(looked, known, policy)
        self._reach.teller.early(self._post, self._orders, seats, self._now)

    # --- what is remembered ---

    async def _write(self, looked: Looked, known: Known, seats: Sequence[Seat]) -> None:
        gone = self._gone(looked, known, seats)
        noted = {key: what for key, what in known.noted.items() if key not in gone}
        changes = Changes(
            memories={seat.key: seat.memory for seat in seats if seat.memory != known.memories.get(seat.key)},
            told=tuple(one for seat in seats for one in seat.told),
            sights={seat.key: seat.sight(self._now) for seat in seats},
            noted={**noted, **{seat.key: seat.noted for seat in seats}},
            recovered=tuple(seat.key for seat in seats if seat.key in known.intents),
            forgotten=gone,
        )
        await self._reach.disk(self._reach.ledger.record, self._area, changes)

    def _gone(self, looked: Looked, known: Known, seats: Iterable[Seat]) -> tuple[str, ...]:
        """What is terminated, or has not been seen for an hour; one look can miss what is there."""
        there = {seat.key for seat in seats}
        ended = {seen.resource.key for seen in looked.resources if seen.resource.state == "GONE"}
        if any(name in looked.gaps for names in NEEDED.values() for name in names):
            return tuple(known.resources & ended)
        missing = known.resources - there
        self._post.absent = {key: self._post.absent.get(key, self._now) for key in missing}
        return tuple(
            key for key, since in self._post.absent.items() if key in ended or self._now - since >= FORGET_AFTER
        )

    # --- switch ---

    async def _switch(self, seats: Sequence[Seat]) -> None:
        left = seats
        while left:
            wave = {seat.seen.resource.id: seat for seat in reversed(left)}  # a name may occur twice, in two kinds
            await self._ask(list(reversed(wave.values())))
            left = [seat for seat in left if wave[seat.seen.resource.id] is not seat]
        if seats:
            log.info("switched", account=self._area.account, region=self._area.region, calls=len(seats))

    async def _ask(self, seats: Sequence[Seat]) -> None:
        async with self._reach.children:
            if not self.holds(self._reach.orders(self._area)):
                raise SupersededError
            await self._call(seats)

    async def _call(self, seats: Sequence[Seat]) -> None:
        begun = [
            (self._area.place(seat.key), intent(seat, self._reach.now()), _sizes(seat))
            for seat in seats
            if not seat.decision.dry_run
        ]
        await self._reach.disk(self._reach.ledger.begin_all, begun)
        waiting = {seat.seen.resource.id: seat for seat in seats}
        request = SwitchRequest(
            _target(self._orders.account),
            self._area.region,
            tuple(call(seat) for seat in seats),
            deadline_s=SWITCH_S + len(seats),  # databases and groups are switched one by one
        )
        async with aclosing(self._reach.switch(request)) as answers:
            async for answer in answers:
                seat = waiting.pop(answer.resource, None)
                if seat is not None:
                    await self._finish(seat, answer)
        if waiting:
            raise AskingError(f"no answer for {', '.join(sorted(waiting))}")

    async def _finish(self, seat: Seat, answer: Switched) -> None:
        self._acting.pop(seat.key, None)
        memory, told = _outcome(seat, answer, self._now)
        if answer.code == PROTECTED:
            self._post.protection.pop(answer.resource, None)  # since the last look: the next one asks again
        if answer.code != DEADLINE:  # there was no time for it, which is no try
            self._answered[seat.key] = memory
        restored = (
            answer.outcome == "accepted" and answer.action == "START" and isinstance(seat.seen.resource.kind, Group)
        )
        place = self._area.place(seat.key)
        await self._reach.disk(self._reach.ledger.finish, place, memory, restored=restored, told=told)


def _wants_alike(newest: Orders, seat: Seat, before: Orders) -> bool:
    """Whether nothing that decides on this resource has changed."""
    name = seat.seen.resource.id
    schedules = tuple(one for one in newest.schedules if applies(one, seat.seen))
    overrides = [[one for one in orders.overrides if one.resource == name] for orders in (newest, before)]
    return schedules == seat.schedules and overrides[0] == overrides[1]


def _outcome(seat: Seat, answer: Switched, now: datetime) -> tuple[Memory, tuple[Told, ...]]:
    """What is remembered of an answer, and what is told of it."""
    resource, decision, edge = seat.seen.resource, seat.decision, seat.decision.edge
    refused = said(resource, "FAILED", f"{answer.code}: {answer.detail}")
    if edge is not None and decision.dry_run:
        proof = f"not proven: {answer.detail}" if answer.outcome == "unproven" else "would be switched"
        applied = refused if answer.outcome == "refused" else said(resource, "DRY_RUN", proof)
        return rehearsed(seat.memory, edge), tell_of(seat, applied)
    if answer.outcome == "accepted":
        return succeeded(seat.memory, decision, now), tell_of(seat, of_call(resource, decision, answer.detail))
    memory = seat.memory if answer.code == DEADLINE else failed(seat.memory, decision, now, answer.code)
    if answer.code != DEADLINE and (memory.trying is None or edge is None):
        return memory, tell_of(seat, refused)
    if edge is None or now - edge.at < PATIENCE:
        return memory, ()
    return memory, tell_of(seat, said(resource, "WAITING", f"{answer.code}: {answer.detail}"))


def _sizes(seat: Seat) -> Sizes | None:
    """Those that a group is about to lose."""
    kind = seat.seen.resource.kind
    if not isinstance(kind, Group) or seat.decision.action == "START" or kind.sizes.empty:
        return None
    return kind.sizes


def _target(account: Account) -> Target:
    return Target(account.account, account.role_arn, account.external_id)


def _gaps(looked: Looked) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in sorted(looked.gaps.items()))
