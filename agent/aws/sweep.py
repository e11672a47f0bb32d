"""One look at one region: each collection described once, then one value per series, in few calls. Loads boto3.

What AWS tells only of one thing a call is asked last, and only of what would be found.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import jmespath

from agent.aws.catalogue import MOST_LATE, Collection, Factor
from agent.aws.collections import COLLECTIONS
from agent.aws.readings import METRICS, Question, questions, take
from agent.aws.session import WORKERS, Access, AWSError, code_of, home_of, why
from agent.aws.snapshot import Reading, Resource, Series, Snapshot

_PAGES: Mapping[str, int] = {
    "describe_instances": 1000,
    "describe_volumes": 1000,
    "describe_snapshots": 1000,
    "describe_images": 1000,
    "describe_network_interfaces": 1000,
    "describe_instance_types": 100,
    "describe_auto_scaling_groups": 100,
    "describe_alarms": 100,
    "get_resources": 100,
}
"""Without a page size EC2 answers everything at once, and refuses when that is too much; others give half a page."""
_ROUNDS = 3
"""Of metrics: what the first say decides on what else is asked."""
_TOO_LATE = "not read before the deadline of the scan"
_RIGHTS = "cloudwatch:GetMetricData"


Shared = dict[str, Sequence[Resource]]
Found = Callable[[Snapshot], Mapping[str, float | None]]
"""By the id of what would be found what it saves."""


def sweep(
    access: Access,
    account: str,
    region: str,
    factors: Iterable[Factor],
    *,
    at: datetime,
    home: bool,
    ends: float,
    shared: Shared | None = None,
    found: Found | None = None,
) -> Snapshot:
    """Describe what the factors name, measure what they wish, and ask last of what would be `found`.

    `ends`: the deadline on the monotonic clock; `shared`: what was learned in other regions of what is the same in all.
    """
    wanted = tuple(factor for factor in factors if home or not factor.home)
    looking = Looking(access, account, region, at, ends, {} if shared is None else shared)
    collections = needed(wanted, home=True)
    try:
        for wave in waves({name: one for name, one in collections.items() if not one.late}):
            looking.describe(wave)
        _measure(looking, wanted)
        if found is not None:
            _ask_last(looking, collections.values(), found)
    finally:
        looking.end()
    return looking.seen()


def _ask_last(looking: "Looking", collections: Iterable[Collection], found: Found) -> None:
    late = [one for one in collections if one.late]
    for turn in sorted({one.late for one in late}):
        looking.ask([one for one in late if one.late == turn], found)


def _measure(looking: "Looking", factors: Sequence[Factor]) -> None:
    """Until nothing more is wished for."""
    asked: set[Series] = set()
    for _ in range(_ROUNDS):
        more = [one for one in wishes(factors, looking.seen()) if one not in asked]
        if not more:
            return
        looking.measure(more)
        asked.update(more)


def needed(factors: Iterable[Factor], *, home: bool) -> dict[str, Collection]:
    """The collections that the factors name, and those that these are made from."""
    found: dict[str, Collection] = {}
    names = [name for factor in factors for name in (*factor.collections, *factor.optional)]
    while names:
        name = names.pop()
        collection = COLLECTIONS[name]
        if name in found or (collection.at_home and not home):
            continue
        found[name] = collection
        names += [collection.per] if collection.per else []
    return found


def waves(collections: Mapping[str, Collection]) -> Iterator[list[Collection]]:
    """Each wave needs only what the waves before it have read."""
    left = dict(collections)
    while left:
        wave = [collection for collection in left.values() if collection.per not in left]
        for collection in wave:
            del left[collection.name]
        yield wave


def wishes(factors: Iterable[Factor], look: Snapshot) -> list[Series]:
    """Every series that a factor wants whose resources were read, once."""
    measured = [factor for factor in factors if factor.metrics and not look.lacks(factor.collections)]
    return list(dict.fromkeys(one for factor in measured if factor.metrics for one in factor.metrics(look)))


# --- what a sweep does, one wave of calls after the other -----------------------------------------------------------


@dataclass(slots=True)
class Looking:
    """A sweep under way, and what it has found so far."""

    access: Access
    account: str
    region: str
    at: datetime
    ends: float
    shared: Shared = field(default_factory=dict)
    resources: dict[str, Sequence[Resource]] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)
    readings: dict[Series, Reading] = field(default_factory=dict)
    asked: dict[str, frozenset[str]] = field(default_factory=dict)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS, thread_name_prefix="aws"))

    def seen(self) -> Snapshot:
        return Snapshot(
            account=self.account,
            region=self.region,
            at=self.at,
            resources=self.resources,
            readings=self.readings,
            gaps=self.gaps,
            asked=self.asked,
        )

    def describe(self, wave: Sequence[Collection]) -> None:
        known = [collection for collection in wave if collection.name in self.shared]
        self.resources |= {collection.name: self.shared[collection.name] for collection in known}
        self._read([collection for collection in wave if collection not in known or collection.calls])

    def ask(self, late: Sequence[Collection], found: Found) -> None:
        """Of what would be found, the dearest first."""
        worth = found(self.seen())
        self.asked |= {collection.name: self._about(collection, worth) for collection in late}
        self._read(late)

    def _about(self, collection: Collection, worth: Mapping[str, float | None]) -> frozenset[str]:
        """What a collection is asked about: so much that it takes no more calls than it may."""
        calls = Counter(
            name
            for parent in self.resources.get(collection.per, ())
            for key in collection.given.values()
            if (name := str(parent.get(key))) in worth
        )
        chosen: set[str] = set()
        left = MOST_LATE
        for name in sorted(calls, key=lambda name: (-(worth[name] or 0.0), name)):
            if calls[name] <= left:
                chosen.add(name)
                left -= calls[name]
        return frozenset(chosen)

    def _read(self, wave: Sequence[Collection]) -> None:
        running = {
            collection.name: [self._submit(collection, arguments) for arguments in self._calls(collection)]
            for collection in wave
        }
        for collection in wave:
            if collection.per in self.gaps:
                self.gaps[collection.name] = f"needs {collection.per}: {self.gaps[collection.per]}"
                continue
            calls = running[collection.name]
            self.resources[collection.name] = [
                *self.shared.get(collection.name, ()),
                *self._gathered(calls, collection),
            ]
            if collection.shared and calls and collection.name not in self.gaps:
                self.shared[collection.name] = self.resources[collection.name]

    def measure(self, wanted: Sequence[Series]) -> None:
        asked = questions(wanted, self.at)
        running = [(question, self.threads.submit(_ask, self.access, self.region, question)) for question in asked]
        for question, future in running:
            try:
                self.readings.update(take(question, future.result(timeout=self._left())))
            except AWSError as error:
                self.gaps[METRICS] = why(error, _RIGHTS)
            except FutureTimeoutError:
                self.gaps[METRICS] = _TOO_LATE

    def end(self) -> None:
        """Let go of what is under way, and of the clients of this region."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.access.drop(self.region)

    def _submit(self, collection: Collection, arguments: Mapping[str, object]) -> Future[list[Resource]]:
        filled = arguments_of(arguments, region=self.region, account=self.account)
        region = home_of(self.region) if collection.at_home else self.region
        return self.threads.submit(_list, self.access, region, collection, filled)

    def _calls(self, collection: Collection) -> list[dict[str, object]]:
        """The arguments of every call that a collection takes; the same ones only once."""
        own = dict(collection.arguments)
        if collection.calls:
            return [own | dict(more) for more in collection.calls(self.seen())]
        if not collection.per:
            return [own]
        sets = {
            tuple((parameter, str(parent[name])) for parameter, name in collection.given.items())
            for parent in self.resources.get(collection.per, ())
            if all(parent.get(name) for name in collection.given.values()) and self._is_due(collection, parent)
        }
        if not collection.batch:
            return [own | dict(one) for one in sorted(sets)]
        parameter = next(iter(collection.given))
        return [own | {parameter: chunk} for chunk in _chunks([one[0][1] for one in sorted(sets)], collection.batch)]

    def _is_due(self, collection: Collection, parent: Resource) -> bool:
        asked = self.asked.get(collection.name, frozenset())
        return not collection.late or any(str(parent.get(name)) in asked for name in collection.given.values())

    def _gathered(self, running: Iterable[Future[list[Resource]]], collection: Collection) -> list[Resource]:
        """What all calls of a collection gave; one that failed makes a gap of the whole of it."""
        items: list[Resource] = []
        for future in running:
            try:
                items += future.result(timeout=self._left())
            except AWSError as error:
                self.gaps.setdefault(collection.name, why(error, collection.action))
            except FutureTimeoutError:
                self.gaps.setdefault(collection.name, _TOO_LATE)
        return items

    def _left(self) -> float:
        return max(0.0, self.ends - time.monotonic())


