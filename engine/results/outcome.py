"""The outcome of a run: one frozen object that pages, terminal and metrics.json read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.number_format import p_text, percent
from core.types import Market, RunResult, Vector
from engine.backtest.account_returns import (
    BENCHMARK,
    COLUMNS,
    STRATEGY,
    Exposure,
    benchmark_returns,
    cash_returns,
    daily_returns,
    exposure,
)
from engine.config.run_config import RunConfig
from engine.ledger.own_code import own_code
from engine.ledger.record_run import FinishedRun, record_run
from engine.ledger.settings import TriedSettings
from marketdata.news import ILLUSTRATIVE
from risk.bootstrap import Interval
from risk.measures.base import Measured
from risk.periods import Calendar, calendar, period_rate
from risk.var.var_backtest import VarBacktest, run_var_backtest
from signals.evaluation.evaluate import Evaluation
from signals.evaluation.skill_tests import QUESTIONS, SkillTest
from signals.leaks.check_result import Check
from signals.leaks.fit_inputs import fit_inputs
from signals.signals_result import Signals

from .compute_measures import Measure, measure_here
from .constant_confidence import ConstantConfidence, constant_confidence_run
from .costs_paid import Costs, costs
from .fill_checks import execution
from .measure_inputs import samples
from .order_audit import CapCheck, Orders, StopCheck, check_cap, check_stops, count_orders
from .return_tests import ReturnTests, alpha_test, cash_test, paired_test
from .run_notes import run_notes
from .run_settings import RunParts, Settings
from .verdict import LEAK, NOTHING, Verdict, judge, verdict_of

RECORDED = "a recorded Cerebro run: its models, if it has any, were fitted in the script"


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
    calendar : the sessions that have a return: their period, their number in a year, holes.
    risk_free : the annual rate that ratios compare with; what idle cash earned where that is more than the stated one.
    cash_interest : the yearly rate that idle cash earned.
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
    calendar: Calendar
    risk_free: float
    cash_interest: float
    notes: tuple[str, ...]
    tried: TriedSettings | None = None

    @property
    def periods_per_year(self) -> float:
        """Sessions in a year, as used for every annual figure."""
        return self.calendar.periods_per_year

    @property
    def risk_free_note(self) -> str:
        """The origin of the rate of the ratios, if it is not the config's; empty otherwise."""
        stated = float(self.config["measures"]["risk_free"])
        if self.cash_interest <= max(stated, 0.0):
            return ""
        return f"what idle cash earned; measures.risk_free is {percent(stated)}"

    @property
    def is_recording(self) -> bool:
        """True for a Cerebro run of a script, which no config describes."""
        return "cerebro" in self.config

    @property
    def why_no_forecasts(self) -> str:
        """The reason why forecasts are not evaluated; empty where they are."""
        if self.evaluation:
            return ""
        return RECORDED if self.is_recording else "the model does not train, so there is no forecast to evaluate"

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
    return assemble(
        config,
        RunParts(market, signals, evaluation, result),
        measure=measure,
        constant_confidence=lambda per_year: constant_confidence_run(config, market, signals, per_year),
        notes=lambda days, year: (
            *dict.fromkeys(note for feature in config.features for note in feature.notes),
            *signals.notes,
            *(evaluation.notes if evaluation else ()),
            *result.notes,
            *run_notes(config, market, result, days, year),
        ),
    )


def assemble(
    config: Settings,
    parts: RunParts,
    *,
    measure: Measure,
    constant_confidence: Callable[[float], ConstantConfidence | None],
    notes: Callable[[pd.DatetimeIndex, Calendar], tuple[str, ...]],
    in_parts: bool = False,
) -> Outcome:
    """The outcome of a run of either kind: measures, checks and verdict.

    Parameters
    ----------
    constant_confidence : runs again with a constant confidence, given the sessions in a year.
    notes : further notes, given the sessions that have a return and their calendar.
    in_parts : whether a market order may be filled on several bars.
    """
    market, signals, evaluation, result = parts
    spec = config.measures
    seed = config.seed
    daily = daily_returns(result, market, config.broker.cash_interest)
    days = pd.DatetimeIndex(daily.index)
    year = calendar(days, spec.periods_per_year)
    per_year = year.periods_per_year
    inputs = samples(daily, result, per_year, config.risk_free)
    pending_measures = measure(inputs, spec, seed)
    constant_run = constant_confidence(per_year)
    exams = {c: run_var_backtest(inputs[c].returns, spec.exam, spec.var_levels, seed) for c in (STRATEGY, BENCHMARK)}
    checks = (fit_inputs(signals.folds), execution(result, market, config.broker, in_parts=in_parts))
    hurdle_returns = hurdle(config, result, days, per_year)
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
        cap=check_cap(result, market, config.risk.cap),
        stops=check_stops(result.stops) if config.risk.stop or len(result.stops) else None,
        constant_confidence=constant_run,
        checks=checks,
        verdict=_verdict(
            _return_tests(daily, traded_returns(result, market, days, config), market, hurdle_returns, per_year),
            evaluation,
            checks,
            market.notes,
            measures.intervals.get("sharpe"),
        ),
        calendar=year,
        risk_free=config.risk_free,
        cash_interest=config.broker.cash_interest,
        notes=(*market.notes, *notes(days, year)),
    )


