"""Moments and tails of the daily returns of a policy that has been backtested. Compiled; plain Python.

Sums may be added up in another order than numpy's, so that several can be added at once: they agree to 1e-12.
"""

import math
from typing import Any

from engine.backtest.compiled.codes import FILLS, REJECTIONS, SHORTFALL, TRADES, TURNOVER, VALUE_AT_RISK

from .records import KernelResult, Workspace

BLOCK = 16
TINY = 1e-18


def sum_up(index: int, workspace: Workspace, result: KernelResult) -> None:
    """Write the totals of the policy that was backtested last."""
    total = result.totals[index]
    equity = workspace.session_equity
    returns = workspace.session_returns
    to_returns(equity, returns)
    total.value = equity[-1]
    total.drawdown = deepest_fall(equity)
    total.mean = mean_of(returns)
    total.squares = squares_around(returns, total.mean)
    total.downside = squares_below(returns, result.risk_free)
    flat = TINY * len(returns)
    # Only returns that hardly vary are compared with their rounding errors.
    total.extreme = largest(returns) if total.squares < flat or total.downside < flat else 0.0
    total.traded = workspace.counters[TURNOVER]
    total.fills = int(workspace.counters[FILLS])
    total.trades = int(workspace.counters[TRADES])
    total.rejections = int(workspace.counters[REJECTIONS])
    if len(result.curves):
        for day in range(len(equity)):
            result.curves[index, day] = equity[day]
    for tail in range(len(result.tail_probabilities)):
        quantile, shortfall = tail_of(returns, result.tail_probabilities[tail])
        result.tails[index, tail, VALUE_AT_RISK] = quantile
        result.tails[index, tail, SHORTFALL] = shortfall
        to_returns(equity, returns)  # they were put into another order


def to_returns(equity: Any, returns: Any) -> None:
    """Simple returns of a path of values."""
    for day in range(len(returns)):
        returns[day] = equity[day + 1] / equity[day] - 1.0


def mean_of(returns: Any) -> float:
    """The mean."""
    total = 0.0
    for day in range(len(returns)):
        total += returns[day]
    return total / len(returns)


def squares_around(returns: Any, mean: float) -> float:
    """The sum of squares around the mean."""
    total = 0.0
    for day in range(len(returns)):
        distance = returns[day] - mean
        total += distance * distance
    return total


def squares_below(returns: Any, rate: float) -> float:
    """The sum of squares of the shortfalls to a rate."""
    total = 0.0
    for day in range(len(returns)):
        below = min(returns[day] - rate, 0.0)
        total += below * below
    return total


def largest(returns: Any) -> float:
    """The largest absolute return."""
    extreme = 0.0
    for day in range(len(returns)):
        extreme = max(extreme, abs(returns[day]))
    return extreme


def deepest_fall(equity: Any) -> float:
    """The lowest of value / highest value so far, minus 1.

    Whole blocks are passed over that hold no deeper fall even if their highest value had come first.
    """
    peak = equity[0]
    low = 1.0
    first = 1
    while first < len(equity):
        size = min(BLOCK, len(equity) - first)
        top = bottom = equity[first]
        if size == BLOCK:  # a length that the compiler knows
            for day in range(BLOCK):
                top = max(top, equity[first + day])
                bottom = min(bottom, equity[first + day])
        else:
            bottom = 0.0
        if bottom < low * max(peak, top):
            for day in range(first, first + size):
                peak = max(peak, equity[day])
                low = min(low, equity[day] / peak)
        peak = max(peak, top)
        first += size
    return low - 1.0


def tail_of(returns: Any, probability: float) -> tuple[float, float]:
    """The historical value at risk, as numpy's linear quantile, and the mean of the returns at or below it.

    The returns are put into another order.
    """
    rank = (len(returns) - 1) * probability
    below = math.floor(rank)
    fraction = rank - below
    # Losses first: of an account that is seldom invested they are few, and the tail is among them.
    size = losses_first(returns)
    if below + 1 >= size:
        size = len(returns)
    low = select(returns, below, size)
    quantile = low
    if below + 1 < len(returns):
        high = returns[below + 1]
        for day in range(below + 2, size):
            high = min(high, returns[day])
        step = high - low
        quantile = low + step * fraction if fraction < 0.5 else high - step * (1.0 - fraction)
    total, count = 0.0, 0
    for day in range(size):
        if returns[day] <= quantile:
            total += returns[day]
            count += 1
    return quantile, min(total / count, quantile)


def losses_first(returns: Any) -> int:
    """Put the returns below 0 before all others; their number."""
    losses = 0
    for day in range(len(returns)):
        value = returns[day]
        if value < 0.0:
            returns[day] = returns[losses]
            returns[losses] = value
            losses += 1
    return losses


def select(values: Any, rank: int, size: int) -> float:
    """The value of a rank among the first ``size``, 0 the lowest; lower ones stand before it then, higher ones after.

    References: Hoare (1961), *Algorithm 65: FIND*.
    """
    first = 0
    last = size - 1
    while first < last:
        pivot = values[(first + last) // 2]
        left = first
        right = last
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            last = right
        elif rank >= left:
            first = left
        else:
            break
    return values[rank]
