"""Folds that are kept as they are finished: a run that resumes gives the bits of one that was never disturbed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from signals.cache.cache_keys import fold_keys, signal_key
from signals.cache.serialization import pack_fold, pack_signals, unpack_fold
from signals.cache.store import FOLD, LOCK, SIGNALS, Problems, SignalStore
from signals.folds.fit_fold import run_fold
from signals.folds.walk_forward import folds
from signals.generate import generate
from signals.panel import build_panel
from signals.spec import SignalSpec
from signals.workers import resume, run_folds

VALUES = {
    "features": [{"kind": "sma", "window": 5}, {"kind": "lagged_return"}],
    "model": {"kind": "ensemble", "members": {"lightgbm": {"weight": 0.5, "rounds": 5}, "ridge": {"weight": 0.5}}},
    "walk_forward": {"train": 120, "test": 60},
}
SPEC = SignalSpec.parse(VALUES)
PER_SYMBOL = SignalSpec.parse({**VALUES, "model": {"kind": "lightgbm", "rounds": 5, "scope": "per_symbol"}})
SPECS = pytest.mark.parametrize("spec", [SPEC, PER_SYMBOL], ids=["pooled", "per symbol"])


@pytest.fixture(scope="module")
def market(make_market):
    """Six folds; symbol C has too few rows for a model of its own in the first one."""
    return make_market(bars=480, symbols="ABC", late=40)


@pytest.fixture
def store(tmp_path):
    return SignalStore(tmp_path / "cache")


def bits(signals):
    """Every bit of signals, reports of the folds included."""
    return hashlib.sha256(pack_signals(signals)).hexdigest()


def steps_of(market, spec):
    training = spec.training
    panel = build_panel(market, training.features, training.label, training.confidence)
    return panel, folds(panel, training.walk_forward)


def entries(store, suffix=FOLD):
    return sorted(store.folder.glob(f"*{suffix}"))


def forget_signals(store):
    """Leave the folds alone, as an interrupted run does."""
    for path in entries(store, SIGNALS):
        path.unlink()


@contextmanager
def trained(monkeypatch):
    """Collects the numbers of the folds that are trained."""
    numbers = []

    def counted(panel, training, fold, report):
        numbers.append(fold.number)
        return run_fold(panel, training, fold, report)

    with monkeypatch.context() as patch:
        patch.setattr(run_folds, "run_fold", counted)
        yield numbers


@SPECS
def test_a_fold_is_read_back_as_it_was_in_a_longer_history_too(spec, market):
    panel, steps = steps_of(market.until(market.times[419]), spec)
    longer, more = steps_of(market, spec)
    for fold, same in zip(steps, more, strict=False):
        outcome = run_fold(panel, spec.training, fold, lambda step: None)
        result = unpack_fold(pack_fold(outcome, fold), fold)
        for field in fields(outcome):
            one = getattr(outcome, field.name)
            other = getattr(result, field.name)
            if isinstance(one, np.ndarray):
                assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
                assert field.name == "rows" or not other.flags.writeable
            elif field.name == "parts":
                assert list(one) == list(other)
                assert all(one[name].tobytes() == other[name].tobytes() for name in one)
            else:
                assert one == other
        if len(same.test) > len(fold.test):  # the last one, whose test window was not whole yet
            continue
        moved = unpack_fold(pack_fold(outcome, fold), same)
        assert longer.times[moved.rows].equals(panel.times[outcome.rows])
        assert (longer.symbol[moved.rows] == panel.symbol[outcome.rows]).all()


@SPECS
def test_with_the_cache_without_it_and_from_it_the_bits_are_the_same(spec, market, store, monkeypatch):
    plain = bits(generate(market, spec))
    with trained(monkeypatch) as numbers:
        assert bits(generate(market, spec, store=store)) == plain
        assert bits(generate(market, spec, store=store)) == plain
        assert numbers == list(range(6))
        forget_signals(store)
        assert bits(generate(market, spec, store=store)) == plain
        assert numbers == list(range(6))


@pytest.mark.slow
@SPECS
@pytest.mark.parametrize("stored_folds", [(0,), (5,), (1, 3), (0, 1, 2, 3, 4)])
def test_whichever_folds_are_there_the_bits_are_the_same(spec, stored_folds, market, store, monkeypatch):
    plain = bits(generate(market, spec, store=store))
    forget_signals(store)
    panel, steps = steps_of(market, spec)
    for fold, key in zip(steps, fold_keys(panel, spec, steps), strict=True):
        if fold.number not in stored_folds:
            (store.folder / f"{key}{FOLD}").unlink()
    with trained(monkeypatch) as numbers:
        assert bits(generate(market, spec, store=store)) == plain
    assert numbers == [number for number in range(6) if number not in stored_folds]


@SPECS
@pytest.mark.parametrize("order", [(5, 4, 3, 2, 1, 0), (3, 0, 5, 1, 4, 2)])
def test_in_whatever_order_folds_are_trained_the_bits_are_the_same(spec, order, market, store):
    """Trained one by one in that order, kept, and put together from the store."""
    panel, steps = steps_of(market, spec)
    keys = fold_keys(panel, spec, steps)
    for number in order:
        store.put_fold(keys[number], steps[number], run_fold(panel, spec.training, steps[number], lambda step: None))
    assert bits(generate(market, spec, store=store)) == bits(generate(market, spec))


def test_a_history_that_has_grown_trains_its_new_folds_alone(market, store, monkeypatch):
    shorter = market.until(market.times[-70])
    generate(shorter, SPEC, store=store)
    count = len(entries(store))
    with trained(monkeypatch) as numbers:
        grown = generate(market, SPEC, store=store)
    assert numbers == [4, 5]
    assert count == 5
    assert bits(grown) == bits(generate(market, SPEC))


def test_a_fold_that_fails_loses_none_that_are_done(market, store, monkeypatch):
    def failing(panel, training, fold, report):
        if fold.number == 4:
            raise ModelError("no more")
        return run_fold(panel, training, fold, report)

    with monkeypatch.context() as patch:
        patch.setattr(run_folds, "run_fold", failing)
        with pytest.raises(ModelError, match="no more"):
            generate(market, SPEC, store=store)
    assert len(entries(store)) == 4
    assert entries(store, LOCK) == []
    with trained(monkeypatch) as numbers:
        assert bits(generate(market, SPEC, store=store)) == bits(generate(market, SPEC))
    assert numbers[:2] == [4, 5]


def test_without_a_store_nothing_is_kept_or_looked_for(market, store, monkeypatch):
    monkeypatch.setattr(resume, "fold_keys", None)
    monkeypatch.setattr("signals.generate.signal_key", None)
    generate(market, SPEC, store=None)
    assert not store.folder.exists()


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "directory":
        path.unlink()
        path.mkdir()
    elif how == "full directory":
        path.unlink()
        path.mkdir()
        (path / "something").touch()
    elif how == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes({"truncated": content[:-10], "empty": b"", "hash alone": content[:65]}[how])


DAMAGES = ["truncated", "flipped", "empty", "hash alone", "directory", "full directory"]


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_entries_are_told_of_once_a_run_and_made_again(how, market, store, caplog, monkeypatch):
    """The signals and all folds are damaged: one line, with the first of them."""
    plain = bits(generate(market, SPEC, store=store))
    for path in entries(store) + entries(store, SIGNALS):
        damage(path, how)
    again = replace(store, problems=Problems())
    with trained(monkeypatch) as numbers:
        assert bits(generate(market, SPEC, store=again)) == plain
    assert numbers == list(range(6))
    [message] = caplog.messages
    assert str(entries(store, SIGNALS)[0]) in message
    assert ("is damaged" in message) == ("directory" not in how)
    caplog.clear()
    if how != "full directory":  # that stays: whose it is nobody knows
        assert bits(generate(market, SPEC, store=replace(store, problems=Problems()))) == plain
        assert caplog.messages == []
        assert store.info().entries == 7


@pytest.mark.parametrize("how", ["flipped", "directory"])
def test_one_damaged_fold_is_trained_again_alone(how, market, store, caplog, monkeypatch):
    plain = bits(generate(market, SPEC, store=store))
    forget_signals(store)
    panel, steps = steps_of(market, SPEC)
    path = store.folder / f"{fold_keys(panel, SPEC, steps)[2]}{FOLD}"
    damage(path, how)
    with trained(monkeypatch) as numbers:
        assert bits(generate(market, SPEC, store=replace(store, problems=Problems()))) == plain
    assert numbers == [2]
    [message] = caplog.messages
    assert str(path) in message


@contextmanager
def unprivileged():
    """Root may read and write anything; so for a while this process is nobody."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.fixture
