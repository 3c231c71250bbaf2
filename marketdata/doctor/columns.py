"""Columns that do not hold what their names say: returns, constants, opens that are closes, no volume."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from core.types import PRICES, Vector

from .finding import MAX_DATES, Finding, Series, bars, rows_of

SAME = 1e-4  # relative: an open so near the previous close is a fill at that close, whatever the slippage
ENOUGH = 20  # bars below which a share or a correlation means nothing
CORRELATED = 100_000  # bars that are enough for a correlation


def columns(series: Series) -> Iterator[Finding]:
    """All findings about columns."""
    for check in (_constant, _returns, _no_range, _constant_range, _volume_is_price, _zero_volume, _rounded):
        yield from check(series)
    if series.traded:
        yield from _stale_opens(series)


def _constant(series: Series) -> Iterator[Finding]:
    close = series.column("close")
    if len(close) > 1 and (close == close[0]).all():
        yield Finding("constant", f"the close is {close[0]:g} on every bar: its returns are all zero")


def _returns(series: Series) -> Iterator[Finding]:
    """Closes that are returns: the rank correlation of neighbours is high for prices and low for returns."""
    close = series.frame["close"].iloc[-CORRELATED:]
    if len(close) < ENOUGH or close.nunique() < ENOUGH:
        return
    correlation = close.rank().autocorr(1)
    if correlation < 0.5:
        text = f"closes look like returns, not prices (rank correlation of neighbours {correlation:.2f})"
        yield Finding("returns", text)


def _no_range(series: Series) -> Iterator[Finding]:
    """High and low are equal on most bars though the price moves."""
    flat = series.column("high") == series.column("low")
    moves = np.unique(series.column("close")[:1000]).size > ENOUGH // 2
    if len(series) >= ENOUGH and flat.mean() > 0.5 and moves:
        text = f"high and low are equal on {flat.mean():.0%} of bars: closes alone, so stops and targets see no range"
        yield Finding("no_range", text, "use bars with a high and a low", rows_of(flat)[:MAX_DATES])


def _constant_range(series: Series) -> Iterator[Finding]:
    """One high and one low in every row, above and below a close that moves."""
    if len(series) < ENOUGH or (series.column("close") == series.column("close")[0]).all():
        return
    names = [name for name in ("open", "high", "low") if (series.column(name) == series.column(name)[0]).all()]
    if names:
        text = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} the same on every bar, but the close moves"
        yield Finding("constant_column", text, "the columns are not what they say; state `columns` in the source")


def _volume_is_price(series: Series) -> Iterator[Finding]:
    volume = series.column("volume")
    inside = (volume >= series.column("low") * 0.9) & (volume <= series.column("high") * 1.1) & (volume > 0)
    if len(series) >= ENOUGH and inside.mean() > 0.8:
        text = f"volume lies within 10 % of the price on {inside.mean():.0%} of bars: it is a column of prices"
        yield Finding("volume_is_price", text, "state `columns: {volume: ...}` in the source")


def _zero_volume(series: Series) -> Iterator[Finding]:
    zero = series.column("volume") == 0
    count = int(zero.sum())
    if not count:
        return
    if count == len(series):
        yield Finding("zero_volume", "volume is 0 on every bar")
        return
    days = series.days[zero]
    listed = ", ".join(f"{day:%Y-%m-%d}" for day in days[:MAX_DATES])
    text = f"volume is 0 on {bars(count)}: {listed}{' ...' if count > MAX_DATES else ''}"
    yield Finding("zero_volume", text, rows=rows_of(zero))


def _stale_opens(series: Series) -> Iterator[Finding]:
    """Opens that equal the previous close, by calendar year: vendors change their data from one year to the next."""
    closes = series.column("close")[:-1]
    same = np.abs(series.column("open")[1:] - closes) <= SAME * closes
    if not same.any():
        return
    year = series.days.year.to_numpy()[1:]
    counts = np.bincount(year)
    shares = np.bincount(year, weights=same) / np.maximum(counts, 1)
    years = np.flatnonzero((shares > 0.5) & (counts >= ENOUGH)).tolist()
    if years:
        opens = f"{same.mean():.0%} of opens are the previous close, in {_spans(years)} more than half"
        yield Finding("stale_opens", f"{opens}: a next-open fill there is a fill at the signal close")


def _spans(years: Iterable[int]) -> str:
    """1999, 2000, 2001, 2004 as ``1999-2001, 2004``."""
    years = list(years)
    starts = [index for index in range(1, len(years)) if years[index] > years[index - 1] + 1]
    runs = [years[first:end] for first, end in pairwise([0, *starts, len(years)])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _rounded(series: Series) -> Iterator[Finding]:
    """Bars whose prices contradict each other within the tolerance of `marketdata.validation`."""
    opened, highest, lowest, close = (series.column(name) for name in PRICES)
    high: Vector = np.maximum(np.maximum(opened, close), lowest)
    low: Vector = np.minimum(np.minimum(opened, close), highest)
    wrong = (highest < high) | (lowest > low)
    count = int(wrong.sum())
    if count:
        text = f"open or close lies outside low to high by a rounding error on {bars(count)}"
        yield Finding("rounding", text, rows=rows_of(wrong))
