"""Warnings about a sound table: values that are possible, but more often a mistake than a market.

Each check is a function of a checked frame whose index is the bars' sessions; `CHECKS` lists them. They look at the
configured span alone; the run goes on, and the run folder holds the warnings.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pandas as pd

from core.types import PRICES, Vector

JUMP = 1.9
"""A factor between neighbouring bars that a split or a typo explains better than a market; a 2:1 split reaches it."""
GAP = 30  # days
SAME = 1e-4  # relative: an open so near the previous close is a fill at that close, whatever the slippage
ENOUGH = 20  # bars below which a share or a correlation means nothing
CORRELATED = 100_000  # bars that are enough for a correlation
SEVERAL = 3  # bars of a session within the day
FEW = 5  # dates that are listed instead of counted

DataWarning = Callable[[pd.DataFrame], str | None]


def data_warnings(frame: pd.DataFrame, *, traded: bool = True) -> list[str]:
    """All warnings about one symbol's bars, one line each.

    Parameters
    ----------
    frame : float64 columns `core.types.COLUMNS`; index: naive midnights, one a bar, equal for bars of one day.
    traded : orders are filled at its opens; if not, the opens are not checked.
    """
    return [text for check in CHECKS if (traded or check is not _stale_opens) and (text := check(frame))]


def _jump(frame: pd.DataFrame) -> str | None:
    """A bar that reaches far beyond the close before it: one bar x100 or /100, a split that was not adjusted."""
    close = frame["close"].to_numpy()
    before = np.r_[close[:1], close[:-1]]
    factor = np.maximum(frame["high"].to_numpy(), before) / np.minimum(frame["low"].to_numpy(), before)
    wide = np.flatnonzero(factor >= JUMP)
    if not len(wide):
        return None
    more = f" and on {_bars(len(wide) - 1)} more" if len(wide) > 1 else ""
    first = f"{_days(frame.index)[wide[0]]:%Y-%m-%d}"
    return f"the price jumps by a factor of {factor[wide[0]]:.4g} on {first}{more}: a split or a typo?"


def _gap(frame: pd.DataFrame) -> str | None:
    days = _days(frame.index)
    steps = np.diff(days.as_unit("s").asi8) / 86_400
    wide = np.flatnonzero(steps > max(GAP, 3 * float(np.median(steps)))) if len(steps) else ()
    if not len(wide):
        return None
    last = int(steps.argmax())
    count = f"{len(wide)} gap{'s' if len(wide) > 1 else ''} of more than {GAP} days"
    return f"{count}, the longest {steps[last]:.0f} days from {days[last]:%Y-%m-%d} to {days[last + 1]:%Y-%m-%d}"


def _constant(frame: pd.DataFrame) -> str | None:
    close = frame["close"]
    if len(close) > 1 and (close == close.iloc[0]).all():
        return f"the close is {close.iloc[0]:g} on every bar: its returns are all zero"
    return None


def _returns(frame: pd.DataFrame) -> str | None:
    """Closes that are returns: the rank correlation of neighbours is high for prices and low for returns."""
    close = frame["close"].iloc[-CORRELATED:]
    if len(close) < ENOUGH or close.nunique() < ENOUGH:
        return None
    correlation = close.rank().autocorr(1)
    if correlation < 0.5:
        return f"closes look like returns, not prices (rank correlation of neighbours {correlation:.2f})"
    return None


def _zero_volume(frame: pd.DataFrame) -> str | None:
    days = _days(frame.index[frame["volume"] == 0])
    if not len(days):
        return None
    if len(days) == len(frame):
        return "volume is 0 on every bar"
    dates = ", ".join(f"{day:%Y-%m-%d}" for day in days[:FEW])
    return f"volume is 0 on {_bars(len(days))}: {dates}{' ...' if len(days) > FEW else ''}"


def _stale_opens(frame: pd.DataFrame) -> str | None:
    """Opens that equal the previous close, by calendar year: vendors change their data from one year to the next."""
    close = frame["close"].to_numpy()
    same = np.abs(frame["open"].to_numpy()[1:] / close[:-1] - 1) <= SAME
    if not same.any():
        return None
    year = _days(frame.index).year.to_numpy()[1:]
    counts = np.bincount(year)
    shares = np.bincount(year, weights=same) / np.maximum(counts, 1)
    years = np.flatnonzero((shares > 0.5) & (counts >= ENOUGH)).tolist()
    if not years:
        return None
    opens = f"{same.mean():.0%} of opens are the previous close, in {_spans(years)} more than half"
    return f"{opens}: a next-open fill there is a fill at the signal close"


def _spans(years: Iterable[int]) -> str:
    """1999, 2000, 2001, 2004 as ``1999-2001, 2004``."""
    years = list(years)
    starts = [index for index in range(1, len(years)) if years[index] > years[index - 1] + 1]
    runs = [years[first:end] for first, end in pairwise([0, *starts, len(years)])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _rounded(frame: pd.DataFrame) -> str | None:
    """Bars whose prices contradict each other within the checks' tolerance."""
    opened, highest, lowest, close = (frame[name].to_numpy() for name in PRICES)
    high: Vector = np.maximum(np.maximum(opened, close), lowest)
    low: Vector = np.minimum(np.minimum(opened, close), highest)
    count = int(((highest < high) | (lowest > low)).sum())
    return f"open or close lies outside low to high by a rounding error on {_bars(count)}" if count else None


def _mixed_sizes(frame: pd.DataFrame) -> str | None:
    """Sessions of one bar beside sessions of many, one stretch after the other: two files in one."""
    counts = frame.groupby(level=0).size()
    if len(counts) < ENOUGH or counts.max() < SEVERAL:
        return None
    single = (counts == 1).to_numpy()
    changes = int((np.diff(single.astype(int)) != 0).sum())
    if not (FEW < single.sum() < len(counts) - FEW) or changes > 2:
        return None
    days = _days(counts.index)
    change = int(np.flatnonzero(np.diff(single.astype(int)))[0]) + 1
    usual = int(counts[~single].median())
    return (
        f"bar sizes are mixed: {int(single.sum())} sessions have one bar, {int((~single).sum())} have {usual}; the "
        f"size changes on {days[change]:%Y-%m-%d}: cut it off with data.start or data.end"
    )


def _days(index: pd.Index) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(index)


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count} bars"


CHECKS: tuple[DataWarning, ...] = (_jump, _gap, _constant, _returns, _zero_volume, _stale_opens, _rounded, _mixed_sizes)
