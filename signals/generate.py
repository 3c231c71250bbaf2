"""From a market to its signals: trained fold by fold, or by a fixed rule."""

import logging
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from core.errors import DataError, StoreError
from core.progress import ProgressCallback, no_progress
from core.types import Fold, Market, Matrix, SignalFrame, Vector, read_only
from signals.cache.cache_keys import signal_key
from signals.cache.store import SignalStore
from signals.confidence.constant import Constant
from signals.folds.fit_fold import FoldOutcome
from signals.folds.per_symbol import split
from signals.folds.walk_forward import folds, require_a_test_window
from signals.models.base import POOLED, RuleModel
from signals.workers.resume import resumed_folds
from signals.workers.run_folds import FoldWorkers, run_folds

from .panel import Panel, build_panel
from .signals_result import Signals
from .spec import SignalSpec

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
    require_a_test_window(panel, spec.training.walk_forward)
    steps = folds(panel, spec.training.walk_forward)
    # No later fold has fewer rows than the first one.
    if spec.training.model.scope == POOLED:
        spec.training.model.check(panel.samples, steps[0].train, steps[0].stop)
    else:
        split(panel, spec.training, steps[0])
    return steps


def generate(
    market: Market,
    spec: SignalSpec,
    *,
    workers: FoldWorkers = 1,
    store: SignalStore | None = None,
    on_progress: ProgressCallback = no_progress,
    full_test_window: bool = True,
) -> Signals:
    """The signals of a market.

    Parameters
    ----------
    market : every bar that is known; folds see only what was known at their cut.
    spec : what to learn and how.
    workers : processes that train folds; 1 trains in this one. :class:`signals.workers.run_folds.Workers` gives
        folds a time limit, or a process of their own; a :func:`signals.workers.run_folds.fold_pool` is kept from one
        call to the next. The signals are the same, bit for bit.
    store : the cache of finished signals and finished folds; what it holds is not trained again.
    on_progress : called with each step of the folds done, and of long work inside a fold.
    full_test_window : refuse a history without one full test window; a history that is cut off on purpose may lack it.

    Raises
    ------
    ConfigError
        The data are too short for the walk-forward.
    DataError
        A symbol has too few bars, or a feature is not finite.
    ModelError
        A fit failed or took too long, or a worker process died; a note names the fold and the member.
    """
    if isinstance(spec.model, RuleModel):
        return _by_rule(market, spec, spec.model)
    trained = partial(_trained, market, spec, workers, on_progress, full_test_window)
    key = _key(market, spec) if store else ""
    if store is None or not key:
        return trained(None)
    if stored := store.get(key):
        log.info("the signals come from the cache (%s); nothing is trained", key[:12])
        return stored
    with store.alone(key, on_progress):
        if stored := store.get(key):
            log.info("another process has made the signals meanwhile (%s); nothing is trained", key[:12])
            return stored
        signals = trained(store)
        store.put(key, signals)
    return signals


def _key(market: Market, spec: SignalSpec) -> str:
    """The signals' key; empty where they have none, because code typed into a session can change unnoticed."""
    try:
        return signal_key(market, spec)
    except StoreError as error:
        log.warning("cache: %s; the signals are not kept", error)
        return ""


def _trained(
    market: Market,
    spec: SignalSpec,
    workers: FoldWorkers,
    on_progress: ProgressCallback,
    full_test_window: bool,
    store: SignalStore | None,
) -> Signals:
    panel = _panel(market, spec)
    training = spec.training
    if full_test_window:
        require_a_test_window(panel, training.walk_forward)
    steps = folds(panel, training.walk_forward)
    if store:
        outcomes = resumed_folds(panel, spec, steps, workers, on_progress, store)
    else:
        outcomes = run_folds(panel, training, steps, workers, on_progress)
    return _assemble(market, panel, steps, outcomes)


def _panel(market: Market, spec: SignalSpec) -> Panel:
    training = spec.training
    return build_panel(market, training.features, training.label, training.confidence)


def _assemble(market: Market, panel: Panel, steps: Sequence[Fold], outcomes: Sequence[FoldOutcome]) -> Signals:
    """The folds' predictions in the market's calendar."""
    times = market.times

    def in_calendar(columns: Sequence[Vector]) -> Matrix:
        table = np.full((len(times), len(market.trade)), np.nan)
        for outcome, column in zip(outcomes, columns, strict=True):
            table[times.get_indexer(panel.times[outcome.rows]), panel.symbol[outcome.rows]] = column
        return read_only(table)

    number = pd.DatetimeIndex([fold.cut for fold in steps]).searchsorted(times, side="right") - 1
    return Signals(
        frame=SignalFrame(
            times=times,
            symbols=market.trade,
            prediction=in_calendar([outcome.prediction for outcome in outcomes]),
            confidence=in_calendar([outcome.confidence for outcome in outcomes]),
            fold=read_only(number, np.int64),
        ),
        folds=tuple(outcome.report for outcome in outcomes),
        p_up=in_calendar([outcome.p_up for outcome in outcomes]),
        half_width=in_calendar([outcome.half_width for outcome in outcomes]),
        parts={name: in_calendar([outcome.parts[name] for outcome in outcomes]) for name in outcomes[0].parts},
    )


def _by_rule(market: Market, spec: SignalSpec, model: RuleModel) -> Signals:
    prediction = _rule_predictions(market, model)
    value = spec.confidence.value if isinstance(spec.confidence, Constant) else 1.0
    confidence = np.where(np.isnan(prediction), np.nan, value)
    started = np.maximum.accumulate(~np.isnan(prediction).all(axis=1))
    frame = SignalFrame(
        times=market.times,
        symbols=market.trade,
        prediction=read_only(prediction),
        confidence=read_only(confidence),
        fold=read_only(np.where(started, 0, -1), np.int64),
    )
    all_nan = read_only(np.full(prediction.shape, np.nan))
    return Signals(frame, (), p_up=all_nan, half_width=all_nan)


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
