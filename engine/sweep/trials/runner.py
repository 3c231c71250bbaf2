"""Runner of trials on this machine: trains the signals of a group once and runs its trials in an engine."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from core.errors import ConfigError, DataError, ModelError, WorkbenchError, WorkerDiedError
from core.progress import ProgressCallback
from core.types import Market, Rows, RunResult
from core.workers import WorkerPool
from engine.backtest.engine_output import BacktestInput
from engine.config.run_config import RunConfig
from engine.pipeline import workers
from engine.sweep.space.dimensions import Columns, iter_points
from engine.sweep.space.space_check import trial_config
from signals.cache.cache_keys import signal_key
from signals.cache.store import SignalStore
from signals.generate import generate
from signals.signals_result import Signals
from signals.workers.worker_pool import FoldPool

from .backtrader_trials import Job
from .compiled_trials import CompiledTrials, TrialOutputs
from .plan import Group, Plan
from .trial_scores import FAILED, INVALID, Scores, unmeasured_scores
from .worker_pool import Lost, run_jobs, trial_pool

log = logging.getLogger(__name__)


class TrialChunk(NamedTuple):
    """Trials of one group that are run together: their numbers and their points."""

    group: Group
    numbers: Rows
    columns: Columns


@dataclass(eq=False)
class TrialRunner:
    """Runs trials of a plan on this machine.

    Attributes
    ----------
    outputs : the results to compute for every trial.
    store : the signal cache; None keeps the last signals in memory alone.
    on_progress : called with each step of folds while signals are trained.
    training_workers : the processes that train folds.
    key : identifies the sweep, its data and its code on a cluster.
    """

    plan: Plan
    outputs: TrialOutputs
    store: SignalStore | None
    on_progress: ProgressCallback
    training_workers: FoldPool
    key: str = ""
    _signals: dict[str, Signals] = field(default_factory=dict)
    _compiled_trials: tuple[int, CompiledTrials] | None = None
    _failures: dict[int, str] = field(default_factory=dict)

    def run(self, chunks: Iterable[TrialChunk]) -> Iterator[Scores]:
        """The scores of each chunk as it is finished: in order, but with the trials on backtrader last."""
        on_backtrader: list[TrialChunk] = []
        for chunk in chunks:
            if chunk.group.backtrader_reason and not chunk.group.refusal:
                on_backtrader.append(chunk)
            else:
                yield self._compiled_scores(chunk)
        if on_backtrader:
            yield from self._backtrader_scores(on_backtrader)

    def _compiled_scores(self, chunk: TrialChunk) -> Scores:
        group, numbers, columns = chunk
        if group.refusal:
            return self._unmeasured(numbers, INVALID, group.refusal)
        if group.number in self._failures:  # its training would fail again, after as long
            return self._unmeasured(numbers, FAILED, self._failures[group.number])
        try:
            return self._trials_of(group).scores(numbers, columns)
        except (ModelError, DataError, ConfigError) as error:
            log.warning("trials from %d on failed: %s", numbers[0], error.line)
            self._failures[group.number] = reason_of(error)
            return self._unmeasured(numbers, FAILED, reason_of(error))

    def _unmeasured(self, numbers: Rows, status: str, reason: str) -> Scores:
        return unmeasured_scores(numbers, status, [reason] * len(numbers), self.outputs.names, self.outputs.shape)

    def _trials_of(self, group: Group) -> CompiledTrials:
        """The compiled trials of a group; those of the last group are kept for its next chunk."""
        if self._compiled_trials is None or self._compiled_trials[0] != group.number:
            trials = CompiledTrials(self.task(group), self.outputs, self.plan.axes, worker_count(self.plan))
            self._compiled_trials = (group.number, trials)
        return self._compiled_trials[1]

    def task(self, group: Group) -> BacktestInput:
        """The group's market and signals, with the strategy, risk and broker of its config."""
        config = group.config
        assert config is not None  # noqa: S101 - refused groups are not run
        signals = self.signals(group)
        return BacktestInput.from_config(self.plan.market, signals.frame, config)

    def signals(self, group: Group) -> Signals:
        """The group's signals, trained if they are not in memory or in the store.

        A training whose worker died is tried once more: folds that were finished are not trained again.
        """
        assert group.config is not None  # noqa: S101 - as above
        key = group.config.signals.model_dump_json()
        if key not in self._signals:
            self._signals.clear()
            self._signals[key] = self.generate_signals(self.plan.market, group.config)
        return self._signals[key]

    def stored_signals(self, group: Group) -> Signals | None:
        """The group's signals if nothing has to be trained for them."""
        assert group.config is not None  # noqa: S101 - as above
        if not group.config.model.trains:
            return self.signals(group)
        return self.store.get(signal_key(self.plan.market, group.config.signals)) if self.store else None

    def store_signals(self, group: Group, signals: Signals) -> None:
        """Store signals that were trained elsewhere."""
        assert group.config is not None  # noqa: S101 - as above
        if self.store:
            self.store.put(signal_key(self.plan.market, group.config.signals), signals)

    def generate_signals(self, market: Market, config: RunConfig) -> Signals:
        """The signals of any market by a config of the sweep."""

        def once() -> Signals:
            return generate(
                market,
                config.signals,
                workers=self.training_workers,
                store=self.store,
                on_progress=self.on_progress,
            )

        try:
            return once()
        except WorkerDiedError as error:
            log.warning("%s; it is tried once more", error.line)
            return once()

    def recorded(self, task: BacktestInput, group: Group) -> RunResult:
        """The compiled engine's tables of one trial of a group."""
        return self._trials_of(group).recorded(task)

    def _backtrader_scores(self, chunks: list[TrialChunk]) -> Iterator[Scores]:
        """The scores of trials on backtrader, each run in a worker process, group by group."""
        by_group: dict[int, list[TrialChunk]] = {}
        for chunk in chunks:
            by_group.setdefault(chunk.group.number, []).append(chunk)
        with trial_pool(worker_count(self.plan), self.plan.spec.timeout) as trial_workers:
            for group_chunks in by_group.values():
                yield from self._group_on_backtrader(group_chunks, trial_workers)

    def _group_on_backtrader(self, chunks: list[TrialChunk], trial_workers: WorkerPool) -> Iterator[Scores]:
        try:
            signals = self.signals(chunks[0].group).frame
        except (ModelError, DataError, ConfigError) as error:
            for chunk in chunks:
                yield self._unmeasured(chunk.numbers, FAILED, reason_of(error))
            return
        jobs: dict[int, Job] = {}
        for number, point in _numbered_points(chunks):
            try:
                jobs[number] = (number, trial_config(self.plan.config, point))
            except ConfigError as error:
                yield self._unmeasured(np.array([number]), INVALID, error.line)
        for number, result in run_jobs(trial_workers, (self.plan.market, signals, self.outputs), jobs):
            if isinstance(result, Lost):
                yield self._unmeasured(np.array([number]), FAILED, result.reason)
            else:
                yield result


def worker_count(plan: Plan) -> int:
    """Processes or threads of a sweep."""
    count = plan.spec.workers
    return workers(plan.config) if count == "auto" else count


def reason_of(error: WorkbenchError) -> str:
    """The reason why the signals of a group cannot be trained, without the fold: the first to fail is random.

    >>> error = WorkerDiedError.from_exit_code(-9)
    >>> error.add_note("fold 3")
    >>> reason_of(error)
    'worker died: signal 9'
    """
    if isinstance(error, WorkerDiedError):
        return f"worker died: {error.cause}"
    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith("fold ")]
    return " ".join([str(error), *(f"({note})" for note in notes)]).replace("\n", " ")


def _numbered_points(chunks: Iterable[TrialChunk]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and the point of each trial."""
    for chunk in chunks:
        yield from zip(chunk.numbers.tolist(), iter_points(chunk.columns), strict=True)


RunTrials = Callable[[Iterable[TrialChunk]], Iterator[Scores]]
"""Runs chunks of trials: :meth:`TrialRunner.run`, or the same on a cluster."""
