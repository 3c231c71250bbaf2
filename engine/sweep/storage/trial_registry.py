"""The trials of a sweep in the ledger, and the settings that were tried on its data before it.

A setting that two spaces reach by different keys counts twice, which is the cautious side.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.clock import sessions
from core.digests import canonical, digest
from core.progress import Progress, ProgressCallback
from core.types import Market, Rows
from engine.ledger.ledger import AUDIT, HOLDOUT, RUN, SWEEP, Ledger
from engine.ledger.own_code import own_code
from engine.ledger.settings import ENTRY, PriorTrials, key_of, statistics
from engine.ledger.tried_data import TriedSpan
from engine.sweep.space.dimensions import Columns, iter_points
from engine.sweep.space.index_windows import index_windows
from engine.sweep.space.space_check import base_values
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.trial_scores import DONE, FAILED, RUINED

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)

PAUSE = 60.0
"""Seconds between two writes of a running sweep."""
SCORED = (DONE, RUINED, FAILED)


class TrialRegistry:
    """The records of one sweep in the ledger.

    Parameters
    ----------
    plan : of the sweep.
    name : its id; with the digest of the user's own code, if the sweep uses any, it is its name in the ledger.
    is_recording : False for the repetition of a finished sweep, which adds nothing.
    """

    def __init__(self, plan: Plan, name: str, *, is_recording: bool = True) -> None:
        self._plan = plan
        code = own_code(plan.config.dump())
        self._name = f"{name}-{code}" if code else name
        self._is_recording = is_recording
        self._is_opened = False
        self._span = TriedSpan.of(plan.market, plan.span.sessions[0], plan.span.sessions[-1])
        values = {**base_values(plan.config), "data": self._span.data.digest}  # whatever its files are called
        values |= {"code": code} if code else {}
        self._base = digest(_without(values, [axis.path for axis in plan.axes]))
        self._ledger = Ledger()

    def keys(self, columns: Columns) -> Rows:
        """(P,) a number for each point, the same in every sweep of this config over these keys."""
        paths = sorted(columns)
        ordered = {path: columns[path] for path in paths}
        numbers = [key_of(self._base.encode() + canonical(point)) for point in iter_points(ordered)]
        return np.array(numbers, dtype=np.uint64)

    def prior_trials(self, config: "RunConfig | None" = None) -> PriorTrials:
        """The settings tried before on the same data, on spans that overlap with this one's.

        Parameters
        ----------
        config : of the sweep on all its data, for the uses of its holdout; None leaves them out.
        """
        self._ledger = Ledger()
        entries = self._ledger.settings(self._span, self._name)
        prior = statistics(entries[~np.isin(entries["key"], self._planned_keys())])
        for remark in self._ledger.remarks(self._span):
            log.warning("%s", remark)
        return prior if config is None else self._with_holdout_uses(prior, config)

    def begin(self) -> None:
        """Record that the sweep has begun."""
        if self._is_recording:
            self._ledger.record(SWEEP, self._name, self._plan.config.name, self._span)

    def record_opening(self, market: Market) -> None:
        """Record that the holdout is opened, once.

        Parameters
        ----------
        market : all the data.
        """
        holdout = self._plan.spec.holdout
        if self._is_recording and not self._is_opened and holdout:
            span = _after(market, pd.Timestamp(holdout))
            self._ledger.record(HOLDOUT, self._name, self._plan.config.name, span)
        self._is_opened = True

    def write(self, ranking: TrialRanking, point: Callable[[int], Mapping[str, Any]] | None, per_year: float) -> str:
        """Write every trial that was scored so far; an error is logged as a warning.

        Parameters
        ----------
        point : returns the point of a trial's number; needed where points do not follow from numbers.
        per_year : observations in a year.

        Returns
        -------
        The digest of the file; empty if it could not be written.
        """
        scored = np.flatnonzero(np.isin(ranking.status, SCORED))
        entries = np.empty(len(scored), dtype=ENTRY)
        entries["sharpe"] = ranking.sharpe[scored] / np.sqrt(per_year)
        for window in index_windows(len(scored)):
            entries["key"][window] = self.keys(self._columns(scored[window], point))
        try:
            return self._ledger.write_trials(self._name, entries)
        except OSError as error:
            log.warning("the trials cannot be written down in %s: %s", self._ledger.trials_folder, error)
            return ""

    def finish(self, ranking: TrialRanking, point: Callable[[int], Mapping[str, Any]] | None, per_year: float) -> None:
        """Write the trials and the line that holds their number and their digest; parameters as :meth:`write`."""
        file = self.write(ranking, point, per_year)
        trials = int(np.isin(ranking.status, SCORED).sum())
        if file:
            self._ledger.record(SWEEP, self._name, self._plan.config.name, self._span, trials=trials, file=file)

    @contextmanager
    def updated(
        self,
        ranking: TrialRanking,
        point: Callable[[int], Mapping[str, Any]],
        per_year: float,
        on_progress: ProgressCallback,
    ) -> Iterator[ProgressCallback]:
        """Write the trials now and then, and when the sweep ends, also by an error; parameters as :meth:`write`.

        Yields
        ------
        The callback to use instead of ``on_progress``.
        """
        if not self._is_recording:
            yield on_progress
            return
        last = monotonic()

        def write_on_progress(step: Progress) -> None:
            nonlocal last
            on_progress(step)
            if monotonic() - last > PAUSE:
                self.write(ranking, point, per_year)
                last = monotonic()

        try:
            yield write_on_progress
        finally:
            self.finish(ranking, point, per_year)

    def _with_holdout_uses(self, prior: PriorTrials, config: "RunConfig") -> PriorTrials:
        """The settings with what has used bars of the holdout: the sweeps that opened one, and everything else."""
        holdout = self._plan.spec.holdout
        if holdout is None:
            return prior
        span = _after(config.data.load(), pd.Timestamp(holdout))
        lines = [
            line
            for line in self._ledger.overlapping(span, (RUN, AUDIT, SWEEP, HOLDOUT))
            if line["setting"] != self._name
        ]
        older = [record for record in self._ledger.named if record.id != self._name]
        opened = {str(line["setting"]): str(line["name"]) for line in lines if line["kind"] == HOLDOUT}
        opened |= {record.id: record.name for record in older if record.opened(span)}
        views = {str(line["setting"]): str(line["name"]) for line in lines if line["setting"] not in opened}
        views |= {record.id: record.name for record in older if record.overlaps(span) and record.id not in opened}
        names = ", ".join(sorted({*opened.values(), *views.values()}))
        return replace(prior, openings=len(opened), views=len(views), seen_by=names)

    def _columns(self, trials: Rows, point: Callable[[int], Mapping[str, Any]] | None) -> Columns:
        if self._plan.points is not None:
            return self._plan.points.columns(trials)
        assert point is not None  # noqa: S101 - documented
        points = [point(number) for number in trials.tolist()]
        return {axis.path: [values[axis.path] for values in points] for axis in self._plan.axes}

    def _planned_keys(self) -> Rows:
        """The keys of this sweep's trials; none where points do not follow from numbers."""
        points = self._plan.points
        if points is None:
            return np.empty(0, dtype=np.uint64)
        return np.concatenate([self.keys(points.columns(trials)) for trials in index_windows(points.count)])


def warn_of_seen_holdout(plan: Plan, prior: PriorTrials) -> None:
    """Warn if bars that a sweep holds out were used before."""
    if prior.holdout_uses:
        log.warning("the bars after %s were %s: they are no holdout any more", plan.spec.holdout, prior.holdout_uses)


def _after(market: Market, last: pd.Timestamp) -> TriedSpan:
    """The sessions of a market after a date."""
    end = sessions(market.times[-1:], market.zone)[0]
    return TriedSpan.of(market, last + timedelta(days=1), end)


def _without(values: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """A config without the keys that trials change, its name, and the keys that change no result."""
    rest = {key: item for key, item in values.items() if key not in ("name", "report", "engine", "workers")}
    for path in paths:
        _drop(rest, path.split("."))
    return rest


def _drop(holder: Any, path: list[str]) -> None:
    """Remove a key from nested mappings; inner mappings are copied first."""
    inner = holder.get(path[0]) if isinstance(holder, dict) else None
    if len(path) == 1 and isinstance(holder, dict):
        holder.pop(path[0], None)
    elif isinstance(inner, dict):
        holder[path[0]] = dict(inner)
        _drop(holder[path[0]], path[1:])
