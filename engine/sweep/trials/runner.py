"""Where trials are run: signals are trained once a group, and its policies go through an engine."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import ConfigError, DataError, ModelError, WorkbenchError
from core.progress import ProgressCallback
from core.types import Market, Rows, RunResult
from engine.backtest.engine_output import BacktestInput
from engine.config.run_config import RunConfig
from engine.pipeline import workers
from engine.sweep.space.dimensions import Columns
from engine.sweep.space.space_check import trial_config
from signals.cache.cache_keys import signal_key
from signals.cache.store import SignalStore
from signals.generate import generate
from signals.signals_result import Signals
from signals.workers.worker_pool import Crew as Training

from .backtrader_trials import Job
from .compiled_trials import CompiledTrials, TrialOutputs
from .plan import Group, Plan, rows
from .trial_scores import FAILED, INVALID, Scores, unmeasured_scores
from .worker_pool import Crew, Lost, crew

log = logging.getLogger(__name__)

DIED = re.compile(r"a worker process (?:died of |ended with )(signal \d+|exit code \d+)")
"""How the death of a worker that trained is told."""
TrialChunk = tuple[Group, Rows, Columns]
"""Some trials of one group: their numbers and their points."""


@dataclass(eq=False)
class TrialRunner:
    """Runs trials of a plan on this machine.

    Attributes
    ----------
    store : the signal cache; None keeps the last signals in memory alone.
    on_progress : called with each step of folds while signals are trained.
    hands : the processes that train.
    key : names this sweep, its data and its code, where others' work is done as well.
    """

    plan: Plan
    wants: TrialOutputs
    store: SignalStore | None
    on_progress: ProgressCallback
    hands: Training
    key: str = ""
    _signals: dict[str, Signals] = field(default_factory=dict)
    _policies: tuple[int, CompiledTrials] | None = None
    _failed: dict[int, str] = field(default_factory=dict)

    def run(self, works: Iterable[TrialChunk]) -> Iterator[Scores]:
        """The scores of each work, as they are finished: in order but for trials on backtrader."""
        slow: list[TrialChunk] = []
        for work in works:
            if work[0].slow and not work[0].refusal:
                slow.append(work)
            else:
                yield self._at_once(work)
        if slow:
            yield from self._side_by_side(slow)

    def _at_once(self, work: TrialChunk) -> Scores:
        group, numbers, columns = work
        if group.refusal:
            return self._without(numbers, INVALID, group.refusal)
        if group.number in self._failed:  # it would fail again, after as long
            return self._without(numbers, FAILED, self._failed[group.number])
        try:
            return self._policies_of(group).scores(numbers, columns)
        except (ModelError, DataError, ConfigError) as error:
            log.warning("trials from %d on failed: %s", numbers[0], error.line)
            self._failed[group.number] = reason_of(error)
            return self._without(numbers, FAILED, reason_of(error))

    def _without(self, numbers: Rows, status: str, reason: str) -> Scores:
        return unmeasured_scores(numbers, status, [reason] * len(numbers), self.wants.names, self.wants.shape)

    def _policies_of(self, group: Group) -> CompiledTrials:
        if self._policies is None or self._policies[0] != group.number:
            self._policies = (
                group.number,
                CompiledTrials(self.task(group), self.wants, self.plan.axes, worker_count(self.plan)),
            )
        return self._policies[1]

    def task(self, group: Group) -> BacktestInput:
        """The group's market and signals, with what its policies leave as it is."""
        config = group.config
        assert config is not None  # noqa: S101 - refused groups are not run
        signals = self.signals(group)
        return BacktestInput.of(self.plan.market, signals.frame, config.strategy, config.risk, config.broker, config.id)

    def signals(self, group: Group) -> Signals:
        """The group's signals, trained if they are not kept.

        A group whose worker died is trained once more: what finished before is not trained again.
        """
        assert group.config is not None  # noqa: S101 - as above
        key = group.config.signals.model_dump_json()
        if key not in self._signals:
            self._signals.clear()
            self._signals[key] = self.signals_of(self.plan.market, group.config)
        return self._signals[key]

    def kept(self, group: Group) -> Signals | None:
        """The group's signals if nothing has to be trained for them."""
        assert group.config is not None  # noqa: S101 - as above
        if not group.config.model.trains:
            return self.signals(group)
        return self.store.get(signal_key(self.plan.market, group.config.signals)) if self.store else None

    def keep(self, group: Group, signals: Signals) -> None:
        """Keep signals that were trained elsewhere."""
        assert group.config is not None  # noqa: S101 - as above
        if self.store:
            self.store.put(signal_key(self.plan.market, group.config.signals), signals)

    def signals_of(self, market: Market, config: RunConfig) -> Signals:
        """The signals of any market by a config of the sweep."""

        def once() -> Signals:
            return generate(market, config.signals, workers=self.hands, store=self.store, on_progress=self.on_progress)

        try:
            return once()
        except ModelError as error:
            if not DIED.match(str(error)):
                raise
            log.warning("%s; it is tried once more", error.line)
            return once()

    def recorded(self, task: BacktestInput, group: Group) -> RunResult:
        """The compiled engine's tables of one trial of a group."""
        return self._policies_of(group).recorded(task)

    def _side_by_side(self, works: list[TrialChunk]) -> Iterator[Scores]:
        """Trials on backtrader, each in a worker process."""
        by_group: dict[int, list[TrialChunk]] = {}
        for work in works:
            by_group.setdefault(work[0].number, []).append(work)
        with crew(worker_count(self.plan), self.plan.spec.timeout) as workers:
            for own in by_group.values():
                yield from self._group_side_by_side(own, workers)

    def _group_side_by_side(self, works: list[TrialChunk], workers: Crew) -> Iterator[Scores]:
        try:
            signals = self.signals(works[0][0]).frame
        except (ModelError, DataError, ConfigError) as error:
            for _, numbers, _ in works:
                yield self._without(numbers, FAILED, reason_of(error))
            return
        jobs: dict[int, Job] = {}
        for number, point in _one_by_one(works):
            try:
                jobs[number] = (number, trial_config(self.plan.config, point))
            except ConfigError as error:
                yield self._without(np.array([number]), INVALID, error.line)
        for number, found in workers.run((self.plan.market, signals, self.wants), jobs):
            yield self._without(np.array([number]), FAILED, found.reason) if isinstance(found, Lost) else found


def worker_count(plan: Plan) -> int:
    """Processes or threads of a sweep."""
    given = plan.spec.workers
    return workers(plan.config) if given == "auto" else given


def reason_of(error: WorkbenchError) -> str:
    """Why the signals of a group cannot be trained, the same each time: which fold failed first is a matter of chance.

    >>> error = ModelError("a worker process died of signal 9 (Killed) before it was done")
    >>> error.add_note("fold 3")
    >>> reason_of(error)
    'worker died: signal 9'
    """
    if died := DIED.match(str(error)):
        return f"worker died: {died[1]}"
    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith("fold ")]
    return " ".join([str(error), *(f"({note})" for note in notes)]).replace("\n", " ")


def _one_by_one(works: Iterable[TrialChunk]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and the point of each trial."""
    for _, numbers, columns in works:
        yield from zip(numbers.tolist(), rows(columns), strict=True)


RunTrials = Callable[[Iterable[TrialChunk]], Iterator[Scores]]
"""What runs trials: :meth:`TrialRunner.run`, or the same elsewhere."""
