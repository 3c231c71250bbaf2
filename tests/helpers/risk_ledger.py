"""Base of the independent account of risk_oracle.py: money, prices of stops and targets, average ranges.

Sizes are signed units, a bar is (open, high, low, close).
"""

from dataclasses import dataclass
from itertools import pairwise
from math import copysign, floor, nan
from typing import Any

ROUNDING = 1e-9
"""A size this much below a whole number of lots is that number: what is missing is the rounding of sums."""


@dataclass
class Trade:
    """One stretch of a symbol between flat and flat; ``pnl`` is net of commission and interest."""

    symbol: str
    entered: Any
    exited: Any = None
    reason: str = "open"
    pnl: float = 0.0


class Ledger:
    """Cash, positions and what they cost."""

    def __init__(self, symbols, broker):
        self.broker = broker
        self.cash = broker.cash
        self.held, self.entry, self.marks = (dict.fromkeys(symbols, 0.0) for _ in range(3))
        self.fills = []
        self.trades = []
        self.open_trades = {}
        self.clocks = {}
        self.costs = dict.fromkeys(("commission", "slippage", "short_interest", "cash_interest"), 0.0)

    def value(self):
        return self.cash + sum(units * self.marks[symbol] for symbol, units in self.held.items() if units)

    def mark(self, new, column):
        self.marks.update({symbol: bar[column] for symbol, bar in new.items()})

    def side(self, symbol):
        return (self.held[symbol] > 0) - (self.held[symbol] < 0)

    def pay(self, kind, amount):
        self.costs[kind] += amount
        self.cash -= amount

    def pay_interest(self, time, new):
        """Cash first, then each short with a new bar: the words do not say which; it is cents of cents."""
        owed = {symbol: -units * self.entry[symbol] for symbol, units in self.held.items() if units < 0}
        idle = max(self.cash - sum(owed.values()), 0.0)
        self.pay("cash_interest", -self.days("", time) * self.broker.cash_interest / 365 * idle)
        for symbol in new:
            due = self.days(symbol, time) * self.broker.short_interest / 365 * owed.get(symbol, 0.0)
            self.pay("short_interest", due)
            if due:
                self.open_trades[symbol].pnl -= due

    def days(self, clock, time):
        """Calendar days since this clock was last read."""
        before = self.clocks.get(clock, time)
        self.clocks[clock] = time
        return (time.normalize() - before.normalize()).days

    def slipped(self, price, size):
        return price * (1 + copysign(self.broker.slippage, size))

    def rate(self, price):
        return self.broker.commission * price + self.broker.commission_per_unit

    def units_for_loss(self, side, entry, stop, budget):
        """The most units whose loss at the stop is within a budget.

        Each end costs the rate or the minimum, whichever is more: the loss is the largest of four straight lines.
        """
        left = self.slipped(stop, -side)
        ends = [((self.rate(price), 0.0), (0.0, self.broker.commission_minimum)) for price in (entry, left)]
        move = side * (entry - left)
        return min((budget - a[1] - b[1]) / (move + a[0] + b[0]) for a in ends[0] for b in ends[1])

    def whole_lots(self, units):
        return max(floor(units / self.broker.lot + ROUNDING) * self.broker.lot if self.broker.lot else units, 0.0)

    def fill(self, time, symbol, kind, size, price, quoted, exit_reason):
        before = self.held[symbol]
        after = self.held[symbol] + size
        if not before:
            self.open_trades[symbol] = Trade(symbol, time)
            self.trades.append(self.open_trades[symbol])
        if before * size >= 0:
            self.entry[symbol] = (before * self.entry[symbol] + size * price) / after
        commission = max(abs(size) * self.rate(price), self.broker.commission_minimum)
        self.pay("commission", commission)
        self.costs["slippage"] += abs(size) * abs(price - quoted)
        self.cash -= size * price
        self.open_trades[symbol].pnl -= size * price + commission
        self.held[symbol] = after
        self.fills.append((time, symbol, kind, size, price, commission))
        if not after:
            trade = self.open_trades.pop(symbol)
            trade.exited = time
            trade.reason = exit_reason


def stop_price(stop, held, bar):
    """The market's price at which a stop is hit, before slippage: the open if that is beyond it; None if it is not."""
    side = copysign(1, held)
    worst = bar[2] if held > 0 else bar[1]
    if side * (bar[0] - stop) <= 0:
        return bar[0]
    return stop if side * (worst - stop) <= 0 else None


def target_price(target, held, bar):
    """The market's price at which a target is reached: the open if that is better; None if it is not."""
    side = copysign(1, held)
    best = bar[1] if held > 0 else bar[2]
    if side * (bar[0] - target) >= 0:
        return bar[0]
    return target if side * (best - target) >= 0 else None


class Series:
    """One symbol's bars by time."""

    def __init__(self, bars):
        columns = (column.tolist() for column in (bars.open, bars.high, bars.low, bars.close))
        self.bars = dict(zip(bars.times, zip(*columns, strict=True), strict=True))

    def distance(self, spec, time, close):
        """Distance of a stop or a target from a close; NaN without one, or as long as there is no average range."""
        if spec is None:
            return nan
        if "percent" in spec.kind:
            return spec.value * close
        return spec.multiple * self.average_true_range(time, spec.window)

    def average_true_range(self, time, window):
        """Wilder's: the mean of the first ``window`` ranges, then each new one with the weight 1 / window.

        A true range needs the close before it, so the first bar has none.
        """
        past = [bar for at, bar in self.bars.items() if at <= time]
        ranges = [max(bar[1], last[3]) - min(bar[2], last[3]) for last, bar in pairwise(past)]
        if len(ranges) < window:
            return nan
        average = sum(ranges[:window]) / window
        for latest in ranges[window:]:
            average += (latest - average) / window
        return average
