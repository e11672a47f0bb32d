"""What deciding starts from and what comes of it, for one resource at one tick."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.windows import Edge
from common.wire_aws import Action, Schedule

Kind = Literal["ACT", "ALREADY", "SKIPPED", "WAITING", "MISSED", "OVERRIDDEN", "MANUAL", "IDLE"]
Why = Literal["edge", "enforce", "restart", ""]
_SETTLING = ("ALREADY", "SKIPPED", "MISSED")


@dataclass(frozen=True, slots=True)
class Term:
    """A schedule that is active. Edges before `since` passed while it was paused and are not made up for."""

    schedule: Schedule
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is kept of a resource. `last_edge` is the latest one that is settled and `result` how; `trying`, `attempts`
    and `next_try` belong to the one that is being applied; `acted_at` is the last call; `awake_at`: when it was first
    seen to have left the stop that we gave it, which AWS was to end at `restart_at`; `baseline`: the hours it ran in
    a month before it was first switched.
    """

    last_edge: datetime | None = None
    result: str = ""
    trying: datetime | None = None
    attempts: int = 0
    next_try: datetime | None = None
    acted_at: datetime | None = None
    stopped_by_us: bool = False
    restart_at: datetime | None = None
    awake_at: datetime | None = None
    baseline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a tick means for a resource; `action` is what is to be done, or what was to be done and is not."""

    kind: Kind
    reason: str = ""
    edge: Edge | None = None
    action: Action | None = None
    why: Why = ""
    hibernate: bool = False
    dry_run: bool = False
    late_min: int = 0

    @property
    def settles(self) -> bool:
        """Whether the edge needs nothing more, without a call."""
        return self.why == "edge" and self.kind in _SETTLING
