"""Tags that a service does not give with its resources but by a call of their own."""

from collections.abc import Mapping

from agent.aws.snapshot import Snapshot, tags_of


def tags_by(snapshot: Snapshot, collection: str, key: str) -> Mapping[str, Mapping[str, str]]:
    """The tags in a collection, by the field that names their resource."""
    return {str(one[key]): tags_of(one) for one in snapshot.of(collection)}


def tags_by_arn(snapshot: Snapshot) -> Mapping[str, Mapping[str, str]]:
    return tags_by(snapshot, "tagging.resources", "ResourceARN")
