"""Worker processes: the same bits as in one process, and nothing left behind when something goes wrong.

The workers of these tests train models from a folder of their own, as a plug-in dropped in by a user would be.
"""

import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from core.errors import ConfigError, ModelError
from core.workers import pool
from signals.folds.walk_forward import folds
from signals.generate import generate
from signals.panel import build_panel
from signals.spec import SignalSpec
from signals.workers import run_folds as workers
from signals.workers.run_folds import Workers, fold_pool, run_folds

FEATURES = [{"kind": "lagged_return", "lags": [0, 1]}, {"kind": "sma", "window": 5}]
WALK = {"train": 120, "test": 60}
LSTM = {"hidden": 4, "sequence": 5, "epochs": 2}
ENSEMBLE = {
    "kind": "ensemble",
    "members": {
        "lstm": {"weight": 0.4, **LSTM},
        "random_forest": {"weight": 0.2, "trees": 5},
        "xgboost": {"weight": 0.2, "rounds": 20},
        "lightgbm": {"weight": 0.2, "rounds": 20},
    },
}
DROPPED_IN = '''
import logging, os, signal, time, warnings
from dataclasses import dataclass
from pathlib import Path
from core.errors import ConfigError, ModelError
from core.progress import Progress
from signals.models.base import TrainedModel

@dataclass(frozen=True)
class Fitted:
    details: dict
    def predict(self, samples, rows):
        return samples.X[rows, 0] - 0.5

class Odd(TrainedModel):
    """A model that does as it is told."""
    act: str
    def fit(self, samples, train, stop, seed, report=print):
        getattr(self, "_" + self.act.partition(" ")[0])(len(train), report)
        return Fitted({"process": os.getpid(), "began": time.time()})
    def _sleep(self, rows, report):
        time.sleep(0.02)
    def _meet(self, rows, report):
        """Wait until two processes have begun a fold."""
        folder = Path(self.act.partition(" ")[2])
        (folder / str(os.getpid())).touch()
        until = time.monotonic() + 120
        while len(list(folder.iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.01)
    def _talk(self, rows, report):
        report(Progress("odd", 1, 2, "half way"))
        logging.getLogger("odd").info("rows: %d", rows)
        logging.getLogger("odd").debug("not asked for")
        warnings.warn("mind this")
    def _refuse(self, rows, report):
        error = ModelError("too few rows")
        error.add_note("member odd")
        raise error
    def _crash(self, rows, report):
        raise ZeroDivisionError("singular matrix")
    def _die(self, rows, report):
        os.kill(os.getpid(), signal.SIGKILL)
    def _leave(self, rows, report):
        os._exit(3)
    def _nap(self, rows, report):
        time.sleep(0.7)
    def _chatter(self, rows, report):
        until = time.monotonic() + 600
        while time.monotonic() < until:
            report(Progress("odd", 0, 1))
            time.sleep(0.001)
    def _hang(self, rows, report):
        report(Progress("odd", 0, 1))
        time.sleep(600)
'''


def training_of(model=None):
    arguments = model or {"kind": "random_forest"}
    return SignalSpec.parse({"seed": 7, "features": FEATURES, "model": arguments, "walk_forward": WALK}).training


@pytest.fixture
def odd(tmp_path, monkeypatch, make_market):
    """Trains the dropped-in model, told what to do, in two workers."""
    (tmp_path / "odd.py").write_text(DROPPED_IN)
    monkeypatch.syspath_prepend(tmp_path)
    import odd

    def run(act, count=2, on_progress=lambda step: None):
        from dataclasses import replace

        training = replace(training_of(), model=odd.Odd(act=act))
        panel = build_panel(make_market(bars=400), training.features, training.label)
        return run_folds(panel, training, folds(panel, training.walk_forward), count, on_progress)

    yield run
    del sys.modules["odd"]


@pytest.fixture
def meet(tmp_path_factory):
    """An act in which each fold waits until both workers have begun one; a new one each time."""
    return lambda: f"meet {tmp_path_factory.mktemp('meet')}"


