"""Figures about this process and about what its store holds, in Prometheus' form."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second figure for each counter, of which nobody asks when it began

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

Sample = tuple[str, Sequence[str], float]
"""The name of a figure, the values of its labels, and its own."""


class Metrics:
    """Figures of one collector process; labels never hold anything that a client chooses."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "fieldpost_http_requests", "Requests answered.", ("family", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "fieldpost_http_request_seconds", "Time to answer.", ("family",), buckets=_SECONDS, registry=self.registry
        )
        self._in_flight = 0
        self.watch("http_requests_in_flight", "Being answered now.", lambda: self._in_flight)
        self._records = Counter(
            "fieldpost_records",
            "Records that agents sent, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self._deliveries = Counter(
            "fieldpost_delivery_attempts",
            "Attempts to deliver an event, by kind of endpoint and what came of it.",
            ("kind", "verdict"),
            registry=self.registry,
        )
        # a series is looked up once: the way by its labels takes longer than counting
        self._counted = cache(lambda family, method, status: self._requests.labels(family, method, f"{status}"))
        self._timed = cache(self._seconds.labels)
        self._by_outcome = {word: self._records.labels(word) for word in ("new", "duplicate", "rejected")}

    def begun(self) -> None:
        """A request has come in; `answered` follows."""
        self._in_flight += 1

    def answered(self, *, family: str, method: str, status: int, seconds: float) -> None:
        self._in_flight -= 1
        known = method if method in _METHODS else "OTHER"
        self._counted(family, known, status).inc()
        self._timed(family).observe(seconds)

    def received(self, *, new: int, duplicate: int, rejected: int) -> None:
        """Records of a batch that is acknowledged."""
        for outcome, number in (("new", new), ("duplicate", duplicate), ("rejected", rejected)):
            if number:
                self._by_outcome[outcome].inc(number)

    def attempted(self, kind: str, verdict: str) -> None:
        """An event was sent, or was meant to be."""
        self._deliveries.labels(kind, verdict).inc()

    def watch(self, name: str, what: str, figure: Callable[[], float]) -> None:
        """Show a figure that is looked up when somebody asks."""
        Gauge(f"fieldpost_{name}", what, registry=self.registry).set_function(figure)

    def board(self, families: Mapping[str, tuple[str, Sequence[str]]]) -> "Board":
        """Figures that come together: by name what each is, and its labels."""
        made = Board(families)
        self.registry.register(made)
        return made

    def render(self) -> bytes:
        return generate_latest(self.registry)


class Board(Collector):
    """The last figures that were put up; none while nobody knows any."""

    def __init__(self, families: Mapping[str, tuple[str, Sequence[str]]]) -> None:
        self._families = families
        self._samples: Sequence[Sample] = ()

    def put(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[GaugeMetricFamily]:
        by_name: dict[str, list[Sample]] = defaultdict(list)
        for sample in self._samples:
            by_name[sample[0]].append(sample)
        for name, (what, labels) in self._families.items():
            family = GaugeMetricFamily(f"fieldpost_{name}", what, labels=labels)
            for _, values, value in by_name[name]:
                family.add_metric(values, value)
            yield family


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
