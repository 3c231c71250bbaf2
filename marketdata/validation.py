"""Checks that every table must pass before it is used: faults are refused, nothing is repaired.

Each check is a function of a frame; `FORM` and `VALUES` list them in the order in which they run. A new check is a
function and an entry there. Values that are odd but possible are warned of in `marketdata.data_warnings`.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.types import COLUMNS, PRICES, Vector
from marketdata.reading.numbers import MISSING, exact_float
from marketdata.sources.base import ADJUSTED, RawTable

from .data_faults import Fault

TOLERANCE = 1e-6
"""Relative distance that a high may lie below a close (or a low above one) by rounding.

Vendors keep prices in single precision (6e-8 relative) and print six decimals, so the four prices of one bar can
disagree in the last digits. Such values are taken as they are.
"""
LATEST_CHANGE = 3
"""The latest hour of the day that a change of the clock repeats."""
ALMOST = 0.999
"""The fraction of a second from which a stamp is taken as the next second: ``59.999`` is how vendors write an end."""
LISTED_FAULTS = 4  # faults told in one line; the rest is counted

Mask = npt.NDArray[np.bool_]
Check = Callable[[pd.DataFrame], Fault | None]


def checked(symbol: str, raw: RawTable) -> pd.DataFrame:
    """The table as float64, with the index it came with; adjusted where it holds adjusted closes.

    Raises
    ------
    DataError
        All faults found, in one line: symbol, file, rows with dates, what to do.
    """
    collected = faults(raw)
    if collected:
        texts = [fault.text(raw.row_names) for fault in collected[:LISTED_FAULTS]]
        more = [f"{len(collected) - LISTED_FAULTS} more"] if len(collected) > LISTED_FAULTS else []
        raise DataError(f"{symbol} ({raw.where}): {'; also: '.join([*texts, *more])}")
    frame = _numbers(raw.frame)
    return _adjusted(frame) if ADJUSTED in frame else frame


def faults(raw: RawTable) -> list[Fault]:
    """Everything that makes a table unusable.

    Where a row has several faults in its numbers, the first of them is named: the others follow from it.
    """
    collected = [fault for check in FORM if (fault := check(raw.frame))]
    if any(check(raw.frame) for check in UNREADABLE):
        return collected
    frame = _numbers(raw.frame)
    collected += _value_faults(frame)
    if ADJUSTED in frame and not collected:
        collected += _value_faults(_adjusted(frame))  # a wrong factor can leave the range of numbers
    return collected


def _value_faults(frame: pd.DataFrame) -> list[Fault]:
    collected = []
    sound = np.ones(len(frame), dtype=bool)
    for check in VALUES:
        numbers = np.flatnonzero(sound)
        fault = check(frame if sound.all() else frame[sound])
        if fault:
            rows = numbers[np.asarray(fault.rows, dtype=np.intp)]
            collected.append(replace(fault, rows=rows.tolist()))
            sound[rows] = False
    return collected


def _adjusted(frame: pd.DataFrame) -> pd.DataFrame:
    """Prices x adjusted close / close, volume / that: one factor a bar, so prices that were equal stay equal."""
    factor = frame[ADJUSTED] / frame["close"]
    prices = {name: frame[name] * factor for name in PRICES}
    return pd.DataFrame({**prices, "volume": frame["volume"] / factor}, columns=list(COLUMNS))


def _rows(mask: npt.ArrayLike) -> list[int]:
    return [int(row) for row in np.flatnonzero(mask)]


# The form of a table: faults that make its numbers unreadable or its order uncertain.


def _no_columns(frame: pd.DataFrame) -> Fault | None:
    missing = [name for name in COLUMNS if name not in frame]
    if not missing:
        return None
    return Fault(
        f"column {', '.join(missing)} is missing; found: {', '.join(map(str, frame))}", "the source must give them all"
    )


def _no_rows(frame: pd.DataFrame) -> Fault | None:
    return None if len(frame) else Fault("there is a header but no row", "add bars, or leave the symbol out")


def _stamps(frame: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(frame.index)


def _undated(frame: pd.DataFrame) -> Fault | None:
    rows = _rows(_stamps(frame).isna())
    return Fault("the date is missing", "fill it in or remove the row", rows) if rows else None


def duplicates(frame: pd.DataFrame) -> Fault | None:
    """The fault of dates that are there twice."""
    index = _stamps(frame)
    rows = _rows(index.duplicated() & index.notna()) if not index.is_unique else []
    if not rows:
        return None
    return _repeated_hour(index, rows) or _equal_or_conflicting(frame, rows)


def _equal_or_conflicting(frame: pd.DataFrame, rows: list[int]) -> Fault:
    """Duplicate dates, with the number of rows that are equal to an earlier one of their date in every column."""
    again = int(frame.reset_index(drop=True).assign(stamp=frame.index).duplicated().sum())
    kinds = [f"{again} equal in all columns"] if again else []
    kinds += [f"{len(rows) - again} with other values"] if again < len(rows) else []
    repair = "drop_exact_duplicates" if again == len(rows) else "keep: last"
    return Fault(
        f"duplicate date ({', '.join(kinds)})", f"keep one row for each date, or `data.repair: [{repair}]`", rows
    )


def _repeated_hour(index: pd.DatetimeIndex, rows: list[int]) -> Fault | None:
    """The fault of times without an offset that a clock repeats when it is set back: one hour of the night of a day."""
    repeated = index[rows]
    hours = repeated.floor("h")
    is_night = index.tz is None and bool((hours.hour <= LATEST_CHANGE).all()) and not (index == index.normalize()).all()
    if not is_night or len(hours.unique()) > len(hours.normalize().unique()):
        return None
    hour = hours[0]
    return Fault(
        f"the hour from {hour:%H:%M} of {hour:%Y-%m-%d} is there twice, as when the clock is set back,",
        f"write each stamp with its UTC offset, as {repeated[0]:%Y-%m-%d %H:%M}-04:00 and then -05:00; "
        "if the rows are copies, keep one of each",
        rows,
    )


def _unsorted(frame: pd.DataFrame) -> Fault | None:
    index = _stamps(frame)
    if index.is_monotonic_increasing or index.hasnans:
        return None
    rows = [row + 1 for row in _rows(index[1:] < index[:-1])]
    return Fault("the date is earlier than the one before it", "sort the rows by date, oldest first", rows)


def _sub_second(frame: pd.DataFrame) -> Fault | None:
    index = _stamps(frame)
    if index.unit == "s":
        return None
    rest = (index.asi8 % 10 ** {"ms": 3, "us": 6, "ns": 9}[index.unit]) / 10 ** {"ms": 3, "us": 6, "ns": 9}[index.unit]
    rows = _rows((rest > 0) & (rest < ALMOST) & index.notna())
    return (
        Fault("the stamp has a fraction of a second", "use whole seconds: backtrader keeps no finer time", rows)
        if rows
        else None
    )


def beyond_time(frame: pd.DataFrame) -> Fault | None:
    """Dates that lie ahead (a day's grace covers every time zone) or before nanosecond stamps begin."""
    index = _stamps(frame).tz_localize(None)
    today = pd.Timestamp.now("UTC").tz_localize(None)
    rows = _rows(index > today + pd.Timedelta(days=1))
    if rows:
        return Fault(f"the date lies in the future (today is {today:%Y-%m-%d})", "mend or remove the row", rows)
    rows = _rows(index < pd.Timestamp(1700, 1, 1))
    return Fault("the date is before 1700", "mend or remove the row", rows) if rows else None


def _not_numbers(frame: pd.DataFrame) -> Fault | None:
    for name in _columns(frame):
        rows = [row for row, cell in enumerate(frame[name]) if not _is_number(cell)] if _holds_text(frame[name]) else []
        if rows:
            problem = f"{name} is text that is no number, {str(frame[name].iloc[rows[0]])!r},"
            return Fault(problem, "write plain numbers such as 1234.5, without separators or units", rows)
    return None


def _holds_text(column: pd.Series) -> bool:
    if column.dtype.kind in "fiu":
        return False
    try:
        list(map(exact_float, column))
    except (TypeError, ValueError):
        return True
    return column.dtype.kind == "b"


def _is_number(cell: object) -> bool:
    try:
        _number(cell)
    except (TypeError, ValueError):
        return False
    return not isinstance(cell, bool | np.bool_)


def _number(cell: object) -> float:
    if cell is None or cell is pd.NA or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return np.nan
    return exact_float(cell)


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column as float64, exactly: text goes through Python's own float."""
    columns = {name: _column(frame[name]) for name in _columns(frame)}
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _columns(frame: pd.DataFrame) -> list[str]:
    """The columns of a raw table, in order."""
    return [name for name in (*COLUMNS, ADJUSTED) if name in frame]


def _column(cells: pd.Series) -> Vector:
    if cells.dtype.kind in "fiu":
        return cells.to_numpy(np.float64)
    return np.array([_number(cell) for cell in cells], dtype=np.float64)


# The values: faults that no bar of a market can have.


def _absent(frame: pd.DataFrame) -> Fault | None:
    return _first_column(
        frame, np.isnan, "is missing (NaN)", "fill it in or remove the row; nothing is filled silently"
    )


def _infinite(frame: pd.DataFrame) -> Fault | None:
    return _first_column(frame, np.isinf, "is infinite", "mend or remove the row")


def _first_column(frame: pd.DataFrame, test: Callable[[Vector], Mask], problem: str, advice: str) -> Fault | None:
    wrong = [name for name in _columns(frame) if test(frame[name].to_numpy()).any()]
    if not wrong:
        return None
    rows = _rows(np.any([test(frame[name].to_numpy()) for name in wrong], axis=0))
    return Fault(f"{', '.join(wrong)} {problem}", advice, rows)


def _not_positive(frame: pd.DataFrame) -> Fault | None:
    for name in (name for name in _columns(frame) if name != "volume"):
        rows = _rows(frame[name] <= 0)
        if rows:
            advice = "prices must be above 0"
            if frame["close"].abs().median() < 1 and (frame["close"] < 0).any():
                advice += "; these look like returns: give prices"
            return Fault(f"{name} is {frame[name].iloc[rows[0]]:g}", advice, rows)
    return None


def _negative_volume(frame: pd.DataFrame) -> Fault | None:
    rows = _rows(frame["volume"] < 0)
    return Fault(f"volume is {frame['volume'].iloc[rows[0]]:g}", "volume must be 0 or more", rows) if rows else None


def _high_below_low(frame: pd.DataFrame) -> Fault | None:
    rows = _rows(frame["high"] < frame["low"] * (1 - TOLERANCE))
    if not rows:
        return None
    high = frame["high"].iloc[rows[0]]
    low = frame["low"].iloc[rows[0]]
    return Fault(f"high {high:g} is below low {low:g}", "are the columns swapped? mend or remove the row", rows)


def _outside(frame: pd.DataFrame) -> Fault | None:
    for name in ("open", "close"):
        low = frame["low"] * (1 - TOLERANCE)
        high = frame["high"] * (1 + TOLERANCE)
        rows = _rows((frame[name] < low) | (frame[name] > high))
        if rows:
            bar = frame.iloc[rows[0]]
            problem = f"{name} {bar[name]:g} lies outside low {bar['low']:g} to high {bar['high']:g}"
            return Fault(problem, "mend or remove the row (adjusted and unadjusted prices mixed?)", rows)
    return None


FORM: tuple[Check, ...] = (
    _no_columns,
    _no_rows,
    _undated,
    _sub_second,
    beyond_time,
    duplicates,
    _unsorted,
    _not_numbers,
)
UNREADABLE: tuple[Check, ...] = (_no_columns, _no_rows, _not_numbers)
"""Those after which the values cannot be looked at."""
VALUES: tuple[Check, ...] = (_absent, _infinite, _not_positive, _negative_volume, _high_below_low, _outside)
