"""The trials of a sweep, run or read: every point once, whatever happened before."""

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
    board: TrialRanking,
    run: RunTrials,
    records: TrialStore,
    on_progress: ProgressCallback,
    about: Callable[[], str] = str,
) -> None:
    """Run what is not finished yet; every trial is kept as soon as it is.

    Parameters
    ----------
    board : is told of every trial.
    run : runs some trials.
    records : what is finished.
    on_progress : called with each step of the trials done, and of the best.
    about : what the runner says of itself, for the progress.
    """
    tell = _teller(board, plan, on_progress, about)
    tell()
    if plan.points is None:
        _adaptive(plan, run, records, board, tell)
        return
    waiting: dict[int, Rows] = {}
    points = plan.points

    def works() -> Iterator[TrialChunk]:
        for group, numbers in plan.chunks():
            found = records.get(numbers)
            if found is None:
                waiting[int(numbers[0])] = numbers
                yield group, numbers, points.columns(numbers)
            else:
                board.add(found)

    for scores in run(works()):
        records.put(scores, waiting.pop(int(scores.numbers[0])))
        board.add(scores)
        tell()
    tell()


def _teller(
    board: TrialRanking, plan: Plan, on_progress: ProgressCallback, about: Callable[[], str]
) -> Callable[[], None]:
    """Tells of progress; the note is the best so far."""
    name = plan.spec.objective.measure.name

    def tell() -> None:
        ranked = board.ranked[:1]
        best = f"best {name} {board.objective[ranked[0]]:.4g} (trial {ranked[0]})" if len(ranked) else ""
        on_progress(Progress(TASK, board.done, plan.count, ", ".join(text for text in (best, about()) if text)))

    return tell


def _adaptive(plan: Plan, run: RunTrials, records: TrialStore, board: TrialRanking, tell: Callable[[], None]) -> None:
    """Batches that depend on what came before: asked, run, told in the order of the trials."""
    tpe = Tpe(plan.axes, plan.spec, plan.config.seed)
    for first in range(0, plan.count, plan.spec.batch):
        numbers = np.arange(first, min(first + plan.spec.batch, plan.count))
        points = tpe.ask(len(numbers))
        scores = join_scores(list(_batch(plan, run, records, numbers, points)))
        board.add(scores)
        tpe.tell(*_told(plan, scores))
        tell()


def _batch(
    plan: Plan, run: RunTrials, records: TrialStore, numbers: Rows, points: list[dict[str, Any]]
) -> Iterator[Scores]:
    """The trials of a batch, one by one kept; those that share a group are run after one another."""
    works: dict[int, TrialChunk] = {}
    for number, point in zip(numbers.tolist(), points, strict=True):
        found, group = records.get(np.array([number]), point), plan.groups.of(point)
        if found is None:
            columns: Columns = {path: [value] for path, value in point.items()}
            works[number] = (group, np.array([number]), columns)
        else:
            yield found
    in_order = sorted(works.values(), key=lambda work: (work[0].number, int(work[1][0])))
    for scores in run(in_order):
        number = int(scores.numbers[0])
        records.put(scores, scores.numbers, points[number - int(numbers[0])])
        yield scores


def _told(plan: Plan, scores: Scores) -> tuple[list[float | None], list[list[float]]]:
    """What a sampler is told of a batch: the objective, None for what has none, and how constraints are missed."""
    objective = scores.values[plan.spec.objective.measure.name]
    good = (scores.status == DONE) & np.isfinite(objective)
    missed = [constraint_violation(each, scores.values) for each in plan.spec.constraints]
    values = [float(value) if is_good else None for value, is_good in zip(objective, good, strict=True)]
    return values, [[float(each[place]) for each in missed] for place in range(len(values))]
