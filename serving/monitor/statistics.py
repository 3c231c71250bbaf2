"""The statistics of the panel of checks, over windows of sessions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.types import Matrix, Vector

from .channels import ERRORS, SHIFTS, Scale, error_channels, input_channels
from .observations import Cube, Observations

WINDOWS = (20, 60)
"""Sessions of the windows: a month and a quarter."""
PREDICTION = "prediction"
ON_INPUTS = ("mean", "spread", "psi", "ks", "repeated")
ON_ERRORS = (
    *("bias", "squared error", "misses", "disagreement", "overconfidence", "volatility", "session shift"),
    "coverage",
)


@dataclass(frozen=True)
class Check:
    """A check of the panel.

    Attributes
    ----------
    kind : of :data:`ON_INPUTS` or :data:`ON_ERRORS`.
    subject : the input that it is of, ``prediction``, or ``error``.
    window : sessions.
    """

    kind: str
    subject: str
    window: int

    @property
    def name(self) -> str:
        """``psi of rsi_14 over 60 sessions``."""
        return f"{self.kind} of {self.subject} over {self.window} sessions"


def panel_of(names: tuple[str, ...], *, intervals: bool = False) -> tuple[Check, ...]:
    """All checks of a model with these inputs, in the order of the columns of :func:`statistics_of`.

    Parameters
    ----------
    intervals : the model gives intervals, whose coverage is checked.
    """
    return tuple(_checks(names, ON_ERRORS if intervals else ON_ERRORS[:-1]))


def _checks(names: tuple[str, ...], on_errors: tuple[str, ...]) -> Iterator[Check]:
    for window in WINDOWS:
        for kind in ON_INPUTS:
            yield from (Check(kind, subject, window) for subject in (*names, PREDICTION))
        yield from (Check(kind, "error", window) for kind in on_errors)


def statistics_of(observed: Observations, scale: Scale) -> Matrix:
    """(T, C) statistics at each session, of the window that ends there; NaN before a window is full.

    ``mean`` |mean of the standardised values|; ``spread`` |log of their variance in the window|; ``psi`` the
    population stability index over the reference's deciles; ``ks`` the greatest distance of the distribution functions
    at the deciles; ``repeated`` the share of values equal to the one before; ``bias`` |mean standardised error|;
    ``volatility`` |mean log volatility forecast less the reference's|; ``session shift`` the greater mean of
    ``outcome_late`` and ``prediction_late``; ``coverage`` |share of outcomes in their intervals less the reference's|,
    if the reference has intervals; the other checks of errors are window means of
    :func:`serving.monitor.channels.error_channels`. Sessions without a prediction or an outcome are left out of the
    means. Large is bad, everywhere.
    """
    inputs = input_channels(observed, scale)
    errors = error_channels(observed, scale)
    if np.isnan(scale.coverage):
        errors = errors[:, :-1]
    columns = []
    for window in WINDOWS:
        columns.append(_of_inputs(_rolling(inputs, window), scale.shares, 0.5 / (window * len(observed.symbols))))
        columns.append(_of_errors(_rolling(errors, window)))
    return np.concatenate(columns, axis=1)


def _rolling(values: Cube | Matrix, window: int) -> Cube | Matrix:
    """Means over the last sessions of what is known; NaN before the window is full, or if half of it is missing."""
    has_value = ~np.isnan(values)
    total = np.cumsum(np.where(has_value, values, 0.0), axis=0)
    count = np.cumsum(has_value, axis=0)
    total[window:] = total[window:] - total[:-window]
    count[window:] = count[window:] - count[:-window]
    means = np.where(2 * count > window, total / np.maximum(count, 1), np.nan)
    means[: window - 1] = np.nan
    return means


def _of_inputs(means: Cube, expected: Matrix, floor: float) -> Matrix:
    """(T, 5 (F + 1)) statistics of the inputs' window means.

    Parameters
    ----------
    expected : (F + 1, 10) the reference's shares of the bins.
    floor : half an observation of a window, added to shares: an empty bin has a finite index.
    """
    mean = means[:, :, 0]
    spread = np.abs(np.log(np.maximum(means[:, :, 1] - mean**2, 1e-6)))
    shares = means[:, :, 3:]
    psi = ((shares - expected) * np.log((shares + floor) / (expected + floor))).sum(axis=2)
    ks = np.abs(np.cumsum(shares - expected, axis=2)).max(axis=2)
    return np.concatenate([np.abs(mean), spread, psi, ks, means[:, :, 2]], axis=1)


def _of_errors(means: Matrix) -> Matrix:
    """(T, 7 or 8) statistics of the errors' window means."""
    names = ERRORS[: means.shape[1]]
    columns = dict(zip(names, means.T, strict=True))
    for name in {"error", "log_sigma", "coverage"} & set(names):
        columns[name] = np.abs(columns[name])
    late, early = (columns.pop(name) for name in SHIFTS)
    shift = np.maximum(late, early)
    values = list(columns.values())
    position = ON_ERRORS.index("session shift")
    return np.stack([*values[:position], shift, *values[position:]], axis=1)


def first_of(values: Vector) -> int:
    """The session at which a change most likely began: the greatest |sum of later values| / sqrt(their number).

    Parameters
    ----------
    values : (W,) standardised numbers of mean 0 where nothing has changed; NaN is left out.

    References
    ----------
    Page, E. S. (1955), A test for a change in a parameter occurring at an unknown point, Biometrika 42: the position at
    which the likelihood ratio of a shift of a normal mean is greatest.
    """
    filled = np.nan_to_num(values)
    later = np.cumsum(filled[::-1])[::-1]
    return int(np.argmax(np.abs(later) / np.sqrt(np.arange(len(values), 0, -1))))
