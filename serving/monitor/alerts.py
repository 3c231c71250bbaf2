"""Alerts: a check of the panel beyond its threshold, with what it rests on and what to do."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.types import Matrix, Vector

from .calibration import QUIET, Calibration
from .channels import ERRORS, SHIFTS, Scale, error_channels, input_channels, scale_of
from .observations import Observations
from .statistics import ON_ERRORS, PREDICTION, Check, first_of, statistics_of

WATCH = 0.8
"""Part of the limit from which a check is worth watching."""
ADVICE = {
    "mean": "compare this input with its source: a unit, an adjustment or a regime changed",
    "spread": "compare this input with its source: its volatility changed",
    "psi": "compare this input with its source: its distribution changed",
    "ks": "compare this input with its source: its distribution changed",
    "repeated": "this input stands still: look for a feed that is stuck",
    "bias": "the errors have a direction: look for a change of the market or of the label, then retrain",
    "squared error": "the errors are larger than the volatility explains: compare with a challenger, then retrain",
    "misses": "the sign is wrong more often than in the walk-forward: compare with a challenger, then retrain",
    "disagreement": "predictions and outcomes disagree: look for a sign or a label that changed, then retrain",
    "overconfidence": "the confidence promises more than comes: calibrate again by retraining",
    "coverage": "the intervals hold another share of the outcomes than before: compare with a challenger, then retrain",
    "session shift": "predictions agree with the outcome of another session: look for dates that moved by a session",
    "volatility": "the market's volatility left the range of the walk-forward: check sizes, then retrain",
}


@dataclass(frozen=True)
class Alert:
    """A check beyond its threshold.

    Attributes
    ----------
    check : its name.
    session : the last session of the window, an ISO date.
    statistic, threshold : of the check.
    score : 1 at the threshold.
    first_evidence : the session at which the change most likely began.
    every : sessions in which one false alarm of the whole panel is expected.
    advice : what to do.
    """

    check: str
    session: str
    statistic: float
    threshold: float
    score: float
    first_evidence: str
    every: int
    advice: str

    def dump(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class PanelRun:
    """The panel over the served sessions.

    Attributes
    ----------
    statistics, scores : (T, C); a score of 1 is at the limit.
    live : the sessions, T of them.
    """

    calibration: Calibration
    live: Observations
    statistics: Matrix
    scores: Matrix

    @property
    def worst(self) -> Matrix:
        """(T,) the greatest score of each session; -inf where no check has a value."""
        worst = np.where(np.isnan(self.scores), -np.inf, self.scores).max(axis=1, initial=-np.inf)
        return np.asarray(worst, dtype=np.float64)


def run_panel(reference: Observations, live: Observations, calibration: Calibration) -> PanelRun:
    """Run the panel; the windows of the first served sessions reach back into the end of the walk-forward."""
    lead = reference.take(np.arange(max(len(reference) - QUIET, 0), len(reference)))
    statistics = statistics_of(lead.followed_by(live), scale_of(reference))[len(lead) :]
    scores = (statistics - calibration.centre) / (calibration.limit * calibration.width)
    return PanelRun(calibration, live, statistics, scores)


def alerts_of(panel: PanelRun, reference: Observations, row: int = -1) -> tuple[Alert, ...]:
    """The alerts at a session, the greatest score first; by kind and subject the window with the greater score."""
    if not len(panel.live):
        return ()
    row = row % len(panel.live)
    beyond: dict[tuple[str, str], int] = {}
    for number in np.argsort(-np.nan_to_num(panel.scores[row], nan=-np.inf), kind="stable"):
        check = panel.calibration.checks[number]
        if panel.scores[row, number] > 1.0:
            beyond.setdefault((check.kind, check.subject), int(number))
    scale = scale_of(reference)
    sessions = reference.followed_by(panel.live.take(np.arange(row + 1)))
    return tuple(_alert(panel, row, number, sessions, scale, len(reference)) for number in beyond.values())


def _alert(panel: PanelRun, row: int, number: int, sessions: Observations, scale: Scale, reference: int) -> Alert:
    check = panel.calibration.checks[number]
    return Alert(
        check.name,
        f"{panel.live.sessions[row]:%F}",
        float(panel.statistics[row, number]),
        float(panel.calibration.thresholds()[number]),
        float(panel.scores[row, number]),
        f"{sessions.sessions[first_evidence(sessions, check, scale, reference)]:%F}",
        panel.calibration.every,
        ADVICE[check.kind],
    )


def first_evidence(sessions: Observations, check: Check, scale: Scale, reference: int) -> int:
    """The number of the session at which the change behind a check most likely began.

    Parameters
    ----------
    sessions : the walk-forward and then the served sessions up to the alert.
    reference : sessions of the walk-forward.

    It is sought among the last two windows, in the session's number that the check is a mean of, standardised with the
    walk-forward's mean and deviation.
    """
    values = _series(sessions, check, scale)
    recorded = values[:reference][~np.isnan(values[:reference])]
    deviation = recorded.std() or 1.0
    start = max(len(values) - 2 * check.window, 0)
    return start + first_of((values[start:] - recorded.mean()) / deviation)


def _series(sessions: Observations, check: Check, scale: Scale) -> Matrix:
    if check.subject == "error":
        return _of_errors(error_channels(sessions, scale), check)
    subject = (*sessions.names, PREDICTION).index(check.subject)
    channels = input_channels(sessions, scale)[:, subject]
    if check.kind == "spread":
        return np.log(np.maximum(channels[:, 1], 1e-6))
    return channels[:, 2] if check.kind == "repeated" else channels[:, 0]


def _of_errors(channels: Matrix, check: Check) -> Vector:
    """(T,) the series that a check of the errors is a mean of; of a shift, the direction with the greater mean."""
    columns: dict[str, Vector] = dict(zip(ERRORS, channels.T, strict=True))
    shifts = [columns.pop(name) for name in SHIFTS]
    if check.kind == "session shift":
        return max(shifts, key=lambda values: float(np.nan_to_num(values[-check.window :]).sum()))
    others = [kind for kind in ON_ERRORS if kind != "session shift"]
    return tuple(columns.values())[others.index(check.kind)]
