"""A fold split by symbol, for models that share nothing: ``model.scope: per_symbol``.

Folds are cut by common time whatever the scope. A symbol's own model gets that symbol's rows alone, so nothing in
another symbol's prices can change its scaler, its model, its calibration or its predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import ConfigError, ModelError
from core.types import Fold, Rows
from signals.panel import Panel
from signals.spec import Training

from .walk_forward import training_rows

BLOCKS = ("train", "stop", "calibration", "test")
FILLED = 0.5
"""The share of ``walk_forward.train`` that a symbol needs in rows of its own to get a model."""


@dataclass(frozen=True, eq=False)
class SymbolFold:
    """One symbol's part of a fold; nothing of any other symbol is in it.

    Attributes
    ----------
    symbol : its name.
    begin : the row number, in the full panel, of the symbol's first row.
    panel : the symbol's rows.
    fold : the fold in numbers of that panel; a block may be empty.
    """

    symbol: str
    begin: int
    panel: Panel
    fold: Fold

    def panel_rows(self, rows: Rows) -> Rows:
        """The row numbers, in the full panel, of some of the part's rows."""
        return rows + self.begin


def split(panel: Panel, training: Training, fold: Fold) -> tuple[tuple[SymbolFold, ...], dict[str, str]]:
    """The symbols that can have a model of their own in a fold, and by symbol the reason why another cannot.

    Symbols without a row to predict are in neither.

    Raises
    ------
    ConfigError
        There is no symbol that can.
    """
    parts = [_part(panel, fold, number) for number in np.unique(panel.symbol[fold.test])]
    reasons = {part.symbol: missing_rows(part, training) for part in parts}
    untrained = {symbol: reason for symbol, reason in reasons.items() if reason}
    if len(untrained) == len(parts):
        symbol, reason = next(iter(untrained.items()))
        raise ConfigError(
            f"model.scope per_symbol: before the cut at {fold.cut:%F} no symbol has enough rows of its own; "
            f"{symbol} has {reason}; take a longer walk_forward.train, a longer history, or scope pooled"
        )
    return tuple(part for part in parts if part.symbol not in untrained), untrained


def missing_rows(part: SymbolFold, training: Training) -> str:
    """The reason why a symbol has too few rows for a model; empty where it has enough.

    It needs half of ``walk_forward.train`` in rows of its own, a row in every block, and the rows that its model needs.
    """
    count = len(training_rows(part.fold))
    needed = round(FILLED * training.walk_forward.train)
    if count < needed:
        return f"{count} training rows of its own, needs {needed} (half of walk_forward.train)"
    empty = [name for name in BLOCKS if not len(getattr(part.fold, name))]
    if empty:
        return f"no rows of its own in the {empty[0]} block"
    try:
        samples = part.panel.samples
        training.model.check(samples, part.fold.train, part.fold.stop)
    except ModelError as error:
        return f"too few rows of its own: {error}"
    return ""


def joined(fold: Fold, parts: Sequence[SymbolFold]) -> Fold:
    """The fold with the rows of some parts alone, in row numbers of the full panel."""
    blocks = {name: np.concatenate([part.panel_rows(getattr(part.fold, name)) for part in parts]) for name in BLOCKS}
    return Fold(number=fold.number, cut=fold.cut, **blocks)


def _part(panel: Panel, fold: Fold, number: int) -> SymbolFold:
    begin = int(np.searchsorted(panel.symbol, number))
    end = int(np.searchsorted(panel.symbol, number + 1))
    symbol = panel.symbols[number]
    symbol_rows = panel.take(slice(begin, end))
    blocks = {name: _inside(getattr(fold, name), begin, end) for name in BLOCKS}
    return SymbolFold(
        symbol,
        begin,
        panel=replace(symbol_rows, symbols=(symbol,), symbol=np.zeros(end - begin, dtype=np.intp)),
        fold=Fold(number=fold.number, cut=fold.cut, **blocks),
    )


def _inside(rows: Rows, begin: int, end: int) -> Rows:
    return rows[(rows >= begin) & (rows < end)] - begin
