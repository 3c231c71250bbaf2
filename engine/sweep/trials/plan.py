"""What a sweep will do: which trials share their signals, which engine runs them, what they have in common."""

import json
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
from engine.sweep.space.dimensions import Columns, Dimension
from engine.sweep.space.samplers import Sampler, dimensions_of, sampler, seed_for
from engine.sweep.space.space_check import is_policy, trial_config

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

CHUNK = 1024
"""Trials that are run, and made durable, at a time."""
SUMMED = 10_000
"""Trials of whose returns the sums over blocks of time are kept."""


@dataclass(frozen=True, eq=False)
class Group:
    """Trials that share everything before the policy: one set of signals, one sort of strategy.

    Attributes
    ----------
    number : in the order in which they were met.
    point : the values that make it.
    config : the config with these values; None if they contradict each other.
    refusal : why they do, or why nothing can be trained; empty for a group that can be run.
    folds : that are trained for it.
    start : its first decision; None where there is none.
    slow : why it runs on backtrader; empty if the compiled engine runs it.
    """

    number: int
    point: Mapping[str, Any]
    config: "RunConfig | None"
    refusal: str
    folds: int
    start: pd.Timestamp | None
    slow: str


@dataclass(eq=False)
class Groups:
    """The groups that have been met."""

    config: "RunConfig"
    market: Market
    met: dict[str, Group] = field(default_factory=dict)

    def of(self, point: Mapping[str, Any]) -> Group:
        """The group of a point."""
        own = {path: value for path, value in point.items() if not is_policy(path)}
        key = json.dumps(own, sort_keys=True)
        if key not in self.met:
            self.met[key] = self._looked_at(len(self.met), own)
        return self.met[key]

    def _looked_at(self, number: int, point: Mapping[str, Any]) -> Group:
        from engine.pipeline import first_decision

        try:
            config = trial_config(self.config, point)
            config.strategy.check(self.market.trade)
            folds, start = first_decision(self.market, config)
        except (ConfigError, DataError, ModelError) as error:
            return Group(number, point, None, error.line, 0, None, "")
        return Group(number, point, config, "", len(folds), start, _why_slow(config))


def _why_slow(config: "RunConfig") -> str:
    """Why the compiled engine cannot run a config; empty if it can."""
    from engine.backtest.compiled import refuse

    try:
        refuse(config.strategy, config.broker)
    except (ConfigError, PluginError) as error:
        return str(error)
    return ""


@dataclass(frozen=True, eq=False)
class SharedSpan:
    """What all trials have in common.

    Attributes
    ----------
    sessions : (D,) dates of the returns that all have.
    edges : (S + 1,) where the blocks of time begin, and the end of the last.
    start : the latest first decision; their first return begins there.
    """

    sessions: pd.DatetimeIndex
    edges: Rows
    start: pd.Timestamp

    @classmethod
    def of(cls, market: Market, start: pd.Timestamp, blocks: int) -> "SharedSpan":
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
        """How many blocks of time there are."""
        return len(self.edges) - 1


@dataclass(frozen=True, eq=False)
class Plan:
    """A sweep before it begins.

    Attributes
    ----------
    config : of the sweep, on the data that its trials may see.
    market : that data.
    axes : what is tried.
    points : which points; None for those that are asked for one after the other.
    count : of trials.
    groups : those that are known beforehand: all of them, or of ``tpe`` those of some points.
    members : (count,) the group of each trial; empty for ``tpe``.
    span : what all have in common.
    summed, kept : the trials, increasing, of which sums and returns are kept: chosen before anything is known of them.
    """

    config: "RunConfig"
    market: Market
    axes: tuple[Dimension, ...]
    points: Sampler | None
    count: int
    groups: Groups
    members: Rows
    span: SharedSpan
    summed: Rows
    kept: Rows

    @property
    def spec(self) -> SweepSpec:
        """The sweep's block."""
        assert self.config.sweep is not None  # noqa: S101 - a plan is made for a sweep
        return self.config.sweep

    def chunks(self) -> Iterator[tuple[Group, Rows]]:
        """The trials, group by group, as many at a time as are run and kept together."""
        for group in self.groups.met.values():
            numbers = np.flatnonzero(self.members == group.number)
            size = 1 if group.slow else CHUNK
            for first in range(0, len(numbers), size):
                yield group, numbers[first : first + size]


def plan_sweep(config: "RunConfig") -> Plan:
    """Look at everything that a sweep will need, and train nothing.

    Raises
    ------
    WorkbenchError
        The data, the space or the span cannot be used; one line.
    """
    spec = config.sweep
    assert spec is not None  # noqa: S101 - the caller looked
    if spec.holdout:
        config = without_holdout(config)
    market = config.data.load()
    axes, groups = dimensions_of(spec), Groups(config, market)
    points = None if spec.method == "tpe" else sampler(spec, config.seed)
    count = points.count if points else int(spec.trials or 0)
    members = _members(points, groups) if points else np.empty(0, dtype=np.int64)
    if points is None:
        for point in _corners(axes):
            groups.of(point)
    starts = [group.start for group in groups.met.values() if group.start is not None]
    if not starts:
        first = next(iter(groups.met.values()))
        raise ConfigError(f"sweep: none of its points can be run; of the first: {first.refusal}")
    chosen = np.random.default_rng(seed_of(seed_for(spec, config.seed), "kept")).permutation(count)
    summed, kept = np.sort(chosen[:SUMMED]), np.sort(chosen[: spec.overfitting.returns])
    span = SharedSpan.of(market, max(starts), spec.overfitting.pbo_blocks)
    return Plan(config, market, axes, points, count, groups, members, span, summed, kept)


def without_holdout(config: "RunConfig") -> "RunConfig":
    """A sweep's config on the data that its trials may see.

    Raises
    ------
    ConfigError
        There is no bar before the holdout, or none in it.
    """
    assert config.sweep is not None and config.sweep.holdout is not None  # noqa: S101, PT018
    last, whole = config.sweep.holdout, config.data.load()
    days = sessions(whole.times, whole.zone)
    if not days[0] < pd.Timestamp(last) < days[-1]:
        raise ConfigError(f"sweep.holdout: {last} must lie inside the data, {days[0]:%F} to {days[-1]:%F}")
    cut = trial_config(config, {"data.end": last.isoformat()})
    return cut.model_copy(update={"sweep": config.sweep})


def _members(points: Sampler, groups: Groups) -> Rows:
    """The group of each trial."""
    members = np.zeros(points.count, dtype=np.int64)
    for first in range(0, points.count, 65536):
        numbers = np.arange(first, min(first + 65536, points.count))
        columns = {path: values for path, values in points.columns(numbers).items() if not is_policy(path)}
        members[numbers] = [groups.of(point).number for point in rows(columns)] if columns else groups.of({}).number
    return members


def rows(columns: Columns) -> Iterator[dict[str, Any]]:
    """Columns, point by point."""
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _corners(axes: tuple[Dimension, ...]) -> Iterator[dict[str, Any]]:
    """Some points of a space whose points are not known beforehand: each axis at its ends, the others at their first.

    They tell which first decisions there will be; an axis without an order may have the latest one anywhere.
    """
    told = {axis.path: axis.representatives for axis in axes if not is_policy(axis.path)}
    ordered = {axis.path: axis.ordered for axis in axes}
    first = {path: values[0] for path, values in told.items()}
    yield first
    yield {path: values[-1] for path, values in told.items()}
    for path, values in told.items():
        for value in values[-1:] if ordered[path] else values[1:]:
            yield {**first, path: value}
