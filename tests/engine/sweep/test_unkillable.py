"""Sweeps under kills, full disks and damaged files: no finished trial is lost, the same command gives equal bytes."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path

import pandas as pd
import pytest
from forks import Forks

from core.errors import StoreError
from core.workers import pool
from engine.sweep.trials import worker_pool

pytestmark = [pytest.mark.slow, pytest.mark.early]
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TREE = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine", "configs")
RESULTS = ("trials.parquet", "returns.parquet", "blocks.parquet", "sweep.json")
CONFIG = """
extends: {root}/configs/sma_cross.yaml
name: killed
data: {{start: 2010-01-04, end: 2011-12-30}}
measures: {{intervals: {{reps: 0}}}}
report: {{tearsheet: false}}
workers: 2
sweep:
  space: {space}
  confirm: 1
  spot_checks: 0
  overfitting: {{pbo_blocks: 4, reps: 100}}
"""
SPACES = {
    "killed": "{model.fast: [5, 10, 15], strategy.side: [both, long], risk.base: [0.01, 0.02]}",
    "ranges": "{model.fast: {low: 5, high: 30}, strategy.side: [both, long], risk.base: {low: 0.01, high: 0.02}}",
    "slow": "{risk.base: [0.01, 0.02, 0.03], strategy.side: [both, long]}",
    "planted": "{strategy.fault: [%s], strategy.entry: [0.0]}",
}
METHODS = {
    "grid": ["killed.yaml"],
    "random": ["killed.yaml", "sweep.method=random", "sweep.trials=9"],
    "sobol": ["ranges.yaml", "sweep.method=sobol", "sweep.trials=8"],
    "tpe": ["ranges.yaml", "sweep.method=tpe", "sweep.trials=8", "sweep.batch=3"],
    "slow": ["slow.yaml", "broker.impact={kind: volume_share}"],
}
"""Words of the command; the last for trials on backtrader."""
SMALL = "import engine.sweep.trials.plan as plan; plan.CHUNK = 2\n"
"""Trials are kept two at a time, so that there is something between two of them."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with a strategy in it that does harm."""
    folder = tmp_path_factory.mktemp("project")
    for name in TREE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run_backtest.py", folder)
    shutil.copy(HERE / "planted.txt", folder / "strategies" / "planted.py")
    harm = "none", "signal 9", "signal 11", "once", "hang", "odd", "late", "memory"
    for name, space in {
        **SPACES,
        "planted": SPACES["planted"] % ", ".join(harm),
    }.items():
        (folder / f"{name}.yaml").write_text(CONFIG.format(root=folder, space=space))
    return folder


@pytest.fixture(scope="module")
def forks(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forks")
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "COLUMNS": "300",
        "BACKTRADER_ML_DATA": str(folder / "data"),
    }
    forks = Forks.of(project, folder, environment, ["killed.yaml", "--quiet", "--out", folder / "warm"])
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def command(forks):
    """Starts a sweep in a folder; its registry of trials is beside the folder, so that no other sweep is counted."""

    def start(out, *words, before=""):
        environment = {"BACKTRADER_ML_DATA": str(out) + ".data"}
        return forks.start([*(words or METHODS["grid"]), "--quiet", "--out", out], before, environment)

    return start


@pytest.fixture(scope="module")
def undisturbed(command, tmp_path_factory):
    """The results of a method if nothing happens; and the number of times that it touches its folder."""
    results = {}

    def of(method):
        if method not in results:
            out = tmp_path_factory.mktemp("undisturbed") / method
            counted = out.with_suffix(".count")
            done = command(
                out, *METHODS[method], before=SMALL + COUNT.format(root=str(out), counted=str(counted))
            ).wait()
            assert (done.code, done.lines) == (0, [])
            results[method] = (contents(out), int(counted.read_text()))
        return results[method]

    return of


