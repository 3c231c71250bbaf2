"""The verdict on one run: evidence of skill or none, before any correction for selection."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from core.number_format import count, format_4sig, odds, p_text
from core.types import Vector
from risk.bootstrap import Interval
from risk.mean_tests import newey_west_error, newey_west_lags
from risk.periods import EXCHANGE
from risk.returns import FEW_RETURNS, STEADY, hardly_vary, is_rounding

LEAK = "the future was used: nothing here can be believed"
NOTHING = "no evidence of skill"
FORECASTS_ONLY = "skill in the forecasts, not yet in the returns; not corrected for selection"
BEATS = "beats the baselines; not corrected for selection"
ALPHA = 0.05
MIN_RETURNS = FEW_RETURNS
"""Returns below which a t statistic says nothing, and ratios are flagged."""
CASH = "the same account untraded, in cash"
NOT_TRIED = (
    "doubled costs and decisions a bar late (a sweep's winner is run with both)",
    "the leak tests that need further runs (the command audit)",
)
"""What a single run does not try, so that it cannot be passed or not passed."""


@dataclass(frozen=True)
class PairedTest:
    """One-sided test whether the strategy, brought to the benchmark's volatility, earns more than the benchmark.

    Attributes
    ----------
    t : mean of the differences / its Newey-West standard error; None with a reason.
    p_value : one-sided, from the normal distribution: small when the strategy is better.
    mean : mean difference per period at the benchmark's volatility, a fraction.
    scale : what the strategy's excess returns were multiplied by.
    lags : of the Newey-West variance.
    n : paired periods.
    reason : why there is no test; empty when there is one.
    """

    t: float | None
    p_value: float | None
    mean: float | None
    scale: float | None
    lags: int
    n: int
    reason: str = ""

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

    Attributes
    ----------
    cash : against the same account untraded.
    benchmark : against the benchmark, at equal volatility.
    name : the benchmark in words.
    periods_per_year : sessions in a year.
    """

    cash: PairedTest
    benchmark: PairedTest
    name: str
    periods_per_year: float

    @property
    def beat(self) -> bool:
        """True where both are beaten at the 5 % level."""
        return self.cash.beats and self.benchmark.beats


@dataclass(frozen=True)
class Verdict:
    """The verdict on one run.

    Attributes
    ----------
    headline : the answer in a few words.
    sentences : what it rests on.
    test : the paired test against the benchmark.
    cash : the test against the same account untraded.
    compared_with : the benchmark and cash, in words.
    not_tried : what this run cannot have passed or not passed.
    """

    headline: str
    sentences: tuple[str, ...]
    test: PairedTest
    cash: PairedTest
    compared_with: tuple[str, ...]
    not_tried: tuple[str, ...] = field(default=NOT_TRIED)

    @property
    def beats(self) -> bool:
        """True where the strategy beats its baselines, which selection may explain."""
        return self.headline == BEATS


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
    reason = _untestable(strategy_excess, strategy, "strategy") or _untestable(benchmark_excess, benchmark, "benchmark")
    reason = reason or _too_steady(strategy_excess, periods_per_year)
    if reason:
        return PairedTest(None, None, None, None, lags, n, reason)
    scale = float(benchmark_excess.std(ddof=1) / strategy_excess.std(ddof=1))
    difference = strategy_excess * scale - benchmark_excess
    error = newey_west_error(difference, lags)
    if error <= np.finfo(float).eps * float(benchmark_excess.std(ddof=1)):
        return PairedTest(None, None, None, scale, lags, n, "at equal volatility the strategy is the benchmark")
    return _tested(difference, error, lags, scale)


def cash_test(strategy: Vector, hurdle: Vector | float = 0.0, periods_per_year: float = EXCHANGE) -> PairedTest:
    """Test whether a strategy earns more than the same account untraded; the mean is not scaled.

    Parameters
    ----------
    strategy, hurdle, periods_per_year : as for :func:`paired_test`.
    """
    n = len(strategy)
    lags = newey_west_lags(n)
    excess = strategy - hurdle
    reason = _untestable(excess, strategy, "strategy") or _too_steady(excess, periods_per_year)
    if reason:
        return PairedTest(None, None, None, None, lags, n, reason)
    return _tested(excess, newey_west_error(excess, lags), lags, 1.0)


def _tested(difference: Vector, error: float, lags: int, scale: float) -> PairedTest:
    t = float(difference.mean() / error)
    p = 0.5 * math.erfc(t / math.sqrt(2.0))
    return PairedTest(t, p, float(difference.mean()), scale, lags, len(difference))


def _untestable(excess: Vector, returns: Vector, name: str) -> str:
    n = len(excess)
    if n < MIN_RETURNS:
        return f"{count(n, 'period')} {'is' if n == 1 else 'are'} fewer than {MIN_RETURNS}"
    return f"the {name}'s returns never vary" if is_rounding(excess.std(), returns) else ""


def _too_steady(excess: Vector, periods_per_year: float) -> str:
    if not hardly_vary(excess, periods_per_year):
        return ""
    return f"the strategy's returns hardly vary: their annual mean is more than {STEADY:g} annual deviations"


