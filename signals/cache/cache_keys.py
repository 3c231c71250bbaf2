"""The keys under which signals and folds are stored: everything that decides them, and nothing else.

Signals depend on the bars that are traded or used, on the spec, and on code, libraries and machine. A fold depends on
the same spec and code, and of the data on the rows that it may use alone: so a history that has grown by new bars
shares its earlier folds with the shorter one.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.digests import canonical, digest, frame_digest
from core.types import Fold, Market
from signals.folds.fit_fold import Window
from signals.folds.walk_forward import training_rows
from signals.panel import COLUMNS, Panel
from signals.spec import SignalSpec

from .code_digest import Code, code_of, modules_of
from .library_versions import library_versions, machine

FORMAT = 3
"""The version of the entries' format; entries of another version have other keys, and are evicted in time."""
MAKER = "signals.generate"
"""The module that makes signals; what it imports does the work."""
BLOCKS = ("train", "stop", "calibration", "test")


def signal_key(market: Market, spec: SignalSpec) -> str:
    """64 hex digits over everything that decides the signals of a market.

    Raises
    ------
    ConfigError
        A file of the code at work cannot be read or parsed.
    StoreError
        A part of the spec is of a class that is in no file.
    """
    return digest({"maker": maker(spec), "data": _data(market, spec)})


def maker(spec: SignalSpec) -> str:
    """64 hex digits over everything but the data that decides signals: spec, code, libraries, machine."""
    code = _code(spec)
    return digest(
        {
            "format": FORMAT,
            "spec": spec.dump(),
            "code": code.digest,
            "versions": library_versions(code.libraries),
            "machine": machine(),
        }
    )


def fold_keys(panel: Panel, spec: SignalSpec, folds: Sequence[Fold]) -> tuple[str, ...]:
    """64 hex digits a fold, over everything that decides what it predicts and reports."""
    maker_digest = maker(spec)
    return tuple(_fold_key(maker_digest, panel, fold) for fold in folds)


def _code(spec: SignalSpec) -> Code:
    return code_of({MAKER, *modules_of(spec)})


def _data(market: Market, spec: SignalSpec) -> dict[str, Any]:
    requested = [list(feature.others(market)) for feature in spec.features]
    other_symbols = set().union(*requested).difference(market.trade)
    return {
        "trade": [[symbol, frame_digest(market.bars[symbol].frame)] for symbol in market.trade],
        "others": {symbol: frame_digest(market.bars[symbol].frame) for symbol in other_symbols},
        "asked": requested,
        "inputs": [dict(feature.inputs(market)) for feature in spec.features],
    }


def _fold_key(maker_digest: str, panel: Panel, fold: Fold) -> str:
    """A digest of the rows from the first one of training to the last one of the test, as the fold may see them."""
    first = panel.times[training_rows(fold)].min()
    last = panel.times[fold.test].max()
    window = Window.cut_out(panel, first, last, fold.cut)
    header = [maker_digest, fold.number, fold.cut.isoformat(), list(panel.symbols), list(panel.names)]
    hasher = hashlib.sha256(canonical(header))
    for name in COLUMNS:
        _add(hasher, getattr(window.panel, name))
    for name in BLOCKS:
        _add(hasher, window.at(getattr(fold, name)))
    # The number of each row among its symbol's rows: a model with a window of rows may need a minimum of them.
    _add(hasher, window.rows - panel.first[window.rows])
    return hasher.hexdigest()


def _add(hasher: "hashlib._Hash", values: Any) -> None:
    """Add an array to a digest: its type, its shape, and every bit of it."""
    array = values.as_unit("ns").asi8 if isinstance(values, pd.DatetimeIndex) else np.ascontiguousarray(values)
    hasher.update(canonical([array.dtype.str, list(array.shape)]))
    hasher.update(array.tobytes())
