"""Hansen's test for superior predictive ability of the best of many trials, with White's reality check.

All trials are resampled together, which keeps their dependence: a thousand copies of one trial count as one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Matrix, Vector
from risk.bootstrap import MAX_REPS, MIN_REPS, MIN_RETURNS, block_length, drawn_rows
from risk.returns import checked_returns

from .trial_matrix import SLAB, checked_trials, deviations_of, slabs

MAX_SAMPLED = 50
"""Trials whose block lengths are averaged."""
DEFAULT_VOLATILITY = 0.01
"""The volatility per period that trials are scaled to where there is no benchmark's."""


@dataclass(frozen=True)
class Spa:
    """The result of the test for superior predictive ability; the p-values are None where there was nothing to test.

    The p-values differ in the trials that the best one is compared with: those that are not clearly worse than the
    benchmark (``consistent``), those that are better than it (``lower``, which is too small), or all as if none were
    worse (``upper``, which many bad trials make too large).

    Attributes
    ----------
    statistic : the greatest mean over its standard error of all trials, 0 if none is above 0.
    lower, consistent, upper : p-values of it, in rising order.
    reality_check : p-value of the greatest mean itself, not divided by an error; trials that vary much dominate it.
    best : column of the greatest mean over its standard error.
    block : mean length of the resampled blocks, in periods.
    reps : resamples drawn. No p-value is below ``1 / (1 + reps)``.
    notes : for the reader of the result.
    reason : why there is no p-value; empty where there is one.
    """

    statistic: float | None
    lower: float | None
    consistent: float | None
    upper: float | None
    reality_check: float | None
    best: int | None
    block: float | None
    reps: int
    notes: tuple[str, ...] = ()
    reason: str = ""


def spa(excess: npt.ArrayLike, block: float | None = None, reps: int = 1000, seed: int = 0) -> Spa:
    """Hansen's test for superior predictive ability, studentised, and White's reality check.

    The hypothesis is that no trial beats the benchmark. Standard errors are those of the stationary bootstrap for a
    mean, in closed form rather than simulated: weighted autocovariances.

    Parameters
    ----------
    excess : (T, N) returns of each trial less the benchmark's, per period; see :func:`at_equal_volatility` and
        :func:`against_cash`. All trials that were made, those that failed included. NaN is an error.
    block : mean length of the blocks, from 1 to T; None for the average over up to 50 trials of what Politis and White
        choose.
    reps : resamples, from 100 to 100000.
    seed : at least 0; the same seed gives the same resamples.

    Returns
    -------
    P-values ``(1 + resamples that do as well) / (1 + reps)``. Undefined for fewer than 30 rows, and if no trial varies.
    Single trials that do not vary are left out, with a note.

    Raises
    ------
    DataError
        Not a table, NaN or infinity.
    ConfigError
        A block below 1 or longer than the rows, or an impossible number of resamples.

    References
    ----------
    Hansen, P. R. (2005), A test for superior predictive ability, Journal of Business and Economic Statistics 23(4):
    the statistic, the three ways to centre the resamples and the kernel of the variance. White, H. (2000), A
    reality check for data snooping, Econometrica 68(5). Politis, D. N. and Romano, J. P. (1994), The stationary
    bootstrap, Journal of the American Statistical Association 89.

    >>> noise = np.random.default_rng(2).normal(0, 0.01, (500, 8))
    >>> result = spa(noise + np.where(np.arange(8) == 5, 0.002, 0), block=1, reps=200)
    >>> result.best, result.consistent < 0.05
    (5, True)
    """
    values = checked_trials(excess, "excess", minimum=-np.inf)
    if not (block is None or 1.0 <= block <= len(values)) or not MIN_REPS <= reps <= MAX_REPS:
        rule = f"they must be from 1 to {len(values)}, the number of rows, and from {MIN_REPS} to {MAX_REPS}"
        raise ConfigError(f"block is {block}, reps {reps}; {rule}")
    if len(values) < MIN_RETURNS:
        return _untested(f"the test needs {MIN_RETURNS} or more returns, has {len(values)}")
    columns = np.flatnonzero(deviations_of(values))
    if len(columns) == 0:
        return _untested("no trial's return over the benchmark varies")
    varying = np.ascontiguousarray(values if len(columns) == values.shape[1] else values[:, columns])
    return _tested(
        varying, columns, block or mean_block(varying), (reps, seed), _left_out(values.shape[1] - len(columns))
    )


