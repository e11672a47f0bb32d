"""What a factor declares: data, the collections and metrics that it reads, and one pure function from a snapshot on.

To add a factor: one `Factor` in the module of its service under `factors/`, with its `estimate`, and its cases in
`tests/agent/aws/factors/`. `agent.aws.factors.catalogue()` finds it by itself, and the IAM policy follows from it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agent.aws.prices.price import Label, Price
from agent.aws.snapshot import Resource, Series, Snapshot

Category = Literal["Cleaner", "OverProvisioned", "Modernization", "PotentialBenefits"]
Risk = Literal["LOW", "MEDIUM", "HIGH"]
Kind = Literal["DELETE", "STOP", "RIGHTSIZE", "MODERNIZE", "COMMIT"]
"""What is to be done; of several findings of one resource the first of these is the primary one."""

HOURS_A_MONTH = 730.0
LOOKBACK_DAYS = 14
LONG_LOOKBACK_DAYS = 32
MIN_SAMPLE_SHARE = 0.8
MOST_LATE = 300


@dataclass(frozen=True, slots=True)
class Collection:
    """A list that one operation gives. `result`: where it is in the answer (JMESPath, `Reservations[].Instances[]`).

    `action`: the IAM action; `per`: made once per item of another collection, with `given` naming the parameter and the
    item's field, or without `given` once if there is any item at all; `batch`: so many items in one call, the parameter
    being a list; `none`: error codes that mean that there is nothing; `at_home`: asked in the partition's home region
    (Savings Plans, Cost Explorer). `{region}` and `{account}` in the arguments are filled in. What came of a `per` call
    also has the parameters that it was given. `calls`: instead of `given`, the arguments of each call from all that was
    described before; none, no call. `shared`: says the same in every region, and is asked for once in a scan. `late`:
    asked last, in this order, and only of what would be found: its id is among the given values. That is at most
    `MOST_LATE` calls, for what saves most; the rest is not decided.
    """

    name: str
    client: str
    operation: str
    result: str
    action: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    per: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    at_home: bool = False
    batch: int = 0
    calls: Callable[[Snapshot], Iterable[Mapping[str, object]]] | None = None
    none: tuple[str, ...] = ()
    shared: bool = False
    late: int = 0


class Book(Protocol):
    """Prices as a factor asks for them."""

    def price(self, service: str, key: str, region: str) -> Price: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A number that the judgement rests on."""

    metric: str
    stat: str
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One finding of one factor. Money is USD a month at list price of the part that changes; None where a price is not
    known, which is never zero. `order` of several per resource follows from the factor's kind. `contains`: other
    resources whose cost is in this one's, so that what is found of them is not counted beside it.
    """

    resource_id: str
    resource_name: str
    description: str
    action: str
    cli: str
    current: float | None
    recommended: float | None
    label: Label
    price_as_of: str
    risk: Risk
    confidence: Literal["HIGH", "MEDIUM", "LOW"] = "HIGH"
    metadata: Mapping[str, object] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    contains: tuple[str, ...] = ()
    about: str = ""
    """The service whose resource it is, when that is not its factor's."""

    @property
    def savings(self) -> float | None:
        return None if self.current is None or self.recommended is None else self.current - self.recommended


@dataclass(frozen=True, slots=True)
class Undecided:
    """A resource that could not be judged: too young, too few datapoints, a metric that must be there and is not."""

    resource_id: str
    reason: str


Result = Estimate | Undecided


Settler = Callable[[Snapshot, Book, Iterable["Estimate"]], Iterable[Result]]


class Estimator(Protocol):
    """From a snapshot to findings; pure."""

    def __call__(self, snapshot: Snapshot, book: Book) -> Iterable[Result]: ...


Wishes = Callable[[Snapshot], Iterable[Series]]
"""The metric series that a factor wants, once the resources are described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """`number` is its place in the guide; `service` what the API calls it (EC2 for EBS too)."""

    key: str
    number: int
    category: Category
    service: str
    kind: Kind
    title: str
    collections: tuple[str, ...]
    estimate: Estimator
    optional: tuple[str, ...] = ()
    """Collections that make it more exact; one that cannot be read hinders nobody."""
    metrics: Wishes | None = None
    settle: Settler | None = None
    """Instead of `estimate` when others are judged too: what is left once their primary findings are followed."""
    about: str = ""
    """What its resources are where a service has several kinds of the same name."""
    home: bool = False
    """Judged once per account, in the partition's home region."""
    min_savings: float = 1.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A factor that is known and not built: it is listed as such and never judged."""

    key: str
    number: int
    category: Category
    title: str


EXCLUDE_TAG = "fieldpost:exclude"


def excluded(tags: Mapping[str, str], key: str) -> bool:
    """Whether the owner has taken this resource out: `fieldpost:exclude` names factors, or is `all`."""
    named = {part.strip().upper() for part in tags.get(EXCLUDE_TAG, "").replace(";", ",").split(",")}
    return bool(named & {"ALL", key.upper()})


def one_by_one(resources: Sequence[Resource], judge: Callable[[Resource], Iterable[Result]]) -> Iterable[Result]:
    """The results of every resource."""
    for resource in resources:
        yield from judge(resource)
