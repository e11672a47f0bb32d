"""Pure: when the collector's own CA is followed by the next one, and which agents would be left behind."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from collector.core.certificates import Stage

BEGIN_BEFORE = timedelta(days=400)
MOVE_BEFORE = timedelta(days=60)
"""When the server's certificate moves although some agents do not know the next CA yet."""
KNOWN_FOR = timedelta(days=1)
DROP_AFTER = timedelta(days=30)
"""How long agents go on trusting the CA before: a collector that is restored from a backup may still have it."""

Step = Literal["begin", "move", "drop"]


class Trust(NamedTuple):
    """What an agent said of whom it trusts: pins, `system`, `none`; nothing where its release does not say."""

    agent: str
    pins: Sequence[str]


def due(stage: Stage, *, ca_ends: datetime, since: datetime, left_behind: int, now: datetime) -> Step | None:
    """The step that is to be taken now. `since`: when the last one was; `left_behind`: agents that a move cuts off."""
    if stage == "settled":
        return "begin" if ca_ends - now < BEGIN_BEFORE else None
    if stage == "moved":
        return "drop" if now - since >= DROP_AFTER else None
    if ca_ends - now < MOVE_BEFORE:
        return "move"
    return "move" if now - since >= KNOWN_FOR and not left_behind else None


def left_behind(agents: Iterable[Trust], *, current: str, following: str) -> list[str]:
    """The agents that recognise the collector by its CA, or may do so, and do not trust the next one yet."""
    return [trust.agent for trust in agents if _depends(trust, current) and following not in trust.pins]


def trust_of(agent: str, heartbeat: Any) -> Trust:
    """From a stored heartbeat; agents of earlier releases, and those that never came, say nothing."""
    said = heartbeat.get("trusts", ()) if isinstance(heartbeat, dict) else ()
    return Trust(agent, tuple(str(pin) for pin in said))


def _depends(trust: Trust, current: str) -> bool:
    return not trust.pins or current in trust.pins
