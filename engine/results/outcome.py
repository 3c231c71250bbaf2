"""The outcome of a run: one frozen object that pages, terminal and metrics.json read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.number_format import percent
from core.types import Market, RunResult
from engine.backtest.account_returns import (
    BENCHMARK,
    COLUMNS,
    STRATEGY,
    Exposure,
    daily_returns,
    exposure,
)
from engine.config.run_config import RunConfig
from engine.ledger.record_run import FinishedRun, record_run
from engine.ledger.settings import TriedSettings
from marketdata.news import ILLUSTRATIVE
from risk.bootstrap import Interval
from risk.measures.base import Measured
from risk.periods import period_rate, periods_per_year
from risk.var.var_backtest import VarBacktest, run_var_backtest
from signals.evaluation.evaluate import Evaluation
from signals.evaluation.skill_tests import DieboldMariano
from signals.leaks.check_result import Check
from signals.leaks.fit_inputs import fit_inputs
from signals.signals_result import Signals

from .compute_measures import Measure, measure_here
from .constant_confidence import ConstantConfidence, constant_confidence_run
from .costs_paid import Costs, costs
from .fill_checks import execution
from .measure_inputs import samples
from .order_audit import CapCheck, Orders, StopCheck, check_cap, check_stops, count_orders
from .run_notes import run_notes
from .verdict import LEAK, NOTHING, Verdict, judge, paired_test


@dataclass(frozen=True, eq=False)
class Outcome:
    """A finished run.

    Attributes
    ----------
    name, config_id : as in the run folder's name.
    config : the resolved config as plain values.
    market, signals, result : what went in, what the model said, what the engine did.
    evaluation : of the forecasts; None when the model does not train.
    daily : simple daily returns; see :func:`engine.backtest.account_returns.daily_returns`.
    measures : the headline measures of each column of ``daily``.
    further : the further measures of each column, by group.
    intervals : bootstrap intervals of the strategy's headline measures, by name.
    exams : of value at risk forecasts, of the strategy and of the benchmark.
    exposure, costs, orders : what the account did.
    cap : whether the cap held at the fills.
    stops : how well the stops protected; None for a run without stops.
    constant_confidence : the same run with constant confidence; None where the confidence does not vary.
    checks : the leak checks that every run does.
    verdict : what may be said of it.
    periods_per_year : sessions in a year, as used for every annual figure.
    risk_free : the annual rate that ratios compare with.
    notes : what is worth knowing about data and run.
    tried : all settings tried on its data; None where the run is not recorded in the ledger.
    """

    name: str
    config_id: str
    config: Mapping[str, Any]
    market: Market
    signals: Signals
    evaluation: Evaluation | None
    result: RunResult
    daily: pd.DataFrame
    measures: Mapping[str, tuple[Measured, ...]]
    further: Mapping[str, Mapping[str, tuple[Measured, ...]]]
    intervals: Mapping[str, Interval]
    exams: Mapping[str, VarBacktest]
    exposure: Exposure
    costs: Costs
    orders: Orders
    cap: CapCheck
    stops: StopCheck | None
    constant_confidence: ConstantConfidence | None
    checks: tuple[Check, ...]
    verdict: Verdict
    periods_per_year: float
    risk_free: float
    notes: tuple[str, ...]
    tried: TriedSettings | None = None

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first decision and the last close of the account, UTC."""
        times = self.result.equity["time"]
        return times.iloc[0], times.iloc[-1]

    @property
    def names(self) -> dict[str, str]:
        """The name of each column of ``daily`` on a page."""
        benchmark = self.market.benchmark
        mean = percent(self.exposure.gross_mean)
        return dict(zip(COLUMNS, (self.name, benchmark, f"{benchmark} at {mean}"), strict=True))


