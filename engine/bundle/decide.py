"""The decisions of a bundle at the last bar of a market: predictions, sides, sizes, warnings."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from core.errors import DataError
from core.types import Market, Vector
from signals.confidence.constant import Constant
from signals.folds.fit_at_cut import panel_of, window_of
from signals.folds.fit_fold import answer
from signals.models.base import RuleModel
from signals.panel import Panel
from strategies.base import CrossSectional

from .sizes import Size, size_of
from .trained import BundleContent, Part, alone, columns_of, last_rows, part_of

CONTEXT = 512
"""Rows that a model is handed at first; only networks look at more than one."""
FLAT = Size(0.0, 0.0, math.nan, math.nan)


@dataclass(frozen=True)
class Held:
    """A position in a symbol.

    Attributes
    ----------
    side : 1 long, -1 short, 0 flat.
    held : bars of the symbol in a row at whose close it was on this side, the last bar included.
    """

    side: int = 0
    held: int = 0


@dataclass(frozen=True)
class Decision:
    """The decision on one symbol at its last bar.

    Attributes
    ----------
    symbol : its name.
    time : the close of the bar.
    prediction : expected return over the label's horizon, a fraction (a rule: a signed strength); NaN: no opinion.
    low, high : interval of the prediction; NaN where the confidence gives none.
    confidence : in [0, 1]; NaN where the prediction is.
    side : to be on after the bar: 1, -1 or 0.
    value : money that the risk rule gives the position, account currency; 0 for flat.
    units : the same in whole lots at the bar's close, signed.
    stop, target : prices of the protective orders; NaN for none.
    close : of the bar, quote currency.
    warnings : what makes the decision less certain than the backtest's.
    """

    symbol: str
    time: pd.Timestamp
    prediction: float
    low: float
    high: float
    confidence: float
    side: int
    value: float
    units: float
    stop: float
    target: float
    close: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decisions:
    """The decisions on all symbols.

    Attributes
    ----------
    time : the latest bar of the market.
    account : the account value that the sizes are of.
    rows : by symbol, in the bundle's order.
    warnings : about the bundle as a whole.
    """

    time: pd.Timestamp
    account: float
    rows: tuple[Decision, ...]
    warnings: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row a symbol."""
        frame = pd.DataFrame([asdict(row) for row in self.rows]).set_index("symbol")
        return frame.drop(columns="warnings")

    def dump(self) -> dict[str, Any]:
        """Plain JSON values; an unknown number is null."""
        rows = [
            {name: _json(value) for name, value in asdict(row).items()} | {"warnings": list(row.warnings)}
            for row in self.rows
        ]
        return {
            "time": self.time.isoformat(),
            "account": self.account,
            "decisions": rows,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class _Forecast:
    """A symbol's prediction at its last bar, and the warnings on its inputs."""

    prediction: float
    confidence: float
    half_width: float
    warnings: tuple[str, ...] = ()


def decide(bundle: BundleContent, market: Market, *, account: float | None, holding: Mapping[str, Held]) -> Decisions:
    """See :meth:`engine.bundle.bundle.Bundle.decide`."""
    market = _known_symbols(bundle, market)
    money = bundle.rules.broker.cash if account is None else account
    forecasts = _rule_forecasts(bundle, market) if not bundle.parts else _forecasts(bundle, market)
    sides = _sides(bundle, market, forecasts, holding)
    rows = [_decision(bundle, market, symbol, forecasts[symbol], sides[symbol], money) for symbol in market.trade]
    return Decisions(market.times[-1], money, tuple(rows), tuple(_warnings(bundle, market)))


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
        prediction = float(model.signal(bars)[-1])
        forecasts[symbol] = _Forecast(prediction, math.nan if math.isnan(prediction) else value, math.nan)
    return forecasts


def _require_rows(symbol: str, count: int, needed: int, what: str) -> None:
    if count < needed:
        raise DataError(f"{symbol}: has {count} bars, but {what} needs at least {needed}; give a longer history")


def _forecasts(bundle: BundleContent, market: Market) -> dict[str, _Forecast]:
    signals = bundle.rules.signals
    for symbol in market.trade:
        _require_rows(symbol, len(market.bars[symbol]), signals.warmup_in(market, symbol) + 1, "the model")
    panel = panel_of(market, signals.training)
    if panel.names != bundle.contents.features:
        raise DataError(
            f"the features are {', '.join(panel.names)}; the model knows {', '.join(bundle.contents.features)}"
        )
    rows = last_rows(panel)
    return {symbol: _forecast(bundle, panel, symbol, rows[symbol]) for symbol in market.trade}


def _forecast(bundle: BundleContent, panel: Panel, symbol: str, row: int) -> _Forecast:
    part = part_of(bundle.parts, symbol)
    if part is None:
        reason = bundle.contents.untrained.get(symbol, "it was not trained on it")
        return _Forecast(math.nan, math.nan, math.nan, (f"no model of its own: {reason}",))
    rows = alone(panel, symbol)
    answers = _answers(bundle, rows.take(slice(-CONTEXT, None)), part)
    if np.isnan(answers["prediction"][0]) and len(rows) > CONTEXT:  # a model with a longer window
        answers = _answers(bundle, rows, part)
    warnings = tuple(_outside(panel, row, part))
    prediction, confidence, half_width = (
        float(answers[name][0]) for name in ("prediction", "confidence", "half_width")
    )
    forecast = _Forecast(prediction, confidence, half_width, warnings)
    if math.isnan(forecast.prediction):
        return _Forecast(math.nan, math.nan, math.nan, (*warnings, "too few rows for the model's window"))
    return forecast


def _answers(bundle: BundleContent, panel: Panel, part: Part) -> dict[str, Vector]:
    """The prediction of the last row of one symbol's rows."""
    last = np.array([len(panel) - 1])
    return columns_of(answer(bundle.rules.signals.training, window_of(panel), part.fitted, last))


def _outside(panel: Panel, row: int, part: Part) -> Iterator[str]:
    """The features whose value lies outside the training rows' range."""
    values = panel.X[row]
    for name, value, (low, high) in zip(panel.names, values, part.ranges, strict=True):
        if not low <= value <= high:
            yield f"{name} is {value:.6g}, outside the training range {low:.6g} to {high:.6g}"


def _sides(
    bundle: BundleContent, market: Market, forecasts: Mapping[str, _Forecast], holding: Mapping[str, Held]
) -> dict[str, int]:
    """The sides to be on: those of symbols without a new bar at the market's last time stay."""
    strategy = bundle.rules.strategy
    held = {symbol: holding.get(symbol, Held()) for symbol in market.trade}
    fresh = {symbol: market.bars[symbol].times[-1] == market.times[-1] for symbol in market.trade}
    if isinstance(strategy, CrossSectional):
        shown = [
            forecasts[symbol] if fresh[symbol] else _Forecast(math.nan, math.nan, math.nan) for symbol in market.trade
        ]
        prediction, confidence = (_column(shown, name) for name in ("prediction", "confidence"))
        sides = np.array([held[symbol].side for symbol in market.trade], dtype=np.int64)
        targets = type(strategy).rule(prediction, confidence, sides, strategy)
        return {symbol: int(side) for symbol, side in zip(market.trade, targets, strict=True)}
    return {
        symbol: _scalar_side(strategy, forecasts[symbol], held[symbol]) if fresh[symbol] else held[symbol].side
        for symbol in market.trade
    }


def _scalar_side(strategy: Any, forecast: _Forecast, held: Held) -> int:
    if math.isnan(forecast.prediction):
        return held.side
    return int(type(strategy).rule(forecast.prediction, forecast.confidence, held.side, held.held, strategy))


def _column(forecasts: list[_Forecast], name: str) -> Vector:
    return np.array([getattr(forecast, name) for forecast in forecasts], dtype=np.float64)


def _decision(
    bundle: BundleContent, market: Market, symbol: str, forecast: _Forecast, side: int, account: float
) -> Decision:
    bars = market.bars[symbol]
    size = size_of(bundle.rules, bars, side, forecast.confidence, account) if side else FLAT
    warnings = list(forecast.warnings)
    if bars.times[-1] < market.times[-1]:
        warnings.append(f"its last bar is of {bars.times[-1]:%Y-%m-%d %H:%M} UTC, before the others'")
    return Decision(
        symbol=symbol,
        time=bars.times[-1],
        prediction=forecast.prediction,
        low=forecast.prediction - forecast.half_width,
        high=forecast.prediction + forecast.half_width,
        confidence=forecast.confidence,
        side=side,
        value=size.value,
        units=size.units,
        stop=size.stop,
        target=size.target,
        close=float(bars.close[-1]),
        warnings=tuple(warnings),
    )


def _warnings(bundle: BundleContent, market: Market) -> Iterator[str]:
    """Warnings on the whole bundle: its age, and bars that are not finished."""
    age = int((market.times > bundle.cut).sum())
    valid_for = bundle.contents.valid_for
    if valid_for is not None and age >= valid_for:
        yield (f"the model is {age} bars old; the backtest replaced its models after {valid_for}: train it again")
    if market.times[-1] < bundle.cut:
        yield f"the model knew the bars until {bundle.cut:%Y-%m-%d %H:%M} UTC: this prediction is not out of sample"
    if market.times[-1] > pd.Timestamp.now("UTC"):
        yield "the last bar has not closed yet: its prices are not final"


def _json(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
