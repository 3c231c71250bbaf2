"""The verdict of a sweep: what has to hold before anybody may speak of skill."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from core.number_format import count, format_4sig, p_value, percent

from .overfitting_tests import OverfittingTests

NOTHING = "no evidence of skill"
SKILL = "evidence of skill: it passed every test"
NO_WINNER = "no trial can be chosen"
LEAST_TRIALS = 20
DSR, PBO, ALPHA = 0.95, 0.2, 0.05


@dataclass(frozen=True)
class VerdictTest:
    """One condition.

    Attributes
    ----------
    name : in a few words.
    passed : None where it could not be tried; then it does not pass.
    sentence : what was found, and what it would take.
    """

    name: str
    passed: bool | None
    sentence: str


@dataclass(frozen=True)
class SweepVerdict:
    """What may be said of a sweep.

    Attributes
    ----------
    headline : in a few words.
    sentence : the whole answer in one sentence.
    tests : what it rests on.
    """

    headline: str
    sentence: str
    tests: tuple[VerdictTest, ...]

    @property
    def skill(self) -> bool:
        """Whether every test was passed."""
        return self.headline == SKILL

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return {"headline": self.headline, "sentence": self.sentence, "tests": [asdict(test) for test in self.tests]}


@dataclass(frozen=True)
class Stress:
    """The winner under worse conditions: total return over the swept span, None where the account was ruined."""

    doubled_costs: float | None
    one_bar_late: float | None


def by_numbers(luck: OverfittingTests, stress: Stress) -> tuple[VerdictTest, ...]:
    """Every condition but the leak battery, which takes longest and is tried last."""
    return (*_chance(luck), *_ability(luck), _length(luck), *_stress(stress))


def _chance(luck: OverfittingTests) -> Iterator[VerdictTest]:
    year = luck.per_year**0.5
    found = luck.deflated
    told = f"{luck.trials:,} trial{'s' * (luck.trials != 1)}" + (
        f", {luck.earlier:,} of them in other sweeps" if luck.earlier else ""
    )
    yield VerdictTest(
        "deflated Sharpe ratio",
        None if found.value is None else found.value >= DSR,
        f"The winner's annual Sharpe ratio is {format_4sig(luck.sharpe * year)}; the best of as many tries without "
        f"skill ({told}) would show {format_4sig(luck.threshold * year)}. "
        "The probability that the true ratio is above that is "
        + (f"{format_4sig(found.value)}" if found.value is not None else f"unknown ({found.reason})")
        + f"; it takes {DSR:g}.",
    )
    pbo = luck.pbo
    if pbo is None:
        yield VerdictTest(
            "backtest overfitting", None, "There are too few trials to tell how often the best fails later."
        )
        return
    few = pbo.trials < LEAST_TRIALS
    yield VerdictTest(
        "backtest overfitting",
        None if few else pbo.pbo <= PBO,
        f"In {percent(pbo.pbo)} of {pbo.splits:,} ways to split the time in halves, the trial that is best in one half "
        f"is in the lower half of all in the other (PBO); it takes at most {percent(PBO)}"
        + (f", and {LEAST_TRIALS} trials ({pbo.trials} are too few)." if few else "."),
    )


def _ability(luck: OverfittingTests) -> Iterator[VerdictTest]:
    for name, spa in (("cash", luck.cash), ("buy and hold", luck.benchmark)):
        value = spa.consistent
        yield VerdictTest(
            f"superior to {name}",
            None if value is None else value <= ALPHA,
            f"Against {name} at equal volatility, p = {p_value(value)} for the best of all trials together (Hansen's "
            f"test; White's reality check {p_value(spa.reality_check)}); it takes {ALPHA:g}."
            if value is not None
            else f"Against {name} there was nothing to test: {spa.reason}.",
        )


def _length(luck: OverfittingTests) -> VerdictTest:
    years = luck.observations / luck.per_year
    if luck.track.value is None:
        return VerdictTest("length of the record", False, f"No record is long enough: {luck.track.reason}.")
    needed = luck.track.value / luck.per_year
    extra = (
        ""
        if luck.backtest.value is None
        else (f"; the best of as many tries shows as much by luck within {format_4sig(luck.backtest.value)} years")
    )
    return VerdictTest(
        "length of the record",
        luck.track.value <= luck.observations,
        f"It takes {format_4sig(needed)} years to tell the winner's ratio from 0; "
        f"there are {format_4sig(years)}{extra}.",
    )


def _stress(stress: Stress) -> Iterator[VerdictTest]:
    for name, value in (("with doubled costs", stress.doubled_costs), ("a bar late", stress.one_bar_late)):
        told = "was ruined" if value is None else f"earned {percent(value)}"
        yield VerdictTest(
            name, value is not None and value > 0, f"The winner {name} {told} in all; it takes more than 0."
        )


def leak_test(verdict: str, clean: bool | None) -> VerdictTest:
    """What the leak battery said; None where it was not asked because something else had failed."""
    if clean is None:
        return VerdictTest("no leak", None, "The leak battery was not run, because a test above was not passed.")
    return VerdictTest("no leak", clean, f"The leak battery: {verdict}.")


def judged(tests: tuple[VerdictTest, ...]) -> SweepVerdict:
    """The verdict; ``no evidence of skill`` is the normal one."""
    failed = [test.name for test in tests if not test.passed]
    if not failed:
        return SweepVerdict(SKILL, f"{SKILL[0].upper()}{SKILL[1:]} of {len(tests)}; time alone is the last one.", tests)
    sentence = f"No evidence of skill: {len(tests) - len(failed)} of {count(len(tests), 'test')} passed; not passed: "
    return SweepVerdict(NOTHING, f"{sentence}{', '.join(failed)}.", tests)


def without_winner(board_counts: dict[str, int], constrained: bool) -> SweepVerdict:
    """Where no trial can be chosen."""
    told = ", ".join(f"{number} {status}" for status, number in board_counts.items())
    why = "none is done and meets the constraints" if constrained else "none is done and has the objective"
    return SweepVerdict(NO_WINNER, f"No trial can be chosen: {why} ({told}).", ())
