"""Confidence intervals of measures by the stationary bootstrap."""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.spec import Level, Spec
from core.types import Rows, Vector
from risk.measures._tail import TailMeasure, tail_share
from risk.measures._var_methods import LAWS
from risk.measures.base import Estimate, Measure, Sample, defined
from risk.returns import FEW_RETURNS

MIN_RETURNS = FEW_RETURNS
"""Returns below which all resamples repeat the same few days."""

MIN_REPS, MAX_REPS = 100, 100_000
BATCH = 50
"""Resamples in memory at a time."""
UNDEFINED_SHARE = 0.05
FORECASTS = ("ewma", "garch_normal", "garch_t", "fhs")
"""Methods whose value depends on which returns came last; resampling puts others there."""


def _reps(value: int) -> int:
    if value == 0 or MIN_REPS <= value <= MAX_REPS:
        return value
    rule = "must be 0 (no intervals) or between {fewest} and {most}, such as 1000"
    raise PydanticCustomError("reps", rule, {"fewest": MIN_REPS, "most": MAX_REPS})


Reps: TypeAlias = Annotated[int, AfterValidator(_reps), Field(json_schema_extra={"minimum": 0, "maximum": MAX_REPS})]
"""A number of resamples; 0 for none."""


class IntervalsSpec(Spec):
    """Bootstrap intervals of the headline measures."""

    reps: Reps = 1000
    """Resamples, 100 to 100000; 0 reports no intervals."""

    level: Level = 0.95
    """Confidence level; 0.95 leaves out 2.5 % of the resamples on each side."""


@dataclass(frozen=True)
class Interval:
    """The interval that holds a measure in ``level`` of the resamples.

    Attributes
    ----------
    low, high : in the measure's unit; None where there is no interval.
    reason : why there is none; empty where there is one.
    level : confidence, as in :class:`IntervalsSpec`.
    reps : resamples drawn.
    block : mean length of the blocks, in sessions; None where none were drawn.
    """

    low: float | None
    high: float | None
    reason: str
    level: float
    reps: int
    block: float | None

    def dump(self) -> dict[str, Any]:
        """The fields as a plain mapping that JSON can hold."""
        return asdict(self)


def bootstrap_intervals(
    sample: Sample, measures: Sequence[Measure], spec: IntervalsSpec, seed: int
) -> Mapping[str, Interval]:
    """Percentile intervals of measures from the stationary bootstrap.

    Sessions are drawn in blocks, so that what follows on each other stays together: a block begins at a random
    session, has a geometric length, and goes on at the start where the sample ends. The rows of returns, benchmark,
    exposure and whatever else is by session are drawn together; closed trades, which are not, one by one. The mean
    length is that of Politis and White for the mean of the returns, at least 1. All measures see the same resamples.

    The blocks are as long as the returns depend on each other. Their size does so for longer than their sign: the
    intervals of volatility and of tails are narrow ones.

    Parameters
    ----------
    sample : of at least 30 returns.
    seed : at least 0; the same seed gives the same bits for any choice of measures.

    Returns
    -------
    By measure name; empty if ``spec.reps`` is 0. There is no interval, but a reason, for a measure that is undefined
    in the sample or in more than 5 % of the resamples, and for a forecast of the next session, which depends on the
    order of the returns.

    References: Politis and Romano (1994), *The stationary bootstrap*; Politis and White (2004) with Patton, Politis
    and White (2009), *Automatic block-length selection for the dependent bootstrap*; Efron and Tibshirani (1993),
    *An introduction to the bootstrap*, section 13.3, for the percentile interval.

    >>> from risk.measures.sharpe import Sharpe
    >>> days = np.random.default_rng(3).normal(0.001, 0.01, 500)
    >>> intervals = bootstrap_intervals(Sample(days, periods_per_year=252), [Sharpe()], IntervalsSpec(reps=200), seed=1)
    >>> intervals["sharpe"].low < Sharpe().estimate(Sample(days, periods_per_year=252)).value < intervals["sharpe"].high
    True
    """
    if spec.reps == 0:
        return {}
    exclusions = {measure.name: _exclusion_reason(measure, sample) for measure in measures}
    measured = [measure for measure in measures if not exclusions[measure.name]]
    block = block_length(sample.returns) if measured else None
    columns: dict[str, list[Estimate]] = {measure.name: [] for measure in measured}
    for batch in _batches(_resamples(sample, block, spec.reps, seed) if block else iter(())):
        for measure in measured:
            columns[measure.name] += _estimates(measure, batch)
    none = {name: Interval(None, None, reason, spec.level, 0, None) for name, reason in exclusions.items()}
    return {name: _interval(columns[name], spec, block) if name in columns else none[name] for name in exclusions}


