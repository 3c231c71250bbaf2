"""Plan of a sweep: its points, the groups of trials that share signals, and the sessions that all trials share."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.clock import sessions
from core.digests import seed_of
from core.errors import ConfigError, DataError, ModelError, PluginError
from core.types import Market, Rows
from engine.config.sweep_spec import SweepSpec
from engine.sweep.space.dimensions import Dimension, iter_points
from engine.sweep.space.index_windows import index_windows
from engine.sweep.space.samplers import Sampler, dimensions_of, distinct_count, sampler, seed_for
from engine.sweep.space.space_check import is_policy, trial_config

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)

CHUNK = 1024
"""Trials that are run, and written to disk, at a time."""
SUMMED = 10_000
"""Trials of which sums of returns over blocks of time are stored."""


@dataclass(frozen=True, eq=False)
class Group:
    """Trials that differ in the policy alone: one set of signals, one kind of strategy.

    Attributes
    ----------
    number : of the group, from 0, in the order of first occurrence.
    point : the values of the axes that determine the signals.
    config : the config with these values; None if they contradict each other.
    refusal : the contradiction, or the reason why nothing can be trained; empty for a group that can be run.
    folds : that are trained for it.
    start : its first decision; None if there is none.
    backtrader_reason : the feature that the compiled engine does not support; empty if it runs the group.
    """

    number: int
    point: Mapping[str, Any]
    config: "RunConfig | None"
    refusal: str
    folds: int
    start: pd.Timestamp | None
    backtrader_reason: str


@dataclass(eq=False)
class Groups:
    """The groups of a sweep, created when their first point occurs.

    Attributes
    ----------
    by_key : in the order of first occurrence.
    """

    config: "RunConfig"
    market: Market
    by_key: dict[str, Group] = field(default_factory=dict)

    def of(self, point: Mapping[str, Any]) -> Group:
        """The group of a point."""
        signal_values = {path: value for path, value in point.items() if not is_policy(path)}
        key = json.dumps(signal_values, sort_keys=True)
        if key not in self.by_key:
            self.by_key[key] = self._new_group(len(self.by_key), signal_values)
        return self.by_key[key]

    def _new_group(self, number: int, point: Mapping[str, Any]) -> Group:
        from engine.pipeline import first_decision

        try:
            config = trial_config(self.config, point)
            config.strategy.check(self.market.trade)
            folds, start = first_decision(self.market, config)
        except (ConfigError, DataError, ModelError) as error:
            return Group(number, point, config=None, refusal=error.line, folds=0, start=None, backtrader_reason="")
        return Group(
            number,
            point,
            config=config,
            refusal="",
            folds=len(folds),
            start=start,
            backtrader_reason=_backtrader_reason(config),
        )


def _backtrader_reason(config: "RunConfig") -> str:
    """The reason why the compiled engine cannot run a config; empty if it can."""
    from engine.backtest.compiled import refuse

    try:
        refuse(config.strategy, config.broker)
    except (ConfigError, PluginError) as error:
        return str(error)
    return ""


@dataclass(frozen=True, eq=False)
class SharedSpan:
    """The sessions that all trials of a sweep share, cut into blocks of time.

    Attributes
    ----------
    sessions : (D,) dates of the returns that all trials have.
    edges : (S + 1,) first session of each block, and the end of the last block.
    start : the latest first decision of all trials; the first return begins there.
    """

    sessions: pd.DatetimeIndex
    edges: Rows
    start: pd.Timestamp

    @classmethod
    def from_start(cls, market: Market, start: pd.Timestamp, blocks: int) -> "SharedSpan":
        """The sessions after a first decision, in blocks of about equal length.

        Raises
        ------
        DataError
            There are fewer than two sessions a block.
        """
        days = pd.DatetimeIndex(sessions(market.times[market.times > start], market.zone).unique())
        if len(days) < 2 * blocks:
            raise DataError(
                f"sweep: the trials share {len(days)} sessions, too few for {blocks} blocks of time; "
                "take a longer history, or lower sweep.overfitting.pbo_blocks"
            )
        return cls(days, np.linspace(0, len(days), blocks + 1).astype(np.int64), start)

    @property
    def blocks(self) -> int:
        """The number of blocks."""
        return len(self.edges) - 1


@dataclass(frozen=True, eq=False)
class Plan:
    """A sweep before its first trial is run.

    Attributes
    ----------
    config : of the sweep, on the data before the holdout.
    market : that data.
    axes : the dimensions of the search space.
    points : the sampler; None for ``tpe``, whose points depend on earlier trials.
    count : the number of trials.
    groups : all groups; for ``tpe`` those of some points, the others are added while the sweep runs.
    group_numbers : (count,) the group of each trial; empty for ``tpe``.
    span : the sessions that all trials share.
    summed, with_returns : the trials, increasing, of which block sums and daily returns are stored. They are drawn
        before the sweep begins, so that the choice depends on no result.
    """

    config: "RunConfig"
    market: Market
    axes: tuple[Dimension, ...]
    points: Sampler | None
    count: int
    groups: Groups
    group_numbers: Rows
    span: SharedSpan
    summed: Rows
    with_returns: Rows

    @property
    def spec(self) -> SweepSpec:
        """The sweep's block of the config."""
        assert self.config.sweep is not None  # noqa: S101 - a plan is made for a sweep
        return self.config.sweep

    def chunks(self) -> Iterator[tuple[Group, Rows]]:
        """The trials, group by group, in chunks that are run and stored together; one by one on backtrader."""
        for group in self.groups.by_key.values():
            numbers = np.flatnonzero(self.group_numbers == group.number)
            size = 1 if group.backtrader_reason else CHUNK
            for first in range(0, len(numbers), size):
                yield group, numbers[first : first + size]


