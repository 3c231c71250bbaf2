"""Per-session numbers whose means over a window give every statistic of the monitor.

Each statistic is a function of window means, so that a window that moves on by a session costs a difference of two
running sums, for the live sessions and for the resampled ones alike.
"""

from dataclasses import dataclass

import numpy as np

from core.types import Matrix, Vector

from .observations import Cube, Observations

BINS = 10
LARGEST = 100.0
"""Standardised values beyond this are cut: a unit error must not overflow what is computed from it."""
SHIFTS = ("outcome_late", "prediction_late")
ERRORS = (
    *("error", "squared_error", "miss", "disagreement", "overconfidence", "log_sigma"),
    *SHIFTS,
    "coverage",
)
INPUT_CHANNELS = ("value", "square", "repeated", *(f"bin{number}" for number in range(BINS)))


@dataclass(frozen=True, eq=False)
class Scale:
    """Location, spread and quantiles of a reference, by input; the prediction is the last one.

    Attributes
    ----------
    mean, deviation : (F + 1,); a deviation of 0 is replaced by 1.
    edges : (F + 1, 9) deciles.
    shares : (F + 1, 10) shares of the values between them: a tenth each, unless values repeat.
    log_sigma : mean log volatility forecast.
    coverage : share of outcomes in their intervals; NaN for a model without intervals.
    """

    mean: Vector
    deviation: Vector
    edges: Matrix
    shares: Matrix
    log_sigma: float
    coverage: float


def scale_of(reference: Observations) -> Scale:
    """The scale of a reference; sessions and symbols together."""
    values = _inputs(reference).reshape(-1, len(reference.names) + 1)
    deviation = np.nanstd(values, axis=0)
    edges = np.nanquantile(values, np.arange(1, BINS) / BINS, axis=0).T
    with np.errstate(divide="ignore"):
        log_sigma = float(np.nanmean(np.log(reference.sigma)))
    number = (values[:, :, None] > edges).sum(axis=2)
    has_value = ~np.isnan(values)
    shares = np.stack([((number == bin_number) & has_value).sum(axis=0) for bin_number in range(BINS)], axis=1)
    return Scale(
        np.nanmean(values, axis=0),
        np.where(deviation > 0.0, deviation, 1.0),
        edges,
        shares / has_value.sum(axis=0)[:, None],
        log_sigma,
        float(np.nanmean(reference.covered)) if reference.has_intervals else np.nan,
    )


def _inputs(observed: Observations) -> Cube:
    """(T, N, F + 1) inputs and, last, the prediction."""
    return np.concatenate([observed.features, observed.prediction[:, :, None]], axis=2)


def input_channels(observed: Observations, scale: Scale) -> Cube:
    """(T, F + 1, 13) means over the symbols of each session; NaN for a session without predictions."""
    values = _inputs(observed)
    standard = np.clip((values - scale.mean) / scale.deviation, -LARGEST, LARGEST)
    repeated = np.full_like(values, np.nan)
    repeated[1:] = values[1:] == values[:-1]
    repeated = np.where(np.isnan(values), np.nan, np.nan_to_num(repeated))
    channels = np.empty((len(observed), values.shape[2], len(INPUT_CHANNELS)))
    channels[:, :, 0] = _over_symbols(standard)
    channels[:, :, 1] = _over_symbols(standard**2)
    channels[:, :, 2] = _over_symbols(repeated)
    number = (values[:, :, :, None] > scale.edges).sum(axis=3)
    for bin_number in range(BINS):
        channels[:, :, 3 + bin_number] = _over_symbols(np.where(np.isnan(values), np.nan, number == bin_number))
    return channels


def error_channels(observed: Observations, scale: Scale) -> Matrix:
    """(T, 9) numbers of :data:`ERRORS`, larger is worse but for ``error``, ``log_sigma`` and ``coverage``.

    NaN without an outcome.

    ``error`` and ``squared_error`` are of (outcome - prediction) / sigma; ``miss`` is 1 where the sign was wrong, 0.5
    where either is 0; ``disagreement`` is minus the product of standardised prediction and outcome;
    ``overconfidence`` is confidence less hit; ``log_sigma`` the log volatility forecast less the reference's;
    ``outcome_late`` is the product of the prediction of the session before and this outcome, less that of this
    prediction and this outcome; ``prediction_late`` the same with this prediction and the outcome before;
    ``coverage`` is 1 where the outcome lies in its interval, else 0, less the reference's coverage.
    """
    outcome = observed.outcome / observed.sigma
    prediction = (observed.prediction - scale.mean[-1]) / scale.deviation[-1]
    error = np.clip((observed.outcome - observed.prediction) / observed.sigma, -LARGEST, LARGEST)
    hit = 0.5 + 0.5 * np.sign(observed.prediction) * np.sign(observed.outcome)
    prediction = np.clip(prediction, -3.0, 3.0)
    outcome = np.clip(outcome, -3.0, 3.0)
    product = prediction * outcome
    with np.errstate(divide="ignore"):
        level = np.log(observed.sigma) - scale.log_sigma
    columns = (
        error,
        error**2,
        1.0 - hit,
        -product,
        observed.confidence - hit,
        level,
        _before(prediction) * outcome - product,
        prediction * _before(outcome) - product,
        observed.covered - scale.coverage,
    )
    return np.stack([_over_symbols(column[:, :, None])[:, 0] for column in columns], axis=1)


def _before(values: Matrix) -> Matrix:
    """(T, N) the values of the session before; NaN in the first one."""
    return np.concatenate([np.full_like(values[:1], np.nan), values[:-1]])


def _over_symbols(values: Cube) -> Matrix:
    """(T, K) means over axis 1 of what is known; NaN where nothing is."""
    has_value = ~np.isnan(values)
    count = has_value.sum(axis=1)
    total = np.where(has_value, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
