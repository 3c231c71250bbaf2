"""The verdict on one run: evidence of skill or none, before any correction for selection."""

import math
from dataclasses import dataclass

import numpy as np

from core.number_format import count
from core.types import Vector
from risk.periods import EXCHANGE
from risk.returns import FEW_RETURNS, STEADY, hardly_vary

LEAK = "the future was used: nothing here can be believed"
NOTHING = "no evidence of skill"
BEATS = "beats the baselines; not corrected for selection"
ALPHA = 0.05
MIN_RETURNS = FEW_RETURNS
"""Returns below which a t statistic says nothing, and ratios are flagged."""


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


@dataclass(frozen=True)
class Verdict:
    """The verdict on one run.

    Attributes
    ----------
    headline : the answer in a few words.
    sentences : what it rests on.
    test : the paired test behind it.
    """

    headline: str
    sentences: tuple[str, ...]
    test: PairedTest

    @property
    def beats(self) -> bool:
        """True where the strategy beats its baselines, which selection may explain."""
        return self.headline == BEATS


def newey_west_lags(n: int) -> int:
    """The lags of the Bartlett kernel: floor(4 (n / 100)^(2/9)), the usual rule of thumb."""
    return math.floor(4.0 * math.pow(n / 100.0, 2.0 / 9.0))


def newey_west_error(values: Vector, lags: int) -> float:
    """The standard error of a mean under autocorrelation (Newey & West 1987, Bartlett weights, divisor n).

    Parameters
    ----------
    values : (T,) finite.
    lags : autocovariances taken in; 0 is the plain standard error.
    """
    centred = values - values.mean()
    n = len(values)
    weights = 1.0 - np.arange(1, lags + 1) / (lags + 1.0)
    covariances = np.array([centred[lag:] @ centred[: n - lag] for lag in range(1, lags + 1)]) / n
    variance = centred @ centred / n + 2.0 * float(weights @ covariances)
    return math.sqrt(max(float(variance), 0.0) / n)


def paired_test(
    strategy: Vector, benchmark: Vector, risk_free: float = 0.0, periods_per_year: float = EXCHANGE
) -> PairedTest:
    """Compare at equal volatility: d = (strategy - rf) x sd(benchmark) / sd(strategy) - (benchmark - rf).

    The mean of d is the difference of the two Sharpe ratios times the benchmark's volatility. The scale is taken as
    known: its own error enters with the square of the per-period Sharpe ratio, which is negligible for daily returns.

    Parameters
    ----------
    strategy, benchmark : (T,) simple returns of the same periods, finite.
    risk_free : per period.
    periods_per_year : sessions in a year; returns that hardly vary are not tested.
    """
    n = len(strategy)
    lags = newey_west_lags(n)
    strategy_excess = strategy - risk_free
    benchmark_excess = benchmark - risk_free
    reason = _untestable(strategy_excess, benchmark_excess, periods_per_year)
    if reason:
        return PairedTest(None, None, None, None, lags, n, reason)
    scale = float(benchmark_excess.std(ddof=1) / strategy_excess.std(ddof=1))
    difference = strategy_excess * scale - benchmark_excess
    error = newey_west_error(difference, lags)
    if error <= np.finfo(float).eps * float(benchmark_excess.std(ddof=1)):
        return PairedTest(None, None, None, scale, lags, n, "at equal volatility the strategy is the benchmark")
    t = float(difference.mean() / error)
    return PairedTest(t, 0.5 * math.erfc(t / math.sqrt(2.0)), float(difference.mean()), scale, lags, n)


def _untestable(strategy: Vector, benchmark: Vector, periods_per_year: float) -> str:
    if len(strategy) < MIN_RETURNS:
        return f"{count(len(strategy), 'period')} {'is' if len(strategy) == 1 else 'are'} fewer than {MIN_RETURNS}"
    for name, returns in (("strategy", strategy), ("benchmark", benchmark)):
        if np.ptp(returns) == 0:
            return f"the {name}'s returns never vary"
    if hardly_vary(strategy, periods_per_year):
        return f"the strategy's returns hardly vary: their annual mean is more than {STEADY:g} annual deviations"
    return ""


def judge(test: PairedTest, forecasts: str = "", forecasts_beat: bool = True) -> Verdict:
    """Evidence of skill needs returns that beat the benchmark and, where a model trains, forecasts that beat baselines.

    Parameters
    ----------
    test : of the strategy's returns.
    forecasts : what the evaluation of the forecasts says; empty for a model that does not train.
    forecasts_beat : whether it says that they beat their baselines.
    """
    beats = test.beats and forecasts_beat
    sentences = [forecasts, _of_returns(test)]
    if beats:
        sentences.append(
            "One run says nothing of the runs that were tried before it: correct for them before believing it."
        )
    return Verdict(BEATS if beats else NOTHING, tuple(sentence for sentence in sentences if sentence), test)


def _of_returns(test: PairedTest) -> str:
    if test.t is None:
        return f"The returns could not be tested against the benchmark: {test.reason}."
    words = "beat" if test.beats else "do not beat"
    return (
        f"At equal volatility the strategy's returns {words} the benchmark's: t = {test.t:.2f}, one-sided p = "
        f"{test.p_value:.3f} over {test.n} sessions (Newey-West, {test.lags} lags)."
    )
