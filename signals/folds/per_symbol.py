"""A fold taken apart by symbol, for models that share nothing: ``model.scope: per_symbol``.

Folds are cut by common time whatever the scope. What a symbol's own model is handed is that symbol's rows alone, so
nothing in another symbol's prices can change its scaler, its model, its calibration or its predictions.
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
"""The share of ``walk_forward.train`` that a symbol needs in rows of its own before it is given a model."""


@dataclass(frozen=True, eq=False)
class SymbolFold:
    """One symbol's part of a fold; nothing of any other symbol is in it.

    Attributes
    ----------
    symbol : its name.
    begin : the number, in the whole panel, of the symbol's first row.
    panel : the symbol's rows.
    fold : the fold in numbers of that panel; a block may be empty.
    """

    symbol: str
    begin: int
    panel: Panel
    fold: Fold

    def whole(self, rows: Rows) -> Rows:
        """The numbers, in the whole panel, of some of the part's rows."""
        return rows + self.begin


def split(panel: Panel, training: Training, fold: Fold) -> tuple[tuple[SymbolFold, ...], dict[str, str]]:
    """The symbols that can have a model of their own in a fold, and why the others cannot, by symbol.

    Symbols without a row to predict are in neither.

    Raises
    ------
    ConfigError
        There is no symbol that can.
    """
    parts = [_part(panel, fold, number) for number in np.unique(panel.symbol[fold.test])]
    lacking = {part.symbol: reason for part in parts if (reason := missing_rows(part, training))}
    if len(lacking) == len(parts):
        symbol, reason = next(iter(lacking.items()))
        raise ConfigError(
            f"model.scope per_symbol: before the cut at {fold.cut:%F} no symbol has enough rows of its own; "
            f"{symbol} has {reason}; take a longer walk_forward.train, a longer history, or scope pooled"
        )
    return tuple(part for part in parts if part.symbol not in lacking), lacking


def missing_rows(part: SymbolFold, training: Training) -> str:
    """What a symbol has too little of to be given a model; empty where it has enough.

    It needs half of ``walk_forward.train`` in rows of its own, a row in every block, and what its model asks for.
    """
    known, needed = len(training_rows(part.fold)), round(FILLED * training.walk_forward.train)
    if known < needed:
        return f"{known} training rows of its own, needs {needed} (half of walk_forward.train)"
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
    """The fold with the rows of some parts alone, in numbers of the whole panel."""
    blocks = {name: np.concatenate([part.whole(getattr(part.fold, name)) for part in parts]) for name in BLOCKS}
    return Fold(number=fold.number, cut=fold.cut, **blocks)


def _part(panel: Panel, fold: Fold, number: int) -> SymbolFold:
    begin, end = (int(np.searchsorted(panel.symbol, each)) for each in (number, number + 1))
    symbol = panel.symbols[number]
    own = panel.take(slice(begin, end))
    alone = replace(own, symbols=(symbol,), symbol=np.zeros(end - begin, dtype=np.intp))
    blocks = {name: _inside(getattr(fold, name), begin, end) for name in BLOCKS}
    return SymbolFold(symbol, begin, alone, Fold(number=fold.number, cut=fold.cut, **blocks))


def _inside(rows: Rows, begin: int, end: int) -> Rows:
    return rows[(rows >= begin) & (rows < end)] - begin