def hurdle(config: Settings, result: RunResult, days: pd.DatetimeIndex, per_year: float) -> Vector | float:
    """The returns of doing nothing: of the same account's cash, or the risk-free rate where that is more.

    Parameters
    ----------
    days : (T,) the sessions that have a return.
    per_year : sessions in a year.

    Returns
    -------
    (T,) the interest on cash, by calendar day; or one rate for all sessions.
    """
    broker = config.broker
    if broker.cash_yield > config.measures.risk_free:
        return cash_returns(pd.DatetimeIndex(result.equity["time"]), days, result.zone, broker.cash_interest)
    return period_rate(config.measures.risk_free, per_year)


def traded_returns(result: RunResult, market: Market, days: pd.DatetimeIndex, config: Settings) -> Vector:
    """(T,) the returns of the traded symbols in equal parts, bought once at the first decision.

    Holding what one trades is no skill, whatever the benchmark is.
    """
    times = pd.DatetimeIndex(result.equity["time"])
    cash = cash_returns(times, days, result.zone, config.broker.cash_interest)
    return np.asarray(benchmark_returns(replace(market, basket="held"), times[0], days, result.zone, cash))


def _return_tests(
    daily: pd.DataFrame, traded: Vector, market: Market, per_session: Vector | float, periods_per_year: float
) -> ReturnTests:
    strategy = np.asarray(daily[STRATEGY])
    benchmark = np.asarray(daily[BENCHMARK])
    return ReturnTests(
        cash=cash_test(strategy, per_session, periods_per_year),
        benchmark=alpha_test(strategy, np.column_stack([benchmark, traded]), per_session, periods_per_year),
        name=market.benchmark_in_words,
        periods_per_year=periods_per_year,
        equal_volatility=paired_test(strategy, benchmark, per_session, periods_per_year),
    )


def recorded_outcome(outcome: Outcome) -> Outcome:
    """A finished run, recorded in the ledger, with the number of settings tried on its data."""
    rate = period_rate(max(outcome.risk_free, 0.0), outcome.periods_per_year)  # the account untraded loses nothing
    excess = np.asarray(outcome.daily[STRATEGY], dtype=np.float64) - rate
    days = pd.DatetimeIndex(outcome.daily.index)
    code = own_code(outcome.config)
    run = FinishedRun(outcome.config_id, outcome.name, outcome.market, days, excess, code)
    return replace(outcome, tried=record_run(run))


def _verdict(
    returns: ReturnTests,
    evaluation: Evaluation | None,
    checks: tuple[Check, ...],
    notes: tuple[str, ...],
    sharpe: Interval | None = None,
) -> Verdict:
    leaks = tuple(f"{check.number}, {check.title}: {check.detail}." for check in checks if check.status == "leak")
    if leaks:
        return verdict_of(LEAK, leaks, returns)
    if ILLUSTRATIVE in notes:
        return verdict_of(NOTHING, (f"{ILLUSTRATIVE[0].upper()}{ILLUSTRATIVE[1:]}.",), returns)
    if evaluation is None:
        return judge(returns, sharpe=sharpe)
    return judge(returns, forecast_sentence(evaluation), evaluation.beats, sharpe)


TESTS = {
    "zero": "against zero",
    "expanding_mean": "against the mean so far",
    "ar1": "against AR(1), squared error",
    "direction": "",
    "rank_ic": "",
    "always_long": "against always long, hits",
}
"""What each test of forecasts is about, after its name."""


def forecast_sentence(evaluation: Evaluation) -> str:
    """The questions about the forecasts with their tests, in one sentence."""
    words = "know something" if evaluation.beats else "are not shown to know anything"
    parts = [
        f"{question}: {', '.join(_result(name, evaluation.tests[name]) for name in QUESTIONS[question])}"
        for question in evaluation.answers
    ]
    corrected = [answer.adjusted for answer in evaluation.answers.values() if answer.adjusted is not None]
    if corrected:
        parts.append(f"the smallest p corrected for {len(corrected)} questions (Holm): {p_text(min(corrected))}")
    return f"Out of sample the forecasts {words} ({'; '.join(parts)})."


def test_in_words(name: str, test: SkillTest) -> str:
    """The name of a test of forecasts, and what it is about."""
    return f"{test.method} {TESTS[name]}".strip()


def _result(name: str, test: SkillTest) -> str:
    if test.statistic is None:
        return f"{test_in_words(name, test)}: no test, {test.reason}"
    return f"{test_in_words(name, test)} t = {test.statistic:.2f}, {p_text(test.p_value)}"
