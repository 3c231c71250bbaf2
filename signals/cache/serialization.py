"""The content of a cache entry as bytes: a JSON header on the first line, then the arrays as an ``npz``.

No pickle, so nothing that is read can run. Every float comes back as the same bits.
"""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.digests import canonical
from core.types import Fold, SignalFrame
from signals.folds.fit_fold import FoldOutcome
from signals.signals_result import FoldReport, Signals

COLUMNS = ("prediction", "confidence", "p_up", "half_width")


def pack_signals(signals: Signals) -> bytes:
    """Signals with the reports of their folds."""
    frame = signals.frame
    header = {"symbols": list(frame.symbols), "folds": [fold.dump() for fold in signals.folds]}
    arrays = {
        "times": frame.times.as_unit("ns").asi8,
        "prediction": frame.prediction,
        "confidence": frame.confidence,
        "fold": frame.fold,
        "p_up": signals.p_up,
        "half_width": signals.half_width,
    }
    return _pack(header, arrays, signals.parts)


def unpack_signals(content: bytes) -> Signals:
    """The signals of an entry that :func:`pack_signals` made."""
    header, arrays, parts = _unpack(content)
    frame = SignalFrame(
        times=pd.DatetimeIndex(arrays["times"].astype("datetime64[ns]"), tz="UTC"),
        symbols=tuple(header["symbols"]),
        prediction=arrays["prediction"],
        confidence=arrays["confidence"],
        fold=arrays["fold"],
    )
    folds = tuple(FoldReport.from_dump(fold) for fold in header["folds"])
    return Signals(frame, folds, p_up=arrays["p_up"], half_width=arrays["half_width"], parts=parts)


def pack_fold(outcome: FoldOutcome, fold: Fold) -> bytes:
    """The outcome of a fold; its rows by their position among the test rows: a longer history renumbers the rows."""
    arrays = {name: getattr(outcome, name) for name in COLUMNS}
    arrays["places"] = np.searchsorted(fold.test, outcome.rows)
    return _pack({"report": outcome.report.dump()}, arrays, outcome.parts)


def unpack_fold(content: bytes, fold: Fold) -> FoldOutcome:
    """The outcome in an entry of :func:`pack_fold`, for the same fold of a history that may be longer."""
    header, arrays, parts = _unpack(content)
    return FoldOutcome(
        rows=fold.test[arrays["places"]],
        prediction=arrays["prediction"],
        confidence=arrays["confidence"],
        p_up=arrays["p_up"],
        half_width=arrays["half_width"],
        parts=parts,
        report=FoldReport.from_dump(header["report"]),
    )


def _pack(header: Mapping[str, Any], arrays: Mapping[str, Any], parts: Mapping[str, Any]) -> bytes:
    numbered = {f"part_{number}": part for number, part in enumerate(parts.values())}
    file = io.BytesIO()
    np.savez(file, **arrays, **numbered)
    return canonical({**header, "parts": list(parts)}) + b"\n" + file.getvalue()


def _unpack(content: bytes) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The header, the arrays by name, and the parts by theirs."""
    head, _, rest = content.partition(b"\n")
    header: dict[str, Any] = json.loads(head)
    with np.load(io.BytesIO(rest), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for array in arrays.values():
        array.flags.writeable = False
    parts = {name: arrays.pop(f"part_{number}") for number, name in enumerate(header.pop("parts"))}
    return header, arrays, parts
