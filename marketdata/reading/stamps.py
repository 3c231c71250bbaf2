"""Texts and numbers to time stamps. What is written decides; a date that can be read in two ways is refused."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketdata.data_faults import Fault

from .stamp_text import ADVICE, Zoned, local_times, zone_seconds

UNITS = {"s": (10**8, 10**11), "ms": (10**11, 10**14), "us": (10**14, 10**17), "ns": (10**17, 2**63)}
"""Units of times since 1970, and the numbers that are believed to be in each: 1973 to 5138 in seconds."""
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
EPOCH_TEXT = r"^\d{9,10}$|^\d{12,13}$|^\d{15,16}$|^\d{18,19}$"
COMPACT = r"^[12]\d{7}$|^[12]\d{11}$|^[12]\d{13}$"
ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(?:Z|[+-]\d{2}:\d{2})?$"


@dataclass(frozen=True, eq=False)
class Stamps:
    """Parsed stamps.

    Attributes
    ----------
    index : naive as written, or UTC where an offset was written or they are times since 1970.
    offsets : (T,) seconds east of UTC as written; None if none was.
    form : how they are written, in words.
    notes : remarks for readers of the results.
    typed : the column's type has one zone.
    """

    index: pd.DatetimeIndex
    offsets: npt.NDArray[np.int64] | None
    form: str = "YYYY-MM-DD"
    notes: tuple[str, ...] = ()
    typed: bool = False


def stamps_of_text(texts: Any, date_format: str | None = None, dayfirst: bool | None = None) -> Stamps | Fault:
    """The stamps of one column, or the fault of it.

    Parameters
    ----------
    texts : (T,) an Arrow array of text.
    date_format : as stated: the codes of ``strptime``, or a unit since 1970 (``s``, ``ms``, ``us``, ``ns``).
    dayfirst : of 1/6/2020 the day comes first; None: a number above 12 proves the order, or the column is refused.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if not len(texts):
        return Stamps(pd.DatetimeIndex([]), None)
    if date_format and date_format not in UNITS:
        return _by_format(texts, date_format)
    first = texts[0].as_py().strip()
    if date_format or (_matches(first, EPOCH_TEXT) and not _matches(first, COMPACT)):
        numbers = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), pattern=r"\.0*$", replacement="")
        try:
            return stamps_of_numbers(pc.cast(numbers, pa.int64()).to_numpy(zero_copy_only=False), date_format)
        except pa.ArrowInvalid:
            rows = np.flatnonzero(~np.asarray(pc.match_substring_regex(numbers, r"^\d{1,19}$"))).tolist()
            return Fault(
                f"{texts[rows[0] if rows else 0].as_py()!r} is no time since 1970", "write all dates alike", rows
            )
    if _matches(first, ISO) and (stamps := _iso(texts)):
        return stamps
    zoned = local_times(texts, dayfirst)
    return zoned if isinstance(zoned, Fault) else _stamps(zoned)


def _matches(text: str, pattern: str) -> bool:
    import re

    return re.search(pattern, text.removesuffix(".0"), re.ASCII) is not None


def stamps_of_numbers(values: npt.NDArray[Any], unit: str | None = None) -> Stamps | Fault:
    """Stamps from times since 1970; without a stated unit each number's size tells its own."""
    if np.issubdtype(values.dtype, np.floating):
        rows = np.flatnonzero(~(np.isfinite(values) & (values == np.floor(values)))).tolist()
        if rows:
            return Fault(f"{values[rows[0]]!r} is no whole number of seconds or less since 1970", ADVICE, rows)
    numbers = values.astype(np.int64)
    if unit:
        return _epoch(numbers, np.full(len(numbers), NANOSECONDS[unit]), unit, ())
    factor = np.zeros(len(numbers), dtype=np.int64)
    units = [name for name, (low, high) in UNITS.items() if ((numbers >= low) & (numbers < high)).any()]
    for name in units:
        low, high = UNITS[name]
        factor[(numbers >= low) & (numbers < high)] = NANOSECONDS[name]
    rows = np.flatnonzero(factor == 0).tolist()
    if rows:
        advice = "write dates, or state the unit in the source: `date_format: s`"
        return Fault(f"{numbers[rows[0]]} is no date and no time since 1970", advice, rows)
    note = (f"times since 1970 are in {' and '.join(units)}; each is read by its size",) if len(units) > 1 else ()
    return _epoch(numbers, factor, " and ".join(units), note)


