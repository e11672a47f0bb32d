"""One look at one region of one account: everything that was described, and one value per metric series.

A sweep makes it, factors only read it: what is not in here cannot be judged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Resource = Mapping[str, Any]
"""What the API gave, with its own names: `{"VolumeId": …, "State": …}`."""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one resource, as one value over `days`. `dimensions` are sorted pairs."""

    namespace: str
    metric: str
    stat: str
    dimensions: tuple[tuple[str, str], ...]
    days: int
    period_s: int | None = None
    """None: one value over the whole window; else the series itself is wanted, a value per period."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What CloudWatch said of a series: `samples` is its SampleCount, or how many `values` it has by its period."""

    value: float
    samples: float = 0.0
    values: tuple[tuple[datetime, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`resources`: by collection (`ec2.volumes`); `gaps`: collections that could not be read, and why; `asked`: of the
    collections that are asked last, what they were asked about.
    """

    account: str
    region: str
    at: datetime
    resources: Mapping[str, Sequence[Resource]]
    readings: Mapping[Series, Reading] = field(default_factory=dict)
    gaps: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, collection: str) -> Sequence[Resource]:
        return self.resources.get(collection, ())

    def index(self, collection: str, key: str) -> dict[str, Resource]:
        """A collection by one of its fields."""
        return {str(resource[key]): resource for resource in self.of(collection)}

    def reading(self, series: Series) -> Reading | None:
        """None: there is no datapoint; whether that means zero is for the factor to say."""
        return self.readings.get(series)

    def lacks(self, collections: Iterable[str]) -> str | None:
        """Why one of these could not be read; None when all were."""
        return next((f"{name}: {self.gaps[name]}" for name in collections if name in self.gaps), None)

    def age_days(self, since: datetime) -> float:
        return (self.at - since) / timedelta(days=1)


def series(
    namespace: str, metric: str, stat: str, *, days: int, period_s: int | None = None, **dimensions: str
) -> Series:
    """A series by its parts; a dimension whose name has blanks is written with underscores."""
    named = tuple(sorted((name.replace("_", " "), value) for name, value in dimensions.items()))
    return Series(namespace, metric, stat, named, days, period_s)


def tags_of(resource: Resource) -> dict[str, str]:
    """The tags of a resource, whichever way its service writes them."""
    given = resource.get("Tags") or resource.get("TagList") or resource.get("tags") or ()
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", ""))) for tag in given}
