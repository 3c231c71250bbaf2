"""Decisions of a model at the last bar of a market: one for each symbol."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd


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
    weight : the part of the risk rule's size, from 0 to 1.
    reason : in the strategy's words, as in the table of orders; empty where nothing is decided.
    state : the rule's own numbers, for ``Held.state`` of the next bar.
    entry : price of the entry's order; NaN for a market order.
    value : money that the risk rule gives the position, account currency; 0 for flat.
    units : the same in whole lots at the bar's close, signed.
    stop, target : prices of the protective orders; NaN for none.
    close : of the bar, quote currency.
    features : by name, the inputs of the model at the bar, in its order; empty for a rule.
    warnings : what makes the decision less certain than the backtest's.
    """

    symbol: str
    time: pd.Timestamp
    prediction: float
    low: float
    high: float
    confidence: float
    side: int
    weight: float
    reason: str
    state: Mapping[str, float]
    entry: float
    value: float
    units: float
    stop: float
    target: float
    close: float
    features: Mapping[str, float] = field(default_factory=dict)
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
        return frame.drop(columns=["features", "warnings"])

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


def _json(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _json(number) for name, number in value.items()}
    return value
