"""One look at the host on behalf of a connection whose database runs here: snapshot, judge, remember."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.config import Connection
from agent.host.readings import HostSnapshot
from agent.host.snapshot import Asked, Host, disks
from agent.oracle import plan
from agent.oracle.catalogue import Disk, Login, Seen, Verdict
from agent.oracle.facts import unread
from agent.oracle.samples import Note, Samples
from agent.oracle.thresholds import Effective
from common.clock import Now, utc_now
from common.wire import Outcome


@dataclass(slots=True)
class HostVisitor:
    """Judges the host's checks, whether or not the database answers. `asked`: what the rest of the agent knows now."""

    connection: Connection
    samples: Samples
    asked: Callable[[], Asked] = Asked
    host: Host = field(default_factory=Host)
    now: Now = utc_now

    async def disks(self) -> list[Disk]:
        """The file systems of this host now."""
        return disks(await asyncio.to_thread(self.host.take, Asked()))

    async def visit(self, due: Sequence[Effective]) -> tuple[list[Outcome], HostSnapshot]:
        """The outcomes, and the snapshot for those who want its file systems (`snapshot.disks`)."""
        at = self.now()
        snapshot = await asyncio.to_thread(self.host.take, self.asked())
        history = self.samples.history(self.connection.key, (effective.check.id for effective in due))
        facts, notes, outcomes = unread(self.connection), [], []
        for effective in due:
            seen = Seen(
                facts=facts,
                rows={},
                levels=effective.levels,
                now=at,
                login=Login(ok=True),
                history=history.get(effective.check.id, ()),
                host=snapshot,
            )
            verdict = plan.judge(effective, seen)
            notes += _note(effective, verdict)
            outcomes.append(plan.outcome(effective, verdict))
        self.samples.remember(self.connection.key, at, notes)
        return outcomes, snapshot


def _note(effective: Effective, verdict: Verdict) -> list[Note]:
    check = effective.check
    return [] if verdict.note is None else [Note(check.id, verdict.note, check.keep_s)]
