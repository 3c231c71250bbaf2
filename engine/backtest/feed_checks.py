"""Checks of the bars and signals that engines are fed; the first wrong row is named in a DataError."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.errors import DataError
from core.types import PRICES, Vector

SIGNALS = ("prediction", "confidence")


def check_times(times: pd.DatetimeIndex, name: str) -> None:
    """Refuse times that an engine would reorder or merge."""
    if times.hasnans:
        raise DataError(f"{name}: the time of row {int(np.argmax(times.isna()))} is missing; drop the row or date it")
    late = np.flatnonzero(times.asi8[1:] <= times.asi8[:-1])
    if late.size:
        before = times[late[0]]
        after = times[late[0] + 1]
        raise DataError(f"{name}: {after} follows {before}; times must strictly increase. Sort them, drop duplicates")
    fine = np.flatnonzero(times.asi8 % 1_000_000_000)
    if fine.size:
        raise DataError(f"{name}: {times[fine[0]]} is finer than a second; backtrader cannot keep it. Round the times")


def check_prices(columns: Mapping[str, Vector], times: pd.Index, name: str) -> None:
    """Refuse prices that are not finite or not above 0."""
    for column in PRICES:
        bad = np.flatnonzero(~(np.isfinite(columns[column]) & (columns[column] > 0)))
        if bad.size:
            value = columns[column][bad[0]]
            raise DataError(
                f"{name}: {column} is {value:g} on {times[bad[0]]}; prices must be finite and > 0. Drop the bar"
            )


def check_signals(columns: Mapping[str, Vector], times: pd.Index, name: str) -> None:
    """Refuse infinite signals and a confidence outside [0, 1]."""
    if "confidence" in columns:
        confidence = columns["confidence"]
        bad = np.flatnonzero((confidence < 0) | (confidence > 1))
        if bad.size:
            raise DataError(f"{name}: confidence is {confidence[bad[0]]:g} on {times[bad[0]]}; it must lie in [0, 1]")
    for column in SIGNALS:
        bad = np.flatnonzero(np.isinf(columns.get(column, np.empty(0))))
        if bad.size:
            raise DataError(f"{name}: {column} is infinite on {times[bad[0]]}; NaN says that there is no opinion")
