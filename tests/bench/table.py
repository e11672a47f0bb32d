"""What a measurement says: one row beside its floor or peer, measured in the same run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`beside` says what `other` is (a floor or a peer); `key`: its name in the JSON on the last line, if it has one.

    `wanted`: the bar, with `at_least` or `at_most` as its sense.
    """

    name: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    key: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value beside the other one; None where there is none."""
        return None if not self.other else self.value / self.other
