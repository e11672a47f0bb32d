"""Reference data that ages: which release update came out when, and until when a release has support."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The ends of support of one release; None where the table does not say."""

    premier: date | None = None
    extended: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One dated table. `release_updates`: version with update (`19.22`) to the day of its release; `support`: by major
    release (`19`). What is asked of a table that is older than `max_age_days` is unknown rather than wrong.
    """

    issued: date
    origin: str = "bundled"
    release_updates: Mapping[str, date] = field(default_factory=dict)
    support: Mapping[str, Support] = field(default_factory=dict)
    max_age_days: int = 400

    def age_days(self, today: date) -> int:
        return (today - self.issued).days

    def stale(self, today: date) -> bool:
        return self.age_days(today) > self.max_age_days
