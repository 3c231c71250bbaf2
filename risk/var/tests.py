"""Does a value-at-risk forecast keep its word? The tests that a bank's model has to pass.

A *hit* is a return below its value at risk, strictly. A right model of level 0.99 is hit on one day in a hundred
(:func:`kupiec`), no more often after a hit than after none (:func:`christoffersen`), and loses on those days what its
expected shortfall says (:func:`acerbi_szekely`). :func:`basel_zone` is the supervisors' traffic light.
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

Hits: TypeAlias = npt.NDArray[np.bool_]
Zone: TypeAlias = Literal["green", "yellow", "red"]

YELLOW, RED = 0.95, 0.9999
"""Cumulative probabilities at which the yellow and the red zone begin."""
REPS = 2000


@dataclass(frozen=True)
class TestResult:
    """A test's answer.

    Attributes
    ----------
    statistic : None where it is undefined.
    p_value : how likely a right model is to look this wrong or worse; None with the statistic.
    reason : why there is none; empty where there is one.
    """

    __test__ = False  # no test of ours, whatever pytest thinks of the name

    statistic: float | None
    p_value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Kupiec(TestResult):
    """The answer of :func:`kupiec`, with what was counted: ``hits`` of ``n``, and how many were ``expected``."""

    n: int = 0
    hits: int = 0
    expected: float = 0.0


@dataclass(frozen=True)
class Christoffersen:
    """The answers of :func:`christoffersen`.

    Attributes
    ----------
    independence : of one day's hit from the day's before.
    conditional_coverage : of that and of the number of hits, together.
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
    """The answers of :func:`acerbi_szekely`: ``z1``, given the hits, and ``z2``, their number included."""

    z1: TestResult
    z2: TestResult


@dataclass(frozen=True)
class BaselZone:
    """The answer of :func:`basel_zone`.

    Attributes
    ----------
    zone : ``green``, ``yellow`` or ``red``.
    cumulative : the probability of so many hits or fewer under a right model.
    hits, n : counted.
    """

    zone: Zone
    cumulative: float
    hits: int
    n: int


def checked_hits(hits: npt.ArrayLike) -> Hits:
    """(T,) booleans of at least one day.

    Raises
    ------
    DataError
        Not one row of true and false (or 1 and 0), or none.
    """
    raw = np.asarray(hits)
    if raw.ndim != 1 or raw.dtype.kind not in "biuf" or not len(raw):
        raise DataError(f"hits must be one row of true and false; given: shape {raw.shape} of {raw.dtype}")
    wrong = ~np.isin(raw, (0, 1))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"hits must be true or false: row {row} is {raw[row]}; give returns < value at risk")
    return raw.astype(np.bool_)


def kupiec(hits: npt.ArrayLike, level: float) -> Kupiec:
    """Test whether hits come as often as they should: proportion of failures.

    ``LR = -2 ln[(1 - p)^(n - x) p^x] + 2 ln[(1 - x / n)^(n - x) (x / n)^x]`` for x hits in n days,
    ``p = 1 - level`` and ``0 ln 0 = 0``; it is chi-squared with one degree of freedom under a right model.

    Parameters
    ----------
    hits : (T,) whether each day's return was below its value at risk.
    level : confidence of the value at risk, between 0.5 and 1.

    Returns
    -------
    A small p-value says that there are too many hits or too few.

    Raises
    ------
    DataError
        Hits that are none.
    ConfigError
        An impossible level.

    References: Kupiec (1995), *Techniques for verifying the accuracy of risk measurement models*, Journal of
    Derivatives 3(2): the test by the proportion of failures.

    >>> found = kupiec([True] * 5 + [False] * 95, level=0.95)
    >>> found.statistic, found.p_value, found.expected
    (0.0, 1.0, 5.0)
    """
    from scipy.special import chdtrc

    values, share = checked_hits(hits), tail_share(level)
    n, x = len(values), int(values.sum())
    statistic = 2.0 * (_log_likelihood(n - x, x, x / n) - _log_likelihood(n - x, x, share))
    statistic = max(statistic, 0.0)  # rounding may carry a perfect count below 0
    return Kupiec(statistic, float(chdtrc(1, statistic)), n=n, hits=x, expected=n * share)


