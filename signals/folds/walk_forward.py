"""Walk-forward folds: the training rows before each stretch of test bars. The loop exists once, here.

All cuts are made on common time, the union of the panel's decision times. The training window before a cut holds
three blocks in time order: train, early stopping, calibration. Each is purged from what follows it by ``known_at``:
a row belongs to its block only if its label is known at or before the first decision time of the next block.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import ConfigError
from core.types import Fold, Rows
from signals.panel import Panel
from signals.spec import WalkForward


@dataclass(frozen=True)
class _Edges:
    """Numbers of bars of common time: where the blocks of one fold begin, and where its test window ends."""

    train: int
    stop: int
    calibration: int
    cut: int
    end: int


def folds(panel: Panel, spec: WalkForward) -> tuple[Fold, ...]:
    """The folds of a panel.

    Returns
    -------
    Test windows follow each other without gap or overlap from bar ``spec.train`` of common time to the end, and hold
    the rows of every symbol, also those whose label is not known yet. The rows of a block are in the panel's order.

    Raises
    ------
    ConfigError
        The data are too short for one test bar, or a block has no rows.
    """
    times = _common(panel)
    _require(times, spec.train, spec)
    bar = times.get_indexer(panel.times)
    known_bar = np.where(panel.known_at.isna(), len(times), times.get_indexer(panel.known_at))
    return tuple(
        _fold(number, edges, times, bar, known_bar, spec) for number, edges in enumerate(_steps(len(times), spec))
    )


def fold_at_end(panel: Panel, spec: WalkForward) -> Fold:
    """The fold whose cut is the panel's last decision time; what is predicted is the last row of each symbol.

    Of a panel that ends at the cut of one of :func:`folds`, its training blocks are those of that fold.

    Raises
    ------
    ConfigError
        The data are too short, or a block has no rows.
    """
    times = _common(panel)
    _require(times, spec.train, spec)
    bar = times.get_indexer(panel.times)
    known_bar = np.where(panel.known_at.isna(), len(times), times.get_indexer(panel.known_at))
    fold = _fold(0, _edges(len(times) - 1, len(times), spec), times, bar, known_bar, spec)
    last = np.searchsorted(panel.symbol, np.unique(panel.symbol), side="right") - 1
    return replace(fold, test=last)


def require_a_test_window(panel: Panel, spec: WalkForward) -> None:
    """Refuse data shorter than one training and one full test window."""
    _require(_common(panel), spec.train + spec.test - 1, spec)


def training_rows(fold: Fold) -> Rows:
    """Every row whose label is used before the fold's cut: train, stop and calibration rows, in that order."""
    return np.concatenate([fold.train, fold.stop, fold.calibration])


def _common(panel: Panel) -> pd.DatetimeIndex:
    """Common time: the union of all symbols' decision times."""
    return pd.DatetimeIndex(panel.times.unique()).sort_values()


def _require(times: pd.DatetimeIndex, more_than: int, spec: WalkForward) -> None:
    if len(times) <= more_than:
        raise ConfigError(
            f"walk_forward: train {spec.train} + test {spec.test} is {spec.train + spec.test} bars, but after the "
            f"features' warm-up there are {len(times)} usable bars; shorten a window or load a longer history"
        )


def _steps(bars: int, spec: WalkForward) -> Iterator[_Edges]:
    """The one loop over folds."""
    for cut in range(spec.train, bars, spec.test):
        yield _edges(cut, bars, spec)


def _edges(cut: int, bars: int, spec: WalkForward) -> _Edges:
    begin = cut - spec.train if spec.scheme == "rolling" else 0
    calibration = cut - round((cut - begin) * spec.calibration)
    stop = calibration - round((cut - begin) * spec.stop)
    return _Edges(begin, stop, calibration, cut, min(cut + spec.test, bars))


def _fold(
    number: int,
    edges: _Edges,
    times: pd.DatetimeIndex,
    bar: npt.NDArray[np.intp],
    known_bar: npt.NDArray[np.intp],
    spec: WalkForward,
) -> Fold:
    """One fold; ``bar`` and ``known_bar`` are (R,) numbers of bars of common time: the decision's and the label's."""

    def block(name: str, begin: int, end: int, known_by: int) -> Rows:
        rows = np.flatnonzero((begin <= bar) & (bar < end) & (known_bar <= known_by))
        if not len(rows):
            raise ConfigError(_empty(name, number, edges, times, spec))
        return rows

    return Fold(
        number=number,
        train=block("train", edges.train, edges.stop, edges.stop),
        stop=block("stop", edges.stop, edges.calibration, edges.calibration),
        calibration=block("calibration", edges.calibration, edges.cut, edges.cut - spec.embargo),
        test=np.flatnonzero((edges.cut <= bar) & (bar < edges.end)),
        cut=times[edges.cut],
    )


def _empty(name: str, number: int, edges: _Edges, times: pd.DatetimeIndex, spec: WalkForward) -> str:
    return (
        f"walk_forward: fold {number}, cut at {times[edges.cut].isoformat()}: the {name} block has no rows. Of "
        f"{edges.cut - edges.train} bars, stop {spec.stop:g} and calibration {spec.calibration:g} take their share, "
        f"and the label's horizon and embargo {spec.embargo} are purged; make train longer or the horizon shorter"
    )
