"""Drawdowns of a dated series of returns: the stretches of :mod:`risk.measures._drawdowns` with their days."""

import pandas as pd

from risk.measures import _drawdowns

COLUMNS = {
    "start": "datetime64[ns]",
    "valley": "datetime64[ns]",
    "end": "datetime64[ns]",
    "depth": "float64",
    "sessions": "int64",
}


def under_water(returns: pd.Series) -> pd.Series:
    """Wealth / highest wealth so far - 1, from a wealth of 1 before the first return; 0 or negative.

    Parameters
    ----------
    returns : (T,) simple returns by session, finite, at least -1.
    """
    return pd.Series(_drawdowns.under_water(returns.to_numpy()), index=returns.index)


def stretches(returns: pd.Series) -> pd.DataFrame:
    """Every drawdown, in order of time.

    Returns
    -------
    Columns: `start` (the first session below the high), `valley` (the lowest), `end` (the session that reached the high
    again; NaT while it has not), `depth` (a fraction, negative), `sessions` (below the high, as
    :attr:`risk.measures._drawdowns.Stretches.length` counts them).
    """
    drawdowns = _drawdowns.stretches(returns.to_numpy())
    days = pd.DatetimeIndex(returns.index)
    last = days[drawdowns.end.clip(max=drawdowns.n - 1)]
    columns = {
        "start": days[drawdowns.first],
        "valley": days[drawdowns.valley],
        "end": last.where(drawdowns.end < drawdowns.n),
        "depth": drawdowns.depth,
        "sessions": drawdowns.length,
    }
    return pd.DataFrame(columns).astype(COLUMNS)