def build(
    *,
    config: RunConfig,
    market: Market,
    signals: Signals,
    evaluation: Evaluation | None,
    result: RunResult,
    measure: Measure = measure_here,
) -> Outcome:
    """Measure a finished run.

    Parameters
    ----------
    config : the config of the run.
    measure : in this process, or in another while this one goes on.

    Raises
    ------
    DataError
        The benchmark does not cover the run, or the tables do not fit the market.
    """
    spec = config.measures
    risk = config.risk
    seed = config.seed
    daily = daily_returns(result, market)
    days = pd.DatetimeIndex(daily.index)
    per_year = periods_per_year(days, spec.periods_per_year)
    inputs = samples(daily, result, per_year, spec.risk_free)
    pending_measures = measure(inputs, spec, seed)
    constant_confidence = constant_confidence_run(config, market, signals, per_year)
    exams = {c: run_var_backtest(inputs[c].returns, spec.exam, spec.var_levels, seed) for c in (STRATEGY, BENCHMARK)}
    checks = (fit_inputs(signals.folds), execution(result, market, config.broker))
    measures = pending_measures()
    return Outcome(
        name=config.name,
        config_id=result.config_id,
        config=config.dump(),
        market=market,
        signals=signals,
        evaluation=evaluation,
        result=result,
        daily=daily,
        measures=measures.headline,
        further=measures.further,
        intervals=measures.intervals,
        exams=exams,
        exposure=exposure(result),
        costs=costs(result, days, per_year),
        orders=count_orders(result.orders),
        cap=check_cap(result, market, risk.cap),
        stops=check_stops(result.stops) if risk.stop else None,
        constant_confidence=constant_confidence,
        checks=checks,
        verdict=_verdict(daily, evaluation, period_rate(spec.risk_free, per_year), checks, market.notes),
        periods_per_year=per_year,
        risk_free=spec.risk_free,
        notes=(
            *market.notes,
            *dict.fromkeys(note for feature in config.features for note in feature.notes),
            *signals.notes,
            *(evaluation.notes if evaluation else ()),
            *result.notes,
            *run_notes(config, market, result, days, per_year),
        ),
    )


def recorded_outcome(outcome: Outcome) -> Outcome:
    """A finished run, recorded in the ledger, with the number of settings tried on its data."""
    rate = period_rate(outcome.risk_free, outcome.periods_per_year)
    excess = np.asarray(outcome.daily[STRATEGY], dtype=np.float64) - rate
    days = pd.DatetimeIndex(outcome.daily.index)
    run = FinishedRun(outcome.config_id, outcome.name, outcome.market, days, excess)
    return replace(outcome, tried=record_run(run))


def _verdict(
    daily: pd.DataFrame,
    evaluation: Evaluation | None,
    risk_free: float,
    checks: tuple[Check, ...],
    notes: tuple[str, ...],
) -> Verdict:
    test = paired_test(np.asarray(daily[STRATEGY]), np.asarray(daily[BENCHMARK]), risk_free)
    leaks = tuple(f"{check.number}, {check.title}: {check.detail}." for check in checks if check.status == "leak")
    if leaks:
        return Verdict(LEAK, leaks, test)
    if ILLUSTRATIVE in notes:
        return Verdict(NOTHING, (f"{ILLUSTRATIVE[0].upper()}{ILLUSTRATIVE[1:]}.",), test)
    return judge(test) if evaluation is None else judge(test, forecast_sentence(evaluation), evaluation.beats)


TESTS = {
    "zero": "squared error against zero",
    "expanding_mean": "squared error against the mean so far",
    "always_long": "hits against always long",
}


def forecast_sentence(evaluation: Evaluation) -> str:
    """The tests of the forecasts in one sentence."""
    words = "beat" if evaluation.beats else "do not beat"
    tests = [f"{TESTS[name]}: {_p_value(test)}" for name, test in evaluation.tests.items()]
    return f"Out of sample the forecasts {words} their baselines ({'; '.join(tests)})."


def _p_value(test: DieboldMariano) -> str:
    return f"no test, {test.reason}" if test.p_value is None else f"p = {test.p_value:.3f}"