def open_store(market, store):
    """A store in a folder that anybody may enter, which tmp_path is not."""
    generate(market, SPEC, store=store)  # nobody else may be able to import a library, or to find it
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield SignalStore(Path(name) / "cache")


def test_entries_that_may_not_be_read_are_told_of_once_and_made_again(open_store, market, caplog):
    with unprivileged():
        plain = bits(generate(market, SPEC, store=open_store))
        for path in open_store.folder.iterdir():
            path.chmod(0)
        assert bits(generate(market, SPEC, store=replace(open_store, problems=Problems()))) == plain
        [message] = caplog.messages
        assert "cannot be read ([Errno 13] Permission denied" in message
        caplog.clear()
        assert bits(generate(market, SPEC, store=replace(open_store, problems=Problems()))) == plain
        assert caplog.messages == []


def test_a_cache_that_may_only_be_read_gives_what_it_has_and_warns_once(open_store, market, caplog, monkeypatch):
    with unprivileged():  # an entry is for its owner alone
        plain = bits(generate(market, SPEC, store=open_store))
    forget_signals(open_store)
    entries(open_store)[0].unlink()
    open_store.folder.chmod(0o555)
    with unprivileged(), trained(monkeypatch) as numbers:
        assert bits(generate(market, SPEC, store=open_store)) == plain
    open_store.folder.chmod(0o755)
    assert len(numbers) == 1
    [message] = caplog.messages
    assert message.startswith(f"cache: nothing can be locked in {open_store.folder} ([Errno 13] Permission denied")