# --- one call ------------------------------------------------------------------------------------------------------


def arguments_of(arguments: Mapping[str, object], *, region: str, account: str) -> dict[str, object]:
    """What a call is given, its places filled in."""
    places = {"{region}": region, "{account}": account}
    return {name: places.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}


def first_page(client: Any, operation: str, arguments: Mapping[str, object]) -> Mapping[str, Any]:
    return next(_pages(client, operation, arguments))


def _list(access: Access, region: str, collection: Collection, arguments: Mapping[str, object]) -> list[Resource]:
    """All pages of one call."""
    given = {name: arguments[name] for name in collection.given} if not collection.batch else {}
    try:
        return [
            item if not given else {**given, **item}
            for page in _pages(access.client(collection.client, region), collection.operation, arguments)
            for item in items_of(page, collection.result)
        ]
    except AWSError as error:
        if code_of(error) in collection.none:
            return []
        raise


def _pages(client: Any, operation: str, arguments: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
    if client.can_paginate(operation):
        size = {"PageSize": _PAGES[operation]} if operation in _PAGES else {}
        yield from client.get_paginator(operation).paginate(**arguments, PaginationConfig=size)
        return
    token: dict[str, object] = {}
    while True:
        page = getattr(client, operation)(**arguments, **token)
        yield page
        name = next((name for name in ("NextToken", "nextToken") if page.get(name)), None)
        if name is None:
            return
        token = {name: page[name]}


def items_of(page: Mapping[str, Any], path: str) -> list[Resource]:
    """What a page lists; an object counts as a list of one."""
    found = jmespath.search(path, page)
    if isinstance(found, Mapping):
        return [found]
    return list(found or ())


def _ask(access: Access, region: str, question: Question) -> list[Mapping[str, Any]]:
    paginator = access.client("cloudwatch", region).get_paginator("get_metric_data")
    pages = paginator.paginate(
        MetricDataQueries=question.queries, StartTime=question.start, EndTime=question.end, ScanBy="TimestampAscending"
    )
    return [result for page in pages for result in page["MetricDataResults"]]


T = TypeVar("T")


def _chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(things)
    while chunk := list(islice(left, size)):
        yield chunk
