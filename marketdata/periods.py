"""Weekly and monthly bars: recognised by their dates, and moved from the start of their period to its end."""

import numpy as np
import pandas as pd

PERIODS = {"weekly": "week", "monthly": "month"}
ENOUGH = 8  # bars below which a weekday or a day of the month says nothing


def period_of(days: pd.DatetimeIndex) -> str:
    """``weekly`` or ``monthly`` by the median step between dates; empty for other bars."""
    if len(days) < 3 or days.hasnans:
        return ""
    step = float(np.median(np.abs(np.diff(days.as_unit("s").asi8)))) / 86_400
    return "weekly" if 6 <= step <= 8 else "monthly" if 27 <= step <= 32 else ""


def dated_at_start(days: pd.DatetimeIndex, length: str) -> bool:
    """True if most dates are those on which a week or a month begins."""
    if len(days) < ENOUGH:
        return False
    if length == "weekly":
        return bool(np.bincount(days.day_of_week.to_numpy()).argmax() in (0, 6))
    return bool((days.day <= 4).mean() > 0.5)


def ends_of_periods(days: pd.DatetimeIndex, length: str) -> pd.DatetimeIndex:
    """The last calendar day of each period.

    A week has seven days and begins on the weekday that most dates have: after a holiday a bar may be dated later.
    """
    if length == "monthly":
        return pd.DatetimeIndex(days + pd.offsets.MonthEnd(0))
    first = int(np.bincount(days.day_of_week.to_numpy(), minlength=7).argmax())
    late = (days.day_of_week - first) % 7
    return pd.DatetimeIndex(days - pd.to_timedelta(late, unit="D") + pd.Timedelta(days=6))
