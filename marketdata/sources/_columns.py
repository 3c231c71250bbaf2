"""The roles of a file's columns, by their names in any usual spelling, case and order."""

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
"""Names of a column by role, without everything but letters and digits."""
ROLES = {spelling: role for role, spellings in SPELLINGS.items() for spelling in spellings}
NAMES = {DATE: "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}
ADJUST_NOTE = "Adj Close is applied: prices x Adj Close / Close, volume divided by it"


@dataclass(frozen=True)
class Roles:
    """The indices of a file's columns by role.

    Attributes
    ----------
    time_columns : of the time stamps: one, or a date and a time of day.
    columns : by role; ``volume`` and `ADJUSTED` may be missing.
    names : all names as the file has them.
    """

    time_columns: tuple[int, ...]
    columns: dict[str, int]
    names: tuple[str, ...]

    @property
    def unused(self) -> tuple[int, ...]:
        """The columns without a role."""
        used = {*self.time_columns, *self.columns.values()}
        return tuple(column for column in range(len(self.names)) if column not in used)


def recognise(names: Sequence[str], adjust: bool, where: str) -> Roles | Fault:
    """The roles of a file's columns, or the fault of its header.

    Parameters
    ----------
    adjust : an adjusted close is needed.
    where : the part of the file that names the columns, for the advice: "the first line", say.
    """
    columns_by_role: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        if role := ROLES.get(_letters(name)):
            columns_by_role.setdefault(role, []).append(column)
    fault = _doubled(columns_by_role, names) or _missing(columns_by_role, names, adjust, where)
    return fault or _roles(columns_by_role, names)


def _letters(name: str) -> str:
    """A column's name without case and without anything but letters and digits: ``<CLOSE>`` is ``close``."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _doubled(columns_by_role: dict[str, list[int]], names: Sequence[str]) -> Fault | None:
    stamp_columns = [column for column in columns_by_role.get(DATE, ()) if _letters(names[column]) != "date"]
    if stamp_columns and TIME in columns_by_role:  # a stamp has its time already; only a plain date is joined with one
        columns_by_role = {**columns_by_role, DATE: sorted((*columns_by_role[DATE], *columns_by_role[TIME]))}
    for numbers in columns_by_role.values():
        names_given = [names[column] for column in numbers]
        if len(set(names_given)) > 1:
            return Fault(f"columns {', '.join(names_given)} mean the same", "keep one")
        if len(names_given) > 1:
            return Fault(f"column {names_given[0]} is there twice", "keep one")
    return None


def _missing(columns_by_role: dict[str, list[int]], names: Sequence[str], adjust: bool, where: str) -> Fault | None:
    names_given = ", ".join(names)
    stamp_roles = {DATE: None} if DATE in columns_by_role or TIME in columns_by_role else {}
    missing = [NAMES[role] for role in (DATE, *PRICES) if role not in {**columns_by_role, **stamp_roles}]
    if missing:
        return Fault(f"column {', '.join(missing)} is missing; found: {names_given}", f"{where} must name {needed()}")
    if adjust and ADJUSTED not in columns_by_role:
        problem = f"adjust is true, but column Adj Close is missing; found: {names_given}"
        return Fault(problem, "give it, or drop `adjust`")
    return None


def _roles(columns_by_role: dict[str, list[int]], names: Sequence[str]) -> Roles:
    time_columns = tuple(columns_by_role[role][0] for role in (DATE, TIME) if role in columns_by_role)
    columns = {role: numbers[0] for role, numbers in columns_by_role.items() if role not in (DATE, TIME)}
    return Roles(time_columns, columns, tuple(names))


def needed() -> str:
    """The columns that a file must have, for messages."""
    return f"{', '.join(NAMES[role] for role in (DATE, *PRICES))} and, if there is one, {NAMES['volume']}"


def assemble(roles: Roles, cells: Sequence[pd.Series], stamps: Stamps, where: str, adjust: bool) -> RawTable:
    """The raw table of a file's columns.

    Parameters
    ----------
    cells : one column for each of ``roles.names``, (T,) numbers or text.
    stamps : (T,) of the bars.
    adjust : apply the adjusted closes.
    """
    selected = (*COLUMNS, ADJUSTED) if adjust else COLUMNS
    columns = {role: cells[roles.columns[role]].to_numpy() for role in selected if role in roles.columns}
    if "volume" not in columns:
        columns["volume"] = pd.Series(0.0, index=range(len(stamps.index))).to_numpy()
    frame = pd.DataFrame(columns, index=stamps.index)[[role for role in selected if role in columns]]
    return RawTable(frame, where, stamps.offsets, tuple(_notes(roles, cells, adjust)))


def _notes(roles: Roles, cells: Sequence[pd.Series], adjust: bool) -> list[str]:
    notes = [] if "volume" in roles.columns else ["there is no column of volume"]
    adjusted = [roles.columns[ADJUSTED]] if ADJUSTED in roles.columns else []
    unused = sorted((*roles.unused, *(() if adjust else adjusted)))
    if unused:
        text = f"columns not used: {', '.join(roles.names[column] for column in unused)}"
        notes.append(text + ("" if adjust or not adjusted else _differs(roles, cells)))
    return [*notes, ADJUST_NOTE] if adjust else notes


def _differs(roles: Roles, cells: Sequence[pd.Series]) -> str:
    """A note on the rows in which the adjusted close, which is not used, differs from the close."""
    pairs = zip(cells[roles.columns[ADJUSTED]], cells[roles.columns["close"]], strict=True)
    differing = sum(adjusted != close for adjusted, close in pairs)
    if not differing:
        return ""
    rows = "1 row" if differing == 1 else f"{differing} rows"
    name = roles.names[roles.columns[ADJUSTED]]
    return (
        f"; {name} differs from Close in {rows}, so splits and dividends look like moves of the price (`adjust: true`)"
    )
