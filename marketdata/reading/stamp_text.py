"""Date texts of every usual form, taken apart by one pattern; nothing about their order is guessed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from marketdata.data_faults import Fault

ADVICE = "write 2020-12-31, 12/31/2020 or 2020-12-31T16:00:00-05:00, or state its `date_format` in the source"
ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CET": 1, "CEST": 2}
"""Hours east of UTC of the abbreviations that mean one thing in markets' data."""
PATTERN = (
    r"^\s*(?:"
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<cy>[12]\d{3})(?P<cm>\d{2})(?P<cd>\d{2})(?P<ct>\d{4}|\d{6})?"
    r"|(?P<a>\d{1,2})(?P<sign>[-/.])(?P<b>\d{1,2})[-/.](?P<c>\d{4}|\d{2})"
    r"|(?P<nd>\d{1,2})[- ./](?P<nm>\pL{3,10})\.?[- ./,]+(?P<ny>\d{4}|\d{2})"
    r"|(?:\pL{3,9},? )?(?P<em>\pL{3,10})\.? (?P<ed>\d{1,2}),? (?P<ey>\d{4})"
    r")(?:(?:T|,? +)(?:"
    r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?: ?(?P<ap>[AaPp])\.?[Mm]\.?)?"
    r"|(?P<t>\d{3,6})|(?P<hh>\d{1,2})[- ]?(?P<hap>[AaPp])\.?[Mm]\.?)"
    r" ?(?P<zone>Z|UTC|GMT|EST|EDT|CET|CEST|(?:UTC|GMT)?[+-]\d{2}:?\d{2}|[A-Z][A-Za-z]+/[A-Za-z_/]+)?)?\s*$"
)
MONTH_NAMES = (
    *("jan jän sty ene", "feb lut fév fev", "mar mär mrz", "apr kwi avr abr", "may mai maj", "jun cze juin"),
    *("jul lip juil", "aug sie aoû aou ago", "sep wrz", "oct okt paź paz", "nov lis", "dec dez gru déc dic"),
)
MONTHS = {name: number + 1 for number, names in enumerate(MONTH_NAMES) for name in names.split()}
"""The numbers of months by the first letters of their English, German, Polish, French and Spanish names."""
FIRST = np.datetime64("1678-01-01")
LAST = np.datetime64("2262-01-01")
CENTURY = 69  # two digits from here on belong to 1900, as in POSIX

Parts = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Zoned:
    """Local times with what their texts say of a zone.

    Attributes
    ----------
    local : (T,) datetime64[ns] as written.
    offsets : (T,) seconds east of UTC; None if none is written.
    zone : an IANA name that every row has.
    form : in words.
    """

    local: npt.NDArray[np.datetime64]
    offsets: npt.NDArray[np.int64] | None
    zone: str | None
    form: str
    notes: tuple[str, ...] = ()


def local_times(texts: Any, dayfirst: bool | None) -> Zoned | Fault:
    """The local times of a column of texts; parameters as of :func:`.stamps.stamps_of_text`."""
    import pyarrow.compute as pc

    taken = pc.extract_regex(texts, PATTERN)
    wrong = np.flatnonzero(np.asarray(taken.is_null()))
    if len(wrong):
        return Fault(f"{texts[int(wrong[0])].as_py()!r} is no date", ADVICE, wrong.tolist())
    parts = {field.name: np.asarray(taken.field(field.name).to_numpy(zero_copy_only=False)) for field in taken.type}
    fault = _unlike(parts)
    if fault:
        return fault
    ordered = _ordered(parts, texts, dayfirst)
    if isinstance(ordered, Fault):
        return ordered
    days, form = ordered
    rows = np.flatnonzero(np.isnat(days))
    time, time_fault = _time(parts)
    if len(rows) or time_fault:
        row = int(rows[0]) if len(rows) else time_fault[0]
        problem = f"{texts[row].as_py().strip()!r} is not in the calendar"
        return Fault(problem, ADVICE, rows.tolist() or time_fault)
    unit = "ns" if ((days > FIRST) & (days < LAST)).all() else "us"  # nanoseconds end in 2262
    local = days.astype(f"M8[{unit}]") + time.astype(f"m8[{unit}]")
    offsets, zone = _zones(parts)
    return Zoned(local, offsets, zone, form + (" with time" if _has_time(parts).any() else ""))


def _present(parts: Parts, *names: str) -> npt.NDArray[np.bool_]:
    return np.asarray(np.any([parts[name] != "" for name in names], axis=0))


def _has_time(parts: Parts) -> npt.NDArray[np.bool_]:
    return _present(parts, "h", "t", "hh", "ct")


def _unlike(parts: Parts) -> Fault | None:
    """Dates with and without a time, a zone, or of several forms do not belong in one column."""
    forms = (
        (_has_time(parts), "a time of day"),
        (_present(parts, "zone"), "a time zone"),
        (_present(parts, "y"), "the form YYYY-MM-DD"),
        (_present(parts, "cy"), "the form YYYYMMDD"),
        (_present(parts, "nm", "em"), "the name of a month"),
    )
    zones = set(parts["zone"])
    if len(zones) > 1 and any("/" in name for name in zones):
        return Fault(f"dates name the zones {', '.join(sorted(zones))}", "use one zone")
    for has, name in forms:
        rows = np.flatnonzero(~has).tolist()
        if 0 < len(rows) < len(has):
            return Fault(f"some dates have {name}, others have not", "write all dates alike", rows)
    return None


def _ints(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64)


