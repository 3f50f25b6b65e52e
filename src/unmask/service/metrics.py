"""What Prometheus is told."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from unmask.records import Report

_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_BATCHES: Final = (1, 2, 4, 8, 16)


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter(
            "unmask_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "unmask_request_seconds",
            "From a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.files = Counter(
            "unmask_files",
            "Files that were looked at, by kind and verdict.",
            ("kind", "verdict"),
            registry=registry,
        )
        self.batch_files = Histogram(
            "unmask_batch_files",
            "Files that shared a call of the network.",
            buckets=_BATCHES,
            registry=registry,
        )
        self.under_way = Gauge(
            "unmask_requests_under_way", "Requests that were let in.", registry=registry
        )
        self.jobs = Gauge("unmask_jobs", "Jobs that are known.", registry=registry)
        self.spool_bytes = Gauge("unmask_spool_bytes", "Uploads on disk.", registry=registry)

    def count_report(self, report: Report) -> None:
        """Count a file by its verdict, one that could not be answered by its error."""
        verdict = report.verdict.value if report.verdict else "error"
        self.files.labels(report.kind.value if report.kind else "unknown", verdict).inc()

    def render(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._registry)
