"""The verdict on one run: evidence of skill or none, before any correction for selection."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

from core.number_format import count, format_4sig, odds, p_text, percent
from risk.bootstrap import Interval

from .return_tests import PairedTest, ReturnTests

LEAK = "the future was used: nothing here can be believed"
NOTHING = "no evidence of skill"
FORECASTS_ONLY = "skill in the forecasts, not yet in the returns; not corrected for selection"
BEATS = "beats the baselines; not corrected for selection"
CASH = "the same account untraded, in cash"
DETECTABLE = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.8)
"""The t statistic that is expected where a one-sided test at 5 % finds an effect in 8 of 10 records."""
NOT_TRIED = (
    "doubled costs and decisions a bar late (a sweep's winner is run with both)",
    "the leak tests that need further runs (the command audit)",
)
"""What a single run does not try, so that it cannot be passed or not passed."""
NOT_TRIED_RECORDED = (
    "doubled costs and decisions a bar late",
    "the leak tests that run a strategy again on changed data: a script is recorded from outside",
)
"""The same of a recorded Cerebro run."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one run.

    Attributes
    ----------
    headline : the answer in a few words.
    sentences : what it rests on.
    test : alpha against the benchmark.
    cash : the test against the same account untraded.
    compared_with : the benchmark and cash, in words.
    not_tried : what this run cannot have passed or not passed.
    equal_volatility : the difference of the Sharpe ratios, which is reported and is no part of the rule.
    """

    headline: str
    sentences: tuple[str, ...]
    test: PairedTest
    cash: PairedTest
    compared_with: tuple[str, ...]
    not_tried: tuple[str, ...] = field(default=NOT_TRIED)
    equal_volatility: PairedTest | None = None

    @property
    def beats(self) -> bool:
        """True where the strategy beats its baselines, which selection may explain."""
        return self.headline == BEATS


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
        _of_equal_volatility(returns.equal_volatility),
        _of_both(returns.beat, forecasts_beat),
        _of_interval(headline, returns, sharpe, forecasts_beat),
        _of_power(returns),
        *([] if returns.beat else [_what_would_change(returns)]),
    ]
    if headline != NOTHING:
        sentences.append(
            "One run says nothing of the runs that were tried before it: correct for them before believing it."
        )
    return verdict_of(headline, tuple(sentence for sentence in sentences if sentence), returns)


def verdict_of(headline: str, sentences: tuple[str, ...], returns: ReturnTests) -> Verdict:
    """A verdict with these words and tests."""
    return Verdict(
        headline,
        sentences,
        returns.benchmark,
        returns.cash,
        (returns.name, CASH),
        equal_volatility=returns.equal_volatility,
    )


def _of_benchmark(returns: ReturnTests) -> str:
    test = returns.benchmark
    if test.t is None or test.p_value is None or test.mean is None:
        return f"The returns could not be tested against {returns.name}: {test.reason}."
    words = "is above 0" if test.beats else "is not shown to be above 0"
    return (
        f"The strategy's alpha against {_holdings(returns)} {words}: {percent(test.mean * returns.periods_per_year)} a "
        f"year, beside {_slopes(test)}; t = {test.t:.2f}, "
        f"one-sided {p_text(test.p_value)} over {test.n:,} sessions (Newey-West, {test.lags} lags). A strategy without "
        f"skill would look as good in {odds(test.p_value)} such records."
    )


def _holdings(returns: ReturnTests) -> str:
    """The holdings that alpha is measured against, in words."""
    return f"{returns.name}{', and the traded symbols held' if returns.benchmark.has_basket else ''}"


def _slopes(test: PairedTest) -> str:
    """The part of the returns that holdings explain."""
    beta = format_4sig(test.slopes[0] if test.slopes else 0.0)
    basket = f" and {format_4sig(test.slopes[1])} times those of the traded symbols held" if test.has_basket else ""
    return f"{beta} times the benchmark's returns{basket}"


def _of_equal_volatility(test: PairedTest | None) -> str:
    """The sentence for the difference of the Sharpe ratios, which is not part of the rule."""
    if test is None or test.t is None or test.p_value is None:
        return ""
    return (
        f"For comparison, the difference of the Sharpe ratios: at equal volatility t = {test.t:.2f}, one-sided "
        f"{p_text(test.p_value)}. It contains all the noise of the benchmark, finds an edge later than alpha does, and "
        "decides nothing here."
    )


def _of_power(returns: ReturnTests) -> str:
    """The edge that the record could have shown at all: the Sharpe ratio of the part that is not the benchmark's."""
    test = returns.benchmark
    if test.t is None or returns.beat:
        return ""
    years = test.n / returns.periods_per_year
    return (
        f"Over {format_4sig(years)} years the test finds alpha in 8 of 10 records only if its Sharpe ratio is "
        f"{format_4sig(DETECTABLE / math.sqrt(years))} or more a year."
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
    if returns.benchmark.t is None:
        return "the comparison with the benchmark, which skill needs as well, could not be made"
    if not returns.benchmark.beats:
        return "skill needs more than shares of the benchmark explain, and alpha does not show it"
    if not returns.cash.beats:
        return "the test against cash, with Newey-West errors, is just on the other side of its limit"
    return "the forecasts are not shown to know anything" if forecasts_beat is False else "other tests stand against it"


def _what_would_change(returns: ReturnTests) -> str:
    """The length of record that both tests would need to pass with the same results."""
    failed = {
        words: test
        for words, test in (
            (f"the alpha against {_holdings(returns)} is not above 0", returns.benchmark),
            (f"they are not above those of {CASH}", returns.cash),
        )
        if test.t is not None and not test.beats
    }
    if not failed:
        return ""
    behind = [words for words, test in failed.items() if test.more_periods is None]
    if behind:
        return f"No longer record with these results would change that: {behind[0]}."
    years = max(test.more_periods or 0.0 for test in failed.values()) / returns.periods_per_year
    return f"About {_years(years)} at the same means and errors would change that."


def _years(years: float) -> str:
    if years < 1.0:
        return f"{count(max(1, math.ceil(12 * years)), 'more month', 'more months')}"
    return f"{math.ceil(years):,} more {'year' if math.ceil(years) == 1 else 'years'}"