def _ordered(parts: Parts, texts: Any, dayfirst: bool | None) -> tuple[npt.NDArray[Any], str] | Fault:
    """The days, datetime64[D] with NaT for those that the calendar does not have, and their form."""
    if parts["y"][0]:
        return _days(_ints(parts["y"]), _ints(parts["m"]), _ints(parts["d"])), "Y-M-D"
    if parts["cy"][0]:
        return _days(_ints(parts["cy"]), _ints(parts["cm"]), _ints(parts["cd"])), "YYYYMMDD"
    if parts["a"][0]:
        return _numeric(parts, texts, dayfirst)
    day, month, year = ("nd", "nm", "ny") if parts["nm"][0] else ("ed", "em", "ey")
    numbers = {name: _month(name) for name in set(parts[month])}
    unknown = [name for name, number in numbers.items() if not number]
    if unknown:
        rows = np.flatnonzero(parts[month] == unknown[0]).tolist()
        return Fault(f"{unknown[0]!r} is no month", ADVICE, rows)
    months = np.array([numbers[name] for name in parts[month]])
    return _days(_years(parts[year]), months, _ints(parts[day])), "with the month's name"


def _month(name: str) -> int:
    plain = name.casefold()
    return MONTHS.get(plain[:4]) or MONTHS.get(plain[:3], 0)


def _numeric(parts: Parts, texts: Any, dayfirst: bool | None) -> tuple[npt.NDArray[Any], str] | Fault:
    first = _ints(parts["a"])
    second = _ints(parts["b"])
    sign = str(parts["sign"][0])
    if dayfirst is None:
        day_in_first = first > 12
        day_in_second = second > 12
        if sign == "." and not day_in_second.any():
            dayfirst = True  # no country writes M.D.Y with points
        elif not day_in_first.any() and not day_in_second.any():
            orders = f"M{sign}D{sign}YYYY or D{sign}M{sign}YYYY"
            advice = "write YYYY-MM-DD, or state `dayfirst: true` (or false) in the source"
            return Fault(f"dates such as {texts[0].as_py().strip()!r} may be {orders}", advice)
        else:
            dayfirst = bool(day_in_first.any())
    months = second if dayfirst else first
    wrong = np.flatnonzero(months > 12)
    if len(wrong):
        row = int(wrong[0])
        order = "D/M/YYYY" if dayfirst else "M/D/YYYY"
        text = texts[row].as_py().strip()
        return Fault(f"{text!r} has no month {months[row]} as {order}", "write all dates alike", wrong.tolist())
    days = _days(_years(parts["c"]), months, first if dayfirst else second)
    return days, f"D{sign}M{sign}Y" if dayfirst else f"M{sign}D{sign}Y"


def _years(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    years = _ints(values)
    short = np.array([len(text) == 2 for text in values])
    return np.where(short, years + np.where(years >= CENTURY, 1900, 2000), years)


def _days(
    years: npt.NDArray[np.int64], months: npt.NDArray[np.int64], days: npt.NDArray[np.int64]
) -> npt.NDArray[np.datetime64]:
    """Days of the calendar; NaT where there is no such day."""
    valid = (years > 0) & (months >= 1) & (months <= 12) & (days >= 1)
    month = ((years - 1970) * 12 + np.clip(months, 1, 12) - 1).astype("M8[M]")
    day = month.astype("M8[D]") + (days - 1)
    return np.where(valid & (day.astype("M8[M]") == month), day, np.datetime64("NaT"))


def _time(parts: Parts) -> tuple[npt.NDArray[np.timedelta64], list[int]]:
    """The time of day, and the rows in which it is none."""
    count = len(parts["h"])
    if not _has_time(parts).any():
        return np.zeros(count, dtype="m8[ns]"), []
    digits = np.where(parts["t"] != "", parts["t"], parts["ct"])
    padded = np.array([text.zfill(4 if len(text) <= 4 else 6).ljust(6, "0") if text else "000000" for text in digits])
    plain = parts["h"] != ""
    hour = _ints(np.where(plain, parts["h"], np.where(parts["hh"] != "", parts["hh"], [text[:2] for text in padded])))
    minute = _ints(np.where(plain, parts["mi"], [text[2:4] for text in padded]))
    second = _ints(np.where(parts["s"] != "", parts["s"], [text[4:6] for text in padded]))
    half = np.char.lower(np.where(parts["ap"] != "", parts["ap"], parts["hap"]).astype(str))
    named = half != ""
    wrong = (minute > 59) | (second > 59) | (hour > np.where(named, 12, 23)) | (named & (hour == 0))
    hour = np.where(named, hour % 12 + np.where(half == "p", 12, 0), hour)
    fraction = _ints(np.array([text.ljust(9, "0") if text else "0" for text in parts["f"]]))
    return ((hour * 3600 + minute * 60 + second) * 10**9 + fraction).astype("m8[ns]"), np.flatnonzero(wrong).tolist()


def _zones(parts: Parts) -> tuple[npt.NDArray[np.int64] | None, str | None]:
    names = parts["zone"]
    if not names[0]:
        return None, None
    distinct = set(names)
    if len(distinct) == 1 and "/" in names[0]:
        return None, str(names[0])
    seconds = {name: zone_seconds(name) for name in distinct}
    return np.array([seconds[name] for name in names], dtype=np.int64), None


def zone_seconds(zone: str) -> int:
    """Seconds east of UTC of ``Z``, ``EST``, ``+0100``, ``GMT+01:00``."""
    if zone in ZONES:
        return ZONES[zone] * 3600
    match = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})", zone)
    if not match:
        return 0
    size = int(match[2]) * 3600 + int(match[3]) * 60
    return -size if match[1] == "-" else size
