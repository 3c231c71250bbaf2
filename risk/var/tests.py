"""Tests of value-at-risk forecasts: Kupiec, Christoffersen, Acerbi-Szekely and the Basel traffic light.

An *exceedance*, or hit, is a return strictly below its value at risk. A right model of level 0.99 has one on one day in
a hundred (:func:`kupiec`), no more often after an exceedance than after none (:func:`christoffersen`), and its mean
loss on those days is the expected shortfall (:func:`acerbi_szekely`). :func:`basel_zone` is the supervisors' traffic
light.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from core.types import Vector
from risk.measures._tail import tail_share
from risk.measures._var_methods import NORMAL

Exceedances: TypeAlias = npt.NDArray[np.bool_]
Zone: TypeAlias = Literal["green", "yellow", "red"]

YELLOW, RED = 0.95, 0.9999
"""Cumulative probabilities at which the yellow and the red zone begin."""
REPS = 2000


@dataclass(frozen=True)
class TestResult:
    """The result of a test.

    Attributes
    ----------
    statistic : None where it is undefined.
    p_value : the probability of such a statistic or a more extreme one under a right model; None with the statistic.
    reason : why there is none; empty where there is one.
    """

    __test__ = False  # pytest would collect the class by its name

    statistic: float | None
    p_value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Kupiec(TestResult):
    """The result of :func:`kupiec`, with the exceedances, ``hits`` in ``n`` days, and the ``expected`` number."""

    n: int = 0
    hits: int = 0
    expected: float = 0.0


@dataclass(frozen=True)
class Christoffersen:
    """The results of :func:`christoffersen`.

    Attributes
    ----------
    independence : of one day's exceedance from the day's before.
    conditional_coverage : of that and of the number of exceedances, together.
    """

    independence: TestResult
    conditional_coverage: TestResult

    @property
    def statistic(self) -> float | None:
        """That of the conditional coverage."""
        return self.conditional_coverage.statistic

    @property
    def p_value(self) -> float | None:
        """That of the conditional coverage."""
        return self.conditional_coverage.p_value


@dataclass(frozen=True)
class AcerbiSzekely:
    """The results of :func:`acerbi_szekely`: ``z1``, given the exceedances, and ``z2``, their number included."""

    z1: TestResult
    z2: TestResult


@dataclass(frozen=True)
class BaselZone:
    """The result of :func:`basel_zone`.

    Attributes
    ----------
    zone : ``green``, ``yellow`` or ``red``.
    cumulative : the probability of that many exceedances or fewer under a right model.
    hits, n : number of exceedances, and of days.
    """

    zone: Zone
    cumulative: float
    hits: int
    n: int


def checked_exceedances(exceedances: npt.ArrayLike) -> Exceedances:
    """(T,) booleans of at least one day.

    Raises
    ------
    DataError
        Not one row of true and false (or 1 and 0), or none.
    """
    raw = np.asarray(exceedances)
    if raw.ndim != 1 or raw.dtype.kind not in "biuf" or not len(raw):
        raise DataError(f"exceedances must be one row of true and false; given: shape {raw.shape} of {raw.dtype}")
    wrong = ~np.isin(raw, (0, 1))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"exceedances must be true or false: row {row} is {raw[row]}; give returns < value at risk")
    return raw.astype(np.bool_)


def kupiec(exceedances: npt.ArrayLike, level: float) -> Kupiec:
    """Kupiec's test of the number of exceedances: proportion of failures.

    ``LR = -2 ln[(1 - p)^(n - x) p^x] + 2 ln[(1 - x / n)^(n - x) (x / n)^x]`` for x exceedances in n days,
    ``p = 1 - level`` and ``0 ln 0 = 0``; it is chi-squared with one degree of freedom under a right model.

    Parameters
    ----------
    exceedances : (T,) whether each day's return was below its value at risk.
    level : confidence of the value at risk, between 0.5 and 1.

    Returns
    -------
    A small p-value means too many exceedances or too few.

    Raises
    ------
    DataError
        Values other than true and false, or none.
    ConfigError
        An impossible level.

    References: Kupiec (1995), *Techniques for verifying the accuracy of risk measurement models*, Journal of
    Derivatives 3(2): the test by the proportion of failures.

    >>> result = kupiec([True] * 5 + [False] * 95, level=0.95)
    >>> result.statistic, result.p_value, result.expected
    (0.0, 1.0, 5.0)
    """
    from scipy.special import chdtrc

    values = checked_exceedances(exceedances)
    tail_probability = tail_share(level)
    n = len(values)
    x = int(values.sum())
    statistic = 2.0 * (_log_likelihood(n - x, x, x / n) - _log_likelihood(n - x, x, tail_probability))
    statistic = max(statistic, 0.0)  # rounding may carry a perfect count below 0
    return Kupiec(statistic, float(chdtrc(1, statistic)), n=n, hits=x, expected=n * tail_probability)


def _log_likelihood(misses: int, exceedances: int, probability: float) -> float:
    """ln[(1 - probability)^misses probability^exceedances], with 0 ln 0 = 0."""
    return _times_log(misses, 1.0 - probability) + _times_log(exceedances, probability)


def _times_log(count: int, probability: float) -> float:
    return count * math.log(probability) if count else 0.0


def christoffersen(exceedances: npt.ArrayLike, level: float) -> Christoffersen:
    """Christoffersen's tests of the independence of exceedances, and of that with their number: conditional coverage.

    Independence compares, over the n - 1 steps from a day to the next, a first-order Markov chain with one probability
    for all days; it is chi-squared with one degree of freedom. The conditional coverage is that statistic plus
    :func:`kupiec`'s, with two.

    Parameters
    ----------
    exceedances, level : as for :func:`kupiec`.

    Returns
    -------
    A small p-value of the independence means that exceedances cluster (or avoid each other). It is undefined for a
    single day.

    Raises
    ------
    DataError
        Values other than true and false, or none.
    ConfigError
        An impossible level.

    References: Christoffersen (1998), *Evaluating interval forecasts*, International Economic Review 39(4), section 3:
    LR_ind and LR_cc.

    >>> pairs = christoffersen(([True] * 2 + [False] * 38) * 10, level=0.95)  # as often as they should, always in twos
    >>> pairs.independence.p_value < 1e-6
    True
    """
    from scipy.special import chdtrc

    values = checked_exceedances(exceedances)
    coverage = kupiec(values, level)
    if len(values) < 2:
        none = TestResult(None, None, "needs 2 or more days, has 1")
        return Christoffersen(none, none)
    before = values[:-1]
    after = values[1:]
    n00 = int((~before & ~after).sum())
    n01 = int((~before & after).sum())
    n10 = int((before & ~after).sum())
    n11 = int((before & after).sum())
    chain = _log_likelihood(n00, n01, _fraction(n01, n00)) + _log_likelihood(n10, n11, _fraction(n11, n10))
    single = _log_likelihood(n00 + n10, n01 + n11, _fraction(n01 + n11, n00 + n10))
    independence = max(2.0 * (chain - single), 0.0)
    both = independence + float(coverage.statistic or 0.0)
    return Christoffersen(
        TestResult(independence, float(chdtrc(1, independence))), TestResult(both, float(chdtrc(2, both)))
    )


def _fraction(exceedances: int, misses: int) -> float:
    return exceedances / (exceedances + misses) if exceedances + misses else 0.0


def acerbi_szekely(
    returns: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    level: float,
    *,
    innovations: npt.ArrayLike | None = None,
    reps: int = REPS,
    seed: int = 0,
) -> AcerbiSzekely:
    """Acerbi and Szekely's tests of the expected shortfall against the losses on the days of exceedances.

    ``Z1 = 1 - mean of return / ES`` and ``Z2 = 1 - sum of return / ES / (T (1 - level))``, both over the exceedances.
    Both are 0 on average under a right model, and negative where the shortfall is too small. The p-values are one-sided
    and simulated: each day is an exceedance with probability ``1 - level``, and its return is drawn from a law through
    that day's value at risk and shortfall: the tail of ``innovations``, moved and stretched to meet both.

    Parameters
    ----------
    returns : (T,) simple returns, fractions.
    var, es : (T,) forecasts made before each, return-signed: below 0, the shortfall at most the value at risk.
    level : confidence, between 0.5 and 1.
    innovations : draws of a law whose tail the returns are taken to have; the normal law by default.
    reps, seed : of the simulation.

    Returns
    -------
    ``z1`` has a reason instead of a number where there is no exceedance.

    Raises
    ------
    DataError
        Series of different lengths, NaN, a value at risk that is no loss, or a shortfall above it.
    ConfigError
        An impossible level.

    References: Acerbi and Szekely (2014), *Backtesting expected shortfall*, Risk, December: tests 1 and 2. Their rule
    of thumb, Z2 below -0.7 is wrong at 5 %, is for 250 days at 97.5 %; the simulation here is for the given days.

    >>> r, v, e = np.array([-0.03, 0.01, 0.0, 0.02]), np.full(4, -0.02), np.full(4, -0.03)
    >>> result = acerbi_szekely(r, v, e, level=0.75)
    >>> result.z1.statistic, result.z2.statistic
    (0.0, 0.0)
    """
    r, v, e = _checked_forecasts(returns, var, es)
    tail_probability = tail_share(level)
    exceedances = r < v
    # The weight of a loss: 1 where it is the shortfall.
    ratio = np.where(exceedances, r / e, 0.0)
    x = int(exceedances.sum())
    expected = len(r) * tail_probability
    z2 = 1.0 - float(ratio.sum()) / expected
    z1 = 1.0 - float(ratio.sum()) / x if x else None
    drawn1, drawn2 = _simulated(v / e, tail_probability, innovations, reps, seed)
    first = TestResult(None, None, "there is no hit") if z1 is None else TestResult(z1, _fraction_below(drawn1, z1))
    return AcerbiSzekely(first, TestResult(z2, _fraction_below(drawn2, z2)))


def _checked_forecasts(*series: npt.ArrayLike) -> tuple[Vector, Vector, Vector]:
    r, v, e = (np.asarray(values, dtype=np.float64) for values in series)
    if not r.shape == v.shape == e.shape or r.ndim != 1 or not len(r):
        raise DataError(f"returns, var and es have shapes {r.shape}, {v.shape}, {e.shape}; they must be equal rows")
    for name, values in (("returns", r), ("var", v), ("es", e)):
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise DataError(f"{name} must be finite: row {row} is {values[row]}; leave out days without a forecast")
    wrong = (v >= 0.0) | (e > v)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"var must be below 0 and es at most var: row {row} has var {v[row]:g}, es {e[row]:g}")
    return r, v, e


def _simulated(
    ratios: Vector, tail_probability: float, innovations: npt.ArrayLike | None, reps: int, seed: int
) -> tuple[Vector, Vector]:
    """(reps,) draws of Z1, NaN without an exceedance, and of Z2, under the model."""
    random = np.random.default_rng(seed)
    counts = random.binomial(len(ratios), tail_probability, reps)
    beyond = _beyond(tail_probability, innovations, int(counts.sum()), random)
    near = ratios[random.integers(len(ratios), size=len(beyond))]
    # An exceedance's return over the shortfall: VaR / ES where it is just below the VaR, 1 on average.
    weights = near + (1.0 - near) * beyond
    edges = np.concatenate(([0], np.cumsum(counts)))
    sums = np.diff(np.concatenate(([0.0], np.cumsum(weights)))[edges])
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1.0 - sums / counts, 1.0 - sums / (len(ratios) * tail_probability)


def _beyond(
    tail_probability: float, innovations: npt.ArrayLike | None, size: int, random: np.random.Generator
) -> Vector:
    """Distances of draws of the tail from its quantile, in units of their mean: at least 0, 1 on average."""
    from scipy.special import ndtri

    if innovations is None:
        quantile = NORMAL.inv_cdf(tail_probability)
        depth = quantile - ndtri(random.uniform(0.0, tail_probability, size))
        return np.asarray(depth / (quantile + NORMAL.pdf(quantile) / tail_probability))
    values = np.sort(np.asarray(innovations, dtype=np.float64))
    quantile = float(np.quantile(values, tail_probability))
    tail = values[values < quantile]
    if not np.isfinite(values).all() or not len(tail):
        raise DataError("innovations must be finite, with some of them below their own quantile; draw more of them")
    drawn = quantile - random.choice(tail, size)
    return np.asarray(drawn / float((quantile - tail).mean()))


def _fraction_below(drawn: Vector, statistic: float) -> float:
    """The fraction of draws at or below the statistic; draws that are undefined do not count."""
    defined = drawn[~np.isnan(drawn)]
    return float((1 + int((defined <= statistic).sum())) / (1 + len(defined)))


def basel_zone(exceedances: npt.ArrayLike, level: float = 0.99) -> BaselZone:
    """The supervisors' traffic light of a number of exceedances.

    Green while the probability of so many or fewer is below 95 % under a right model, red from 99.99 % on, yellow
    between. For 250 days at 99 % that is 0 to 4, 5 to 9, and 10 or more exceedances.

    Parameters
    ----------
    exceedances, level : as for :func:`kupiec`.

    Raises
    ------
    DataError
        Values other than true and false, or none.
    ConfigError
        An impossible level.

    References: Basel Committee on Banking Supervision (1996), *Supervisory framework for the use of "backtesting"*,
    table 2.

    >>> basel_zone([True] * 5 + [False] * 245).zone
    'yellow'
    """
    from scipy.special import bdtr

    values = checked_exceedances(exceedances)
    n = len(values)
    x = int(values.sum())
    cumulative = float(bdtr(x, n, tail_share(level)))
    zone: Zone = "red" if cumulative >= RED else "yellow" if cumulative >= YELLOW else "green"
    return BaselZone(zone, cumulative, x, n)
