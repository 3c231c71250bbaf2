"""New paths of a walk-forward: what its series would look like over other years, without any change.

Each series (input, prediction, confidence, log volatility forecast, standardised error of each symbol) gets an
autoregression. The residuals of whole sessions are drawn in blocks, so that what belongs to the same days stays
together, and drive new paths. Unlike blocks of the series themselves, of which a few hundred sessions contain only a
handful that are independent, these paths go where the recorded ones did not, as the future does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.types import Matrix

from .observations import Cube, Observations, covered_by, width_of

ORDERS = 5
BLOCK = 10
"""Sessions of a block of residuals: they keep the clusters of volatility that an autoregression leaves."""
BURN_IN = 150
CHUNK = 4_000_000
"""Numbers of the paths that are computed at a time."""
LARGEST_SUM = 0.997
"""Of the coefficients: a series without a mean to return to has no distribution to compare with."""


@dataclass(frozen=True, eq=False)
class SeriesModel:
    """Autoregressions of S series, for each of R streams.

    Attributes
    ----------
    mean : (R, S).
    coefficients : (ORDERS, R, S) of the lags 1 to 5; 0 beyond a series' order.
    residuals : (R, T, S), of mean 0.
    """

    mean: Matrix
    coefficients: Cube
    residuals: Cube


def fit_series(values: Cube) -> SeriesModel:
    """Fit an autoregression to each series of (R, T, S) values; its order, 0 to 5, is the one of the least BIC.

    The coefficients solve the Yule-Walker equations. Their sum s is corrected for its bias, -(1 + 4 s) / T.

    References
    ----------
    Shaman, P. and Stine, R. (1988), The bias of autoregressive coefficient estimators, Journal of the American
    Statistical Association 83: the bias for order 1.
    """
    sessions = values.shape[1]
    mean = values.mean(axis=1)
    centred = values - mean[:, None]
    coefficients = _yule_walker(centred)
    total = coefficients.sum(axis=0)
    corrected = np.minimum(total + (1.0 + 4.0 * total) / sessions, LARGEST_SUM)
    coefficients *= np.where(total > 0.0, corrected / np.where(total > 0.0, total, 1.0), 1.0)
    residuals = centred[:, ORDERS:].copy()
    for lag in range(1, ORDERS + 1):
        residuals -= coefficients[lag - 1][:, None] * centred[:, ORDERS - lag : sessions - lag]
    return SeriesModel(mean, coefficients, residuals - residuals.mean(axis=1, keepdims=True))


def _yule_walker(centred: Cube) -> Cube:
    """(ORDERS, R, S) coefficients by the recursion of Levinson and Durbin, of the order of the least BIC."""
    sessions = centred.shape[1]
    covariance = [(centred[:, lag:] * centred[:, : sessions - lag]).mean(axis=1) for lag in range(ORDERS + 1)]
    error = np.maximum(covariance[0], 1e-300)
    current = np.zeros((ORDERS, *error.shape))
    best = current.copy()
    lowest = sessions * np.log(error)
    for order in range(1, ORDERS + 1):
        rest = covariance[order] - sum(current[lag - 1] * covariance[order - lag] for lag in range(1, order))
        reflection = np.clip(rest / error, -1.0, 1.0)
        earlier = current[: order - 1].copy()
        current[: order - 1] = earlier - reflection * earlier[::-1]
        current[order - 1] = reflection
        error = np.maximum(error * (1.0 - reflection**2), 1e-300)
        criterion = sessions * np.log(error) + order * np.log(sessions)
        better = criterion < lowest
        lowest = np.where(better, criterion, lowest)
        best = np.where(better, current, best)
    return best


def simulate(model: SeriesModel, streams: int, length: int, generator: np.random.Generator) -> Cube:
    """(streams, length, S) new paths, of as many models or of one."""
    steps = BURN_IN + length
    sessions = model.residuals.shape[1]
    starts = generator.integers(0, sessions, (streams, -(-steps // BLOCK)))
    rows = (starts[:, :, None] + np.arange(BLOCK)).reshape(streams, -1)[:, :steps] % sessions
    owner = np.arange(streams) % len(model.residuals)
    paths = np.zeros((streams, steps, model.mean.shape[1]))
    for step in range(steps):
        value = model.residuals[owner, rows[:, step]]
        for lag in range(min(step, ORDERS)):
            value = value + model.coefficients[lag] * paths[:, step - 1 - lag]
        paths[:, step] = value
    return paths[:, BURN_IN:] + model.mean[:, None]


def new_paths(
    reference: Observations, streams: int, length: int, generator: np.random.Generator
) -> Iterator[Observations]:
    """New paths of ``length`` sessions, a bounded number at a time.

    Each stream has autoregressions of its own, fitted to a first path of the reference's length: what the reference
    cannot tell of the series counts as well. Sessions of the reference without an outcome are left out, and a missing
    symbol has the value before it.
    """
    packed, shape = _packed(reference)
    width = width_of(reference, float(np.nanmean(reference.covered))) if reference.has_intervals else np.nan
    model = fit_series(packed[None])
    chunk = max(1, CHUNK // (packed.shape[1] * (length + BURN_IN)))
    for first in range(0, streams, chunk):
        count = min(chunk, streams - first)
        again = fit_series(simulate(model, count, len(packed), generator))
        for path in simulate(again, count, length, generator):
            yield _unpacked(path, shape, reference, width)


def _packed(reference: Observations) -> tuple[Matrix, tuple[int, int]]:
    """(T, S) all series, and the numbers of symbols and inputs."""
    complete = reference.take(np.flatnonzero((~np.isnan(reference.outcome)).any(axis=1)))
    count, symbols = complete.outcome.shape
    error = complete.standardised_error
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = (
            complete.features.reshape(count, -1),
            complete.prediction,
            complete.confidence,
            np.log(complete.sigma),
            error,
        )
    table = pd.DataFrame(np.concatenate(parts, axis=1)).replace([np.inf, -np.inf], np.nan)
    return table.ffill().bfill().fillna(0.0).to_numpy(), (symbols, len(reference.names))


def _unpacked(path: Matrix, shape: tuple[int, int], reference: Observations, width: float) -> Observations:
    symbols, inputs = shape
    length = len(path)
    ends = np.cumsum([symbols * inputs, symbols, symbols, symbols, symbols])
    features, prediction, confidence, log_sigma, error = np.split(path, ends[:-1], axis=1)
    sigma = np.exp(log_sigma)
    return Observations(
        pd.date_range("2000-01-01", periods=length),
        reference.symbols,
        reference.names,
        features.reshape(length, symbols, inputs),
        prediction,
        confidence,
        prediction + error * sigma,
        sigma,
        covered_by(error, width),
    )
