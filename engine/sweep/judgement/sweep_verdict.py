"""The verdict of a sweep: the tests that all have to be passed before a result counts as evidence of skill."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.number_format import count, format_4sig, p_value, percent
from risk.overfitting import Pbo, Spa

from .overfitting_tests import OverfittingTests
from .stress import Stress

NOTHING = "no evidence of skill"
SKILL = "evidence of skill: it passed every test"
NO_WINNER = "no trial can be chosen"
MIN_TRIALS = 20
DSR, PBO, ALPHA = 0.95, 0.2, 0.05


@dataclass(frozen=True)
class VerdictTest:
    """One condition.

    Attributes
    ----------
    name : in a few words.
    passed : None where it could not be tested; then it does not pass.
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
    def skill(self) -> bool:
        """True if every test was passed."""
        return self.headline == SKILL

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return {"headline": self.headline, "sentence": self.sentence, "tests": [asdict(test) for test in self.tests]}


def numeric_tests(overfitting: OverfittingTests, stress: Stress) -> tuple[VerdictTest, ...]:
    """Every condition but the leak battery, which takes longest and is run last."""
    return (
        _deflated_sharpe_test(overfitting),
        _pbo_test(overfitting.pbo),
        _ability_test("cash", overfitting.cash),
        _ability_test("buy and hold", overfitting.benchmark),
        _length_test(overfitting),
        *_stress_tests(stress),
    )


def _deflated_sharpe_test(overfitting: OverfittingTests) -> VerdictTest:
    annual = overfitting.per_year**0.5
    deflated = overfitting.deflated
    trials = f"{overfitting.trials:,} trials" if overfitting.trials != 1 else "1 trial"
    if overfitting.prior:
        trials += f", {overfitting.prior:,} of them before this sweep"
    probability = f"unknown ({deflated.reason})" if deflated.value is None else format_4sig(deflated.value)
    return VerdictTest(
        "deflated Sharpe ratio",
        None if deflated.value is None else deflated.value >= DSR,
        f"The winner's annual Sharpe ratio is {format_4sig(overfitting.sharpe * annual)}; the best of as many tries "
        f"without skill ({trials}) would show {format_4sig(overfitting.threshold * annual)}. "
        f"The probability that the true ratio is above that is {probability}; it takes {DSR:g}.",
    )


def _pbo_test(pbo: Pbo | None) -> VerdictTest:
    name = "backtest overfitting"
    if pbo is None:
        return VerdictTest(name, None, "There are too few trials to tell how often the best fails later.")
    is_small = pbo.trials < MIN_TRIALS
    end = f", and {MIN_TRIALS} trials ({pbo.trials} are too few)." if is_small else "."
    return VerdictTest(
        name,
        None if is_small else pbo.pbo <= PBO,
        f"In {percent(pbo.pbo)} of {pbo.splits:,} ways to split the time in halves, the trial that is best in one half "
        f"is in the lower half of all in the other (PBO); it takes at most {percent(PBO)}{end}",
    )


def _ability_test(benchmark: str, spa: Spa) -> VerdictTest:
    name = f"superior to {benchmark}"
    if spa.consistent is None:
        return VerdictTest(name, None, f"Against {benchmark} there was nothing to test: {spa.reason}.")
    return VerdictTest(
        name,
        spa.consistent <= ALPHA,
        f"Against {benchmark} at equal volatility, p = {p_value(spa.consistent)} for the best of all trials together "
        f"(Hansen's test; White's reality check {p_value(spa.reality_check)}); it takes {ALPHA:g}.",
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
            f"; the best of as many tries shows as much by luck within {format_4sig(overfitting.backtest.value)} years"
        )
    return VerdictTest(
        name,
        overfitting.track.value <= overfitting.observations,
        f"It takes {format_4sig(min_years)} years to tell the winner's ratio from 0; "
        f"there are {format_4sig(years)}{end}.",
    )


def _stress_tests(stress: Stress) -> Iterator[VerdictTest]:
    for name, value in (("with doubled costs", stress.doubled_costs), ("a bar late", stress.one_bar_late)):
        result = "was ruined" if value is None else f"earned {percent(value)}"
        yield VerdictTest(
            name, value is not None and value > 0, f"The winner {name} {result} in all; it takes more than 0."
        )


def leak_test(verdict: str, is_clean: bool | None) -> VerdictTest:
    """The result of the leak battery; None where it was not run because another test was not passed."""
    if is_clean is None:
        return VerdictTest("no leak", None, "The leak battery was not run, because a test above was not passed.")
    return VerdictTest("no leak", is_clean, f"The leak battery: {verdict}.")


def conclude(tests: tuple[VerdictTest, ...]) -> SweepVerdict:
    """The verdict; ``no evidence of skill`` is the normal one."""
    failed = [test.name for test in tests if not test.passed]
    if not failed:
        return SweepVerdict(SKILL, f"{SKILL[0].upper()}{SKILL[1:]} of {len(tests)}; time alone is the last one.", tests)
    sentence = f"No evidence of skill: {len(tests) - len(failed)} of {count(len(tests), 'test')} passed; not passed: "
    return SweepVerdict(NOTHING, f"{sentence}{', '.join(failed)}.", tests)


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
