"""From a market to its signals: trained fold by fold, or by a fixed rule."""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.progress import Report, silent
from core.types import Fold, Market, Matrix, SignalFrame, read_only

from .fitting import FoldOutcome
from .models._base import POOLED, RuleModel, Samples
from .panel import Panel, build_panel
from .result import FoldReport, Signals
from .scope import split
from .spec import SignalSpec
from .store import SignalStore, signal_key
from .walk_forward import folds
from .workers import run_folds

log = logging.getLogger(__name__)


def plan(market: Market, spec: SignalSpec) -> tuple[Fold, ...]:
    """The folds that :func:`generate` would train, without training; none for a rule.

    Raises
    ------
    ConfigError
        The data are too short for the walk-forward, or for one model a symbol.
    DataError
        A symbol has too few bars for a feature or for the rule.
    ModelError
        The first fold has too few rows for the model.
    """
    if isinstance(spec.model, RuleModel):
        _rule_predictions(market, spec.model)
        return ()
    panel = _panel(market, spec)
    steps = folds(panel, spec.training.walk_forward)
    # No later fold has fewer rows than the first one.
    if spec.training.model.scope == POOLED:
        spec.training.model.check(Samples(panel.X, panel.y, panel.first), steps[0].train, steps[0].stop)
    else:
        split(panel, spec.training, steps[0])
    return steps


def generate(
    market: Market,
    spec: SignalSpec,
    *,
    workers: int = 1,
    store: SignalStore | None = None,
    report: Report = silent,
) -> Signals:
    """The signals of a market.

    Parameters
    ----------
    market : every bar that is known; folds see only what was known at their cut.
    spec : what to learn and how.
    workers : processes that train folds; 1 trains in this one. The signals are the same, bit for bit.
    store : where finished signals are kept; what it holds is not trained again.
    report : told of the folds done, and of long work inside a fold.

    Raises
    ------
    ConfigError
        The data are too short for the walk-forward.
    DataError
        A symbol has too few bars, or a feature is not finite.
    ModelError
        A fit failed, or a worker process died; a note names the fold and the member.
    """
    if isinstance(spec.model, RuleModel):
        return _by_rule(market, spec, spec.model)
    key = signal_key(market, spec) if store else ""
    if store and (kept := store.get(key)):
        log.info("the signals come from the cache (%s); nothing is trained", key[:12])
        return kept
    panel = _panel(market, spec)
    steps = folds(panel, spec.training.walk_forward)
    signals = _assemble(market, panel, steps, run_folds(panel, spec.training, steps, workers, report))
    if store:
        store.put(key, signals)
    return signals


def _panel(market: Market, spec: SignalSpec) -> Panel:
    return build_panel(market, spec.features, spec.training.label)


def _assemble(market: Market, panel: Panel, steps: Sequence[Fold], outcomes: Sequence[FoldOutcome]) -> Signals:
    """Put what the folds predicted into the market's calendar."""
    times = market.times
    prediction, confidence, p_up = (np.full((len(times), len(market.trade)), np.nan) for _ in range(3))
    for outcome in outcomes:
        place = times.get_indexer(panel.times[outcome.rows]), panel.symbol[outcome.rows]
        prediction[place], confidence[place], p_up[place] = outcome.prediction, outcome.confidence, outcome.p_up
    number = pd.DatetimeIndex([fold.cut for fold in steps]).searchsorted(times, side="right") - 1
    return _signals(market, prediction, confidence, np.asarray(number), p_up, tuple(each.report for each in outcomes))


def _by_rule(market: Market, spec: SignalSpec, model: RuleModel) -> Signals:
    prediction = _rule_predictions(market, model)
    value = spec.confidence.value if spec.confidence else 1.0
    confidence = np.where(np.isnan(prediction), np.nan, value)
    started = np.maximum.accumulate(~np.isnan(prediction).all(axis=1))
    return _signals(market, prediction, confidence, np.where(started, 0, -1), np.full(prediction.shape, np.nan), ())


def _rule_predictions(market: Market, model: RuleModel) -> Matrix:
    """(T, N) a rule's signals in the market's calendar; NaN in a symbol's warm-up and where it has no bar."""
    times = market.times
    prediction = np.full((len(times), len(market.trade)), np.nan)
    for column, symbol in enumerate(market.trade):
        bars = market.bars[symbol]
        if len(bars) <= model.warmup:
            needed = f"{symbol}: has {len(bars)} bars, but {model.kind} needs at least {model.warmup + 1}"
            raise DataError(f"{needed}; take a longer history or a shorter window")
        prediction[times.get_indexer(bars.times), column] = model.signal(bars)
    return prediction


def _signals(
    market: Market,
    prediction: Matrix,
    confidence: Matrix,
    fold: npt.NDArray[np.int64],
    p_up: Matrix,
    reports: tuple[FoldReport, ...],
) -> Signals:
    frame = SignalFrame(
        times=market.times,
        symbols=market.trade,
        prediction=read_only(prediction),
        confidence=read_only(confidence),
        fold=read_only(fold, np.int64),
    )
    return Signals(frame, reports, read_only(p_up))
