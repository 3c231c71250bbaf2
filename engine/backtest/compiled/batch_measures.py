"""The table of a batch: its measures, computed from the sums of a kernel."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.types import Vector
from engine.backtest.account_returns import benchmark_returns
from engine.backtest.compiled.codes import RUINED
from engine.backtest.compiled.kernel.records import KernelResult
from risk.measures._running_totals import Totals
from risk.measures._tail import TailMeasure
from risk.measures.base import Measure, Sample, TradeMeasure

from .batch_run import BatchRun

STATUS = np.dtype("<U6")


@dataclass(frozen=True)
class BatchOutputs:
    """The outputs of a batch for each setting.

    Attributes
    ----------
    measures : each once.
    equity : True to keep the account at each session.
    risk_free : the annual rate that ratios compare with.

    Raises
    ------
    ConfigError
        A measure of closed trades, which no batch keeps; one that is requested twice.
    """

    measures: tuple[Measure, ...]
    equity: bool
    risk_free: float

    def __post_init__(self) -> None:
        names = [measure.name for measure in self.measures]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ConfigError(f"a batch measures each once; asked for again: {', '.join(sorted(twice))}")
        for measure in self.measures:
            if isinstance(measure, TradeMeasure):
                raise ConfigError(
                    f"{measure.name} needs every closed trade, which a batch does not keep; leave it out, or run the "
                    "setting alone"
                )

    @cached_property
    def tail_probabilities(self) -> tuple[float, ...]:
        """The tails that a kernel measures."""
        tails = (item for item in self.measures if isinstance(item, TailMeasure) and item.method == "historical")
        return tuple(dict.fromkeys(item.share for item in tails))

    @property
    def curves(self) -> bool:
        """True if the account at each session is needed: some measures cannot be computed from sums."""
        one = np.ones(1)
        tails = {probability: np.ones((1, 2)) for probability in self.tail_probabilities}
        sums = Totals(2, one, one, one, one, one, one, one, tails, periods_per_year=1.0, risk_free=0.0)
        return self.equity or any(measure.from_totals(sums) is None for measure in self.measures)


def batch_columns(
    cash: Vector, result: KernelResult, run: BatchRun, outputs: BatchOutputs, year: float
) -> dict[str, Any]:
    """The columns of :class:`~engine.backtest.compiled.batch.Batch` for a chunk, without those of the settings.

    Parameters
    ----------
    cash : (P,) initial cash of each.
    year : sessions in one.
    """
    sums: Any = result.totals
    done = sums["ended"] != RUINED
    totals = Totals(
        n=run.count,
        growth=sums["value"] / cash,
        mean=sums["mean"],
        squares=sums["squares"],
        downside=sums["downside"],
        extreme=sums["extreme"],
        drawdown=sums["drawdown"],
        traded=sums["traded"],
        tails={probability: result.tails[:, tail] for tail, probability in enumerate(outputs.tail_probabilities)},
        periods_per_year=year,
        risk_free=outputs.risk_free,
    )
    columns: dict[str, Any] = {"status": np.full(len(done), "done", dtype=STATUS), "final_value": sums["value"].copy()}
    reasons = []
    if not done.all():
        columns["status"][~done] = "ruined"
        reasons.append(np.where(done, "", _ruin(sums["step"], run)))
    for measure in outputs.measures:
        columns[measure.name], why = _values(measure, totals, result, done, run)
        if why is not None:
            reasons.append(why)
    columns |= {name: sums[name].copy() for name in ("fills", "trades", "rejections")}
    columns["reason"] = _joined(reasons, len(done))
    return columns


def _ruin(steps: Any, run: BatchRun) -> Any:
    """The reason for which a ruined account is not measured."""
    times = run.task.timeline.times[steps].strftime("%F %T")
    return np.array([f"the account lost more than it had at {time}" for time in times], dtype=object)


def _values(measure: Measure, totals: Totals, result: KernelResult, done: Any, run: BatchRun) -> tuple[Any, Any]:
    """A measure of every setting that is done, and the reasons where it is undefined; None if it nowhere is."""
    estimates = measure.from_totals(totals)
    if estimates is None:
        return _one_by_one(measure, totals, result, done, run)
    if not estimates.reasons:
        return estimates.values if done.all() else np.where(done, estimates.values, np.nan), None
    why = np.full(len(done), "", dtype=object)
    for mask, text in reversed(estimates.reasons):
        why[mask & done] = f"{measure.name}: {text}"
    return np.where(done, estimates.values, np.nan), why


def _one_by_one(measure: Measure, totals: Totals, result: KernelResult, done: Any, run: BatchRun) -> tuple[Any, Any]:
    """The same for a measure that needs the returns."""
    values = np.full(len(done), np.nan)
    why = np.full(len(done), "", dtype=object)
    market = run.task.market
    start = run.task.signals.start
    benchmark = benchmark_returns(market, start, run.sessions, market.zone).to_numpy()
    sample = partial(Sample, benchmark=benchmark, periods_per_year=totals.periods_per_year, risk_free=totals.risk_free)
    for row in np.flatnonzero(done):
        curve = result.curves[row]
        estimate = measure.estimate(sample(curve[1:] / curve[:-1] - 1.0))
        if estimate.value is None:
            why[row] = f"{measure.name}: {estimate.reason}"
        else:
            values[row] = estimate.value
    return values, why


def _joined(reasons: list[Any], count: int) -> Any:
    """All reasons of each setting in one text."""
    joined = np.full(count, "", dtype=object)
    for texts in reasons:
        some = texts != ""
        if some.any():
            pairs = zip(joined[some], texts[some], strict=True)
            joined[some] = [f"{before}; {more}" if before else more for before, more in pairs]
    return joined