UNHURRIED = "import os, time; plain = os.fsync; os.fsync = lambda handle: (plain(handle), time.sleep(0.05))\n"
HELD = """
import os, pathlib, time
plain, calls = os.fsync, []
def wait(handle):
    plain(handle)
    calls.append(handle)
    while len(calls) > 12 and not pathlib.Path({mark!r}).exists():
        time.sleep(0.01)
os.fsync = wait
"""
"""Stops among the trials until a file is there."""
COUNT = """
import multiprocessing.util, pathlib
seen = count_events({root!r}, 0, None)
multiprocessing.util.Finalize(None, lambda: pathlib.Path({counted!r}).write_text(str(seen())), exitpriority=0)
"""
KILL = """
import os, signal
count_events({root!r}, {last}, lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def contents(out):
    """The contents of the tables, and of those of the winners, by name; nothing else may be in the folder."""
    [folder] = out.iterdir()
    assert not list(out.parent.glob(f".{out.name}*"))
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]
    expected = [folder / name for name in RESULTS] + sorted((folder / "winners").rglob("*.parquet"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in expected}


def table(out):
    [path] = out.glob("*/trials.parquet")
    return pd.read_parquet(path)


def unfinished(out):
    """The folder of a sweep that is under way."""
    [folder] = out.glob(".killed-*")
    return folder


def stored_trials(out):
    """The number of trials whose checksums are in the journal."""
    paths = list(out.glob(".killed-*/journal.txt"))
    lines = paths[0].read_bytes().split(b"\n")[:-1] if paths else []
    entries = [json.loads(line.partition(b" ")[2]) for line in lines]
    return sum(entry["count"] for entry in entries if "file" in entry)


def soon(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError, ValueError):
            if condition():
                return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


# Killed.


@pytest.mark.parametrize("method", ["grid", "random", "sobol", "tpe"])
def test_a_sweep_that_is_killed_again_and_again_gives_the_same_bytes(method, command, undisturbed, tmp_path):
    expected, touches = undisturbed(method)
    rng = random.Random(method)  # noqa: S311 - moments, not secrets
    out = tmp_path / "runs"
    for _ in range(3 if method in ("grid", "tpe") else 2):
        last = rng.randrange(1, touches)
        running = command(out, *METHODS[method], before=SMALL + KILL.format(root=str(out), last=last))
        done = running.wait()
        assert done.code in (-signal.SIGKILL, 0)  # 0: what was left took fewer touches
        assert not running.family()
    before = stored_trials(out)
    done = command(out, *METHODS[method], before=SMALL).wait()
    assert done.code == 0
    assert not before or f"{before} of " in done.err
    assert contents(out) == expected


def test_a_real_command_that_is_killed_goes_on_from_there(command, project, undisturbed, tmp_path):
    expected, _ = undisturbed("grid")
    out = tmp_path / "runs"
    words = [sys.executable, "run_backtest.py", "killed.yaml", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(project), "BACKTRADER_ML_DATA": str(out) + ".data"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(words, cwd=project, env=environment, start_new_session=True, **pipes)
    soon(lambda: stored_trials(out) >= 4)
    process.kill()
    process.communicate(timeout=280)
    done = command(out).wait()
    assert done.code == 0
    assert contents(out) == expected


def test_workers_end_with_a_parent_that_is_interrupted_or_killed(command, undisturbed, tmp_path):
    expected, _ = undisturbed("slow")
    out = tmp_path / "runs"
    running = command(out, *METHODS["slow"])
    soon(lambda: stored_trials(out) >= 1)
    ends_at_once(running, signal.SIGINT, out)
    running = command(out, *METHODS["slow"])
    soon(lambda: stored_trials(out) >= 3)
    assert len(running.family()) >= 2
    running.kill()
    assert running.wait().code == -signal.SIGKILL
    soon(lambda: not running.family(), seconds=60)
    assert command(out, *METHODS["slow"]).wait().code == 0
    assert contents(out) == expected


def test_a_worker_that_is_killed_costs_nothing(command, undisturbed, tmp_path):
    expected, _ = undisturbed("slow")
    rng = random.Random(5)  # noqa: S311 - moments, not secrets
    out = tmp_path / "runs"
    running = command(out, *METHODS["slow"])
    for seconds in (1.0, 0.5):
        soon(lambda: len(workers_of(running)) == 2)
        time.sleep(rng.uniform(0, seconds))
        victim = rng.choice(workers_of(running) or [0])
        if victim:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
    assert running.wait().code == 0
    assert contents(out) == expected


def workers_of(running):
    """The worker processes, busy or not."""
    workers = []
    for process in running.family():
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes():
                workers.append(process)
    return workers


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_is_granted_at_once(sign, command, undisturbed, tmp_path):
    expected, _ = undisturbed("grid")
    out = tmp_path / "runs"
    running = command(out, before=SMALL + UNHURRIED)
    soon(lambda: stored_trials(out) >= 2)
    ends_at_once(running, sign, out)
    assert command(out, before=SMALL).wait().code == 0
    assert contents(out) == expected


SWALLOWED = """
import os, signal
from core.errors import ModelError
from engine.sweep.trials.compiled_trials import CompiledTrials
plain = CompiledTrials.scores
calls = []
def scores(self, *arguments):
    calls.append(arguments)
    if len(calls) == 3:
        try:
            os.kill(os.getpid(), signal.{sign})
            os.getpid()
        except BaseException as error:
            {then}
    return plain(self, *arguments)
