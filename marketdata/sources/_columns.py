"""Which column of a file holds what, in any usual spelling, case and order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from core.types import COLUMNS, PRICES
from marketdata.data_faults import Fault

from ._dates import Stamps
from .base import ADJUSTED, RawTable

DATE, TIME = "date", "time"
SPELLINGS = {
    DATE: ("date", "datetime", "timestamp"),
    TIME: ("time",),
    "open": ("open", "openprice", "o"),
    "high": ("high", "highprice", "h"),
    "low": ("low", "lowprice", "l"),
    "close": ("close", "closeprice", "closelast", "c"),
    "volume": ("volume", "vol", "v"),
    ADJUSTED: ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice"),
}
"""What a column may be called, by role, after everything but letters and digits is taken out of its name."""
ROLES = {spelling: role for role, spellings in SPELLINGS.items() for spelling in spellings}
NAMES = {DATE: "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}
ADJUST_NOTE = "Adj Close is applied: prices x Adj Close / Close, volume divided by it"


@dataclass(frozen=True)
class Roles:
    """The places of the columns.

    Attributes
    ----------
    when : the columns that say when: one, or a date and a time of day.
    place : by role; ``volume`` and `ADJUSTED` may be missing.
    names : all names as the file has them.
    """

    when: tuple[int, ...]
    place: dict[str, int]
    names: tuple[str, ...]

    @property
    def unused(self) -> tuple[int, ...]:
        """The columns without a role."""
        used = {*self.when, *self.place.values()}
        return tuple(number for number in range(len(self.names)) if number not in used)


def recognise(names: Sequence[str], adjust: bool, where: str) -> Roles | Fault:
    """The roles of a file's columns, or what is wrong with its header.

    Parameters
    ----------
    adjust : whether an adjusted close is needed.
    where : what has to name the columns, for the advice: "the first line", say.
    """
    found: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        if role := ROLES.get(_letters(name)):
            found.setdefault(role, []).append(number)
    return _doubled(found, names) or _missing(found, names, adjust, where) or _roles(found, names)


def _letters(name: str) -> str:
    """``<CLOSE>``, ``Adj Close`` and ``adj_close`` without what people put around letters."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _doubled(found: dict[str, list[int]], names: Sequence[str]) -> Fault | None:
    stamped = [number for number in found.get(DATE, ()) if _letters(names[number]) != "date"]
    if stamped and TIME in found:  # a stamp holds its time already; only a plain date is joined with one
        found = {**found, DATE: sorted((*found[DATE], *found[TIME]))}
    for numbers in found.values():
        given = [names[number] for number in numbers]
        if len(set(given)) > 1:
            return Fault(f"columns {', '.join(given)} mean the same", "keep one")
        if len(given) > 1:
            return Fault(f"column {given[0]} is there twice", "keep one")
    return None


def _missing(found: dict[str, list[int]], names: Sequence[str], adjust: bool, where: str) -> Fault | None:
    given = ", ".join(names)
    dated = {DATE: None} if DATE in found or TIME in found else {}
    missing = [NAMES[role] for role in (DATE, *PRICES) if role not in {**found, **dated}]
    if missing:
        return Fault(f"column {', '.join(missing)} is missing; found: {given}", f"{where} must name {needed()}")
    if adjust and ADJUSTED not in found:
        return Fault(f"adjust is true, but column Adj Close is missing; found: {given}", "give it, or drop `adjust`")
    return None


def _roles(found: dict[str, list[int]], names: Sequence[str]) -> Roles:
    when = tuple(found[role][0] for role in (DATE, TIME) if role in found)
    place = {role: numbers[0] for role, numbers in found.items() if role not in (DATE, TIME)}
    return Roles(when, place, tuple(names))


def needed() -> str:
    """The columns that a file has to have, as a reader would write them."""
    return f"{', '.join(NAMES[role] for role in (DATE, *PRICES))} and, if there is one, {NAMES['volume']}"


def assemble(roles: Roles, cells: Sequence[pd.Series], stamps: Stamps, where: str, adjust: bool) -> RawTable:
    """The raw table of a file's columns.

    Parameters
    ----------
    cells : one column for each of ``roles.names``, (T,) numbers or text.
    stamps : (T,) when each bar is.
    adjust : whether the adjusted closes are to be applied.
    """
    wanted = (*COLUMNS, ADJUSTED) if adjust else COLUMNS
    columns = {role: cells[roles.place[role]].to_numpy() for role in wanted if role in roles.place}
    if "volume" not in columns:
        columns["volume"] = pd.Series(0.0, index=range(len(stamps.index))).to_numpy()
    frame = pd.DataFrame(columns, index=stamps.index)[[role for role in wanted if role in columns]]
    return RawTable(frame, where, stamps.offsets, tuple(_notes(roles, cells, adjust)))


def _notes(roles: Roles, cells: Sequence[pd.Series], adjust: bool) -> list[str]:
    notes = [] if "volume" in roles.place else ["there is no column of volume"]
    adjusted = [roles.place[ADJUSTED]] if ADJUSTED in roles.place else []
    unused = sorted((*roles.unused, *(() if adjust else adjusted)))
    if unused:
        text = f"columns not used: {', '.join(roles.names[number] for number in unused)}"
        notes.append(text + ("" if adjust or not adjusted else _differs(roles, cells)))
    return [*notes, ADJUST_NOTE] if adjust else notes


def _differs(roles: Roles, cells: Sequence[pd.Series]) -> str:
    """What is missed by leaving an adjusted close out."""
    pairs = zip(cells[roles.place[ADJUSTED]], cells[roles.place["close"]], strict=True)
    differing = sum(adjusted != close for adjusted, close in pairs)
    if not differing:
        return ""
    rows = "1 row" if differing == 1 else f"{differing} rows"
    name = roles.names[roles.place[ADJUSTED]]
    return (
        f"; {name} differs from Close in {rows}, so splits and dividends look like moves of the price (`adjust: true`)"
    )
