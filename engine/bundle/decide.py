"""The decisions of a bundle at the last bar of a market: predictions, sides, sizes, warnings."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from time import time_ns
from typing import cast

import numpy as np
import pandas as pd

from core.errors import DataError
from core.types import Bars, Market, SignalFrame, Vector
from engine.backtest.rule_features import entries_allowed, last_values
from serving.decisions import Decision, Decisions
from signals.confidence.constant import Constant
from signals.folds.fit_at_cut import panel_to_predict, window_of
from signals.folds.fit_fold import answer
from signals.models.base import RuleModel
from signals.panel import Panel
from strategies._contract import columns_of as rule_columns
from strategies._entry_filter import NO_FILTER
from strategies._held import Held

from .positions import Inputs, Target, targets
from .sizes import Size, size_of
from .trained import BundleContent, Part, alone, columns_of, last_rows, part_of

RECENT = 30
DAY = 86_400 * 10**9
"""Nanoseconds."""
STALE = 2
"""Data are stale after twice the longest gap between their last 30 bars, which has a week-end or a holiday."""
CONTEXT = 512
"""Rows that a model is handed at first; only networks look at more than one."""
FLAT = Size(0.0, 0.0, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class _Forecast:
    """A symbol's prediction at its last bar, the warnings on its inputs, prediction and confidence before, inputs."""

    prediction: float
    confidence: float
    half_width: float
    warnings: tuple[str, ...] = ()
    previous: tuple[float, float] = (math.nan, math.nan)
    features: Mapping[str, float] = field(default_factory=dict)


def decide(
    bundle: BundleContent,
    market: Market,
    *,
    account: float | None,
    holding: Mapping[str, Held],
    now: pd.Timestamp | None = None,
) -> Decisions:
    """See :meth:`engine.bundle.bundle.Bundle.decide`."""
    market = _known_symbols(bundle, market)
    money = bundle.rules.broker.cash if account is None else account
    forecasts = _rule_forecasts(bundle, market) if not bundle.parts else _forecasts(bundle, market)
    decided = _targets(bundle, market, forecasts, holding)
    newest = market.times[-1]
    rows = [
        _decision(bundle, market.bars[symbol], forecasts[symbol], decided[symbol], money, newest)
        for symbol in market.trade
    ]
    return Decisions(newest, money, tuple(rows), tuple(_warnings(bundle, market, now)))


def _known_symbols(bundle: BundleContent, market: Market) -> Market:
    """The market with the bundle's symbols traded, in the bundle's order."""
    symbols = bundle.contents.symbols
    missing = [symbol for symbol in symbols if symbol not in market.bars]
    if missing:
        raise DataError(
            f"the bundle trades {', '.join(symbols)}; the data have no {missing[0]}: they have {', '.join(market.bars)}"
        )
    return replace(market, trade=symbols)


def _rule_forecasts(bundle: BundleContent, market: Market) -> dict[str, _Forecast]:
    model = cast(RuleModel, bundle.rules.signals.model)  # only a rule has no parts
    confidence = bundle.rules.signals.confidence
    value = confidence.value if isinstance(confidence, Constant) else 1.0
    forecasts = {}
    for symbol in market.trade:
        bars = market.bars[symbol]
        _require_rows(symbol, len(bars), model.warmup + 1, model.kind)
        before, prediction = ([math.nan, *model.signal(bars).tolist()])[-2:]
        confidences = [math.nan if math.isnan(number) else value for number in (before, prediction)]
        forecasts[symbol] = _Forecast(prediction, confidences[1], math.nan, previous=(before, confidences[0]))
    return forecasts


def _require_rows(symbol: str, count: int, needed: int, what: str) -> None:
    if count < needed:
        raise DataError(f"{symbol}: has {count} bars, but {what} needs at least {needed}; give a longer history")


def _forecasts(bundle: BundleContent, market: Market) -> dict[str, _Forecast]:
    signals = bundle.rules.signals
    for symbol in market.trade:
        _require_rows(symbol, len(market.bars[symbol]), signals.warmup_in(market, symbol) + 1, "the model")
    panel = panel_to_predict(market, signals.training, CONTEXT)
    if panel.names != bundle.contents.features:
        raise DataError(
            f"the features are {', '.join(panel.names)}; the model knows {', '.join(bundle.contents.features)}"
        )
    rows = last_rows(panel)
    return {symbol: _forecast(bundle, market, panel, symbol, rows[symbol]) for symbol in market.trade}


def _forecast(bundle: BundleContent, market: Market, panel: Panel, symbol: str, row: int) -> _Forecast:
    part = part_of(bundle.parts, symbol)
    features = dict(zip(panel.names, panel.X[row].tolist(), strict=True))
    if part is None:
        reason = bundle.contents.untrained.get(symbol, "it was not trained on it")
        return _Forecast(math.nan, math.nan, math.nan, (f"no model of its own: {reason}",), features=features)
    answers = _answers(bundle, alone(panel, symbol), part)
    if np.isnan(answers["prediction"]).any() and len(market.bars[symbol]) > CONTEXT:  # a model with a longer window
        full = panel_to_predict(market, bundle.rules.signals.training)
        answers = _answers(bundle, alone(full, symbol), part)
    warnings = tuple(_outside(features, part))
    prediction, confidence, half_width = (
        float(answers[name][-1]) for name in ("prediction", "confidence", "half_width")
    )
    before = (math.nan, math.nan)
    if len(answers["prediction"]) > 1:
        before = (float(answers["prediction"][0]), float(answers["confidence"][0]))
    if math.isnan(prediction):
        short = (*warnings, "too few rows for the model's window")
        return _Forecast(math.nan, math.nan, math.nan, short, features=features)
    return _Forecast(prediction, confidence, half_width, warnings, before, features)