def test_outcomes_come_in_the_order_of_the_folds_whichever_is_done_first(odd, meet):
    outcomes = odd(meet())
    assert [outcome.report.number for outcome in outcomes] == list(range(5))
    details = [outcome.report.diagnostics.members["odd"] for outcome in outcomes]
    assert len({item["process"] for item in details} - {os.getpid()}) == 2
    for process in {item["process"] for item in details}:
        began = [item["began"] for item in details if item["process"] == process]
        assert began == sorted(began, reverse=True)  # the longest, which are the last, go first
    assert not multiprocessing.active_children()


def test_one_worker_is_this_process(odd):
    assert {outcome.report.diagnostics.members["odd"]["process"] for outcome in odd("sleep", count=1)} == {os.getpid()}


def test_progress_logs_and_warnings_come_back(odd, caplog):
    steps = []
    with caplog.at_level(logging.INFO):
        odd("talk", on_progress=steps.append)
    reported = {(step.task, step.done, step.total, step.note) for step in steps}
    assert {(f"fold {number} odd", 1, 2, "half way") for number in range(5)} <= reported
    assert [step.done for step in steps if step.task == "folds"] == [0, 1, 2, 3, 4, 5]
    messages = [(record.name, record.getMessage()) for record in caplog.records]
    assert sum(name == "odd" for name, _ in messages) == 5
    assert all(text.startswith("rows: ") for name, text in messages if name == "odd")
    assert any(name == "py.warnings" and "mind this" in text for name, text in messages)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("act", "message"),
    [("refuse", r"too few rows"), ("crash", r"model odd failed: ZeroDivisionError: singular matrix")],
)
def test_an_error_comes_back_as_one_with_its_place(odd, act, message, count):
    with pytest.raises(ModelError, match=message) as caught:
        odd(act, count)
    note = caught.value.__notes__[0]
    assert note.startswith("fold ")
    assert note.endswith("member odd") == (act == "refuse")
    assert caught.value.line == f"{caught.value} ({note})"
    assert not multiprocessing.active_children()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "message"),
    [("die", r"a worker process died of signal 9 \(Killed\)"), ("leave", "a worker process ended with exit code 3")],
)
def test_a_worker_that_dies_is_a_clear_error(odd, act, message):
    with pytest.raises(ModelError, match=message) as caught:
        odd(act)
    assert caught.value.__notes__[0].startswith("fold ")
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_worker_killed_from_outside_ends_the_work_at_once(odd):
    """The other worker is in the middle of a fold that takes ten minutes."""
    began = []

    def kill_one_when_both_have_begun(step):
        if step.task.startswith("fold "):
            began.append(time.monotonic())
        if len(began) == 2:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    with pytest.raises(ModelError, match=r"^a worker process died of signal 9 \(Killed\) before it was done") as caught:
        odd("hang", on_progress=kill_one_when_both_have_begun)
    assert time.monotonic() - began[1] < 60
    assert caught.value.line.endswith(("(fold 3)", "(fold 4)"))
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_worker_that_cannot_even_begin_is_a_clear_error(odd, monkeypatch):
    monkeypatch.setattr(pool, "serve", os.abort)  # takes no arguments: fails before the first fold
    with pytest.raises(ModelError, match="a worker process ended with exit code 1"):
        odd("sleep")


@pytest.mark.slow
def test_the_callers_environment_is_left_alone(odd, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    odd("sleep")
    assert dict(os.environ) == before


def pids():
    return {child.pid for child in multiprocessing.active_children()}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [Workers(2, timeout=2), Workers(1, timeout=2)], ids=str)
def test_a_fold_that_takes_too_long_is_ended(odd, workers):
    began = []
    with pytest.raises(ModelError, match=r"^fold [34] took longer than 2 s; give it more time, or take a model that"):
        odd("hang", workers, on_progress=lambda step: began.append(time.monotonic()))
    assert 1.5 < time.monotonic() - began[1] < 60
    assert not multiprocessing.active_children()


def test_a_fold_that_never_stops_talking_is_ended(odd, monkeypatch):
    """There is always something to read; the grace for what was sent in time has an end."""
    monkeypatch.setattr(pool, "GRACE_SECONDS", 0.5)
    with pytest.raises(ModelError, match="fold 4 took longer than 1 s"):
        odd("chatter", Workers(1, timeout=1))


