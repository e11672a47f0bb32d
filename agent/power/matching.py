"""Pure: which schedules a resource is subject to, and what has to be described to find that out."""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.power.messages import Seen
from common.wire_aws import ResourceType, Schedule


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a look at a region asks for."""

    types: tuple[ResourceType, ...]
    tags: tuple[dict[str, str], ...]
    ids: tuple[str, ...]


def applies(schedule: Schedule, seen: Seen) -> bool:
    """All tags must be there with their values, or the resource is named by its id or ARN."""
    resource = seen.resource
    if resource.type not in schedule.resource_types:
        return False
    if resource.id in schedule.resources or (seen.arn and seen.arn in schedule.resources):
        return True
    return bool(schedule.tags) and all(resource.tags.get(tag) == value for tag, value in schedule.tags.items())


def wanted(schedules: Iterable[Schedule]) -> Wanted:
    """Each thing once, in an order that does not depend on that of the schedules."""
    every = list(schedules)
    tags = {tuple(sorted(one.tags.items())) for one in every if one.tags}
    return Wanted(
        tuple(sorted({kind for one in every for kind in one.resource_types})),
        tuple(dict(pairs) for pairs in sorted(tags)),
        tuple(sorted({name for one in every for name in one.resources})),
    )
