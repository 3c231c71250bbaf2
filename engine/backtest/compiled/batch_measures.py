"""The table of a batch: the measures that are wanted, made of what a kernel summed up."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.types import Vector
from engine.backtest.account_returns import benchmark_returns
from engine.backtest.compiled.kernel.records import RUINED, KernelResult
from risk.measures._running_totals import Totals
from risk.measures._tail import TailMeasure
from risk.measures.base import Measure, Sample, TradeMeasure

from .batch_run import BatchRun

STATUS = np.dtype("<U6")


@dataclass(frozen=True)
class Wanted:
    """What is wanted of each setting.

    Attributes
    ----------
    measures : what is measured, each once.
    equity : whether the account at each session is.
    risk_free : the annual rate that ratios compare with.

    Raises
    ------
    ConfigError
        A measure of closed trades, which no batch keeps; one that is asked for twice.
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
    def shares(self) -> tuple[float, ...]:
        """The tails that a kernel looks at."""
        tails = (item for item in self.measures if isinstance(item, TailMeasure) and item.method == "historical")
        return tuple(dict.fromkeys(item.share for item in tails))

    @property
    def curves(self) -> bool:
        """Whether the account at each session is needed: some measures cannot do with sums."""
        one = np.ones(1)
        tails = {share: np.ones((1, 2)) for share in self.shares}
        sums = Totals(2, one, one, one, one, one, one, one, tails, periods_per_year=1.0, risk_free=0.0)
        return self.equity or any(measure.from_totals(sums) is None for measure in self.measures)


def measured(cash: Vector, answer: KernelResult, course: BatchRun, wanted: Wanted, year: float) -> dict[str, Any]:
    """The columns of :class:`~engine.backtest.compiled.batch.Batch` for a chunk, without those of the settings.

    Parameters
    ----------
    cash : (P,) what each began with.
    year : sessions in one.
    """
    found, done = answer.totals, answer.totals["ended"] != RUINED
    whole = bool(done.all())
    totals = Totals(
        n=course.count,
        growth=found["value"] / cash,
        **{name: found[name] for name in ("mean", "squares", "downside", "extreme", "drawdown", "traded")},
        tails={share: answer.tails[:, number] for number, share in enumerate(wanted.shares)},
        periods_per_year=year,
        risk_free=wanted.risk_free,
    )
    columns: dict[str, Any] = {"status": np.full(len(done), "done", dtype=STATUS), "final_value": found["value"].copy()}
    reasons = []
    if not whole:
        columns["status"][~done] = "ruined"
        reasons.append(np.where(done, "", _ruin(found["step"], course)))
    for measure in wanted.measures:
        columns[measure.name], why = _values(measure, totals, answer, done, course)
        if why is not None:
            reasons.append(why)
    columns |= {name: found[name].copy() for name in ("fills", "trades", "rejections")}
    columns["reason"] = _joined(reasons, len(done))
    return columns


def _ruin(steps: Any, course: BatchRun) -> Any:
    """Why nothing is measured of a ruined account."""
    times = course.task.timeline.times[steps].strftime("%F %T")
    return np.array([f"the account lost more than it had at {time}" for time in times], dtype=object)


def _values(measure: Measure, totals: Totals, answer: KernelResult, done: Any, course: BatchRun) -> tuple[Any, Any]:
    """A measure of every setting that is done, and why it is undefined where it is; None if it nowhere is."""
    found = measure.from_totals(totals)
    if found is None:
        return _one_by_one(measure, totals, answer, done, course)
    if not found.reasons:
        return found.values if done.all() else np.where(done, found.values, np.nan), None
    why = np.full(len(done), "", dtype=object)
    for mask, text in reversed(found.reasons):
        why[mask & done] = f"{measure.name}: {text}"
    return np.where(done, found.values, np.nan), why


def _one_by_one(measure: Measure, totals: Totals, answer: KernelResult, done: Any, course: BatchRun) -> tuple[Any, Any]:
    """The same for a measure that needs the returns."""
    values, why = np.full(len(done), np.nan), np.full(len(done), "", dtype=object)
    market, start = course.task.market, course.task.signals.start
    benchmark = benchmark_returns(market.bars[market.benchmark], start, course.sessions, market.zone).to_numpy()
    sample = partial(Sample, benchmark=benchmark, periods_per_year=totals.periods_per_year, risk_free=totals.risk_free)
    for row in np.flatnonzero(done):
        curve = answer.curves[row]
        estimate = measure.estimate(sample(curve[1:] / curve[:-1] - 1.0))
        if estimate.value is None:
            why[row] = f"{measure.name}: {estimate.reason}"
        else:
            values[row] = estimate.value
    return values, why


def _joined(reasons: list[Any], count: int) -> Any:
    """All reasons of each setting in one text."""
    joined = np.full(count, "", dtype=object)
    for each in reasons:
        some = each != ""
        if some.any():
            pairs = zip(joined[some], each[some], strict=True)
            joined[some] = [f"{before}; {more}" if before else more for before, more in pairs]
    return joined
