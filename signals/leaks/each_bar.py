"""L11: values known at a bar are the same whether the history ends there or goes on, tried at thousands of bars.

A leak may show on one bar in a hundred: a back-fill over rare holes, a revision at the quarter's end. A dozen cuts miss
it. Features, units and times of labels, scales of confidence and signals of rules cost little, so the history is cut
off after each of thousands of bars, and the last row is compared with that of the whole history.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import WorkbenchError
from core.progress import Progress, ProgressCallback, no_progress
from core.types import Market, Matrix, Rows, Vector
from signals.feature_frame import feature_rows
from signals.models.base import RuleModel
from signals.spec import SignalSpec

from .check_result import Check
from .pipeline_trace import Moved
from .special_bars import special_bars

NUMBER, TITLE = "L11", "the history ends at each bar"
DRAWN = 2000
"""Bars drawn at random for the quick battery, beside the special ones."""
PIECE = 3000
"""Bars of a piece of a long history; each bar has at least half as many before it, and after it."""
STEPS = 100
"""Bars between two reports of progress."""


@dataclass(frozen=True, eq=False)
class RowValues:
    """Values of one symbol, known at each of its T bars.

    Attributes
    ----------
    times : (T,) close times.
    names : C columns.
    values : (T, C).
    label, known_at : (T,) values of the labels, and ns since 1970 from which each is known; empty for a rule.
    """

    times: pd.DatetimeIndex
    names: tuple[str, ...]
    values: Matrix
    label: Vector
    known_at: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of history, and the bars in it that are tried.

    Attributes
    ----------
    market : from its beginning to well after the last bar that is tried; only the whole history's end is nearer.
    cuts : close times after which the history is cut off.
    """

    market: Market
    cuts: pd.DatetimeIndex


def each_bar(
    market: Market, spec: SignalSpec, *, full: bool, seed: int, on_progress: ProgressCallback = no_progress
) -> Check:
    """L11: cut the history off after many bars, and compare the last row.

    Parameters
    ----------
    full : after every bar; else after :data:`DRAWN` bars drawn at random and after the special ones.
    seed : of the draw.
    """
    bars = _tried_bars(market, full=full, seed=seed)
    warmup = max(spec.warmup_in(market, symbol) for symbol in market.trade)
    differences: list[Moved] = []
    done = 0
    for piece in _pieces(market, warmup, bars):
        symbols = [symbol for symbol in market.trade if len(piece.market.bars[symbol]) > warmup]
        whole = {symbol: row_values(piece.market, symbol, spec) for symbol in symbols}
        for cut in piece.cuts:
            differences += _differences(piece.market.until(cut), whole, spec, warmup)
            done += 1
            if done % STEPS == 0:
                on_progress(Progress(TITLE, done, len(bars)))
    on_progress(Progress(TITLE, len(bars), len(bars)))
    return _judge(differences, len(bars), full=full)


def row_values(market: Market, symbol: str, spec: SignalSpec) -> RowValues:
    """Everything that does not need a fitted model, of one symbol with more bars than the warm-up.

    Raises
    ------
    WorkbenchError
        A feature cannot be computed.
    """
    bars = market.bars[symbol]
    if isinstance(spec.model, RuleModel):
        columns = [
            spec.model.signal(bars)[:, None],
            *(feature_rows(market, symbol, feature) for feature in spec.features),
        ]
        names = ("signal", *(name for feature in spec.features for name in feature.names))
        return RowValues(bars.times, names, np.hstack(columns), np.empty(0), np.empty(0, dtype=np.int64))
    training = spec.training
    labels = training.label.compute(bars)
    columns = [feature.of(market, symbol) for feature in training.features]
    columns += [labels.unit[:, None], training.confidence.spread(bars)[:, None]]
    names = tuple(name for feature in training.features for name in feature.names)
    return RowValues(
        bars.times,
        (*names, "unit of the label", "scale of the confidence"),
        np.hstack(columns),
        labels.value,
        labels.known_at.as_unit("ns").asi8,
    )


