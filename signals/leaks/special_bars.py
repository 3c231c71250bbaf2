"""Bars at which data are filled, revised or stamped wrongly: month ends, holes, session breaks, headlines."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.types import Market, Rows


def special_bars(market: Market) -> Rows:
    """Indices into the market's common times, increasing.

    The last bar of each month; the bars before and after a hole: a pause longer than usual after a bar of that weekday
    or, of bars within the day, than usual; the bars before and after a session break, of bars within the day; the bars
    before a headline.
    """
    times = market.times
    if len(times) < 2:
        return np.empty(0, dtype=np.intp)
    days = sessions(times, market.zone)
    months = np.asarray(days.year * 12 + days.month)
    before = [np.flatnonzero(np.diff(months))]
    breaks = np.flatnonzero(_pauses(times, days))
    before += [breaks, breaks + 1, _before_headlines(market)]
    return np.unique(np.concatenate(before)).astype(np.intp)


def _pauses(times: pd.DatetimeIndex, days: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """(T - 1,) True where a hole or a session break follows the bar."""
    if not days.is_unique:
        gaps = np.diff(times.as_unit("s").asi8)
        return np.asarray((gaps > 1.5 * np.median(gaps)) | np.asarray(days[1:] != days[:-1]))
    pauses = pd.Series(np.diff(days.as_unit("s").asi8))
    return np.asarray(pauses > pauses.groupby(np.asarray(days.day_of_week)[:-1]).transform("median"))


def _before_headlines(market: Market) -> Rows:
    if market.news is None:
        return np.empty(0, dtype=np.intp)
    bars = np.unique(market.times.searchsorted(market.news.known_at, side="left")) - 1
    return bars[(bars >= 0) & (bars < len(market.times) - 1)].astype(np.intp)