def at_equal_volatility(returns: npt.ArrayLike, benchmark: npt.ArrayLike, rate: float = 0.0) -> Matrix:
    """Excess returns of trials over a benchmark, each trial scaled to the benchmark's volatility.

    A trial that keeps most of its money in cash cannot beat a fully invested benchmark otherwise.

    Parameters
    ----------
    returns : (T, N) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    benchmark : (T,) of the benchmark, as ``returns``.
    rate : risk-free rate per period, a fraction; an annual one is taken to the period first.

    Returns
    -------
    (T, N) ``(returns - rate) x benchmark's deviation / trial's deviation - (benchmark - rate)``; 0 for a trial that
    does not vary, which no leverage makes as volatile.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, fewer than 2 rows, other lengths, or a benchmark that does not vary.
    ConfigError
        A rate that is not finite or not above -1.

    >>> at_equal_volatility([[0.01], [-0.01]], [0.03, -0.01]).round(3).tolist()  # twice the trial, less the benchmark
    [[-0.01], [-0.01]]
    """
    values = checked_returns(benchmark, "benchmark")
    level = _checked_rate(rate)
    trials = _comparable(returns)
    if len(values) != len(trials):
        raise DataError(f"the benchmark has {len(values)} rows, the trials {len(trials)}; both need the same periods")
    (volatility,) = deviations_of(values[:, None])
    if volatility == 0.0:
        raise DataError("the benchmark does not vary: compare with cash instead")
    scaled = _scaled(trials, level, volatility)
    scaled -= (values - level)[:, None]
    scaled[:, deviations_of(trials) == 0.0] = 0.0
    return scaled


def against_cash(returns: npt.ArrayLike, rate: float = 0.0, volatility: float = DEFAULT_VOLATILITY) -> Matrix:
    """Excess returns of trials over the risk-free rate, all scaled to one volatility.

    Parameters
    ----------
    returns, rate : as for :func:`at_equal_volatility`.
    volatility : standard deviation per period that all are scaled to, above 0.

    Returns
    -------
    (T, N) ``(returns - rate) x volatility / trial's deviation``; 0 for a trial that does not vary.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or fewer than 2 rows.
    ConfigError
        A rate that is not finite or not above -1, or a volatility that is not above 0.

    >>> against_cash([[0.03, 0.0], [-0.01, 0.0]], volatility=0.04).std(axis=0, ddof=1).round(3).tolist()
    [0.04, 0.0]
    """
    if not 0.0 < volatility < np.inf:
        raise ConfigError(f"volatility is {volatility}; it must be above 0, such as {DEFAULT_VOLATILITY}")
    level = _checked_rate(rate)
    return _scaled(_comparable(returns), level, volatility)


def mean_block(excess: Matrix) -> float:
    """The block length that suits (T, N) returns, averaged over at most 50 columns spread evenly; at least 1."""
    width = excess.shape[1]
    chosen = np.unique(np.linspace(0, width - 1, min(width, MAX_SAMPLED)).round().astype(np.intp))
    return float(np.mean([block_length(np.ascontiguousarray(excess[:, column])) for column in chosen]))


def _checked_rate(rate: float) -> float:
    if not -1.0 < rate < np.inf:
        raise ConfigError(f"rate is {rate}; it must be a risk-free rate per period above -1, such as 0.0001")
    return rate


def _comparable(returns: npt.ArrayLike) -> Matrix:
    trials = checked_trials(returns)
    if len(trials) < 2:
        raise DataError(f"needs 2 or more rows, has {len(trials)}")
    return trials


def _scaled(trials: Matrix, rate: float, volatility: float) -> Matrix:
    """The trials' returns over the rate at one volatility; 0 where there is none."""
    deviation = deviations_of(trials)
    leverage = np.divide(volatility, deviation, out=np.zeros_like(deviation), where=deviation > 0.0)
    scaled: Matrix = (trials - rate) * leverage
    return scaled


