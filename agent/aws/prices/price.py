"""A price with where it comes from and of when it is; an unknown one has no number."""

from dataclasses import dataclass
from typing import Literal

Label = Literal["LIVE_LIST", "BOOK", "BUNDLED", "REGION_SCALED", "ESTIMATE", "UNKNOWN"]
"""From the best to the worst; a sum has the worst label of its parts."""

_ORDER: tuple[Label, ...] = ("LIVE_LIST", "BOOK", "BUNDLED", "REGION_SCALED", "ESTIMATE", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Price:
    """USD per unit of the key (an hour, a GB-month); `as_of` is an ISO date."""

    value: float | None
    label: Label
    as_of: str

    def times(self, quantity: float) -> "Price":
        return Price(None if self.value is None else self.value * quantity, self.label, self.as_of)

    def plus(self, other: "Price") -> "Price":
        """The sum: unknown when a part is, as weak as its weakest label, as old as its oldest date."""
        value = None if self.value is None or other.value is None else self.value + other.value
        return Price(value, max(self.label, other.label, key=_ORDER.index), min(self.as_of, other.as_of))


UNKNOWN = Price(None, "UNKNOWN", "")