def test_eviction_counts_both_sorts_of_entries_and_takes_the_longest_unused(market, store):
    signals = generate(market, SPEC, store=store)
    [full] = entries(store, SIGNALS)
    parts = entries(store)
    for age, path in enumerate([*parts, full]):
        os.utime(path, (1000 + age, 1000 + age))
    total = store.info().size
    assert total == sum(path.stat().st_size for path in [full, *parts])
    assert (store.info().entries, store.info().folds) == (7, 6)
    replace(store, limit_bytes=total - 1).trim()
    assert entries(store) == sorted(parts[1:])
    tight = replace(store, limit_bytes=full.stat().st_size + parts[-1].stat().st_size)
    tight.put(signal_key(market, SPEC), signals)
    assert entries(store) == [parts[-1]]
    assert entries(store, SIGNALS) == [full]


SCRIPT = """
    import json, os, signal, sys, time
    import numpy as np, pandas as pd
    from pathlib import Path
    import logging
    from core.types import COLUMNS, Bars, Market
    from signals.workers import run_folds
    from signals.cache.serialization import pack_signals
    from signals.folds.fit_fold import run_fold
    from signals.generate import generate
    from signals.spec import SignalSpec
    from signals.cache.store import SignalStore
    import hashlib

    folder, given, crew, dies_after, held_after = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 480)))
    columns = dict(zip(COLUMNS, (close, close * 1.01, close * 0.99, close, 1e6 + 0 * close)))
    times = pd.bdate_range("2001-01-02", periods=480, tz="UTC") + pd.Timedelta("21h")
    market = Market({"A": Bars.of("A", pd.DataFrame(columns, index=times))}, ("A",), "A", "UTC")

    def told(panel, training, fold, report):
        outcome = run_fold(panel, training, fold, report)
        print("trained", fold.number, flush=True)
        return outcome

    run_folds.run_fold = told
    kept = []
    put = SignalStore.put_fold

    def put_fold(self, key, fold, outcome):
        put(self, key, fold, outcome)
        kept.append(fold.number)
        if len(kept) == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(kept) == held_after:
            print("held", flush=True)
            sys.stdin.readline()

    SignalStore.put_fold = put_fold
    print("ready", flush=True)
    store = SignalStore(Path(folder)) if folder else None
    signals = generate(market, SignalSpec.parse(given), workers=crew, store=store)
    print("bits", hashlib.sha256(pack_signals(signals)).hexdigest(), flush=True)
"""


def start(folder, crew=1, dies_after=0, held_after=0):
    """A process that makes signals, and after so many folds kills itself or waits for a line."""
    where = str(folder) if folder else ""
    given = json.dumps([where, {**VALUES, "model": {"kind": "ridge"}}, crew, dies_after, held_after])
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT), given]
    root = Path(run_folds.__file__).parents[2]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def ends(process, go=None, said=""):
    """The folds that it trained, the bits that it made, and everything that it said.

    ``go`` is what it waits for, ``said`` what was read of it before.
    """
    rest, complaints = process.communicate(go, timeout=300)
    assert complaints == ""
    said += rest
    lines = said.splitlines()
    numbers = [int(line.split()[1]) for line in lines if line.startswith("trained")]
    return numbers, [line.split()[1] for line in lines if line.startswith("bits")], said


