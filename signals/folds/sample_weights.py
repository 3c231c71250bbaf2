"""Weights of training rows whose outcomes overlap."""

import numpy as np

from core.types import Rows, Vector, read_only
from signals.panel import Panel


def uniqueness(panel: Panel, rows: Rows) -> Vector:
    """Average uniqueness of some rows' labels among themselves.

    A label spans the bars after its decision up to the one at which it is known. At each bar it shares its outcome with
    all labels of the same symbol that span the bar; its uniqueness is the mean over its bars of 1 / their number.

    Parameters
    ----------
    rows : (K,) training rows, whose labels are known. No other row is used: what overlaps from outside the
        training rows may not be known yet.

    Returns
    -------
    (R,) one a row of the panel, 1 on average over ``rows``; 0 elsewhere.

    References
    ----------
    Lopez de Prado, M. (2018), Advances in Financial Machine Learning, sections 4.3 and 4.4.
    """
    weight = np.zeros(len(panel))
    for number in np.unique(panel.symbol[rows]):
        begin, end = np.searchsorted(panel.symbol, [number, number + 1])
        symbol_rows = rows[(rows >= begin) & (rows < end)]
        first = symbol_rows + 1 - begin
        last = np.searchsorted(panel.times[begin:end].asi8, panel.known_at[symbol_rows].asi8)
        weight[symbol_rows] = _mean_share(first, np.maximum(last, first), end - begin)
    weight[rows] /= weight[rows].mean()
    return read_only(weight)


def _mean_share(first: Rows, last: Rows, bars: int) -> Vector:
    """(K,) mean over the bars ``first .. last`` of each span of 1 / the number of spans that hold the bar."""
    edges = np.zeros(bars + 2)
    np.add.at(edges, first, 1)
    np.add.at(edges, last + 1, -1)
    spans = np.cumsum(edges)
    share = np.cumsum(np.concatenate([[0.0], 1 / np.maximum(spans, 1)]))
    return np.asarray((share[last + 1] - share[first]) / (last + 1 - first), dtype=np.float64)