def _tried_bars(market: Market, *, full: bool, seed: int) -> Rows:
    """Increasing indices into the market's common times; the last bar, after which nothing is cut off, is left out."""
    count = len(market.times) - 1
    if full or count <= DRAWN:
        return np.arange(count)
    drawn = np.random.default_rng([seed, 11]).choice(count, DRAWN, replace=False)
    return np.union1d(drawn, special_bars(market)).astype(np.intp)


def _pieces(market: Market, warmup: int, bars: Rows) -> Iterator[Piece]:
    """The history in overlapping pieces, so that a long one costs no more a bar than a short one."""
    times = market.times
    half = max(PIECE // 2, 2 * warmup)
    if len(times) <= 4 * half:
        yield Piece(market, times[bars])
        return
    for begin in range(0, len(times), half):
        tried = bars[(bars >= begin) & (bars < begin + half)]
        if len(tried):
            end = times[min(begin + 2 * half, len(times)) - 1]
            yield Piece(market.since(times[max(begin - half, 0)]).until(end), times[tried])


def _differences(market: Market, whole: Mapping[str, RowValues], spec: SignalSpec, warmup: int) -> Iterator[Moved]:
    """The differences of the symbols that have a bar at the end of a history."""
    cut = max(market.bars[symbol].times[-1] for symbol in market.trade if len(market.bars[symbol]))
    for symbol, base in whole.items():
        times = market.bars[symbol].times
        if len(times) <= warmup or times[-1] != cut:
            continue
        try:
            ended = row_values(market, symbol, spec)
        except WorkbenchError:  # it can be computed with later bars alone
            ended = replace(base, times=times, values=np.full((len(times), len(base.names)), np.nan))
        yield from _of_last_row(symbol, base, ended)
        if len(base.label):
            yield from _of_labels(symbol, base, ended, warmup)


def _of_last_row(symbol: str, base: RowValues, ended: RowValues) -> Iterator[Moved]:
    row = len(ended.times) - 1
    before = base.values[row]
    after = ended.values[row]
    moved = np.flatnonzero(~((before == after) | (np.isnan(before) & np.isnan(after))))
    for column in moved.tolist():
        yield _moved("features", ended.times[row], f"{symbol} {base.names[column]}", before[column], after[column])


def _of_labels(symbol: str, base: RowValues, ended: RowValues, warmup: int) -> Iterator[Moved]:
    """The labels that become known at the last bar, by the whole history and by the one that ends there."""
    cut = ended.times[-1].value
    count = len(ended.times)
    is_new = (base.known_at[:count] == cut) | (ended.known_at[:count] == cut)
    for row in (warmup + np.flatnonzero(is_new[warmup:])).tolist():
        before = float(base.label[row]) if base.known_at[row] == cut else np.nan
        after = float(ended.label[row]) if ended.known_at[row] == cut else np.nan
        if not (before == after or (np.isnan(before) and np.isnan(after))):
            yield _moved("labels", ended.times[row], f"{symbol} label", before, after)


def _moved(stage: str, time: pd.Timestamp, where: str, before: float, after: float) -> Moved:
    values = [float(value) if np.isfinite(value) else None for value in (before, after)]
    return Moved(stage, time.isoformat(), where, values[0], values[1], rows=1, cut="the history ends there")


def _judge(differences: list[Moved], count: int, *, full: bool) -> Check:
    kind = "every bar" if full else f"{count:,} bars"
    if not differences:
        return Check(NUMBER, TITLE, "clean", count, f"the last row is the same with and without later bars, at {kind}")
    first = min(differences, key=lambda moved: moved.row)
    rows = {moved.row for moved in differences if moved.where == first.where}
    detail = f"at {len(rows):,} of {count:,} bars a value needs later bars: {first.stage}, {first.where}"
    return Check(NUMBER, TITLE, "leak", count, detail, Moved(**{**first.__dict__, "rows": len(rows)}))
