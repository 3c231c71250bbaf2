"""Predictions that were decided on the close of another bar than theirs: bars with a time that is a bar off.

Where an outcome is joined a session late, the predictions lose what skill they have. A model of an IC of 0.1 loses too
little to show within months. The closes that were decided on show it at the first bar, without any statistic.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import Market

TOLERANCE = 1e-9
"""Relative difference of two closes that are equal."""
Mask = npt.NDArray[np.bool_]


def differ(close: npt.ArrayLike, other: npt.ArrayLike) -> Mask:
    """True where two closes are not equal; False where either is unknown."""
    return np.asarray(np.abs(np.divide(close, other) - 1.0) > TOLERANCE)


def decided_on(rows: pd.DataFrame, market: Market, step: int) -> Mask:
    """(K,) True for predictions that were decided on the close ``step`` bars after theirs, -1 for the one before.

    Parameters
    ----------
    rows : symbol, as_of and the close that was decided on; at bars of the market.
    """
    matches = np.zeros(len(rows), dtype=bool)
    for symbol in rows["symbol"].unique():
        part = np.flatnonzero(rows["symbol"] == symbol)
        bars = market.bars[str(symbol)]
        other = bars.times.get_indexer(pd.DatetimeIndex(rows["as_of"].iloc[part])) + step
        in_market = (other >= 0) & (other < len(bars))
        part = part[in_market]
        matches[part] = ~differ(rows["close"].to_numpy()[part], bars.close[other[in_market]])
    return matches