@pytest.fixture(scope="module")
def undisturbed():
    numbers, [bits_of_run], _ = ends(start(None))
    assert numbers == list(range(6))
    return bits_of_run


@pytest.mark.slow
@pytest.mark.parametrize("crew", [1, 2])
def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_bits(crew, store, undisturbed):
    killed = start(store.folder, crew=crew, dies_after=3)
    assert ends(killed)[1] == []
    assert killed.returncode == -signal.SIGKILL
    assert len(entries(store)) == 3
    assert entries(store, SIGNALS) == []
    numbers, bits_of_run, output = ends(start(store.folder))
    assert len(numbers) == 3
    assert "3 of 6 folds come from the cache" in output
    assert bits_of_run == [undisturbed]
    assert entries(store, LOCK) == []


@pytest.mark.slow
def test_two_processes_that_want_the_same_signals_train_once(store, undisturbed):
    first = start(store.folder, held_after=1)
    works = line_with("held", first)
    second = start(store.folder)
    waits = line_with("waiting for it", second)
    found = [ends(first, go="go\n", said=works), ends(second, said=waits)]
    assert sorted(number for numbers, _, _ in found for number in numbers) == list(range(6))
    assert [made for _, made, _ in found] == [[undisturbed]] * 2
    assert sum("waiting for it" in said for _, _, said in found) == 1
    assert entries(store, LOCK) == []


def wait_for(condition):
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def line_with(text, process):
    """What a process says up to a line with this text; one that ends without it fails the test."""
    said = []
    for line in iter(process.stdout.readline, ""):
        said.append(line)
        if text in line:
            return "".join(said)
    raise AssertionError(f"it ended, code {process.wait(60)}, and never said {text!r}: {said}")


@pytest.mark.slow
def test_when_the_one_that_works_is_killed_the_one_that_waits_goes_on(store, undisturbed):
    first = start(store.folder, held_after=1)
    wait_for(lambda: entries(store))
    second = start(store.folder)
    line_with("waiting for it", second)
    first.kill()
    first.communicate(timeout=280)
    done = len(entries(store))
    assert 1 <= done < 6
    numbers, bits_of_run, _ = ends(second)
    assert numbers == list(range(done, 6))
    assert bits_of_run == [undisturbed]
    assert entries(store, LOCK) == []


@pytest.mark.slow
def test_processes_that_want_different_signals_do_not_wait_for_each_other(store, market):
    """One holds a key for as long as the other takes, and longer."""
    with store.alone("0" * 64):
        numbers, bits_of_run, output = ends(start(store.folder))
    assert numbers == list(range(6))
    assert len(bits_of_run) == 1
    assert "waiting" not in output


def test_clear_removes_everything_but_locks_that_are_held(market, store):
    generate(market, SPEC, store=store)
    (store.folder / f"dead{LOCK}").touch()
    (store.folder / "dead.part").touch()
    with store.alone("1" * 64):
        assert store.clear() == 7
        assert [path.name for path in store.folder.iterdir()] == [f"{'1' * 64}{LOCK}"]
    assert list(store.folder.iterdir()) == []


def test_locks_that_dead_processes_left_are_swept_in_time(market, store):
    store.folder.mkdir()
    old = store.folder / f"old{LOCK}"
    new = store.folder / f"new{LOCK}"
    for path in (old, new):
        path.touch()
    os.utime(old, (1000, 1000))
    generate(market, SPEC, store=store)
    assert entries(store, LOCK) == [new]


def test_an_error_while_signals_are_made_frees_their_key(store):
    with pytest.raises(ModelError, match="no"), store.alone("0"):
        raise ModelError("no")
    with store.alone("0"):
        pass
    assert entries(store, LOCK) == []


def test_a_spec_of_a_typed_in_class_is_not_kept_and_says_so(market, store, caplog):
    from signals.features.sma import Sma

    typed_in = type("TypedIn", (Sma,), {"__module__": "__nowhere__"})
    spec = SPEC.model_copy(update={"features": (typed_in(window=5),)})
    generate(market, spec, store=store)
    [message] = caplog.messages
    assert message.startswith("cache: __nowhere__: its code is in no file of the project")
    assert not store.folder.exists()
