"""Cells, stamps and what is known of a file, put together to a sheet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.plugins import kinds, load
from core.types import COLUMNS, PRICES
from marketdata.layouts.base import Head, Layout, Parts
from marketdata.sources.base import ADJUSTED, Recognition

from .columns import Roles
from .options import LAYOUTS, ReadingOptions
from .sheet import ADJUST_NOTE, Sheet, Symbols
from .stamps import Stamps

Column = Callable[[int], npt.NDArray[Any]]


@dataclass(frozen=True)
class Recognised:
    """A file's layout, and the parts that it or the config states.

    Attributes
    ----------
    layout : recognised or stated.
    parts : the config's, the layout's where the config has none.
    """

    layout: Layout
    parts: Parts


def recognised(head: Head, options: ReadingOptions) -> Recognised:
    """The layout of a file and its parts.

    Raises
    ------
    DataError
        The layout that the config states is not that of the file.
    """
    layout = _built(options.layout) if options.layout else next(item for item in layouts() if item.recognises(head))
    try:
        parts = layout.parts(head)
    except (LookupError, ValueError) as error:
        names = ", ".join(head.names) or "no names"
        raise DataError(
            f"{head.file}: is no file of the layout {layout.kind}; its columns are {names}; drop `layout` or change it"
        ) from error
    stated = {
        name: getattr(options, name)
        for name in ("date_format", "dayfirst", "decimal", "stamp_zone", "stamp")
        if getattr(options, name) is not None
    }
    columns = {**parts.columns, **(options.columns or {})}
    return Recognised(layout, Parts(**{**vars(parts), **stated, "columns": columns}))


def layouts() -> Sequence[Layout]:
    """All layouts, those of a higher rank first."""
    built = [_built(kind) for kind in kinds(LAYOUTS)]
    return sorted(built, key=lambda layout: -type(layout).rank)


def _built(kind: str) -> Layout:
    layout = load(LAYOUTS, kind)()
    if not isinstance(layout, Layout):
        raise TypeError(f"{kind} is no layout")
    return layout


def sheet_of(
    roles: Roles,
    column: Column,
    stamps: Stamps,
    file: Recognised,
    facts: Sequence[str],
    options: ReadingOptions,
    symbols: Symbols | None,
) -> Sheet:
    """The sheet of a file.

    Parameters
    ----------
    column : the cells of the column with this index, (T,) numbers or objects.
    facts : what was found about the form of the file, in words.
    """
    selected = (*COLUMNS, ADJUSTED) if options.adjust else COLUMNS
    cells = {role: column(roles.columns[role]) for role in selected if role in roles.columns}
    empty = "volume" in cells and _is_empty(cells["volume"])
    if "volume" not in cells or empty:
        cells["volume"] = np.zeros(len(stamps.index))
    unit = file.parts.price_unit
    if unit is not None:
        cells = {role: _scaled(values, unit) if role in PRICES else values for role, values in cells.items()}
    side = roles.side or file.parts.stamp
    side = options.stamp or side
    zone = file.parts.stamp_zone or roles.zone
    words = [*facts, stamps.form, *([f"stamps in {zone}"] if zone and stamps.index.tz is None else [])]
    words += {"start": ["bars stamped at their start"], "end": ["stamped at their close"]}.get(side or "", [])
    recognition = Recognition(
        file.layout.kind, f"{type(file.layout).title}: {', '.join(words)}", zone, side, bool(options.stamp), bool(facts)
    )
    notes = tuple(_notes(roles, column, options.adjust, empty))
    return Sheet(cells, stamps, recognition, symbols=symbols, notes=notes)


def _scaled(values: npt.NDArray[Any], unit: float) -> npt.NDArray[Any]:
    """Prices in another unit; a cell that is no number stays as it is, so that the checks name it."""
    if values.dtype.kind in "fiu":
        return np.asarray(values * unit)
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    return np.where(numbers.isna(), values, numbers * unit)


def _is_empty(values: npt.NDArray[Any]) -> bool:
    return len(values) > 0 and values.dtype.kind == "f" and bool(np.isnan(values).all())


def _notes(roles: Roles, column: Column, adjust: bool, empty: bool) -> list[str]:
    notes = [] if "volume" in roles.columns else ["there is no column of volume"]
    if empty:
        notes.append(f"column {roles.names[roles.columns['volume']]} is empty: there is no volume")
    adjusted = [roles.columns[ADJUSTED]] if ADJUSTED in roles.columns else []
    unused = sorted((*roles.unused, *(() if adjust else adjusted)))
    if unused:
        text = f"columns not used: {', '.join(roles.names[column] or 'one without a name' for column in unused)}"
        notes.append(text + ("" if adjust or not adjusted else _differs(roles, column)))
    return [*notes, ADJUST_NOTE] if adjust else notes


def _differs(roles: Roles, column: Column) -> str:
    """A note on the rows in which the adjusted close, which is not used, differs from the close."""
    differing = int((column(roles.columns[ADJUSTED]) != column(roles.columns["close"])).sum())
    if not differing:
        return ""
    rows = "1 row" if differing == 1 else f"{differing} rows"
    name = roles.names[roles.columns[ADJUSTED]]
    return (
        f"; {name} differs from Close in {rows}, so splits and dividends look like moves of the price (`adjust: true`)"
    )
