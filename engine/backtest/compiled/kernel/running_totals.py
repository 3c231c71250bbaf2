"""What is made of the account's values once a policy has been backtested. Compiled; plain Python.

Sums may be added up in another order than numpy's, so that several can be added at once: they agree to 1e-12.
"""

import math
from typing import Any

from .records import FILLS, REJECTIONS, TRADES, TURNOVER, KernelResult, Workspace

BLOCK = 16
TINY = 1e-18


def sum_up(number: int, space: Workspace, answer: KernelResult) -> None:
    """Write down what is wanted of the policy that was backtested last."""
    total, returns = answer.totals[number], space.spare
    to_returns(space.worth, returns)
    total.value, total.drawdown = space.worth[-1], deepest_fall(space.worth)
    total.mean = mean_of(returns)
    total.squares = squares_around(returns, total.mean)
    total.downside = squares_below(returns, answer.rate[0])
    flat = TINY * len(returns)
    # Only returns that hardly vary are compared with what rounding makes of them.
    total.extreme = largest(returns) if total.squares < flat or total.downside < flat else 0.0
    total.traded = space.tally[TURNOVER]
    total.fills, total.trades = int(space.tally[FILLS]), int(space.tally[TRADES])
    total.rejections = int(space.tally[REJECTIONS])
    if len(answer.curves):
        for day in range(len(space.worth)):
            answer.curves[number, day] = space.worth[day]
    for tail in range(len(answer.shares)):
        quantile, shortfall = tail_of(returns, answer.shares[tail])
        answer.tails[number, tail, 0], answer.tails[number, tail, 1] = quantile, shortfall
        to_returns(space.worth, returns)  # they were put into another order


def to_returns(worth: Any, returns: Any) -> None:
    """Simple returns of a path of values."""
    for day in range(len(returns)):
        returns[day] = worth[day + 1] / worth[day] - 1.0


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
        apart = returns[day] - mean
        total += apart * apart
    return total


def squares_below(returns: Any, rate: float) -> float:
    """The sum of squares of what is missing to a rate."""
    total = 0.0
    for day in range(len(returns)):
        below = min(returns[day] - rate, 0.0)
        total += below * below
    return total


def largest(returns: Any) -> float:
    """The largest absolute return."""
    found = 0.0
    for day in range(len(returns)):
        found = max(found, abs(returns[day]))
    return found


def deepest_fall(worth: Any) -> float:
    """The lowest of value / highest value so far, minus 1.

    Whole blocks are passed over that hold no deeper fall even if their highest value had come first.
    """
    peak, low, first = worth[0], 1.0, 1
    while first < len(worth):
        size = min(BLOCK, len(worth) - first)
        top = bottom = worth[first]
        if size == BLOCK:  # a length that the compiler knows
            for day in range(BLOCK):
                top, bottom = max(top, worth[first + day]), min(bottom, worth[first + day])
        else:
            bottom = 0.0
        if bottom < low * max(peak, top):
            for day in range(first, first + size):
                peak = max(peak, worth[day])
                low = min(low, worth[day] / peak)
        peak = max(peak, top)
        first += size
    return low - 1.0


def tail_of(returns: Any, share: float) -> tuple[float, float]:
    """The historical value at risk, as numpy's linear quantile, and the mean of the returns at or below it.

    The returns are put into another order.
    """
    place = (len(returns) - 1) * share
    below = math.floor(place)
    part = place - below
    # Losses first: of an account that is seldom invested they are few, and the tail is among them.
    size = losses_first(returns)
    if below + 1 >= size:
        size = len(returns)
    low = select(returns, below, size)
    quantile = low
    if below + 1 < len(returns):
        high = returns[below + 1]
        for number in range(below + 2, size):
            high = min(high, returns[number])
        step = high - low
        quantile = low + step * part if part < 0.5 else high - step * (1.0 - part)
    total, count = 0.0, 0
    for number in range(size):
        if returns[number] <= quantile:
            total += returns[number]
            count += 1
    return quantile, min(total / count, quantile)


def losses_first(returns: Any) -> int:
    """Put the returns below 0 before all others; how many they are."""
    found = 0
    for day in range(len(returns)):
        value = returns[day]
        if value < 0.0:
            returns[day] = returns[found]
            returns[found] = value
            found += 1
    return found


def select(values: Any, rank: int, size: int) -> float:
    """The value of a rank among the first ``size``, 0 the lowest; lower ones stand before it then, higher ones after.

    References: Hoare (1961), *Algorithm 65: FIND*.
    """
    first, last = 0, size - 1
    while first < last:
        pivot = values[(first + last) // 2]
        left, right = first, last
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