def _untested(reason: str) -> Spa:
    return Spa(None, None, None, None, None, None, None, 0, reason=reason)


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} trial(s) whose return over the benchmark does not vary are left out",) if count else ()


def _tested(
    excess: Matrix, columns: npt.NDArray[np.intp], block: float, draw: tuple[int, int], notes: tuple[str, ...]
) -> Spa:
    """The test of columns that vary."""
    mean = excess.mean(axis=0)
    error = standard_errors(excess, block)
    ratio = mean / error
    best = int(ratio.argmax())
    statistic = max(float(ratio.max()), 0.0)
    resampled = _greatest(excess, (mean, error), block, draw)
    as_good = (resampled >= [statistic, statistic, statistic, mean.max()]).sum(axis=0)
    lower, consistent, upper, check = ((1.0 + as_good) / (1.0 + draw[0])).tolist()
    return Spa(
        statistic=statistic,
        lower=lower,
        consistent=consistent,
        upper=upper,
        reality_check=check,
        best=int(columns[best]),
        block=block,
        reps=draw[0],
        notes=notes,
    )


def standard_errors(excess: Matrix, block: float) -> Vector:
    """(N,) the stationary bootstrap's standard errors of the means of (T, N) returns that vary.

    The variance of a mean is ``1 / T`` of ``c(0) + 2 sum k(i) c(i)`` over lags from 1 to ``T - 1``, with the
    autocovariances c and, for blocks that end with the chance ``q = 1 / block``,
    ``k(i) = (T - i) / T (1 - q)^i + i / T (1 - q)^(T - i)``. As k is the same forwards and backwards it is a sum over
    all lags round a circle, which a Fourier transform does at once.

    Parameters
    ----------
    block : mean length of the blocks, at least 1; 1 gives the error of independent returns.

    References: Hansen (2005); Politis and Romano (1994).

    >>> standard_errors(np.array([[0.0], [2.0], [0.0], [2.0]]), block=1.0).tolist()  # a deviation of 1, 4 returns
    [0.5]
    """
    length = len(excess)
    lags = np.arange(length)
    stay = 1.0 - 1.0 / block
    kernel = (length - lags) / length * stay**lags + lags / length * stay ** (length - lags)
    kernel[0] = 1.0
    weights = np.fft.rfft(kernel).real.clip(min=0.0)
    twice = np.where((lags == 0) | (2 * lags == length), 1.0, 2.0)[: len(weights)]  # a real transform's other half
    errors = np.empty(excess.shape[1])
    for slab in slabs(*excess.shape):
        power = np.abs(np.fft.rfft(excess[:, slab] - excess[:, slab].mean(axis=0), axis=0)) ** 2
        errors[slab] = np.sqrt((weights * twice) @ power / length**3)
    return errors


def _greatest(excess: Matrix, observed: tuple[Vector, Vector], block: float, draw: tuple[int, int]) -> Matrix:
    """(reps, 4) the greatest mean over its error in each resample, centred in three ways, and the greatest mean."""
    mean, error = observed
    threshold = -error * math.sqrt(2.0 * math.log(math.log(len(excess))))
    centres = (np.maximum(mean, 0.0), np.where(mean >= threshold, mean, 0.0), mean)
    rows = []
    for means in _resampled_means(excess, block, draw):
        ratios = [((means - centre) / error).max(axis=1).clip(min=0.0) for centre in centres]
        rows.append(np.stack([*ratios, (means - mean).max(axis=1)], axis=1))
    return np.concatenate(rows)


def _resampled_means(excess: Matrix, block: float, draw: tuple[int, int]) -> Iterator[Matrix]:
    """The (batch, N) means of resamples: the number of times that each row is drawn, times the rows."""
    length, width = excess.shape
    reps, seed = draw
    drawn = drawn_rows(length, block, reps, np.random.default_rng(seed))
    high = max(SLAB // max(length, width), 1)
    for first in range(0, reps, high):
        counts = np.stack([np.bincount(next(drawn), minlength=length) for _ in range(min(high, reps - first))])
        yield counts.astype(np.float64) @ excess / length
