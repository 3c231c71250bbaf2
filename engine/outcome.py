"""Everything a finished run has to say, in one frozen object that pages, terminal and metrics.json read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import Market, RunResult
from engine.accounts import (
    BENCHMARK,
    COLUMNS,
    STRATEGY,
    Costs,
    Exposure,
    Orders,
    benchmark_gaps,
    costs,
    count_orders,
    daily_returns,
    exposure,
    session_exposure,
)
from engine.verdict import Verdict, judge, paired_test
from risk.headline import MeasuresSpec, headline, periods_per_year
from risk.measures._base import Measured, Sample
from signals.evaluate import Evaluation
from signals.result import Signals
from signals.scores import FORMULAS
from signals.skill import DieboldMariano


@dataclass(frozen=True, eq=False)
class Outcome:
    """A finished run.

    Attributes
    ----------
    name, config_id : as in the run folder's name.
    config : the resolved config as plain values.
    market, signals, result : what went in, what the model said, what the engine did.
    evaluation : of the forecasts; None when the model does not train.
    daily : simple daily returns; see :func:`engine.accounts.daily_returns`.
    measures : the headline measures of each column of ``daily``.
    exposure, costs, orders : what the account did.
    verdict : what may be said of it.
    periods_per_year : sessions in a year, as used for every annual figure.
    risk_free : the annual rate that ratios compare with.
    notes : what is worth knowing about data and run.
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
    exposure: Exposure
    costs: Costs
    orders: Orders
    verdict: Verdict
    periods_per_year: float
    risk_free: float
    notes: tuple[str, ...]

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first decision and the last close of the account, UTC."""
        times = self.result.equity["time"]
        return times.iloc[0], times.iloc[-1]


def build(
    *,
    name: str,
    config: Mapping[str, Any],
    market: Market,
    signals: Signals,
    evaluation: Evaluation | None,
    result: RunResult,
    spec: MeasuresSpec,
) -> Outcome:
    """Measure a finished run.

    Parameters
    ----------
    config : the resolved config as plain values; its id is the result's.
    spec : the config's `measures` block.

    Raises
    ------
    DataError
        The benchmark does not cover the run, or the tables do not fit the market.
    """
    daily = daily_returns(result, market)
    days = pd.DatetimeIndex(daily.index)
    per_year = periods_per_year(days, spec.periods_per_year)
    return Outcome(
        name=name,
        config_id=result.config_id,
        config=config,
        market=market,
        signals=signals,
        evaluation=evaluation,
        result=result,
        daily=daily,
        measures=_measures(daily, result, spec, per_year),
        exposure=exposure(result),
        costs=costs(result, market),
        orders=count_orders(result.orders),
        verdict=_verdict(daily, evaluation, per_period(spec.risk_free, per_year)),
        periods_per_year=per_year,
        risk_free=spec.risk_free,
        notes=(
            *market.notes,
            *signals.notes,
            *result.notes,
            *_idle_notes(result),
            *_span_notes(market, days, result.zone),
            *_gap_notes(market, days, result.zone),
            *_daily_notes(result, days, per_year),
        ),
    )


def _measures(
    daily: pd.DataFrame, result: RunResult, spec: MeasuresSpec, per_year: float
) -> dict[str, tuple[Measured, ...]]:
    """The headline measures of each column; the benchmark's exposure is 1, or the strategy's mean."""
    mean = exposure(result).gross_mean
    whole = np.ones(len(daily))
    invested = dict(zip(COLUMNS, (session_exposure(result, daily.index), whole, mean * whole), strict=True))
    benchmark = daily[BENCHMARK].to_numpy()
    return {
        column: headline(
            Sample(
                daily[column].to_numpy(),
                periods_per_year=per_year,
                exposure=invested[column],
                benchmark=benchmark,
                risk_free=spec.risk_free,
            ),
            spec,
        )
        for column in COLUMNS
    }


def per_period(annual: float, per_year: float) -> float:
    """The rate per period that compounds to an annual one."""
    return float((1.0 + annual) ** (1.0 / per_year) - 1.0)


def _verdict(daily: pd.DataFrame, evaluation: Evaluation | None, risk_free: float) -> Verdict:
    test = paired_test(np.asarray(daily[STRATEGY]), np.asarray(daily[BENCHMARK]), risk_free)
    return judge(test) if evaluation is None else judge(test, forecast_sentence(evaluation), evaluation.beats)


TESTS = {
    "zero": "squared error against zero",
    "expanding_mean": "squared error against the mean so far",
    "always_long": "hits against always long",
}


def forecast_sentence(evaluation: Evaluation) -> str:
    """What the tests of the forecasts say, in one sentence."""
    words = "beat" if evaluation.beats else "do not beat"
    found = [f"{TESTS[name]}: {_p_value(test)}" for name, test in evaluation.tests.items()]
    return f"Out of sample the forecasts {words} their baselines ({'; '.join(found)})."


def _p_value(test: DieboldMariano) -> str:
    return f"no test, {test.reason}" if test.p_value is None else f"p = {test.p_value:.3f}"


def _idle_notes(result: RunResult) -> tuple[str, ...]:
    """Why there is nothing to see."""
    if len(result.fills):
        return ()
    orders = count_orders(result.orders)
    if not orders.asked:
        return ("nothing was traded: no order was asked",)
    reasons = "; ".join(f"{number} x {reason}" for reason, number in orders.by_reason.items())
    return (f"nothing was traded: none of {orders.asked} orders was filled ({reasons})",)


def _span_notes(market: Market, days: pd.DatetimeIndex, zone: str) -> tuple[str, ...]:
    """Traded symbols that begin after the account does, or end before it."""
    spans = ((symbol, sessions(market.bars[symbol].times, zone)[[0, -1]]) for symbol in market.trade)
    return tuple(
        f"{symbol} has bars from {first:%F} to {last:%F} only; a position at its end stays, at its last close"
        for symbol, (first, last) in spans
        if first > days[0] or last < days[-1]
    )


def _gap_notes(market: Market, days: pd.DatetimeIndex, zone: str) -> tuple[str, ...]:
    gaps = benchmark_gaps(market, days, zone)
    if gaps.empty:
        return ()
    where = f"{len(gaps)} of {len(days)} sessions (the first is {gaps[0]:%F})"
    return (f"benchmark {market.benchmark} has no bar in {where}; it is valued at its last close there",)


def _daily_notes(result: RunResult, days: pd.DatetimeIndex, per_year: float) -> tuple[str, ...]:
    """What became of an account that is valued several times a day."""
    bars = len(result.equity)
    if sessions(pd.DatetimeIndex(result.equity["time"]), result.zone).is_unique:
        return ()
    made = f"{len(days)} daily returns are made of {bars} bars, from each session's last account value"
    return (f"{made}; every measure, value at risk included, is daily, with {per_year:g} periods a year",)


def metrics(outcome: Outcome) -> dict[str, Any]:
    """What metrics.json holds: every number with its formula, period and sample; null with a reason.

    No time of the run, no path, no engine name: equal runs give equal files.
    """
    first, last = outcome.span
    return {
        "config_id": outcome.config_id,
        "symbols": list(outcome.market.trade),
        "benchmark": outcome.market.benchmark,
        "span": {
            "first_decision": first.isoformat(),
            "last_close": last.isoformat(),
            "first_session": f"{outcome.daily.index[0]:%F}",
            "last_session": f"{outcome.daily.index[-1]:%F}",
            "sessions": len(outcome.daily),
            "bars": len(outcome.result.equity),
            "folds": len(outcome.signals.folds),
        },
        "cash": outcome.result.cash,
        "final_equity": float(outcome.result.equity["equity"].iloc[-1]),
        "risk_free": outcome.risk_free,
        "periods_per_year": outcome.periods_per_year,
        "measures": {
            column: {item.name: _measured(item) for item in items} for column, items in outcome.measures.items()
        },
        "exposure": _exposure(outcome.exposure),
        "costs": _costs(outcome.costs),
        "orders": {**asdict(outcome.orders), "asked": outcome.orders.asked},
        "trades": len(outcome.result.trades),
        "notes": list(outcome.notes),
        "folds": len(outcome.signals.folds),
        "forecasts": _forecasts(outcome.evaluation),
        "forecasts_reason": ""
        if outcome.evaluation
        else "the model does not train, so there is no forecast to evaluate",
        "verdict": {
            **asdict(outcome.verdict),
            "sentences": list(outcome.verdict.sentences),
            "beats": outcome.verdict.beats,
        },
    }


def _forecasts(evaluation: Evaluation | None) -> dict[str, Any] | None:
    """The evaluation over all folds; the folds' own scores are in folds.json."""
    if evaluation is None:
        return None
    return {**{key: value for key, value in evaluation.dump().items() if key != "folds"}, "formulas": dict(FORMULAS)}


def _measured(item: Measured) -> dict[str, Any]:
    return {key: value for key, value in item.dump().items() if key != "name"}


def _number(value: float, formula: str, unit: str, period: str, n: int) -> dict[str, Any]:
    return {"value": value, "reason": "", "flags": [], "formula": formula, "unit": unit, "period": period, "n": n}


def _exposure(exposure: Exposure) -> dict[str, Any]:
    texts = {
        "gross_mean": "mean of sum(abs(position value)) / account value",
        "net_mean": "mean of sum(position value) / account value",
        "time_in_market": "closes with a position / closes",
    }
    return {
        key: _number(getattr(exposure, key), text, "fraction", "whole span", exposure.n) for key, text in texts.items()
    }


def _costs(costs: Costs) -> dict[str, Any]:
    texts = {
        "commission": "sum of the fills' commission",
        "slippage": "sum of abs(size) x abs(fill price - the bar's open) over market orders' fills",
        "interest": "sum of the interest paid on shorts",
        "total": "commission + slippage + interest",
    }
    return {key: _number(getattr(costs, key), text, "money", "whole span", costs.fills) for key, text in texts.items()}