@pytest.mark.slow
def test_the_timeout_counts_from_when_a_process_has_taken_the_fold_up(odd):
    """All folds together, and the start of the processes, take longer than a fold may."""
    outcomes = odd("nap", Workers(1, timeout=3))
    assert len(outcomes) == 5


@pytest.mark.slow
def test_apart_a_crash_does_not_take_the_caller_along(odd):
    with pytest.raises(ModelError, match=r"a worker process died of signal 9 \(Killed\)"):
        odd("die", Workers(1, in_subprocess=True))
    assert {
        outcome.report.diagnostics.members["odd"]["process"] for outcome in odd("sleep", Workers(1, in_subprocess=True))
    }.isdisjoint({os.getpid()})


def test_who_trains_in_this_process():
    assert [Workers().train_here(5), Workers(2).train_here(1), Workers(2).train_here(5)] == [True, True, False]
    assert not Workers(2, in_subprocess=True).train_here(1)
    assert not Workers(timeout=5).train_here(1)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_above_0(timeout):
    with pytest.raises(ConfigError, match=r"timeout: is .* s, must be above 0"):
        Workers(2, timeout)


@pytest.mark.slow
def test_a_pool_is_kept_and_survives_errors_and_dead_workers(odd, meet):
    with fold_pool(2, timeout=3) as kept_pool:
        assert not pids()  # nobody starts before there is work
        odd("sleep", kept_pool)
        first = pids()
        odd("sleep", kept_pool)
        assert pids() == first
        with pytest.raises(ModelError, match="too few rows"):
            odd("refuse", kept_pool)
        assert pids() & first  # the one that refused is ready for more
        odd("sleep", kept_pool)
        before = pids()
        os.kill(min(before), signal.SIGKILL)
        until = time.monotonic() + 60
        while min(before) in pids():  # it takes the system a moment
            assert time.monotonic() < until
            time.sleep(0.01)
        processes = {outcome.report.diagnostics.members["odd"]["process"] for outcome in odd(meet(), kept_pool)}
        assert processes == pids()
        assert len(processes) == 2
        assert min(before) not in processes
        assert max(before) in processes
        for act, message in (("die", r"died of signal 9"), ("hang", "took longer than 3 s")):
            with pytest.raises(ModelError, match=message):
                odd(act, kept_pool)
            assert [outcome.report.number for outcome in odd("sleep", kept_pool)] == list(range(5))
    assert not multiprocessing.active_children()
    with pytest.raises(RuntimeError, match="this worker pool is closed"):
        odd("sleep", kept_pool)


@pytest.mark.slow
def test_a_pool_interrupted_leaves_nobody_in_the_middle_of_a_fold(odd):
    def interrupt(step):
        if step.task.startswith("fold "):
            raise KeyboardInterrupt

    with fold_pool(1) as kept_pool:
        with pytest.raises(KeyboardInterrupt):
            odd("hang", kept_pool, on_progress=interrupt)
        assert not pids()
        odd("sleep", kept_pool)
        assert len(pids()) == 1


@pytest.mark.slow
def test_a_pool_gives_the_same_bits_for_one_model_after_the_other(make_market):
    market = make_market(bars=400)
    models = [{"kind": "random_forest", "trees": 5}, {"kind": "lightgbm", "rounds": 20}, {"kind": "ridge"}]
    specs = [SignalSpec.parse({"features": FEATURES, "model": model, "walk_forward": WALK}) for model in models]
    with fold_pool(2) as kept_pool:
        together = [generate(market, spec, workers=kept_pool) for spec in [*specs, specs[0]]]
        assert len(pids()) == 2
    for spec, created in zip([*specs, specs[0]], together, strict=True):
        alone = generate(market, spec)
        assert created.frame.prediction.tobytes() == alone.frame.prediction.tobytes()
        assert created.frame.confidence.tobytes() == alone.frame.confidence.tobytes()
        assert created.folds == alone.folds


