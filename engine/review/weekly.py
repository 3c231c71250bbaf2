"""Weekly wealth of a run, and the moments of its returns, from its table of daily returns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.types import Vector
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.run_folder.result_files import read_returns
from risk.overfitting import Track
from risk.periods import period_rate

from .row import Curve, Moments

MONDAY = np.datetime64("1970-01-05", "D")
"""The first day of week 0."""


def returns_of(folder: Path, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """The returns of a run's strategy and of its benchmark at equal exposure, by session.

    Runs of earlier versions have no table of returns; theirs are those of the last equity of each day, without a
    benchmark.

    Raises
    ------
    StoreError, OSError, ValueError, KeyError
        The tables are missing or damaged.
    """
    table = read_returns(folder, manifest.get("returns_digest"))
    if table is not None:
        return table
    equity = pd.read_parquet(folder / "equity.parquet").set_index("time")["equity"]
    last = equity.groupby(pd.DatetimeIndex(equity.index).normalize()).last()
    return pd.DataFrame({STRATEGY: last.pct_change()[1:]})


def weekly_curve(returns: pd.DataFrame) -> Curve:
    """Wealth at the end of each week, of the strategy and of its benchmark.

    Parameters
    ----------
    returns : as :func:`returns_of` gives them; at least one row.
    """
    days = pd.DatetimeIndex(returns.index).tz_localize(None).to_numpy().astype("datetime64[D]")
    weeks = (days - MONDAY).astype(int) // 7
    first = int(weeks[0]) - 1
    last = np.searchsorted(weeks, np.arange(first + 1, int(weeks[-1]) + 1), side="right") - 1
    benchmark = _finite(returns, AT_EXPOSURE)
    return Curve(first, _wealth(returns[STRATEGY].to_numpy(), last), _wealth(benchmark, last))


def _finite(returns: pd.DataFrame, column: str) -> Vector | None:
    """A column of returns; None where there is none, or not for every session."""
    values = returns[column].to_numpy(dtype=float) if column in returns else None
    return values if values is not None and bool(np.isfinite(values).all()) else None


def _wealth(returns: Vector | None, last: npt.NDArray[np.int_]) -> tuple[float, ...]:
    return () if returns is None else (1.0, *np.cumprod(1.0 + returns)[last].tolist())


def moments_of(returns: Vector, risk_free: float, returns_per_year: float) -> Moments | None:
    """The moments of (T,) returns less an annual rate; None for fewer than two returns, or such as do not vary."""
    try:
        track = Track.of(returns - period_rate(risk_free, returns_per_year))
    except DataError:
        return None
    return Moments(track.n, track.sharpe, track.skew, track.kurtosis)
