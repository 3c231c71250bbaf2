"""A config as a pipeline whose every stage can be looked at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.types import Labels, Market, Matrix, RunResult, SignalFrame, read_only
from engine.backtest.bt import engine
from engine.config.run_config import RunConfig
from engine.results.order_audit import is_market
from signals.feature_frame import feature_frame, feature_names
from signals.features.base import Feature
from signals.generate import generate
from signals.leaks.pipeline_trace import Stage, Trace
from signals.models.base import TrainedModel
from signals.signals_result import FoldReport, Signals
from signals.spec import SignalSpec


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a config on one market."""

    market: Market
    signals: Signals
    result: RunResult


@dataclass(frozen=True)
class Subject:
    """The subject of an audit: the parts of a config, the model at its cheapest.

    Attributes
    ----------
    config : as the user wrote it.
    spec : its signals' part.
    symbols : the traded symbols of the whole market; a history that is cut off may lack some.
    """

    config: RunConfig
    spec: SignalSpec
    symbols: tuple[str, ...]

    @classmethod
    def of(cls, config: RunConfig, market: Market, extra: tuple[Feature, ...] = ()) -> "Subject":
        """The subject of a config; ``extra`` features are put beside its own."""
        spec = config.signals
        if isinstance(spec.model, TrainedModel):
            spec = spec.model_copy(update={"model": spec.model.cheap(), "features": (*spec.features, *extra)})
        return cls(config, spec, market.trade)

    def run(self, market: Market, change: Callable[[SignalFrame], SignalFrame] = lambda frame: frame) -> Run:
        """Run it. ``change`` stands between the signals and the engine."""
        tradable = self.with_bars_to_decide(market)
        signals = generate(tradable, self.spec, full_test_window=False)
        config = self.config
        result = engine.run(
            tradable,
            change(signals.frame),
            config.strategy,
            config.risk,
            config.broker,
            config.id,
            features=self.spec.features,
            solvent=False,
        )
        return Run(tradable, signals, result)

    def trace(self, market: Market) -> Trace:
        """Run it, and lay every stage open."""
        return self.opened(self.run(market))

    def opened(self, run: Run) -> Trace:
        """Every stage of a run."""
        return Trace(tuple(self._stages(run)))

    def with_bars_to_decide(self, market: Market) -> Market:
        """The market with the traded symbols that have a bar to decide on: a later listing is not yet known of."""
        trade = tuple(s for s in market.trade if len(market.bars[s]) > self.spec.warmup_in(market, s))
        return replace(market, trade=trade)

    def _stages(self, run: Run) -> Iterator[Stage]:
        if isinstance(self.spec.model, TrainedModel):
            yield from self._learnt(run, self.spec.model.tolerance)
        else:
            yield from self._read_features(run.market)
            yield self._table("scores", run.signals.frame, run.signals.frame.prediction)
        yield from _dealt(run.result)

    def _read_features(self, market: Market) -> Iterator[Stage]:
        """The features of a config whose model does not train: the strategy alone reads them."""
        if not self.spec.features:
            return
        warmup = max(feature.warmup for feature in self.spec.features)
        for symbol in self.symbols:
            if symbol in market.trade and len(market.bars[symbol]) > warmup:
                yield self._features(market, symbol)
            else:
                yield _nothing("features", feature_names(self.spec.features))

    def _learnt(self, run: Run, tolerance: float) -> Iterator[Stage]:
        for symbol in self.symbols:
            yield self._features(run.market, symbol)
        for symbol in self.symbols:
            yield self._labels(run.market, symbol)
        yield _folds(run.signals.folds)
        frame = run.signals.frame
        for name, part in sorted(run.signals.parts.items()):
            yield self._table(f"scores of {name}", frame, part, tolerance)
        yield self._table("scores", frame, frame.prediction, tolerance)
        yield self._table("confidence", frame, frame.confidence, max(tolerance, 1e-6))

    def _features(self, market: Market, symbol: str) -> Stage:
        names = feature_names(self.spec.features)
        if symbol not in market.trade:
            return _nothing("features", names)
        frame = feature_frame(market, symbol, self.spec.features)
        rows = frame.values[frame.warmup :]
        return Stage("features", frame.times[frame.warmup :], (symbol,) * len(rows), names, rows)

    def _labels(self, market: Market, symbol: str) -> Stage:
        if symbol not in market.trade or self.spec.label is None:
            return _nothing("labels", ("label",))
        return _known_labels(self.spec.label.compute(market.bars[symbol]), self.spec.warmup_in(market, symbol))

    def _table(self, name: str, frame: SignalFrame, values: Matrix, tolerance: float = 0.0) -> Stage:
        """A stage of the signals, with a column for every symbol of the whole market."""
        table = np.full((len(frame.times), len(self.symbols)), np.nan)
        table[:, [self.symbols.index(symbol) for symbol in frame.symbols]] = values
        return Stage.table(name, frame.times, self.symbols, table, tolerance)


