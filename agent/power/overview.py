"""What an agent knows of the resources of its schedules, from its own files alone."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from agent.power.decision import Memory
from agent.power.known import Place, Sight
from agent.power.ledger import Ledger
from agent.power.plan import active
from common.windows import next_edge
from common.wire_aws import Action, ResourceType, Schedule


class Line(Struct, frozen=True, kw_only=True):
    """One resource. `state` as of `seen_at`; `result` is what came of `last_edge`; `hold`: the override in force."""

    account: str
    region: str
    resource: str
    type: ResourceType
    name: str
    state: str
    seen_at: datetime
    schedules: tuple[str, ...]
    last_edge: datetime | None
    result: str
    attempts: int
    next_try: datetime | None
    next_edge: datetime | None
    next_action: Action | None
    hold: str
    skipped: str


def overview(ledger: Ledger, schedules: Sequence[Schedule], now: datetime) -> list[Line]:
    """In the order of accounts, regions and resources."""
    sights = ledger.sights()
    areas = {place.area for place in sights}
    known = {area: ledger.known(area) for area in areas}
    return [
        _line(place, sight, known[place.area].memories.get(place.resource), schedules, now)
        for place, sight in sights.items()
    ]


def _line(place: Place, sight: Sight, memory: Memory | None, schedules: Sequence[Schedule], now: datetime) -> Line:
    matching = [one for one in schedules if one.schedule in sight.schedules]
    upcoming = next_edge([term.schedule.window for term in active(matching, now)], now)
    memory = memory or Memory()
    return Line(
        account=place.account,
        region=place.region,
        resource=sight.id,
        type=sight.type,
        name=sight.name,
        state=sight.state,
        seen_at=sight.at,
        schedules=tuple(one.name for one in matching),
        last_edge=memory.last_edge,
        result=memory.result,
        attempts=memory.attempts,
        next_try=memory.next_try,
        next_edge=upcoming.at if upcoming else None,
        next_action=upcoming.action if upcoming else None,
        hold=sight.hold,
        skipped=sight.skipped,
    )