def block_length(returns: Vector) -> float:
    """The mean block length that suits the mean of (T,) returns best, in sessions, at least 1.

    >>> block_length(np.random.default_rng(0).normal(size=1000))
    1.0
    """
    from arch.bootstrap import optimal_block_length

    with np.errstate(all="ignore"):  # autocorrelations of stretches without a trade
        length = float(optimal_block_length(returns)["stationary"].iloc[0])
    return max(length, 1.0) if np.isfinite(length) else 1.0


def drawn_rows(length: int, block: float, reps: int, random: np.random.Generator) -> Iterator[Rows]:
    """(length,) rows of each resample of the stationary bootstrap; ``block`` is the mean length of a block, at least 1.

    >>> [len(rows) for rows in drawn_rows(5, 2.0, 3, np.random.default_rng(1))]
    [5, 5, 5]
    """
    from arch.bootstrap import StationaryBootstrap

    # arch declares int and accepts any number from 1 on: only 1 / block is used, the probability that a block ends.
    bootstrap = StationaryBootstrap(block, np.arange(length), seed=random)  # type: ignore[arg-type]
    for (rows,), _ in bootstrap.bootstrap(reps):
        yield np.asarray(rows, dtype=np.intp)


def _exclusion_reason(measure: Measure, sample: Sample) -> str:
    """The reason why a measure has no interval; empty if it may have one."""
    if len(sample.returns) < MIN_RETURNS:
        return f"an interval needs {MIN_RETURNS} or more returns, has {len(sample.returns)}"
    if isinstance(measure, TailMeasure) and measure.method in FORECASTS:
        return "a forecast hangs on the order of the returns, which resampling changes"
    return measure.estimate(sample).reason


def _resamples(sample: Sample, block: float, reps: int, seed: int) -> Iterator[Sample]:
    random = np.random.default_rng(seed)
    for rows in drawn_rows(len(sample.returns), block, reps, random):
        yield _resampled(sample, rows, random)


def _batches(resamples: Iterator[Sample]) -> Iterator[list[Sample]]:
    while batch := list(islice(resamples, BATCH)):
        yield batch


def _estimates(measure: Measure, batch: list[Sample]) -> list[Estimate]:
    """The measure of each resample; tail measures are computed for all of them at once, which is much faster."""
    if not isinstance(measure, TailMeasure):
        return [measure.estimate(resample) for resample in batch]
    stack = np.stack([resample.returns for resample in batch])
    values = LAWS[measure.method].both(stack, tail_share(measure.level))[measure.which]
    return [defined(float(value)) for value in values]


def _resampled(sample: Sample, rows: Rows, random: np.random.Generator) -> Sample:
    """The sample with these sessions.

    It is a copy without new checks: the numbers have been checked, and a thousand more checks would take as long as the
    measures.
    """
    resample = copy.copy(sample)
    for field in fields(sample):
        value = getattr(sample, field.name)
        if isinstance(value, np.ndarray):
            chosen = random.integers(len(value), size=len(value)) if field.name == "trades" else rows
            object.__setattr__(resample, field.name, value[chosen])
    return resample


def _interval(estimates: Sequence[Estimate], spec: IntervalsSpec, block: float | None) -> Interval:
    """The percentiles of the defined estimates, if nearly all are defined."""
    values = [estimate.value for estimate in estimates if estimate.value is not None]
    undefined_reasons = Counter(estimate.reason for estimate in estimates if estimate.value is None)
    if len(values) < (1.0 - UNDEFINED_SHARE) * len(estimates):
        most_common = undefined_reasons.most_common(1)[0][0]
        reason = f"undefined in {undefined_reasons.total()} of {len(estimates)} resamples: {most_common}"
        return Interval(None, None, reason, spec.level, spec.reps, block)
    low, high = np.quantile(values, [(1.0 - spec.level) / 2.0, (1.0 + spec.level) / 2.0])
    return Interval(float(low), float(high), "", spec.level, spec.reps, block)
