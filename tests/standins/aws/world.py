"""What the parts of the stand-in share."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.faults import Faults
from tests.standins.aws.metrics import Metrics

Row = dict[str, Any]


@dataclass(slots=True)
class World:
    """The faults of the moment, how long a change of state takes, and what moto cannot keep.

    `shelf`: lists that moto has no place for, by account, region and name; `expected`: the key to the estate.
    """

    faults: Faults = field(default_factory=Faults)
    transition_s: float = 0.2
    asked: Counter[str] = field(default_factory=Counter)
    shelf: dict[tuple[str, str, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    metrics: dict[tuple[str, str], Metrics] = field(default_factory=lambda: defaultdict(Metrics))
    expected: Mapping[str, Any] = field(default_factory=dict)

    def shelved(self, call: Call, name: str) -> list[Row]:
        return self.shelf[call.account, call.region, name]


Answer = Mapping[str, Any] | None
Handler = Callable[[Call, World], Answer]
"""Answers a call, or refuses it with AwsError, or gives None: then moto answers."""
Handlers = dict[tuple[str, str], Handler]


def page(rows: Sequence[Any], size: int, token: str | None) -> tuple[Sequence[Any], str | None]:
    """One page and the token of the next."""
    if token is not None and not token.isdigit():
        raise AwsError("InvalidParameterValue", f"Unable to parse pagination token {token}")
    start = int(token or 0)
    rest = start + size
    return rows[start:rest], str(rest) if rest < len(rows) else None