def plan_sweep(config: "RunConfig") -> Plan:
    """Load the data and create points, groups and the shared span; nothing is trained.

    Raises
    ------
    WorkbenchError
        The data, the space or the span cannot be used; one line.
    """
    spec = config.sweep
    assert spec is not None  # noqa: S101 - the caller has checked it
    if spec.holdout:
        config = without_holdout(config)
    market = config.data.load()
    axes = dimensions_of(spec)
    groups = Groups(config, market)
    points = None if spec.method == "tpe" else sampler(spec, config.seed)
    count = points.count if points else distinct_count(spec, axes)
    if spec.method != "grid" and count < int(spec.trials or 0):
        log.warning(
            "sweep.trials: is %d, but the space has %d distinct points; the sweep ends when all are tried",
            spec.trials,
            count,
        )
    group_numbers = _group_numbers(points, groups) if points else np.empty(0, dtype=np.int64)
    if points is None:
        for point in _probe_points(axes):
            groups.of(point)
    drawn = np.random.default_rng(seed_of(seed_for(spec, config.seed), "kept")).permutation(count)
    return Plan(
        config,
        market,
        axes,
        points,
        count,
        groups,
        group_numbers,
        span=SharedSpan.from_start(market, _latest_start(groups), spec.overfitting.pbo_blocks),
        summed=np.sort(drawn[:SUMMED]),
        with_returns=np.sort(drawn[: spec.overfitting.returns]),
    )


def _latest_start(groups: Groups) -> pd.Timestamp:
    """The latest first decision of the groups that can be run."""
    starts = [group.start for group in groups.by_key.values() if group.start is not None]
    if not starts:
        first = next(iter(groups.by_key.values()))
        raise ConfigError(f"sweep: none of its points can be run; of the first: {first.refusal}")
    return max(starts)


def without_holdout(config: "RunConfig") -> "RunConfig":
    """A sweep's config on the data before the holdout.

    Raises
    ------
    ConfigError
        There is no bar before the holdout, or none in it.
    """
    assert config.sweep is not None and config.sweep.holdout is not None  # noqa: S101, PT018
    last = config.sweep.holdout
    full_market = config.data.load()
    days = sessions(full_market.times, full_market.zone)
    if not days[0] < pd.Timestamp(last) < days[-1]:
        raise ConfigError(f"sweep.holdout: {last} must lie inside the data, {days[0]:%F} to {days[-1]:%F}")
    cut = trial_config(config, {"data.end": last.isoformat()})
    return cut.model_copy(update={"sweep": config.sweep})


def _group_numbers(points: Sampler, groups: Groups) -> Rows:
    """(count,) the number of each trial's group."""
    group_numbers = np.zeros(points.count, dtype=np.int64)
    for window in index_windows(points.count):
        columns = {path: values for path, values in points.columns(window).items() if not is_policy(path)}
        if columns:
            group_numbers[window] = [groups.of(point).number for point in iter_points(columns)]
        else:
            group_numbers[window] = groups.of({}).number
    return group_numbers


def _probe_points(axes: tuple[Dimension, ...]) -> Iterator[dict[str, Any]]:
    """Points of a ``tpe`` sweep whose groups determine the shared span.

    All axes at their first value, all at their last, and each axis at its last while the others have their first. An
    axis without an order may have the latest first decision at any value, so all of its values are included.
    """
    signal_axes = [axis for axis in axes if not is_policy(axis.path)]
    first = {axis.path: axis.representatives[0] for axis in signal_axes}
    yield first
    yield {axis.path: axis.representatives[-1] for axis in signal_axes}
    for axis in signal_axes:
        values = axis.representatives[-1:] if axis.ordered else axis.representatives[1:]
        for value in values:
            yield {**first, axis.path: value}