def _epoch(
    numbers: npt.NDArray[np.int64], factor: npt.NDArray[np.int64], unit: str, notes: tuple[str, ...]
) -> Stamps | Fault:
    rows = np.flatnonzero((numbers < 0) | (numbers > np.iinfo(np.int64).max // factor)).tolist()
    if rows:
        return Fault(
            f"{numbers[rows[0]]} {unit} since 1970 is beyond the calendar", "state another `date_format`", rows
        )
    index = pd.DatetimeIndex((numbers * factor).view("M8[ns]")).tz_localize("UTC")
    return Stamps(index, np.zeros(len(numbers), dtype=np.int64), f"epoch {unit}", notes)


def _by_format(texts: Any, date_format: str) -> Stamps | Fault:
    series = pd.Series(texts.to_pylist(), dtype=object).str.strip()
    try:
        aware = "%z" in date_format or "%Z" in date_format
        index = pd.DatetimeIndex(pd.to_datetime(series, format=date_format, errors="coerce", utc=aware))
    except ValueError as error:
        return Fault(f"date_format {date_format!r} cannot be used: {error}", "write it as for Python's strptime")
    rows = np.flatnonzero(index.isna()).tolist()
    if rows:
        return Fault(f"{series[rows[0]]!r} is no date of the form {date_format}", "mend it, or `date_format`", rows)
    offsets = _offsets_written(series, index, date_format) if aware else None
    return Stamps(index, offsets, date_format)


def _offsets_written(series: pd.Series, index: pd.DatetimeIndex, date_format: str) -> npt.NDArray[np.int64]:
    """The offsets: what a row says of the local time, less UTC."""
    zone = series.str.extract(r"(Z|UTC|GMT|[+-]\d{2}:?\d{2})\s*$", expand=False).fillna("UTC")
    del index, date_format
    return np.array([zone_seconds(text) for text in zone], dtype=np.int64)


def _iso(texts: Any) -> Stamps | None:
    """ISO texts that are all written alike, by Arrow's own parser; None where some are not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = texts[0].as_py()
    aware = first.endswith("Z") or (len(first) > 10 and first[-6] in "+-" and first[-3] == ":")
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    if (lengths["min"] <= 10) != (lengths["max"] <= 10):
        return None
    try:
        if not aware:
            return Stamps(_index(pc.cast(texts, pa.timestamp("ns"))), None, _form(lengths["max"]))
        if lengths["min"] != lengths["max"]:
            return None
        width = 1 if first.endswith("Z") else 6
        utc = pc.cast(texts, pa.timestamp("ns", "UTC"))
        local = pc.cast(pc.utf8_slice_codeunits(texts, 0, lengths["max"] - width), pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return None
    offsets = (_nanoseconds(local) - _nanoseconds(utc)) // 10**9
    return Stamps(_index(utc).tz_localize("UTC"), offsets, "YYYY-MM-DD with time and offset")


def _form(length: int) -> str:
    return "YYYY-MM-DD" if length <= 10 else "YYYY-MM-DD with time"


def _nanoseconds(stamps: Any) -> npt.NDArray[np.int64]:
    return np.asarray(stamps.cast("int64").to_numpy(zero_copy_only=False), dtype=np.int64)


def _index(stamps: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(_nanoseconds(stamps).view("M8[ns]"))


def _stamps(zoned: Zoned) -> Stamps:
    index = pd.DatetimeIndex(zoned.local)
    if zoned.offsets is not None:
        index = (index - pd.to_timedelta(zoned.offsets, unit="s")).tz_localize("UTC")
    if zoned.zone is not None:
        aware = index.tz_localize(zoned.zone, ambiguous="NaT", nonexistent="NaT")
        utc = aware.tz_convert("UTC")
        offsets = (index - utc.tz_localize(None)).total_seconds().to_numpy()
        return Stamps(utc, np.nan_to_num(offsets).astype(np.int64), zoned.form, zoned.notes, typed=True)
    return Stamps(index, zoned.offsets, zoned.form, zoned.notes)