def _log_likelihood(misses: int, hits: int, share: float) -> float:
    """ln[(1 - share)^misses share^hits], with 0 ln 0 = 0."""
    return _times_log(misses, 1.0 - share) + _times_log(hits, share)


def _times_log(count: int, share: float) -> float:
    return count * math.log(share) if count else 0.0


def christoffersen(hits: npt.ArrayLike, level: float) -> Christoffersen:
    """Test whether hits come one by one: their independence, and with their number the conditional coverage.

    Independence compares, over the n - 1 steps from a day to the next, a first-order Markov chain with one probability
    for all days; it is chi-squared with one degree of freedom. The conditional coverage is that statistic plus
    :func:`kupiec`'s, with two.

    Parameters
    ----------
    hits, level : as for :func:`kupiec`.

    Returns
    -------
    A small p-value of the independence says that hits cluster (or avoid each other). It is undefined for a single day.

    Raises
    ------
    DataError
        Hits that are none.
    ConfigError
        An impossible level.

    References: Christoffersen (1998), *Evaluating interval forecasts*, International Economic Review 39(4), section 3:
    LR_ind and LR_cc.

    >>> pairs = christoffersen(([True] * 2 + [False] * 38) * 10, level=0.95)  # as often as they should, always in twos
    >>> pairs.independence.p_value < 1e-6
    True
    """
    from scipy.special import chdtrc

    values = checked_hits(hits)
    coverage = kupiec(values, level)
    if len(values) < 2:
        none = TestResult(None, None, "needs 2 or more days, has 1")
        return Christoffersen(none, none)
    before, after = values[:-1], values[1:]
    n00, n01 = int((~before & ~after).sum()), int((~before & after).sum())
    n10, n11 = int((before & ~after).sum()), int((before & after).sum())
    chain = _log_likelihood(n00, n01, _share(n01, n00)) + _log_likelihood(n10, n11, _share(n11, n10))
    single = _log_likelihood(n00 + n10, n01 + n11, _share(n01 + n11, n00 + n10))
    independence = max(2.0 * (chain - single), 0.0)
    both = independence + float(coverage.statistic or 0.0)
    return Christoffersen(
        TestResult(independence, float(chdtrc(1, independence))), TestResult(both, float(chdtrc(2, both)))
    )


