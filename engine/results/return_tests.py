"""Tests of a run's returns against cash and against the benchmark."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.number_format import count
from core.types import Matrix, Vector
from risk.mean_tests import newey_west_error, newey_west_lags, one_sided_p, regression_ahead, regression_intercept
from risk.periods import EXCHANGE
from risk.returns import FEW_RETURNS, STEADY, hardly_vary, is_rounding

ALPHA = 0.05
MIN_RETURNS = FEW_RETURNS
"""Returns below which a t statistic says nothing, and ratios are flagged."""
HELD = 0.99
"""R squared above which a strategy is the benchmark at a constant exposure: the rest is rounding and costs."""


BURN_IN = 20
"""Sessions before the first beta that is taken from the past."""


@dataclass(frozen=True)
class PairedTest:
    """One-sided test whether the strategy earns more than what it is compared with.

    Attributes
    ----------
    t : mean of the differences / its Newey-West standard error; None with a reason.
    p_value : one-sided, from the normal distribution: small when the strategy is better.
    mean : mean difference per period, a fraction; alpha, or the mean at the benchmark's volatility.
    scale : what the strategy's excess returns were multiplied by.
    lags : of the Newey-West variance.
    n : paired periods.
    reason : why there is no test; empty when there is one.
    slopes : of the regression on the benchmark, and on the basket of the traded symbols where that is another; empty
        for a test of means.
    """

    t: float | None
    p_value: float | None
    mean: float | None
    scale: float | None
    lags: int
    n: int
    reason: str = ""
    slopes: tuple[float, ...] = ()

    @property
    def has_basket(self) -> bool:
        """True where the traded symbols, held, were a regressor beside the benchmark, and not left out."""
        return any(self.slopes[1:])

    @property
    def beats(self) -> bool:
        """Better than the benchmark at the 5 % level."""
        return self.p_value is not None and self.p_value <= ALPHA

    @property
    def more_periods(self) -> float | None:
        """Further periods after which the same mean and error would be significant; None where none would do."""
        if self.t is None or self.t <= 0.0:
            return None
        return max(self.n * ((NormalDist().inv_cdf(1.0 - ALPHA) / self.t) ** 2 - 1.0), 0.0)


@dataclass(frozen=True)
class ReturnTests:
    """The tests of a run's returns: what holding cash would have earned, and the benchmark, must both be beaten.

    Each null alone has to be refused at 5 %, so that both together call nothing skill that either explains (an
    intersection-union test, whose level is at most 5 % without a correction).

    Attributes
    ----------
    cash : against the same account untraded.
    benchmark : alpha against the benchmark.
    name : the benchmark in words.
    periods_per_year : sessions in a year.
    equal_volatility : the difference of the Sharpe ratios, for comparison; no part of the rule.
    """

    cash: PairedTest
    benchmark: PairedTest
    name: str
    periods_per_year: float
    equal_volatility: PairedTest | None = None

    @property
    def beat(self) -> bool:
        """True where both are beaten at the 5 % level."""
        return self.cash.beats and self.benchmark.beats


def paired_test(
    strategy: Vector, benchmark: Vector, hurdle: Vector | float = 0.0, periods_per_year: float = EXCHANGE
) -> PairedTest:
    """Compare at equal volatility: d = (strategy - h) x sd(benchmark - h) / sd(strategy - h) - (benchmark - h).

    The mean of d is the difference of the two Sharpe ratios times the benchmark's volatility. The scale is taken as
    known: its own error enters with the square of the per-period Sharpe ratio, which is negligible for daily returns.

    Parameters
    ----------
    strategy, benchmark : (T,) simple returns of the same periods, finite.
    hurdle : h, what doing nothing earns per period: what the same account's cash earns, or the risk-free rate. Without
        it, interest on idle cash, which hardly varies, would look like skill once it is scaled.
    periods_per_year : sessions in a year; a strategy whose returns hardly vary is not tested.
    """
    n = len(strategy)
    lags = newey_west_lags(n)
    strategy_excess = strategy - hurdle
    benchmark_excess = benchmark - hurdle
    if refused := _refused(strategy_excess, strategy, periods_per_year):
        return refused
    if reason := _untestable(benchmark_excess, benchmark, "benchmark"):
        return PairedTest(None, None, None, None, lags, n, reason)
    scale = float(benchmark_excess.std(ddof=1) / strategy_excess.std(ddof=1))
    difference = strategy_excess * scale - benchmark_excess
    error = newey_west_error(difference, lags)
    if error <= np.finfo(float).eps * float(benchmark_excess.std(ddof=1)):
        return PairedTest(None, None, None, scale, lags, n, "at equal volatility the strategy is the benchmark")
    return _tested(difference, error, lags, scale)


def alpha_test(
    strategy: Vector, benchmarks: Matrix, hurdle: Vector | float = 0.0, periods_per_year: float = EXCHANGE
) -> PairedTest:
    """Test alpha, the intercept of ``r - h = alpha + beta (b - h) + u``: what no share of the benchmark earns.

    Holding the benchmark at any exposure has an alpha of 0, and so has cash. The benchmark's own noise is taken out, so
    that a strategy that is seldom invested, or on both sides, is tested on its own risk.

    An exposure that falls when the benchmark has risen, as that of a constant amount of money does, is correlated with
    the benchmark's returns within any one record, without any skill (as in Stambaugh 1999): the intercept alone then
    passes far more often than its level says. So a second statistic is computed, the mean of
    ``r - h - beta (b - h)`` where beta is known beforehand, from the returns up to the session before. It is biased the
    other way, for exposures that rise with the benchmark. The smaller of the two t statistics is the result.

    Parameters
    ----------
    strategy : (T,) simple returns, finite.
    benchmarks : (T, K) simple returns of the same periods: the benchmark, and further holdings that are no skill. One
        that does not vary is left out: whoever compares with it compares with cash.
    hurdle, periods_per_year : as for :func:`paired_test`.

    References
    ----------
    Jensen, M. C. (1968), The performance of mutual funds in the period 1945-1964, Journal of Finance 23(2), equation 8.
    Stambaugh, R. F. (1999), Predictive regressions, Journal of Financial Economics 54(3).
    """
    excess = strategy - hurdle
    if refused := _refused(excess, strategy, periods_per_year):
        return refused
    n = len(strategy)
    lags = newey_west_lags(n)
    # A constant return less interest by calendar day varies with the interest alone: it is no benchmark either.
    columns = [np.zeros(n) if is_rounding(column.std(), column) else column - hurdle for column in benchmarks.T]
    regressors = np.column_stack(columns)
    fit = regression_intercept(excess, regressors, lags)
    if fit.explained > HELD:
        reason = f"{100 * HELD:.10g} % or more of the variance of its returns is the benchmark's: it was held"
        return PairedTest(None, None, None, None, lags, n, reason)
    ahead = excess[BURN_IN:] - regression_ahead(excess, regressors)[BURN_IN:]
    t = min(fit.value / fit.error, float(ahead.mean() / newey_west_error(ahead, newey_west_lags(len(ahead)))))
    return PairedTest(t, one_sided_p(t), fit.value, 1.0, lags, n, slopes=fit.slopes)


def cash_test(strategy: Vector, hurdle: Vector | float = 0.0, periods_per_year: float = EXCHANGE) -> PairedTest:
    """Test whether a strategy earns more than the same account untraded; the mean is not scaled.

    Parameters
    ----------
    strategy, hurdle, periods_per_year : as for :func:`paired_test`.
    """
    excess = strategy - hurdle
    if refused := _refused(excess, strategy, periods_per_year):
        return refused
    lags = newey_west_lags(len(excess))
    return _tested(excess, newey_west_error(excess, lags), lags, 1.0)


def _tested(difference: Vector, error: float, lags: int, scale: float) -> PairedTest:
    t = float(difference.mean() / error)
    return PairedTest(t, one_sided_p(t), float(difference.mean()), scale, lags, len(difference))


def _refused(excess: Vector, strategy: Vector, periods_per_year: float) -> PairedTest | None:
    """The test of a strategy that cannot be tested, with its reason; None for any other."""
    reason = _untestable(excess, strategy, "strategy") or _too_steady(excess, periods_per_year)
    n = len(excess)
    return PairedTest(None, None, None, None, newey_west_lags(n), n, reason) if reason else None


def _untestable(excess: Vector, returns: Vector, name: str) -> str:
    n = len(excess)
    if n < MIN_RETURNS:
        return f"{count(n, 'period')} {'is' if n == 1 else 'are'} fewer than {MIN_RETURNS}"
    return f"the {name}'s returns never vary" if is_rounding(excess.std(), returns) else ""


def _too_steady(excess: Vector, periods_per_year: float) -> str:
    if not hardly_vary(excess, periods_per_year):
        return ""
    return f"the strategy's returns hardly vary: their annual mean is more than {STEADY:g} annual deviations"
