"""The pool of worker processes: every task has one outcome, whatever its worker does, and no process is left."""

import multiprocessing
import os
from contextlib import closing

import pytest
from worker_tasks import perform

from core.workers import Died, Failed, Finished, NotStarted, TimedOut, Work, WorkerPool, pool
from core.workers.pool import _Call
from core.workers.process import Context

WORK = Work(perform)


def outcomes_of(workers, tasks, folder=None, on_progress=lambda step: None):
    with closing(workers.run(folder, tasks, on_progress)) as outcomes:
        return {outcome.index: outcome for outcome in outcomes}


def test_every_task_has_the_outcome_that_its_worker_gave_it(tmp_path, caplog):
    steps = []
    tasks = dict(enumerate(["plain", "fail", "raise", "die", "die once", "log"]))
    with WorkerPool(WORK, 2, attempts=2) as workers:
        found = outcomes_of(workers, tasks, tmp_path, steps.append)
        assert len(multiprocessing.active_children()) <= 2
    assert multiprocessing.active_children() == []
    assert {index: type(outcome) for index, outcome in found.items()} == {
        0: Finished,
        1: Failed,
        2: Failed,
        3: Died,
        4: Finished,
        5: Finished,
    }
    assert found[0].value.startswith("plain by ")
    assert found[0].value != f"plain by {os.getpid()}"
    assert found[1].error.error.line == "too few rows (member ridge)"
    assert (found[2].error.error, found[2].error.text) == (None, "ZeroDivisionError: singular")
    assert (found[3].exit_code, found[3].cause) == (-9, "signal 9")
    assert {step.note for step in steps} == set(tasks.values())
    assert [step.note for step in steps].count("die") == 2  # tried once more
    assert "from the worker" in caplog.text


def test_workers_are_kept_from_call_to_call_and_get_each_calls_context(tmp_path):
    with WorkerPool(WORK, 1) as workers:
        first = outcomes_of(workers, {7: "plain"})[7].value
        assert outcomes_of(workers, {8: "plain"})[8].value == first
        assert isinstance(outcomes_of(workers, {9: "die once"}, tmp_path)[9], Died)
        assert isinstance(outcomes_of(workers, {9: "die once"}, tmp_path)[9], Finished)


def test_a_task_without_end_is_ended_and_the_others_go_on():
    with WorkerPool(WORK, 1, timeout=2.0) as workers:
        found = outcomes_of(workers, {0: "hang", 1: "plain"})
    assert isinstance(found[0], TimedOut)
    assert isinstance(found[1], Finished)


def test_a_call_that_is_interrupted_leaves_no_worker_in_the_middle_of_a_task():
    def interrupt(step):
        raise KeyboardInterrupt

    with WorkerPool(WORK, 1) as workers:
        with pytest.raises(KeyboardInterrupt):
            outcomes_of(workers, {0: "hang"}, on_progress=interrupt)
        assert multiprocessing.active_children() == []
        assert isinstance(outcomes_of(workers, {1: "plain"})[1], Finished)


def test_workers_that_cannot_start_are_one_outcome(monkeypatch):
    monkeypatch.setattr(pool, "serve", print)  # it returns at once
    with WorkerPool(WORK, 2) as workers, closing(workers.run(None, {0: "plain", 1: "plain"})) as outcomes:
        assert list(outcomes) == [NotStarted(0)]
    assert multiprocessing.active_children() == []


def test_a_closed_pool_is_refused():
    workers = WorkerPool(WORK, 1)
    workers.close()
    with pytest.raises(RuntimeError, match="this worker pool is closed"):
        next(workers.run(None, {0: "plain"}))


def test_only_a_death_is_tried_again_and_only_as_often_as_allowed():
    """The decisions of a call, without a process."""
    call = _Call(Context(None, 30), {0: "a", 1: "b", 2: "c"}, [], attempts=2)
    assert call.is_last_attempt(Finished(0, "done"))
    assert not call.is_last_attempt(Died(1, -9))
    assert call.waiting == [1]
    assert call.open
    assert call.is_last_attempt(Died(1, -9))
    assert call.is_last_attempt(TimedOut(2))
    assert not call.open
