"""Moves of the price that a mistake explains better than a market: units, splits, spikes, jumps."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from core.types import Vector

from .finding import JUMP, Finding, Rows, Series, dates

UNIT = 100.0  # pounds and pence, dollars and cents
RATIOS = ("5:4", "4:3", "3:2", "2:1", "5:2", "3:1", "4:1", "5:1", "6:1", "7:1", "8:1", "10:1", "15:1", "20:1", "25:1")
SPLIT_TOLERANCE = 0.04  # log distance of an overnight move from a ratio
LONGEST = 10  # bars that a level may be off before it counts as the market's
AROUND = 10  # bars on each side whose own size of moves counts


def moves(series: Series) -> Iterator[Finding]:
    """All findings about moves; each move is named once, by the check that explains it best."""
    if len(series) < 2:
        return
    large = _large(series)
    units, spikes = _there_and_back(series, large)
    used = {row for pair in (*units, *spikes) for row in pair}
    one_way = [row for row in large.tolist() if row not in used and _is_unit(series.steps[row])]
    splits = {row: ratio for row in large.tolist() if row not in used and (ratio := _ratio(series, row))}
    yield from _unit_findings(series, units, [row for row in one_way if row not in splits])
    yield from _split_findings(series, splits)
    yield from _spike_findings(series, spikes)
    yield from _jumps(series, used | set(one_way) | set(splits))


def _large(series: Series) -> Rows:
    """The steps beyond the series' tail and beyond that of the bars around them."""
    sizes = np.abs(series.steps)
    candidates = np.flatnonzero(sizes > series.tail)
    return np.array([row for row in candidates.tolist() if sizes[row] > 4 * _local(sizes, row)], dtype=np.intp)


def _local(sizes: Vector, row: int) -> float:
    return float(np.median(sizes[max(0, row - AROUND) : row + AROUND + 1]))


def _is_unit(step: float) -> bool:
    return bool(abs(abs(step) - np.log(UNIT)) < 0.15)


def _there_and_back(series: Series, large: Rows) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs of steps of which the second takes the first back: of a factor of 100, however far apart; and others."""
    units: list[tuple[int, int]] = []
    spikes: list[tuple[int, int]] = []
    steps = series.steps
    unit_rows = [row for row in large.tolist() if _is_unit(steps[row])]
    for first, second in pairwise(unit_rows):
        if steps[first] * steps[second] < 0 and (not units or units[-1][1] != first):
            units.append((first, second))
    paired = {row for pair in units for row in pair}
    rows = [row for row in large.tolist() if row not in paired]
    position = 0
    while position < len(rows) - 1:
        first, second = rows[position : position + 2]
        together = abs(steps[first] + steps[second])
        if second - first <= LONGEST and together < 0.25 * min(abs(steps[first]), abs(steps[second])):
            spikes.append((first, second))
        else:
            position -= 1
        position += 2
    return units, spikes


def _ratio(series: Series, row: int) -> str:
    """The ratio of a split that an overnight move looks like; empty if it is none.

    The open has moved by the ratio, the bar itself is an ordinary one, and the price stays.
    """
    gap = series.gaps[row]
    size = abs(gap)
    if size < np.log(1.2) or abs(series.steps[row] - gap) > series.tail:
        return ""
    distances = {ratio: abs(size - np.log(_factor(ratio))) for ratio in RATIOS}
    ratio = min(distances, key=lambda name: distances[name])
    if distances[ratio] > SPLIT_TOLERANCE:
        return ""
    return ratio if gap < 0 else ":".join(reversed(ratio.split(":")))


def _factor(ratio: str) -> float:
    new, old = map(float, ratio.split(":"))
    return new / old


def _unit_findings(series: Series, pairs: list[tuple[int, int]], single: list[int]) -> Iterator[Finding]:
    if pairs:
        rows = [first + 1 for first, _ in pairs]
        first, second = pairs[0]
        closes = series.column("close")
        yield Finding(
            "unit_error",
            f"the close goes from {closes[first]:g} to {closes[first + 1]:g} on {series.dates(rows)} and back on "
            f"{series.dates([pair[1] + 1 for pair in pairs])}: a factor of 100 there and back is a unit (pence, cents)",
            f"bring the bars from {series.days[first + 1]:%Y-%m-%d} to {series.days[second]:%Y-%m-%d} to the unit of "
            "the others, or remove them",
            tuple(rows),
            "refuse",
        )
    if single:
        rows = [row + 1 for row in single]
        yield Finding(
            "unit_change",
            f"the price changes by a factor of 100 on {series.dates(rows)} and stays: another unit (pence, cents)?",
            "bring all rows to one unit",
            tuple(rows),
        )


def _split_findings(series: Series, splits: dict[int, str]) -> Iterator[Finding]:
    if splits:
        listed = ", ".join(f"{ratio} on {series.days[row + 1]:%Y-%m-%d}" for row, ratio in splits.items())
        yield Finding(
            "split",
            f"the price moves overnight as by an unadjusted split: {listed}",
            "use adjusted prices (`adjust: true` if the file has adjusted closes)",
            tuple(row + 1 for row in splits),
        )


def _spike_findings(series: Series, spikes: list[tuple[int, int]]) -> Iterator[Finding]:
    if not spikes:
        return
    sizes = [abs(series.steps[first]) for first, _ in spikes]
    order = np.argsort(sizes)[::-1]
    rows = [spikes[position][0] + 1 for position in order]
    lengths = max(second - first for first, second in spikes)
    worst = spikes[int(order[0])][0]
    closes = series.column("close")
    yield Finding(
        "spike",
        f"the close leaves its level and returns within {lengths} bar{'s' if lengths > 1 else ''}, {len(spikes)} x, "
        f"the largest {closes[worst]:g} to {closes[worst + 1]:g}: {series.dates(rows)}",
        "compare with another vendor",
        tuple(rows),
    )


def _jumps(series: Series, explained: set[int]) -> Iterator[Finding]:
    """Bars that reach far beyond the close before them and that nothing above explains."""
    close = series.column("close")
    before = np.r_[close[:1], close[:-1]]
    # Logs: the ratio of a usual price to the smallest number of a float is more than the largest one.
    size = np.log(np.maximum(series.column("high"), before)) - np.log(np.minimum(series.column("low"), before))
    wide = np.array(
        [row for row in np.flatnonzero(size >= np.log(JUMP)).tolist() if row - 1 not in explained], dtype=np.intp
    )
    if not len(wide):
        return
    largest = np.exp(min(size.max(), 700.0))
    order = wide[np.argsort(-size[wide], kind="stable")]
    more = f"; {len(wide)} such bars: {dates(series.days[wide])}" if len(wide) > 1 else ""
    yield Finding(
        "jump",
        f"the price jumps by a factor of {largest:.4g} on {series.days[order[0]]:%Y-%m-%d}{more}: a split or a typo?",
        rows=tuple(order.tolist()),
    )