@pytest.mark.slow
def test_folds_are_kept_by_a_store_whoever_trains_them(make_market, tmp_path):
    from signals.cache.store import SignalStore

    market = make_market(bars=400)
    store = SignalStore(tmp_path / "cache")
    spec = SignalSpec.parse({"features": FEATURES, "model": {"kind": "ridge"}, "walk_forward": WALK})
    distance = generate(market, spec, workers=Workers(1, timeout=60), store=store)
    assert store.info().folds == 5
    assert generate(market, spec, store=store).frame.prediction.tobytes() == distance.frame.prediction.tobytes()


INTERRUPTED = """
    import sys
    sys.path[:0] = {path!r}
    import odd
    from dataclasses import replace
    import numpy as np, pandas as pd
    from core.types import COLUMNS, Bars
    from core.types import Market
    from signals.panel import build_panel
    from signals.spec import SignalSpec
    from signals.folds.walk_forward import folds
    from signals.workers.run_folds import run_folds

    times = pd.bdate_range("2001-01-02", periods=300, tz="UTC")
    close = 100 + np.random.default_rng(0).uniform(0, 1, 300)
    bars = Bars.of("A", pd.DataFrame(dict.fromkeys(COLUMNS, close), index=times))
    spec = {{"features": {features}, "model": {{"kind": "random_forest"}}, "walk_forward": {walk}}}
    training = replace(SignalSpec.parse(spec).training, model=odd.Odd(act="hang"))
    panel = build_panel(Market({{"A": bars}}, ("A",), "A", "UTC"), training.features, training.label)
    run_folds(panel, training, folds(panel, training.walk_forward), 2, lambda step: print("begun", flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path, kill):
    """Interrupted as by Ctrl-C (the whole group gets it), or killed: everything is gone long before the fold is done.

    The fold itself takes ten minutes; on a machine with nothing else to do the end takes 2 s or 5 s.
    """
    (tmp_path / "odd.py").write_text(DROPPED_IN)
    root = str(Path(workers.__file__).parents[2])
    script = textwrap.dedent(INTERRUPTED.format(path=[str(tmp_path), root], features=FEATURES, walk=WALK))
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout.readline() == parent.stdout.readline() == b"begun\n"
    if kill == signal.SIGINT:
        os.killpg(parent.pid, kill)
    else:
        os.kill(parent.pid, kill)
    try:
        # It ends when the last process with our pipes has ended; on a busy machine that takes long.
        _, errors = parent.communicate(timeout=280)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
    assert parent.returncode == -kill
    assert errors.count(b"Traceback") <= 1  # the parent's own


FRESH = """
    import hashlib, json, sys
    from marketdata.data_spec import DataSpec
    from signals.generate import generate
    from signals.spec import SignalSpec

    given = json.loads(sys.argv[1])
    market = DataSpec.parse(given["data"]).load()
    signals = generate(market, SignalSpec.parse(given["spec"]))
    print(hashlib.sha256(b"".join(a.tobytes() for a in (signals.frame.prediction, signals.p_up))).hexdigest())
"""


@pytest.mark.slow
def test_the_ensemble_gives_the_same_bits_in_every_process_and_number_of_workers(tmp_path):
    """Here, in two fresh workers, and in a fresh process of its own."""
    import hashlib

    from marketdata.data_spec import DataSpec

    data = {"source": {"kind": "sample", "symbols": ["nasdaq"]}, "start": "1999-01-04", "end": "2000-06-30"}
    arguments = {"seed": 7, "features": FEATURES, "model": ENSEMBLE, "walk_forward": {"train": 200, "test": 60}}
    market = DataSpec.parse(data).load()
    spec = SignalSpec.parse(arguments)

    def digest(signals):
        arrays = (signals.frame.prediction, signals.p_up)
        return hashlib.sha256(b"".join(item.tobytes() for item in arrays)).hexdigest()

    here = generate(market, spec)
    side_by_side = generate(market, spec, workers=2)
    assert digest(here) == digest(side_by_side)
    assert here.folds == side_by_side.folds
    command = [sys.executable, "-c", textwrap.dedent(FRESH), json.dumps({"data": data, "spec": arguments})]
    root = Path(workers.__file__).parents[2]
    fresh = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert fresh.stdout.strip() == digest(here)