CompiledTrials.scores = scores
"""


@pytest.mark.parametrize("sign", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize(
    "then", ["raise ModelError('library: KeyboardInterrupt') from error", "raise ValueError", "pass"]
)
def test_a_request_to_end_that_a_library_swallows_is_granted_before_anything_is_kept(
    sign, then, command, undisturbed, tmp_path
):
    out = tmp_path / "runs"
    done = command(out, before=SMALL + SWALLOWED.format(sign=sign, then=then)).wait()
    assert (done.code, stored_trials(out)) == (130, 4)
    assert done.lines[-1].startswith("error: interrupted; what was finished is kept in")
    assert "Traceback" not in done.err
    if then == "pass":
        assert command(out, before=SMALL).wait().code == 0
        assert contents(out) == undisturbed("grid")[0]


def ends_at_once(running, sign, out):
    begun = time.monotonic()
    running.kill(sign)
    done = running.wait()
    assert time.monotonic() - begun < 30  # a tenth of a second; machines of tests may be busy
    assert (done.code, done.out) == (130, "")
    assert done.lines == [
        f"error: interrupted; what was finished is kept in {unfinished(out)}: the same command goes on from there"
    ]
    soon(lambda: not running.family(), seconds=60)


# Trials that do harm.


def test_a_trial_that_kills_its_worker_or_hangs_fails_alone(command, tmp_path):
    planted = {"kind": "planted", "mark": str(tmp_path / "mark")}
    words = ["broker.impact={kind: volume_share}", f"strategy={json.dumps(planted)}"]
    out = tmp_path / "runs"
    done = command(out, "planted.yaml", *words, "sweep.timeout=40").wait()  # a busy machine needs 10 s for a good one
    assert (done.code, done.lines) == (0, [])
    trials = table(out)
    reasons = trials[trials["status"] == "failed"].groupby("strategy.fault")["reason"].unique().map(list).to_dict()
    message = "strategy planted: its rule failed on nasdaq at the bar of 2010-03-16 20:00:00 UTC: {}; mend the rule"
    assert reasons == {
        "signal 9": ["worker died: signal 9"],
        "signal 11": ["worker died: signal 11"],
        "hang": ["took longer than sweep.timeout, 40 s"],
        "odd": [message.format("Odd: an odd one")],
        "late": [message.format("TimeoutError: nobody answers")],
        "memory": [message.format("MemoryError: ")],
    }
    good = trials[trials["status"] == "done"].set_index("strategy.fault").drop(columns=["trial", "reason"])
    assert list(good.index) == ["none", "once"]
    assert (tmp_path / "mark").exists()
    pd.testing.assert_series_equal(good.loc["none"], good.loc["once"], check_names=False, check_exact=True)


def test_workers_that_cannot_be_started_are_one_error(monkeypatch):
    monkeypatch.setattr(pool, "serve", print)  # it ends at once
    with (
        pytest.raises(StoreError, match="no worker can be started: worker died: exit code 0"),
        worker_pool.trial_pool(2, None) as workers,
    ):
        list(worker_pool.run_jobs(workers, (None, None, None), {0: (0, None), 1: (1, None)}))
    assert active_children() == []


# Disks.


@pytest.fixture
def tiny():
    """Makes a disk of so many bytes; skips where that is not allowed."""
    with tempfile.TemporaryDirectory() as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", name], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip("no disk can be mounted here")
        yield Path(name)
        subprocess.run(["umount", "-l", name], check=True)


def test_a_full_disk_is_one_line_and_keeps_what_was_finished(command, undisturbed, halved, tiny):
    expected, _ = undisturbed("grid")
    out = tiny / "runs"
    ballast = tiny / "ballast"
    code = (unfinished(halved) / "code.zip").stat().st_size
    chunk = next((unfinished(halved) / "chunks").iterdir()).stat().st_size + 4096
    for free in (32_000, code + 2 * chunk + 16_000, 6 * chunk + 64_000, 270_000):  # no trial; some; all; a winner
        ballast.unlink(missing_ok=True)
        ballast.write_bytes(bytes(os.statvfs(tiny).f_bavail * 4096 - free))
        before = stored_trials(out)
        done = command(out, before=SMALL).wait()
        assert done.code == 2, done.err
        [line] = [line for line in done.lines if not line.startswith("WARNING")]
        assert str(tiny) in line
        assert "No space left on device" in line
        assert stored_trials(out) > before or free in (32_000, 270_000)
    assert stored_trials(out) == 12
    ballast.unlink()
    assert command(out, before=SMALL).wait().code == 0
    assert contents(out) == expected


FULL = """
import errno, io, os, pathlib
plain = pathlib.Path.open
class Full(io.FileIO):
    def write(self, content):
        super().write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