def _nothing(name: str, columns: tuple[str, ...]) -> Stage:
    none = pd.DatetimeIndex([], tz="UTC")
    return Stage(name, none, (), columns, np.empty((0, len(columns))))


def _known_labels(labels: Labels, warmup: int) -> Stage:
    """Labels of the rows that a model may see, by the time at which they became known."""
    known_rows = warmup + np.flatnonzero(np.isfinite(labels.value[warmup:]))
    order = known_rows[np.argsort(labels.known_at[known_rows].asi8, kind="stable")]
    keys = tuple(f"{labels.symbol} of {time:%F %H:%M}" for time in labels.times[order])
    return Stage("labels", labels.known_at[order], keys, ("label",), labels.value[order][:, None])


def _folds(reports: tuple[FoldReport, ...]) -> Stage:
    """The rows that each fold was fitted on, and the scaling of its features."""
    rows = [list(_numbers(report)) for report in reports]
    columns = tuple(name for name, _ in rows[0]) if rows else ()
    cuts = pd.DatetimeIndex([pd.Timestamp(report.cut) for report in reports], tz="UTC")
    values = read_only([[value for _, value in row] for row in rows]).reshape(len(rows), -1)
    return Stage("folds and scalers", cuts, tuple(f"fold {report.number}" for report in reports), columns, values)


def _numbers(report: FoldReport) -> Iterator[tuple[str, float]]:
    for block in ("train", "stop", "calibration"):
        yield f"{block} rows", float(getattr(report, block).rows)
    yield "mean label", report.train_mean
    yield "share of rises", report.up_share
    yield from _flat(report.diagnostics.scaler, "")


def _flat(mapping: Mapping[str, Any], path: str) -> Iterator[tuple[str, float]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name} ")
        else:
            yield from ((f"{path}{name} {number}", float(item)) for number, item in enumerate(value))


def _dealt(result: RunResult) -> Iterator[Stage]:
    orders = result.orders[is_market(result.orders)]
    # What is asked is written down as what was filled and what was trimmed off: its last digit is theirs.
    yield replace(_rows("orders", orders, "created_at", ("symbol", "side"), ("asked",)), hair=1e-12)
    yield _rows("fills", result.fills, "time", ("symbol", "kind"), ("size", "price", "commission", "position_after"))
    yield _rows("equity", result.equity, "time", (), ("equity", "cash"))


def _rows(name: str, table: pd.DataFrame, time: str, keys: tuple[str, ...], columns: tuple[str, ...]) -> Stage:
    table = table.sort_values(time, kind="stable")
    row_keys = tuple(" ".join(str(part) for part in row) for row in table[list(keys)].to_numpy())
    return Stage(
        name, pd.DatetimeIndex(table[time]), row_keys, columns, table[list(columns)].to_numpy(dtype=np.float64)
    )
