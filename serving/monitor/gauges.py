"""An evaluation as Prometheus gauges, in a file that the node exporter's textfile collector reads."""

from pathlib import Path

from core.errors import StoreError

from .run import Evaluation

VERDICTS = {"ok": 0, "watch": 1, "retrain": 2}


def write_gauges(evaluation: Evaluation, path: Path) -> None:
    """Write the gauges; the file is replaced as a whole.

    Raises
    ------
    StoreError
        It cannot be written.
    """
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    content = evaluation.dump()
    model = content["model"]["name"]

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(name, text, ["model"], registry=registry).labels(model).set(value)

    gauge("btml_monitor_verdict", "0 ok, 1 watch, 2 retrain", VERDICTS[content["verdict"]])
    gauge("btml_monitor_alerts", "Checks beyond their limit at the last session", len(content["alerts"]))
    gauge("btml_monitor_highest_score_ratio", "Greatest score of a check, 1 at its limit", content["highest_score"])
    gauge("btml_monitor_sessions", "Served sessions", content["sessions"])
    gauge("btml_monitor_predictions", "Predictions in the log", content["predictions"])
    gauge("btml_monitor_waiting_predictions", "Predictions whose outcome is not known", content["waiting_for_outcome"])
    last = evaluation.joined.rows["as_of"].max().timestamp()
    gauge("btml_monitor_last_prediction_timestamp_seconds", "Bar of the last prediction", last)
    scores = Gauge("btml_monitor_score", "Score of served predictions", ["model", "score", "span"], registry=registry)
    for score in evaluation.scores:
        for span, value in (("overall", score.overall), ("recent", score.recent), ("walk_forward", score.reference)):
            if value is not None:
                scores.labels(model, score.name, span).set(value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise StoreError(f"--gauges {path}: cannot be written: {error.strerror}; name another file") from error