left = {after}
def opened(path, mode="r", *others, **more):
    global left
    if path.name.endswith({suffix!r}) and mode in ("wb", "ab"):
        left -= 1
        if left < 0:
            return Full(path, mode)
    return plain(path, mode, *others, **more)
pathlib.Path.open = opened
"""


@pytest.mark.parametrize(
    ("suffix", "after", "left"), [("journal.txt", 4, 4), (".npz.part", 3, 6), ("code.zip.part", 0, 0)]
)
def test_a_disk_that_fills_up_inside_a_file_is_one_line(suffix, after, left, command, undisturbed, tmp_path):
    expected, _ = undisturbed("grid")
    out = tmp_path / "runs"
    done = command(out, before=SMALL + FULL.format(after=after, suffix=suffix)).wait()
    assert done.code == 2
    [line] = done.lines
    assert line.startswith(f"error: {out}/.")
    assert "bytes): No space left on device; what was finished before is kept" in line
    if left:
        assert stored_trials(out) == left
    else:
        assert list(out.iterdir()) == []  # nothing was finished
    assert command(out, before=SMALL).wait().code == 0
    assert contents(out) == expected


@pytest.fixture(scope="module")
def halved(command, tmp_path_factory):
    out = tmp_path_factory.mktemp("half") / "runs"
    assert command(out, before=SMALL + FULL.format(after=4, suffix=".npz.part")).wait().code == 2
    assert stored_trials(out) == 8
    return out


@pytest.fixture
def half(halved, tmp_path):
    """The folder of a grid of which 8 of 12 trials are finished."""
    return Path(shutil.copytree(halved, tmp_path / "runs"))


def test_a_last_line_that_is_cut_off_is_written_again(half, command, undisturbed):
    path = unfinished(half) / "journal.txt"
    path.write_bytes(path.read_bytes()[:-9])
    assert stored_trials(half) == 6
    done = command(half, before=SMALL).wait()
    assert (done.code, len(done.lines)) == (0, 1)
    assert "6 of 12 trials were finished before" in done.err
    assert contents(half) == undisturbed("grid")[0]


def test_a_damaged_line_is_refused_by_its_number(half, command):
    path = unfinished(half) / "journal.txt"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"count", b"tnuoc")
    path.write_bytes(b"".join(lines))
    done = command(half, before=SMALL).wait()
    message = f"error: {path}, line 4: is damaged; remove the folder {path.parent} to begin anew"
    assert (done.code, done.lines) == (2, [message])
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("how", ["flipped", "cut off", "removed"])
def test_a_damaged_file_of_trials_is_made_again(how, half, command, undisturbed):
    path = unfinished(half) / "chunks" / "000000002-2.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flipped": bytes(content), "cut off": bytes(content[:99]), "removed": b""}[how])
    if how == "removed":
        path.unlink()
    done = command(half, before=SMALL).wait()
    assert done.code == 0
    assert f"{path}: is damaged or gone; its trials are run again" in done.err
    assert contents(half) == undisturbed("grid")[0]


def test_a_folder_that_is_deleted_meanwhile_is_one_line(command, tmp_path):
    out = tmp_path / "runs"
    running = command(out, before=SMALL + UNHURRIED)
    soon(lambda: stored_trials(out) >= 2)
    shutil.rmtree(out)
    done = running.wait()
    assert done.code == 2
    [line] = done.lines
    assert "No such file or directory" in line


NOBODY = """
import os, engine.sweep.run as run
plain = run.ensure_writable
run.ensure_writable = lambda out: (os.seteuid(65534), plain(out))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_folder_that_may_only_be_read_is_one_line(command):
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "runs"
        out.mkdir()
        for path in (out, out.parent):
            path.chmod(0o555)
        done = command(out, before=NOBODY).wait()
        message = f"error: {out}: run folders cannot be written here: Permission denied; choose another --out"
        assert (done.code, done.lines) == (2, [message])


