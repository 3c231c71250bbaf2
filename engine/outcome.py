"""Everything a finished run has to say, in one frozen object that pages, terminal and metrics.json read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

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
)
from engine.verdict import Verdict, judge, paired_test
from risk.headline import MeasuresSpec, headline, periods_per_year
from risk.measures._base import Measured, Sample
from signals.evaluate import Evaluation
from signals.result import Signals


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
    per_year = periods_per_year(days, spec)
    risk_free = per_period(spec.risk_free, per_year)
    return Outcome(
        name=name,
        config_id=result.config_id,
        config=config,
        market=market,
        signals=signals,
        evaluation=evaluation,
        result=result,
        daily=daily,
        measures={column: headline(Sample(daily[column].to_numpy(), per_year, risk_free), spec) for column in COLUMNS},
        exposure=exposure(result),
        costs=costs(result, market),
        orders=count_orders(result.orders),
        verdict=_verdict(daily, evaluation, risk_free),
        periods_per_year=per_year,
        risk_free=spec.risk_free,
        notes=(*market.notes, *result.notes, *_gap_notes(market, days, result.zone)),
    )


def per_period(annual: float, per_year: float) -> float:
    """The rate per period that compounds to an annual one."""
    return float((1.0 + annual) ** (1.0 / per_year) - 1.0)


def _verdict(daily: pd.DataFrame, evaluation: Evaluation | None, risk_free: float) -> Verdict:
    test = paired_test(np.asarray(daily[STRATEGY]), np.asarray(daily[BENCHMARK]), risk_free)
    return judge(test) if evaluation is None else judge(test, evaluation.verdict, evaluation.beats)


def _gap_notes(market: Market, days: pd.DatetimeIndex, zone: str) -> tuple[str, ...]:
    gaps = benchmark_gaps(market, days, zone)
    if gaps.empty:
        return ()
    return (
        f"benchmark {market.benchmark} has no bar in {len(gaps)} of {len(days)} sessions (first {gaps[0]:%F}); valued at its last close",
    )


def metrics(outcome: Outcome) -> dict[str, Any]:
    """What metrics.json holds: every number with its formula, period and sample; null with a reason.

    No time of the run, no path, no engine name: equal runs give equal files.
    """
    first, last = outcome.span
    return {
        "config_id": outcome.config_id,
        "span": {
            "first_decision": first.isoformat(),
            "last_close": last.isoformat(),
            "first_session": f"{outcome.daily.index[0]:%F}",
            "last_session": f"{outcome.daily.index[-1]:%F}",
            "sessions": len(outcome.daily),
            "bars": len(outcome.result.equity),
        },
        "periods_per_year": outcome.periods_per_year,
        "measures": {
            column: {item.name: _measured(item) for item in items} for column, items in outcome.measures.items()
        },
        "exposure": _exposure(outcome.exposure),
        "costs": _costs(outcome.costs),
        "orders": {**asdict(outcome.orders), "asked": outcome.orders.asked},
        "trades": len(outcome.result.trades),
        "forecasts": outcome.evaluation.dump() if outcome.evaluation else None,
        "forecasts_reason": ""
        if outcome.evaluation
        else "the model does not train, so there is no forecast to evaluate",
        "verdict": asdict(outcome.verdict),
    }


def _measured(item: Measured) -> dict[str, Any]:
    return {key: value for key, value in asdict(item).items() if key != "name"}


def _number(value: float, formula: str, unit: str, period: str, n: int) -> dict[str, Any]:
    return {"value": value, "reason": "", "flags": [], "formula": formula, "unit": unit, "period": period, "n": n}


def _exposure(exposure: Exposure) -> dict[str, Any]:
    texts = {
        "gross_mean": "mean of sum(abs(position value)) / account value",
        "net_mean": "mean of sum(position value) / account value",
        "time_in_market": "closes with a position / closes",
    }
    return {key: _number(getattr(exposure, key), text, "fraction", "bar", exposure.n) for key, text in texts.items()}


def _costs(costs: Costs) -> dict[str, Any]:
    texts = {
        "commission": "sum of the fills' commission",
        "slippage": "sum of abs(size) x abs(fill price - the bar's open) over market orders' fills",
        "interest": "sum of the interest paid on shorts",
        "total": "commission + slippage + interest",
    }
    return {key: _number(getattr(costs, key), text, "money", "run", costs.fills) for key, text in texts.items()}
