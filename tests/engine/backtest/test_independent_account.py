"""A whole run against an account kept by hand: plain Python and pandas, no backtrader."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.pipeline import compute
from engine.sweep.load_config import load

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
COMMISSION, SLIPPAGE, INTEREST = 0.001, 0.0005, 0.03


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    path = Path(find_spec("arch").origin).parent / "data" / "nasdaq" / "nasdaq.csv.gz"
    with gzip.open(path, "rt") as file:
        frame = pd.read_csv(file)
    return frame.set_index(pd.to_datetime(frame["Date"], format="mixed"))


class Account:
    """Cash, one position, and the costs as the docs word them."""

    def __init__(self, cash: float) -> None:
        self.cash = cash
        self.units = 0.0
        self.entry = 0.0
        self.fills = []

    def trade(self, units: float, open_price: float) -> None:
        price = open_price * (1 + SLIPPAGE if units > 0 else 1 - SLIPPAGE)
        self.cash -= units * price + abs(units) * price * COMMISSION
        self.units += units
        self.entry = price if self.units else 0.0
        self.fills.append((units, price))

    def pay_interest(self, days: int) -> None:
        if self.units < 0:
            self.cash -= days * INTEREST / 365 * abs(self.units) * self.entry

    def value(self, price: float) -> float:
        return self.cash + self.units * price


def by_hand(
    prices: pd.DataFrame, side: list[int], start: int, base: float, cap: float
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Equity at each close from row ``start`` on; ``side`` is the wanted side after each close."""
    account = Account(10_000.0)
    equity = []
    decision = (0, 0.0)
    for row in range(start, len(prices)):
        bar = prices.iloc[row]
        if row > start:
            account.pay_interest((prices.index[row] - prices.index[row - 1]).days)
            target, units = decision
            if target != np.sign(account.units):
                if account.units:
                    account.trade(-account.units, bar["Open"])
                if target:
                    max_units = cap * account.value(bar["Open"]) / (bar["Open"] * (1 + target * SLIPPAGE))
                    account.trade(target * min(units, max_units), bar["Open"])
        equity.append(account.value(bar["Close"]))
        decision = (side[row], base * equity[-1] / bar["Close"])
    return np.array(equity), account.fills


def cross(close: pd.Series) -> tuple[list[int], int]:
    fast = close.rolling(20).mean()
    slow = close.rolling(50).mean()
    return [int(value) for value in np.sign((fast - slow).fillna(0.0))], 49


@pytest.mark.slow
@pytest.mark.parametrize(("name", "base", "cap"), [("sma_cross", 0.02, 0.05), ("buy_and_hold", 0.95, 0.95)])
def test_a_run_equals_an_account_kept_by_hand(prices, name, base, cap):
    side, start = cross(prices["Close"]) if name == "sma_cross" else ([1] * len(prices), 0)
    equity, fills = by_hand(prices, side, start, base, cap)
    result = compute(load(CONFIGS / f"{name}.yaml")).result
    np.testing.assert_allclose(result.equity["equity"], equity, rtol=1e-10)
    assert len(result.fills) == len(fills)
    np.testing.assert_allclose(result.fills[["size", "price"]], fills, rtol=1e-10)
