"""One evaluation of served predictions: scores, alerts, facts, and a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from core.errors import DataError
from core.types import Market
from serving.prediction_log.read import LoggedPredictions
from signals.labels.base import Label

from .alerts import WATCH, Alert, PanelRun, alerts_of, run_panel
from .calibration import FALSE_ALARM_EVERY, Calibration, calibrate, onsets
from .facts import facts_of
from .join import Joined, join
from .measures import Score, scores_of
from .observations import Observations

Verdict: TypeAlias = Literal["ok", "watch", "retrain"]


@dataclass(frozen=True, eq=False)
class Reference:
    """A walk-forward and the thresholds that come from it.

    Attributes
    ----------
    observations, calibration : of the walk-forward.
    label : that predictions are of; its values are returns.
    """

    observations: Observations
    calibration: Calibration
    label: Label

    @classmethod
    def of(cls, observations: Observations, label: Label, every: int = FALSE_ALARM_EVERY, seed: int = 0) -> "Reference":
        """Compute the thresholds; takes some seconds."""
        return cls(observations, calibrate(observations, every, seed), label)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The state of a served model.

    Attributes
    ----------
    model : its name, id and the time until which it was trained.
    scores : beside the walk-forward's.
    alerts : at the last served session.
    history : sessions at which an alert began, ISO dates.
    facts : what is missing, late or changed, in sentences: no statistics, so without a rate of false alarms.
    panel : the panel over the served sessions.
    joined : predictions with their outcomes.
    reference : of the walk-forward.
    """

    model: Mapping[str, str]
    scores: tuple[Score, ...]
    alerts: tuple[Alert, ...]
    history: tuple[str, ...]
    facts: tuple[str, ...]
    panel: PanelRun
    joined: Joined
    reference: Reference

    @property
    def verdict(self) -> Verdict:
        """``retrain`` with an alert; ``watch`` with a fact or a check at 80 % of its limit; else ``ok``."""
        if self.alerts:
            return "retrain"
        return "watch" if self.facts or self.highest > WATCH else "ok"

    @property
    def highest(self) -> float:
        """The greatest score at the last session, 1 at the limit; 0 where no check has a value."""
        worst = self.panel.worst
        return float(worst[-1]) if len(worst) and np.isfinite(worst[-1]) else 0.0

    def dump(self) -> dict[str, Any]:
        """Plain values; an unknown number is null."""
        sessions = self.joined.observations.sessions
        return {
            "model": dict(self.model),
            "verdict": self.verdict,
            "first_session": f"{sessions[0]:%F}",
            "last_session": f"{sessions[-1]:%F}",
            "sessions": len(sessions),
            "predictions": len(self.joined.rows),
            "waiting_for_outcome": self.joined.waiting,
            "false_alarm_every_sessions": self.panel.calibration.every,
            "checks": len(self.panel.calibration.checks),
            "highest_score": self.highest,
            "alerts": [alert.dump() for alert in self.alerts],
            "alerts_began": list(self.history),
            "facts": list(self.facts),
            "scores": [score.dump() for score in self.scores],
            "slippage_to_next_open": _mean(self.joined.rows["slippage"]),
            "median_hours_to_storing": _median(self.joined.rows["delay"]),
        }


def evaluate(
    logged: LoggedPredictions, market: Market, reference: Reference, differing: pd.DataFrame | None = None
) -> Evaluation:
    """Evaluate the predictions of a model.

    Parameters
    ----------
    logged : with the columns of :data:`serving.monitor.join.COLUMNS`.
    market : the bars as they are now.
    differing : answers that differed from the first one, as :func:`serving.prediction_log.read.read_alarms` gives them.

    Raises
    ------
    DataError
        There is no prediction, or the data lack a symbol.
    """
    record = logged.model
    if logged.rows.empty:
        raise DataError(f"the prediction log has no prediction of {record.name}; serve it and ask it first")
    missing = [symbol for symbol in record.symbols if symbol not in market.bars]
    if missing:
        raise DataError(
            f"the data have no {missing[0]}, which {record.name} predicts; they have {', '.join(market.bars)}"
        )
    joined = join(logged, market, reference.label)
    if not joined.rows["in_data"].any():
        first, begin, end = (
            f"{time:%Y-%m-%d %H:%M} UTC" for time in (logged.rows["as_of"].min(), market.times[0], market.times[-1])
        )
        raise DataError(
            f"no logged bar of {record.name} is in the data: the log begins at {first}, the data have bars from "
            f"{begin} to {end}; is data.session_close the same?"
        )
    live = joined.observations
    panel = run_panel(reference.observations, live, reference.calibration)
    return Evaluation(
        {
            "id": record.id,
            "name": record.name,
            "trained_until": pd.Timestamp(record.trained_until, tz="UTC").isoformat(),
        },
        scores_of(live, reference.observations),
        alerts_of(panel, reference.observations),
        tuple(f"{live.sessions[row]:%F}" for row in onsets(panel.worst > 1.0)),
        facts_of(joined, market, differing),
        panel,
        joined,
        reference,
    )


def _mean(values: pd.Series) -> float | None:
    mean = float(values.mean())
    return mean if np.isfinite(mean) else None


def _median(values: pd.Series) -> float | None:
    median = float(values.median())
    return median if np.isfinite(median) else None
