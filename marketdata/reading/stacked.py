"""Sheets of several symbols that stand side by side in one file, one under the other."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import PRICES

from .sheet import Sheet, Symbols


def stacked(sheets: Sequence[Sheet]) -> Sheet:
    """Sheets of one form, one under the other; rows without any price, where a symbol has no bar, are left out."""
    first = sheets[0]
    priced = [~np.all([pd.isna(sheet.cells[role]) for role in PRICES], axis=0) for sheet in sheets]
    pairs = list(zip(sheets, priced, strict=True))
    index = pd.DatetimeIndex(np.concatenate([sheet.stamps.index.to_numpy()[rows] for sheet, rows in pairs]))
    index = index if first.stamps.index.tz is None else index.tz_localize("UTC")
    offsets = [sheet.stamps.offsets[rows] for sheet, rows in pairs if sheet.stamps.offsets is not None]
    missing = sum(int((~rows).sum()) for rows in priced)
    note = (f"{missing} rows in which a symbol has no price hold no bar of it",) if missing else ()
    return replace(
        first,
        cells={role: np.concatenate([sheet.cells[role][rows] for sheet, rows in pairs]) for role in first.cells},
        stamps=replace(first.stamps, index=index, offsets=np.concatenate(offsets) if offsets else None),
        symbols=_stacked_symbols(sheets, priced),
        notes=(*first.notes, *note),
    )


def _stacked_symbols(sheets: Sequence[Sheet], priced: Sequence[npt.NDArray[np.bool_]]) -> Symbols:
    names = tuple(sheet.symbols.names[0] for sheet in sheets if sheet.symbols)
    counts = [int(rows.sum()) for rows in priced]
    return Symbols(np.repeat(np.arange(len(names), dtype=np.int32), counts), names, "Ticker")