def _answers(bundle: BundleContent, panel: Panel, part: Part) -> dict[str, Vector]:
    """The predictions of the last two rows of one symbol's rows, or of its only one."""
    last = np.arange(max(len(panel) - 2, 0), len(panel))
    return columns_of(answer(bundle.rules.signals.training, window_of(panel), part.fitted, last))


def _outside(features: Mapping[str, float], part: Part) -> Iterator[str]:
    """The features whose value lies outside the training rows' range."""
    for (name, value), (low, high) in zip(features.items(), part.ranges.tolist(), strict=True):
        if not low <= value <= high:
            yield f"{name} is {value:.6g}, outside the training range {low:.6g} to {high:.6g}"


def _targets(
    bundle: BundleContent, market: Market, forecasts: Mapping[str, _Forecast], holding: Mapping[str, Held]
) -> dict[str, Target]:
    """The targets of all symbols: those without a bar at the market's last time keep what they have."""
    strategy = bundle.rules.strategy
    features = bundle.rules.signals.features
    values = last_values(market, rule_columns(strategy, features), features)
    newest = _last_stamp(market.times)
    inputs = {
        symbol: Inputs(
            forecasts[symbol].prediction,
            forecasts[symbol].confidence,
            forecasts[symbol].previous,
            market.bars[symbol],
            strategy.reads(*values[symbol]) if strategy.reads else (),
            holding.get(symbol, Held()),
            _last_stamp(market.bars[symbol].times) == newest,
        )
        for symbol in market.trade
    }
    return targets(strategy, inputs, _entries(bundle, market, forecasts))


def _entries(bundle: BundleContent, market: Market, forecasts: Mapping[str, _Forecast]) -> dict[str, bool]:
    """By symbol, True if the strategy's filters allow an entry now; its warm-up has passed long ago."""
    strategy = bundle.rules.strategy
    if strategy.entry_filter._replace(warmup=0) == NO_FILTER:
        return {}
    last_bars = {symbol: market.bars[symbol].rows(-1) for symbol in market.trade}
    times = pd.DatetimeIndex(sorted({bars.times[0] for bars in last_bars.values()}))
    prediction = np.array([[forecasts[symbol].prediction for symbol in market.trade]] * len(times))
    confidence = np.array([[forecasts[symbol].confidence for symbol in market.trade]] * len(times))
    frame = SignalFrame(times, market.trade, prediction, confidence, np.zeros(len(times), dtype=np.int64))
    later = strategy.model_copy(update={"warmup": 0})
    allowed = entries_allowed(market, last_bars, frame, later, bundle.rules.signals.features)
    return {symbol: bool(allowed[symbol][-1]) for symbol in market.trade}


def _decision(
    bundle: BundleContent, bars: Bars, forecast: _Forecast, target: Target, account: float, newest: pd.Timestamp
) -> Decision:
    side = target.side
    size = size_of(bundle.rules, bars, side, forecast.confidence, account, target.weight) if side else FLAT
    warnings = list(forecast.warnings)
    time = newest
    if _last_stamp(bars.times) < newest.value:
        time = bars.times[-1]
        warnings.append(f"its last bar is of {time:%Y-%m-%d %H:%M} UTC, before the others'")
    return Decision(
        symbol=bars.symbol,
        time=time,
        prediction=forecast.prediction,
        low=forecast.prediction - forecast.half_width,
        high=forecast.prediction + forecast.half_width,
        confidence=forecast.confidence,
        side=side,
        weight=target.weight,
        reason=target.reason,
        state=dict(target.state),
        entry=size.entry,
        value=size.value,
        units=size.units,
        stop=size.stop,
        target=size.target,
        close=float(bars.close[-1]),
        features=dict(forecast.features),
        warnings=tuple(warnings),
    )


def _warnings(bundle: BundleContent, market: Market, now: pd.Timestamp | None) -> Iterator[str]:
    """Warnings on the whole bundle: its age, and bars that are not finished."""
    stamps = market.times.as_unit("ns").asi8
    last = int(stamps[-1])
    age = len(stamps) - int(stamps.searchsorted(bundle.cut.value, side="right"))
    valid_for = bundle.contents.valid_for
    if valid_for is not None and age >= valid_for:
        yield (f"the model is {age} bars old; the backtest replaced its models after {valid_for}: train it again")
    if last < bundle.cut.value:
        yield f"the model knew the bars until {_minute(bundle.cut.value)}: this prediction is not out of sample"
    recent = stamps[-RECENT:].tolist()
    longest = max((after - before for before, after in pairwise(recent)), default=math.inf)
    if now is not None and now.value - last > STALE * longest:
        yield f"the last bar is of {_minute(last)}, {(now.value - last) // DAY} days ago: fetch newer data"
    if last > (time_ns() if now is None else now.value):
        yield "the last bar has not closed yet: its prices are not final"


def _last_stamp(times: pd.DatetimeIndex) -> int:
    """The last of some times in nanoseconds; a ``pd.Timestamp`` would take ten times as long."""
    return pd.Timedelta(int(times.asi8[-1]), times.unit).value if times.unit != "ns" else int(times.asi8[-1])


def _minute(stamp: int) -> str:
    return f"{pd.Timestamp(stamp, tz='UTC'):%Y-%m-%d %H:%M} UTC"
