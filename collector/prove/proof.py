"""What a proof is told, and what it says."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

State = Literal["held", "broken", "not_run"]


class Terms(Struct, frozen=True, kw_only=True):
    """Under which terms a proof runs.

    `seed`: everything that it leaves to chance follows from it, so that a failing one can be run again. `quick`: the
    reduced set. `folder`: an empty one of its own. `postgresql`: the URL of a server on which it may create databases
    of its own; None where there is none.
    """

    seed: int
    quick: bool
    folder: Path
    postgresql: str | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """`did`: what was done, in one sentence; `counts`: what was counted, `lost` and `doubled` among it where records
    travel; `why`: what was found, where it is broken, or what this machine lacks, where it was not run.
    """

    state: State
    did: str
    counts: Mapping[str, int] = {}
    why: str = ""


class Proof(Struct, frozen=True, kw_only=True):
    """`quick_s` and `full_s`: roughly how long it takes."""

    id: str
    title: str
    run: Callable[[Terms], Awaitable[Verdict]]
    quick_s: int
    full_s: int
