"""Repairs of a table that a config asks for; each is counted in a note, and nothing else is repaired."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic_core import PydanticCustomError

from core.types import COLUMNS, PRICES
from marketdata.sources.base import RawTable

PLAIN = ("sort", "drop_exact_duplicates", "drop_null_rows", "drop_zero_rows", "drop_weekend", "adjust")
REPAIRS = f"{', '.join(PLAIN)}, keep: last (or first), clamp: 0.1 %"
LARGEST_CLAMP = 0.05
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Repair:
    """The repairs that a config asks for.

    Attributes
    ----------
    steps : names of :data:`PLAIN`.
    keep : ``first`` or ``last`` of rows with one date; empty: they are refused.
    clamp : the relative distance by which a high or a low may be moved to hold open and close.
    """

    steps: frozenset[str] = field(default_factory=frozenset)
    keep: str = ""
    clamp: float = 0.0

    @property
    def sort(self) -> bool:
        """Rows are sorted by their stamps."""
        return "sort" in self.steps


def parsed(entries: tuple[str | dict[str, Any], ...]) -> Repair:
    """The repairs of a config's list.

    Raises
    ------
    PydanticCustomError
        An entry is none.
    """
    steps = set()
    keep = ""
    clamp = 0.0
    for entry in entries:
        name, value = _pair(entry)
        if name in PLAIN and value is None:
            steps.add(name)
        elif name == "keep" and value in ("first", "last"):
            keep = str(value)
        elif name == "clamp" and (clamp := _fraction(value)):
            continue
        else:
            raise PydanticCustomError(
                "repair", "has no repair {entry}; known: {known}", {"entry": repr(entry), "known": REPAIRS}
            )
    return Repair(frozenset(steps), keep, clamp)


def _pair(entry: str | dict[str, Any]) -> tuple[str, Any]:
    if isinstance(entry, dict):
        return next(iter(entry.items())) if len(entry) == 1 else ("", None)
    return entry, None


def _fraction(value: object) -> float:
    """``0.1 %`` or ``0.001`` as a fraction; 0 if it is none, or larger than 5 %."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", str(value))
    number = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    return number if number <= LARGEST_CLAMP else 0.0


def sorted_rows(raw: RawTable) -> tuple[RawTable, tuple[str, ...]]:
    """The table in the order of its stamps, rows of one stamp in the order of the file, and a note if it was not."""
    index = pd.DatetimeIndex(raw.frame.index)
    if index.is_monotonic_increasing or index.hasnans:
        return raw, ()
    order = np.argsort(index.asi8, kind="stable")
    moved = int((index.asi8[1:] < index.asi8[:-1]).sum())
    return raw.cut(order), (f"repaired: rows sorted by date; {moved} were earlier than the one before",)


def repaired(raw: RawTable, days: pd.DatetimeIndex, repair: Repair) -> tuple[RawTable, Mask, tuple[str, ...]]:
    """The table with the rows that are remaining, their mask, and a note on each repair that had something to do.

    Parameters
    ----------
    days : (T,) sessions of its rows.
    """
    remaining = np.ones(len(raw.frame), dtype=bool)
    if repair == Repair() or not len(remaining) or any(name not in raw.frame for name in COLUMNS):
        return raw, remaining, ()
    notes = []
    for text, mask in _dropped(raw.frame, days, repair):
        count = int((mask & remaining).sum())
        remaining &= ~mask
        if count:
            notes.append(f"repaired: {text}, {count} row{'s' if count > 1 else ''} left out")
    raw = raw if remaining.all() else raw.cut(remaining)
    if repair.clamp:
        raw, count = _clamped(raw, repair.clamp)
        if count:
            notes.append(f"repaired: high or low moved by at most {100 * repair.clamp:g} % on {count} bars")
    return raw, remaining, tuple(notes)


def _dropped(frame: pd.DataFrame, days: pd.DatetimeIndex, repair: Repair) -> list[tuple[str, Mask]]:
    """The rows that each repair leaves out."""
    prices = frame[list(PRICES)].apply(pd.to_numeric, errors="coerce")
    text = frame[list(PRICES)].notna() & prices.isna() & (frame[list(PRICES)].astype(str) != "")
    null = (prices.isna() & ~text).any(axis=1).to_numpy()
    rules = {
        "drop_null_rows": ("prices missing", null),
        "drop_zero_rows": ("prices of 0", (prices == 0).any(axis=1).to_numpy()),
        "drop_weekend": ("sessions on Saturdays and Sundays", np.asarray(days.day_of_week >= 5)),
    }
    dropped = [rule for name, rule in rules.items() if name in repair.steps]
    if "drop_exact_duplicates" in repair.steps:
        again = frame.reset_index(drop=True).assign(stamp=frame.index).duplicated().to_numpy()
        dropped.append(("exact duplicates", again))
    if repair.keep:
        left = ~np.any([mask for _, mask in dropped], axis=0) if dropped else np.ones(len(frame), dtype=bool)
        again = np.zeros(len(frame), dtype=bool)
        again[left] = frame.index[left].duplicated(keep="last" if repair.keep == "last" else "first")
        dropped.append((f"of rows with one date the {repair.keep} is kept", again))
    return dropped


def _clamped(raw: RawTable, limit: float) -> tuple[RawTable, int]:
    """Highs and lows moved to hold open and close, where they are off by at most a fraction of the price."""
    try:
        prices = raw.frame[list(PRICES)].astype(np.float64)
    except (TypeError, ValueError):
        return raw, 0  # the checks name the cell
    top = prices[["open", "close"]].max(axis=1)
    bottom = prices[["open", "close"]].min(axis=1)
    high_off = ((prices["high"] < top) & (prices["high"] >= top * (1 - limit))).to_numpy()
    low_off = ((prices["low"] > bottom) & (prices["low"] <= bottom * (1 + limit))).to_numpy()
    moved = high_off | low_off
    if not moved.any():
        return raw, 0
    high = np.where(high_off, top, prices["high"])
    low = np.where(low_off, bottom, prices["low"])
    return replace(raw, frame=raw.frame.assign(high=high, low=low)), int(moved.sum())
