"""Tags that a service does not give with its resources but by a call of their own."""

from collections.abc import Mapping

from agent.aws.snapshot import Snapshot, tags_of

TAGGED = "tagging.resources"


def tags_by_arn(snapshot: Snapshot) -> Mapping[str, Mapping[str, str]]:
    return {str(one["ResourceARN"]): tags_of(one) for one in snapshot.of(TAGGED)}


def tags_by_name(snapshot: Snapshot, mark: str) -> Mapping[str, Mapping[str, str]]:
    """Where only a name is known: by what follows the mark in an ARN (`:loadbalancer/`)."""
    by_arn = tags_by_arn(snapshot)
    return {name: tags for arn, tags in by_arn.items() if (name := arn.partition(mark)[2])}
