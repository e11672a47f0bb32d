"""Figures about this process, in Prometheus' form."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """Counters of one collector process; labels never hold anything that a client chooses."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "fieldpost_http_requests", "Requests answered.", ("family", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "fieldpost_http_request_seconds", "Time to answer.", ("family",), buckets=_SECONDS, registry=self.registry
        )
        self.in_flight = Gauge("fieldpost_http_requests_in_flight", "Being answered now.", registry=self.registry)

    def answered(self, *, family: str, method: str, status: int, seconds: float) -> None:
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(family, known, f"{status}").inc()
        self._seconds.labels(family).observe(seconds)

    def watch(self, name: str, what: str, figure: Callable[[], float]) -> None:
        """Show a figure that is looked up when somebody asks."""
        Gauge(f"fieldpost_{name}", what, registry=self.registry).set_function(figure)

    def render(self) -> bytes:
        return generate_latest(self.registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
