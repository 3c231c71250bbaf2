"""Metrics of the service for Prometheus; names, units and labels by its rules."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered.", ["path", "status"])
        self.seconds = Histogram(
            "btml_request_seconds",
            "Time from the first byte of a request to the last one of its answer.",
            ["path"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_progress = self._gauge("requests_in_progress", "Requests that are being answered.")
        self.predictions = self._counter("predictions", "Predictions that were stored.")
        self.repeated = self._counter("repeated_predictions", "Questions about a bar that had been answered before.")
        self.differing = self._counter("differing_answers", "Answers that differ from the first one.", ["kind"])
        self.log_seconds = Histogram(
            "btml_log_write_seconds",
            "Time to store the answers of a request.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.log_errors = self._counter(
            "log_errors", "Requests that were not answered because nothing could be stored."
        )
        self.age = self._gauge("prediction_age_seconds", "Time from the close of the last answered bar to its answer.")
        self.swaps = self._counter("model_swaps", "Tries to serve another bundle.", ["outcome"])
        self.model = self._gauge("model_info", "1 for the bundle that is served.", ["bundle", "name", "trained_until"])
        self.trained_until = self._gauge("model_trained_until_seconds", "Last bar known to the model, since 1970 UTC.")

    def serves(self, bundle: str, name: str, trained_until: str, seconds: float) -> None:
        """Note the bundle that is served from now on."""
        self.model.clear()
        self.model.labels(bundle, name, trained_until).set(1)
        self.trained_until.set(seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"btml_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"btml_{name}", text, labels, registry=self.registry)
