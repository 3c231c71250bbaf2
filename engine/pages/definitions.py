"""Definitions: the one place from which a page takes the formula of a figure, its sample and its meaning.

Measures state their own formulas (``risk/measures``), scores of forecasts theirs (``signals/evaluation/scores.py``),
and the rest stands in ``engine/results/formulas.py``; a mark beside a figure leads to its entry here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from core.number_format import title
from core.plugins import kinds, load, summary
from engine.backtest.account_returns import STRATEGY
from engine.results.costs_paid import KINDS
from engine.results.formulas import ALPHA_P, DRAG, EXPOSURE, P_IN_WORDS, TOTAL
from engine.results.outcome import Outcome
from risk.measures.base import Measured
from signals.evaluation.scores import FORMULAS

PACKAGE = "risk.measures"
WORDS = {
    "gross_mean": "Average gross exposure: how much of the account was invested, longs and shorts added.",
    "net_mean": "Average net exposure: longs less shorts.",
    "time_in_market": "Time in market: how often anything was held at a close.",
}


@dataclass(frozen=True)
class Definition:
    """The definition of one figure.

    Attributes
    ----------
    key : of its anchor, ``def-<key>``.
    term : the field's name of it.
    formula : the computation.
    words : the meaning in plain words; empty where the formula is plain enough.
    sample : period and number of observations; empty where it has none of its own.
    """

    key: str
    term: str
    formula: str
    words: str = ""
    sample: str = ""


def definitions(outcome: Outcome) -> tuple[Definition, ...]:
    """Every definition of a run's figures, each key once."""
    by_key: dict[str, Definition] = {}
    for definition in (*_measures(outcome), *_account(outcome), *_forecasts(outcome)):
        by_key.setdefault(definition.key, definition)
    return tuple(by_key.values())


def _measures(outcome: Outcome) -> Iterator[Definition]:
    groups = (outcome.measures[STRATEGY], *outcome.further[STRATEGY].values())
    for items in groups:
        for item in items:
            yield Definition(item.name, title(item.name), item.formula, _words(item), _sample(item))


def _sample(item: Measured) -> str:
    return f"{item.period}, n = {item.n:,}"


def _words(item: Measured) -> str:
    """The first line of the measure's docstring; the longest kind that begins the name is the measure's."""
    names = [kind for kind in kinds(PACKAGE) if item.name == kind or item.name.startswith(f"{kind}_")]
    return summary(load(PACKAGE, max(names, key=len))) if names else ""


def _account(outcome: Outcome) -> Iterator[Definition]:
    closes = f"whole span, n = {outcome.exposure.n:,} closes"
    for key, formula in EXPOSURE.items():
        term, _, words = WORDS[key].partition(": ")
        yield Definition(key, term, formula, f"{words[:1].upper()}{words[1:]}", closes)
    yield Definition("cost_drag", "Cost drag", DRAG, "What trading took from the yearly return.", "per year")
    for kind, formula in KINDS.items():
        yield Definition(kind, title(kind), formula, "", "whole span, money")
    yield Definition("total_costs", "Total costs", TOTAL, "All that was paid for trading; interest earned is left out.")
    yield Definition(
        "alpha_p_value", "p-value of alpha", ALPHA_P, P_IN_WORDS, f"n = {outcome.verdict.test.n:,} sessions"
    )
    yield Definition(
        "benchmark_at_exposure",
        "Benchmark at equal exposure",
        "mean gross exposure x benchmark return + (1 - mean gross exposure) x interest on cash, each session",
        "The benchmark as an account would hold it that is invested as much as the strategy.",
    )


def _forecasts(outcome: Outcome) -> Iterator[Definition]:
    if outcome.evaluation is None:
        return
    sample = f"out of sample, n = {outcome.evaluation.overall.model.n:,}"
    for key, formula in FORMULAS.items():
        yield Definition(f"forecast_{key}", f"{title(key)} of forecasts", formula, "", sample)
