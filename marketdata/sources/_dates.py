"""Date texts to time stamps: ISO or M/D/YYYY, a date alone or with a time and an offset; nothing is guessed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketdata.data_faults import Fault

STAMP = re.compile(
    r"(?:(?P<iso>\d{4}-\d{2}-\d{2})|(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}))"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
ADVICE = "write 2020-12-31, 12/31/2020 or 2020-12-31T16:00:00-05:00"

Matches = list[re.Match[str]]


@dataclass(frozen=True, eq=False)
class Stamps:
    """Parsed stamps.

    Attributes
    ----------
    index : naive as written, or UTC where an offset was written.
    offsets : (T,) seconds east of UTC as written; None if none was.
    """

    index: pd.DatetimeIndex
    offsets: npt.NDArray[np.int64] | None


def parse_dates(texts: Sequence[str]) -> Stamps | Fault:
    """Stamps of one column, or the fault of it.

    Slashes are read as month/day/year, and only if some day above 12 proves it. All rows must be written alike.
    """
    parsed = [STAMP.fullmatch(text.strip()) for text in texts]
    matches = [match for match in parsed if match]
    if len(matches) < len(texts):
        row = parsed.index(None)
        return Fault(f"{texts[row]!r} is no date", ADVICE, [row])
    return _unlike(matches) or _not_month_first(matches) or _stamps(matches)


def _unlike(matches: Matches) -> Fault | None:
    """Dates with and without a time, a zone or slashes do not belong in one column."""
    for group, name in (("time", "a time of day"), ("zone", "a time zone"), ("iso", "the form YYYY-MM-DD")):
        rows = [row for row, match in enumerate(matches) if not match[group]]
        if 0 < len(rows) < len(matches):
            return Fault(f"some dates have {name}, others have not", "write all dates alike", rows)
    return None


def _not_month_first(matches: Matches) -> Fault | None:
    if not matches or matches[0]["iso"]:
        return None
    wrong = [row for row, match in enumerate(matches) if int(match["month"]) > 12]
    if wrong:
        return Fault(
            f"{matches[wrong[0]][0]!r} has no month {matches[wrong[0]]['month']}", f"{ADVICE}, not D/M/YYYY", wrong
        )
    if all(int(match["day"]) <= 12 for match in matches):
        return Fault(f"dates such as {matches[0][0]!r} may be M/D/YYYY or D/M/YYYY", "write YYYY-MM-DD")
    return None


def _stamps(matches: Matches) -> Stamps | Fault:
    aware = bool(matches and matches[0]["zone"])
    index = pd.DatetimeIndex(
        pd.to_datetime([_iso(match) for match in matches], format="ISO8601", errors="coerce", utc=aware)
    )
    if index.hasnans:
        rows = np.flatnonzero(index.isna())
        return Fault(f"{matches[rows[0]][0]!r} is not in the calendar", ADVICE, rows.tolist())
    return Stamps(index, np.array([_seconds(match["zone"]) for match in matches]) if aware else None)


def _iso(match: re.Match[str]) -> str:
    day = match["iso"] or f"{match['year']}-{match['month']:0>2}-{match['day']:0>2}"
    zone = "Z" if match["zone"] == "UTC" else match["zone"] or ""
    return f"{day}T{match['time']}{zone}" if match["time"] else day


def _seconds(zone: str) -> int:
    if zone in {"Z", "UTC"}:
        return 0
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size
