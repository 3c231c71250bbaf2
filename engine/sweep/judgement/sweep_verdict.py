"""The verdict of a sweep: the tests that all have to be passed before a result counts as evidence of skill."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.number_format import count, format_4sig, odds, p_text, percent, probability
from risk.overfitting import Pbo, Spa

from .overfitting_tests import OverfittingTests
from .stress import Stress

NOTHING = "no evidence of skill"
SKILL = "evidence of skill: it passed every test"
NO_WINNER = "no trial can be chosen"
MIN_TRIALS = 20
DSR, PBO, ALPHA = 0.95, 0.2, 0.05
LOSS, RETAINED = 0.05, 0.3
"""Limits of the chosen trial: the share of losses, and the retained share of its ratio where PBO is too high."""
CASH = "the same account untraded, in cash,"


@dataclass(frozen=True)
class VerdictTest:
    """One condition.

    Attributes
    ----------
    name : in a few words.
    passed : None where it was not or could not be tried, which is neither passed nor failed, and no evidence either.
    sentence : the result, and the limit.
    """

    name: str
    passed: bool | None
    sentence: str


@dataclass(frozen=True)
class SweepVerdict:
    """The conclusion of a sweep.

    Attributes
    ----------
    headline : in a few words.
    sentence : the full answer in one sentence.
    tests : its basis.
    """

    headline: str
    sentence: str
    tests: tuple[VerdictTest, ...]

    @property
    def detail(self) -> str:
        """The sentence without the headline that it begins with."""
        rest = self.sentence.partition(": ")[2] or self.sentence
        return rest[:1].upper() + rest[1:]

    @property
    def skill(self) -> bool:
        """True if every test was passed."""
        return self.headline == SKILL

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return {"headline": self.headline, "sentence": self.sentence, "tests": [asdict(test) for test in self.tests]}


def numeric_tests(
    overfitting: OverfittingTests, stress: Stress, benchmark: str = "buy and hold"
) -> tuple[VerdictTest, ...]:
    """Every condition but the leak battery, which takes longest and is run last.

    Parameters
    ----------
    benchmark : in words.
    """
    return (
        _deflated_sharpe_test(overfitting),
        _pbo_test(overfitting.pbo),
        _ability_test("cash", overfitting.cash),
        _ability_test("buy and hold", overfitting.benchmark, benchmark),
        _length_test(overfitting),
        *_stress_tests(stress),
    )


def _deflated_sharpe_test(overfitting: OverfittingTests) -> VerdictTest:
    annual = overfitting.per_year**0.5
    deflated = overfitting.deflated
    trials = f"{overfitting.trials:,} trials" if overfitting.trials != 1 else "1 trial"
    if overfitting.prior:
        trials += f", {overfitting.prior:,} of them before this sweep"
    chance = f"unknown ({deflated.reason})" if deflated.value is None else probability(deflated.value)
    return VerdictTest(
        "deflated Sharpe ratio",
        None if deflated.value is None else deflated.value >= DSR,
        f"The winner's annual Sharpe ratio is {format_4sig(overfitting.sharpe * annual)}; the best of as many tries "
        f"without skill ({trials}) would show {format_4sig(overfitting.threshold * annual)}. "
        f"The probability that the true ratio is above that is {chance}; it takes {DSR:g}.",
    )


def _pbo_test(pbo: Pbo | None) -> VerdictTest:
    name = "backtest overfitting"
    if pbo is None:
        return VerdictTest(name, None, "There are too few trials to tell how often the best fails later.")
    is_small = pbo.trials < MIN_TRIALS
    end = f"; {MIN_TRIALS} trials with different returns are needed ({pbo.trials} are too few)." if is_small else "."
    retained = pbo.retained if pbo.retained is not None else 0.0
    return VerdictTest(
        name,
        None if is_small else pbo.loss <= LOSS and (pbo.pbo <= PBO or retained >= RETAINED),
        f"Over {pbo.splits:,} ways to split the time in halves, the trial that is best in one half loses in the other "
        f"in {percent(pbo.loss)} (probability of loss), keeps {percent(retained)} of its Sharpe ratio there, and is in "
        f"the lower half of all in {percent(pbo.pbo)} (PBO). To pass, it has to lose in at most {percent(LOSS)}, and "
        f"either the PBO is at most {percent(PBO)} or it keeps at least {percent(RETAINED)} of its ratio, since the "
        f"ranking of trials that are all good is chance{end}",
    )


def _ability_test(name: str, spa: Spa, benchmark: str = CASH) -> VerdictTest:
    name = f"superiority to {name}"
    if spa.consistent is None:
        return VerdictTest(name, None, f"Against {benchmark} there was nothing to test: {spa.reason}.")
    return VerdictTest(
        name,
        spa.consistent <= ALPHA,
        f"Against {benchmark} at equal volatility, {p_text(spa.consistent)} for the best of all trials together: as "
        f"many trials without skill would look as good in {odds(spa.consistent)} such sweeps (Hansen's test; White's "
        f"reality check {p_text(spa.reality_check)}); it takes {ALPHA:g}.",
    )


def _length_test(overfitting: OverfittingTests) -> VerdictTest:
    name = "length of the record"
    years = overfitting.observations / overfitting.per_year
    if overfitting.track.value is None:
        return VerdictTest(name, False, f"No record is long enough: {overfitting.track.reason}.")
    min_years = overfitting.track.value / overfitting.per_year
    end = ""
    if overfitting.backtest.value is not None:
        end = (
            f" Chance alone lets the best of as many trials show this ratio in any record of up to "
            f"{format_4sig(overfitting.backtest.value)} years."
        )
    is_long = overfitting.track.value <= overfitting.observations
    more = "" if is_long else f": {format_4sig(min_years - years)} more years at this ratio would pass this test"
    return VerdictTest(
        name,
        is_long,
        f"It takes a record of {format_4sig(min_years)} years to tell the winner's Sharpe ratio from 0, and this one "
        f"has {format_4sig(years)}{more}.{end}",
    )


def _stress_tests(stress: Stress) -> Iterator[VerdictTest]:
    cases = (
        ("doubled costs", "with doubled costs", stress.doubled_costs),
        ("decisions a bar late", "with decisions a bar late", stress.one_bar_late),
    )
    for name, words, value in cases:
        passed = value is not None and value > 0
        yield VerdictTest(name, passed, f"The winner {words} {_earned(value)}; to pass, it has to earn more.")


def _earned(value: float | None) -> str:
    """Total return above that of the account untraded, in words; None for a ruin."""
    if value is None:
        return "was ruined"
    if value == 0:
        return "earned as much in all as the account untraded"
    return f"earned {percent(abs(value))} {'more' if value > 0 else 'less'} in all than the account untraded"


def leak_test(verdict: str, is_clean: bool | None) -> VerdictTest:
    """The result of the leak battery; None where it was not run because another test was not passed."""
    if is_clean is None:
        return VerdictTest("leak battery", None, "The leak battery is run only if all other tests are passed.")
    return VerdictTest("leak battery", is_clean, f"The leak battery: {verdict}.")


def conclude(tests: tuple[VerdictTest, ...]) -> SweepVerdict:
    """The verdict; ``no evidence of skill`` is the normal one."""
    passed = sum(test.passed is True for test in tests)
    if passed == len(tests):
        return SweepVerdict(
            SKILL, f"Evidence of skill: all {len(tests)} tests are passed; time alone is the last one.", tests
        )
    parts = [f"No evidence of skill: {passed} of {count(len(tests), 'test')} passed"]
    for words, state in (("passed", True), ("not passed", False), ("not tried", None)):
        names = [test.name for test in tests if test.passed is state]
        parts += [f"{words}: {', '.join(names)}"] if names else []
    return SweepVerdict(NOTHING, f"{'; '.join(parts)}.", tests)


def with_holdout_uses(verdict: SweepVerdict, uses: str) -> SweepVerdict:
    """The verdict with a sentence on earlier uses of the holdout, if there were any."""
    if not uses:
        return verdict
    sentence = f"{verdict.sentence} The holdout was {uses}: its results are those of a choice, not of a test."
    return replace(verdict, sentence=sentence)


def without_winner(trials_by_status: dict[str, int], is_constrained: bool) -> SweepVerdict:
    """The verdict where no trial can be chosen."""
    counts = ", ".join(f"{number} {status}" for status, number in trials_by_status.items())
    reason = "none is done and meets the constraints" if is_constrained else "none is done and has the objective"
    return SweepVerdict(NO_WINNER, f"No trial can be chosen: {reason} ({counts}).", ())