# Others.


def test_a_second_sweep_in_the_folder_is_refused(command, undisturbed, tmp_path):
    expected, _ = undisturbed("grid")
    out = tmp_path / "runs"
    first = command(out, before=SMALL + HELD.format(mark=str(tmp_path / "go")))
    soon(lambda: stored_trials(out) >= 2)
    second = command(out).wait()
    (tmp_path / "go").touch()
    assert second.code == 2
    [line] = second.lines
    who = f"error: {unfinished(out)}: process {first.process} on {socket.gethostname()} works on this sweep since "
    assert line.startswith(who)
    assert line.endswith(" UTC; wait for it, or end it and give the same command again")
    assert first.wait().code == 0
    assert contents(out) == expected


def test_a_sweep_that_another_process_finishes_meanwhile_is_found(command, undisturbed, tmp_path):
    out = tmp_path / "runs"
    mark = tmp_path / "go"
    wait = (
        "import pathlib, time, engine.sweep.run as run; plain = run.plan_sweep\n"
        "def plan(config):\n"
        f"    planned = plain(config)\n    pathlib.Path('{mark}.planned').touch()\n"
        f"    while not pathlib.Path('{mark}').exists(): time.sleep(0.01)\n    return planned\n"
        "run.plan_sweep = plan\n"
    )
    late = command(out, before=wait)
    soon(Path(f"{mark}.planned").exists)
    assert command(out, before=SMALL).wait().code == 0
    stamp = next(out.iterdir()).stat().st_mtime_ns
    mark.touch()
    done = late.wait()
    assert (done.code, done.lines) == (0, [])
    assert contents(out) == undisturbed("grid")[0]
    assert next(out.iterdir()).stat().st_mtime_ns == stamp


def test_a_finished_sweep_is_left_as_it_is(command, tmp_path):
    out = tmp_path / "runs"
    assert command(out).wait().code == 0
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in out.rglob("*")}
    shutil.copytree(next(out.iterdir()), out / f".{next(out.iterdir()).name}")  # killed before it could be removed
    done = command(out).wait()
    assert (done.code, done.lines) == (0, [])
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in out.rglob("*")} == before


def test_another_config_goes_elsewhere_and_names_the_unfinished_one(half, command):
    before = unfinished(half)
    (half / ".killed-by-somebody-0123456789ab" / "chunks").mkdir(parents=True)  # of another name
    done = command(half, "killed.yaml", "risk.cap=0.04", before=SMALL).wait()
    assert done.code == 0
    assert [line.partition(": ")[2] for line in done.lines] == [
        f"{before} is an unfinished sweep of another config or of other data; remove it if it is not wanted"
    ]
    assert before.is_dir()


def test_code_that_has_changed_is_refused_and_shown(half, command, project, forks):
    path = project / "strategies" / "planted.py"
    content = path.read_text()
    path.write_text(content.replace("Long above.", "Long far above."))
    try:
        before = "from engine.run_folder import manifest; manifest.code_digest.cache_clear()\n"
        done = command(half, before=before).wait()
    finally:
        path.write_text(content)
    folder = unfinished(half)
    message = (
        f"error: {folder}: the code has changed since this sweep began (strategies/planted.py); the difference is in "
        f"{folder / 'code.diff'}; go on with what it began with, or remove {folder} to begin anew"
    )
    assert (done.code, done.lines) == (2, [message])
    changed = [line for line in (folder / "code.diff").read_text().splitlines() if line[:2] in ("- ", "+ ")]
    assert changed == ['-    """Long above."""', '+    """Long far above."""']


@pytest.mark.parametrize("what", ["numpy", "python"])
def test_libraries_that_have_changed_are_refused_by_name(what, half, command):
    before = {
        "numpy": (
            "from engine.run_folder import manifest\n"
            "plain = manifest.versions\n"
            "manifest.versions = lambda: {**plain(), 'numpy': '9.9'}\n"
        ),
        "python": "import platform; platform.python_version = lambda: '9.9'\n",
    }[what]
    done = command(half, before=before).wait()
    assert done.code == 2
    [line] = done.lines
    assert "libraries have changed since this sweep began" in line
    assert f"({what} " in line
    assert " is now 9.9)" in line
