"""The trials of a sweep: finished ones are read from disk, the others are run and stored."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from core.progress import Progress, ProgressCallback
from core.types import Rows
from engine.sweep.space.dimensions import Columns
from engine.sweep.space.samplers import Tpe
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking, constraint_violation
from engine.sweep.trials.runner import RunTrials, TrialChunk
from engine.sweep.trials.trial_scores import DONE, Scores, join_scores

TASK = "trials"


def run_trials(
    plan: Plan,
    ranking: TrialRanking,
    run: RunTrials,
    store: TrialStore,
    on_progress: ProgressCallback,
    runner_note: Callable[[], str] = str,
) -> None:
    """Run the trials that are not finished yet; the scores of each chunk are stored as soon as it is finished.

    Parameters
    ----------
    ranking : gets the scores of every trial.
    run : runs chunks of trials.
    store : the finished trials.
    on_progress : called with the number of finished trials, and the best so far.
    runner_note : gives a note of the runner for the progress.
    """
    notify = _notifier(ranking, plan, on_progress, runner_note)
    notify()
    if plan.points is None:
        _run_tpe(plan, run, store, ranking, notify)
        return
    waiting: dict[int, Rows] = {}
    points = plan.points

    def unfinished_chunks() -> Iterator[TrialChunk]:
        for group, numbers in plan.chunks():
            stored = store.get(numbers)
            if stored is None:
                waiting[int(numbers[0])] = numbers
                yield TrialChunk(group, numbers, points.columns(numbers))
            else:
                ranking.add(stored)

    for scores in run(unfinished_chunks()):
        store.put(scores, waiting.pop(int(scores.numbers[0])))
        ranking.add(scores)
        notify()
    notify()


def _notifier(
    ranking: TrialRanking, plan: Plan, on_progress: ProgressCallback, runner_note: Callable[[], str]
) -> Callable[[], None]:
    """A function that reports progress, with the best trial so far."""
    name = plan.spec.objective.measure.name

    def notify() -> None:
        ranked = ranking.ranked[:1]
        best = f"best {name} {ranking.objective[ranked[0]]:.4g} (trial {ranked[0]})" if len(ranked) else ""
        note = ", ".join(text for text in (best, runner_note()) if text)
        on_progress(Progress(TASK, ranking.done, plan.count, note))

    return notify


def _run_tpe(plan: Plan, run: RunTrials, store: TrialStore, ranking: TrialRanking, notify: Callable[[], None]) -> None:
    """Run batches of points that depend on the scores of all earlier batches."""
    tpe = Tpe(plan.axes, plan.spec, plan.config.seed)
    for first in range(0, plan.count, plan.spec.batch):
        numbers = np.arange(first, min(first + plan.spec.batch, plan.count))
        points = tpe.ask(len(numbers))
        scores = join_scores(list(_batch_scores(plan, run, store, numbers, points)))
        ranking.add(scores)
        tpe.tell(_objectives(plan, scores), _violations(plan, scores))
        notify()


def _batch_scores(
    plan: Plan, run: RunTrials, store: TrialStore, numbers: Rows, points: list[dict[str, Any]]
) -> Iterator[Scores]:
    """The scores of a batch, stored one by one; trials of the same group are run after one another."""
    chunks: list[TrialChunk] = []
    for number, point in zip(numbers.tolist(), points, strict=True):
        stored = store.get(np.array([number]), point)
        group = plan.groups.of(point)
        if stored is None:
            columns: Columns = {path: [value] for path, value in point.items()}
            chunks.append(TrialChunk(group, np.array([number]), columns))
        else:
            yield stored
    chunks.sort(key=lambda chunk: (chunk.group.number, int(chunk.numbers[0])))
    for scores in run(chunks):
        index = int(scores.numbers[0]) - int(numbers[0])
        store.put(scores, scores.numbers, points[index])
        yield scores


def _objectives(plan: Plan, scores: Scores) -> list[float | None]:
    """The objective of each trial of a batch; None if the trial is not done or the objective is not finite."""
    objective = scores.values[plan.spec.objective.measure.name]
    is_valid = (scores.status == DONE) & np.isfinite(objective)
    return [float(value) if valid else None for value, valid in zip(objective, is_valid, strict=True)]


def _violations(plan: Plan, scores: Scores) -> list[list[float]]:
    """By how much each trial of a batch misses each constraint."""
    by_constraint = [constraint_violation(constraint, scores.values) for constraint in plan.spec.constraints]
    return [[float(missed[index]) for missed in by_constraint] for index in range(len(scores.numbers))]