def judge(
    returns: ReturnTests,
    forecasts: str = "",
    forecasts_beat: bool | None = None,
    sharpe: Interval | None = None,
) -> Verdict:
    """Evidence of skill needs returns that beat cash and the benchmark and, where there are forecasts, their skill.

    Parameters
    ----------
    returns : the tests of the strategy's returns.
    forecasts : what the evaluation of the forecasts says; empty where there is none.
    forecasts_beat : whether it says that they know something; None where there is none.
    sharpe : the interval of the annual Sharpe ratio, which a verdict must be reconciled with.
    """
    skilled = forecasts_beat is not False
    headline = BEATS if skilled and returns.beat else FORECASTS_ONLY if forecasts_beat else NOTHING
    sentences = [
        forecasts,
        _of_benchmark(returns),
        _of_cash(returns.cash),
        _of_both(returns.beat, forecasts_beat),
        _of_interval(headline, returns, sharpe, forecasts_beat),
        *([] if returns.beat else [_what_would_change(returns)]),
    ]
    if headline != NOTHING:
        sentences.append(
            "One run says nothing of the runs that were tried before it: correct for them before believing it."
        )
    return verdict_of(headline, tuple(sentence for sentence in sentences if sentence), returns)


def verdict_of(headline: str, sentences: tuple[str, ...], returns: ReturnTests) -> Verdict:
    """A verdict with these words and tests."""
    return Verdict(headline, sentences, returns.benchmark, returns.cash, (returns.name, CASH))


def _of_benchmark(returns: ReturnTests) -> str:
    test = returns.benchmark
    if test.t is None or test.p_value is None:
        return f"The returns could not be tested against {returns.name}: {test.reason}."
    words = "beat" if test.beats else "do not beat"
    return (
        f"At equal volatility the strategy's returns {words} those of {returns.name}: t = {test.t:.2f}, one-sided "
        f"{p_text(test.p_value)} over {test.n} sessions (Newey-West, {test.lags} lags). A strategy without skill "
        f"would look as good in {odds(test.p_value)} such records."
    )


def _of_cash(test: PairedTest) -> str:
    if test.t is None or test.p_value is None:
        return f"The returns could not be tested against {CASH}: {test.reason}."
    words = "beat" if test.beats else "do not beat"
    return (
        f"The strategy's returns {words} {CASH}: t = {test.t:.2f}, one-sided {p_text(test.p_value)}; "
        f"{odds(test.p_value)} records without skill would look as good."
    )


def _of_both(returns_beat: bool, forecasts_beat: bool | None) -> str:
    """The sentence for forecasts and returns that disagree."""
    if forecasts_beat is False and returns_beat:
        return "The returns are better than cash and the benchmark, but no test shows that the forecasts made them so."
    if forecasts_beat and not returns_beat:
        return (
            "The forecasts know something, but the account that trades them, after costs, does not yet show it against "
            "all that it is compared with."
        )
    return ""


def _of_interval(headline: str, returns: ReturnTests, sharpe: Interval | None, forecasts_beat: bool | None) -> str:
    """The sentence for an interval of the Sharpe ratio that seems to say something else than the verdict."""
    if sharpe is None or sharpe.low is None or sharpe.high is None:
        return ""
    span = (
        f"The {100 * sharpe.level:.10g} % interval of the Sharpe ratio, {format_4sig(sharpe.low)} to "
        f"{format_4sig(sharpe.high)},"
    )
    if sharpe.low > 0.0 and headline != BEATS:
        return f"{span} lies above 0, which compares with cash alone; {_missing(returns, forecasts_beat)}."
    if sharpe.low <= 0.0 and headline == BEATS:
        return (
            f"{span} contains 0: it is two-sided and resamples blocks of days, while the tests are one-sided with "
            "Newey-West errors; so close to the limit the two may differ."
        )
    return ""


def _missing(returns: ReturnTests, forecasts_beat: bool | None) -> str:
    """The part of a verdict of skill, beyond a Sharpe ratio above 0, that the run does not show."""
    if not returns.benchmark.beats:
        return f"whoever held {returns.name} was paid for the same risk, and the strategy is not shown to do better"
    if not returns.cash.beats:
        return "the test against cash, with Newey-West errors, is just on the other side of its limit"
    return "the forecasts are not shown to know anything" if forecasts_beat is False else "other tests stand against it"


def _what_would_change(returns: ReturnTests) -> str:
    """The length of record that both tests would need to pass with the same results."""
    failed = {
        name: test
        for name, test in ((returns.name, returns.benchmark), (CASH, returns.cash))
        if test.t is not None and not test.beats
    }
    if not failed:
        return ""
    behind = [name for name, test in failed.items() if test.more_periods is None]
    if behind:
        return f"No longer record with these results would change that: they are not above those of {behind[0]}."
    years = max(test.more_periods or 0.0 for test in failed.values()) / returns.periods_per_year
    return f"About {_years(years)} at the same Sharpe ratios would change that."


def _years(years: float) -> str:
    if years < 1.0:
        return f"{count(max(1, math.ceil(12 * years)), 'more month', 'more months')}"
    return f"{math.ceil(years):,} more {'year' if math.ceil(years) == 1 else 'years'}"
