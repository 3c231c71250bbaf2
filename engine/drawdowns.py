"""Drawdowns of a series of returns: how far below its last high the account stood, and for how long."""

import numpy as np
import pandas as pd

COLUMNS = {
    "start": "datetime64[ns]",
    "valley": "datetime64[ns]",
    "end": "datetime64[ns]",
    "depth": "float64",
    "days": "int64",
}


def under_water(returns: pd.Series) -> pd.Series:
    """Wealth / highest wealth so far - 1, from a wealth of 1 before the first return; 0 or negative.

    Parameters
    ----------
    returns : (T,) simple returns by session, finite, at least -1.
    """
    wealth = (1.0 + returns).cumprod()
    return wealth / wealth.cummax().clip(lower=1.0) - 1.0


def stretches(returns: pd.Series) -> pd.DataFrame:
    """Every drawdown, in order of time.

    Returns
    -------
    Columns: `start` (the first session below the high), `valley` (the lowest), `end` (the session that reached the high
    again; NaT while it has not), `depth` (a fraction, negative), `days` (calendar days from start to end, or to the
    last session).
    """
    water = under_water(returns)
    below = water.to_numpy() < 0.0
    edges = np.diff(below.astype(np.int8), prepend=0, append=0)
    first, after = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    rows = [_stretch(water, int(start), int(stop)) for start, stop in zip(first, after, strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _stretch(water: pd.Series, start: int, stop: int) -> tuple[object, ...]:
    part, recovered = water.iloc[start:stop], stop < len(water)
    last = water.index[stop if recovered else stop - 1]
    end = last if recovered else pd.NaT
    return part.index[0], part.idxmin(), end, float(part.min()), (last - part.index[0]).days