def _share(hits: int, misses: int) -> float:
    return hits / (hits + misses) if hits + misses else 0.0


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
    """Test whether losses on the days of hits are as large as the expected shortfall says.

    ``Z1 = 1 - mean over the hits of return / ES`` and ``Z2 = 1 - sum over the hits of return / ES / (T (1 - level))``.
    Both are 0 on average under a right model, and negative where the shortfall is too small. The p-values are one-sided
    and simulated: each day is hit with probability ``1 - level``, and a hit's return is drawn from a law through that
    day's value at risk and shortfall: the tail of ``innovations``, moved and stretched to meet both.

    Parameters
    ----------
    returns : (T,) simple returns, fractions.
    var, es : (T,) forecasts made before each, return-signed: below 0, the shortfall at most the value at risk.
    level : confidence, between 0.5 and 1.
    innovations : draws of a law whose tail the returns are taken to have; the normal law by default.
    reps, seed : of the simulation.

    Returns
    -------
    ``z1`` has a reason instead of a number where there is no hit.

    Raises
    ------
    DataError
        Series of different lengths, NaN, a value at risk that is no loss, or a shortfall above it.
    ConfigError
        An impossible level.

    References: Acerbi and Szekely (2014), *Backtesting expected shortfall*, Risk, December: tests 1 and 2. Their rule
    of thumb, Z2 below -0.7 is wrong at 5 %, is for 250 days at 97.5 %; the simulation here is for the days at hand.

    >>> r, v, e = np.array([-0.03, 0.01, 0.0, 0.02]), np.full(4, -0.02), np.full(4, -0.03)
    >>> found = acerbi_szekely(r, v, e, level=0.75)
    >>> found.z1.statistic, found.z2.statistic
    (0.0, 0.0)
    """
    r, v, e = _checked_forecasts(returns, var, es)
    share = tail_share(level)
    hits = r < v
    # The weight of a loss: 1 where it is the shortfall.
    ratio = np.where(hits, r / e, 0.0)
    x, due = int(hits.sum()), len(r) * share
    z2 = 1.0 - float(ratio.sum()) / due
    z1 = 1.0 - float(ratio.sum()) / x if x else None
    drawn1, drawn2 = _simulated(v / e, share, innovations, reps, seed)
    first = TestResult(None, None, "there is no hit") if z1 is None else TestResult(z1, _below(drawn1, z1))
    return AcerbiSzekely(first, TestResult(z2, _below(drawn2, z2)))


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
    ratios: Vector, share: float, innovations: npt.ArrayLike | None, reps: int, seed: int
) -> tuple[Vector, Vector]:
    """(reps,) draws of Z1, NaN without a hit, and of Z2, under the model."""
    random = np.random.default_rng(seed)
    counts = random.binomial(len(ratios), share, reps)
    beyond = _beyond(share, innovations, int(counts.sum()), random)
    near = ratios[random.integers(len(ratios), size=len(beyond))]
    # A hit's return over the shortfall: VaR / ES where it is just a hit, 1 on average.
    weights = near + (1.0 - near) * beyond
    edges = np.concatenate(([0], np.cumsum(counts)))
    sums = np.diff(np.concatenate(([0.0], np.cumsum(weights)))[edges])
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1.0 - sums / counts, 1.0 - sums / (len(ratios) * share)


def _beyond(share: float, innovations: npt.ArrayLike | None, size: int, random: np.random.Generator) -> Vector:
    """How far draws of the tail lie beyond its quantile, in units of their mean distance: at least 0, 1 on average."""
    from scipy.special import ndtri

    if innovations is None:
        quantile = NORMAL.inv_cdf(share)
        depth = quantile - ndtri(random.uniform(0.0, share, size))
        return np.asarray(depth / (quantile + NORMAL.pdf(quantile) / share))
    values = np.sort(np.asarray(innovations, dtype=np.float64))
    quantile = float(np.quantile(values, share))
    tail = values[values < quantile]
    if not np.isfinite(values).all() or not len(tail):
        raise DataError("innovations must be finite, with some of them below their own quantile; draw more of them")
    drawn = quantile - random.choice(tail, size)
    return np.asarray(drawn / float((quantile - tail).mean()))


def _below(drawn: Vector, found: float) -> float:
    """The share of draws at most as high as what was found; draws that are undefined do not count."""
    known = drawn[~np.isnan(drawn)]
    return float((1 + int((known <= found).sum())) / (1 + len(known)))


def basel_zone(hits: npt.ArrayLike, level: float = 0.99) -> BaselZone:
    """The supervisors' traffic light: how surprising so many hits are.

    Green while the probability of so many or fewer is below 95 % under a right model, red from 99.99 % on, yellow
    between. For 250 days at 99 % that is 0 to 4, 5 to 9, and 10 or more hits.

    Parameters
    ----------
    hits, level : as for :func:`kupiec`.

    Raises
    ------
    DataError
        Hits that are none.
    ConfigError
        An impossible level.

    References: Basel Committee on Banking Supervision (1996), *Supervisory framework for the use of "backtesting"*,
    table 2.

    >>> basel_zone([True] * 5 + [False] * 245).zone
    'yellow'
    """
    from scipy.special import bdtr

    values = checked_hits(hits)
    n, x = len(values), int(values.sum())
    cumulative = float(bdtr(x, n, tail_share(level)))
    zone: Zone = "red" if cumulative >= RED else "yellow" if cumulative >= YELLOW else "green"
    return BaselZone(zone, cumulative, x, n)
