"""The functions of kernels in the cache: shared, found again by later processes, and new where a text is."""

import os
import pickle
import subprocess
import sys

import pytest

from core.errors import ConfigError
from engine.backtest.compiled.kernel_modules import evict, files, loaded
from engine.backtest.compiled.source_linker import Linker

FACTOR = 2.0
COMPILED = "@njit(cache=True)"


def scaled(value):
    """The part that both kernels have."""
    return value * FACTOR


def first(value):
    """A kernel."""
    return scaled(value) + 1.0


def second(value):
    """Another one."""
    return scaled(value) - 1.0


def parts_of(kernel):
    linker = Linker(decorate=lambda function: COMPILED)
    linker.add(kernel)
    return tuple(linker.parts.values())


def sources(folder):
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.py")}


def test_two_kernels_share_what_both_call(tmp_path):
    one = loaded(tmp_path, parts_of(first))
    written = sources(tmp_path)
    other = loaded(tmp_path, parts_of(second))
    assert one(3.0) == 7.0
    assert other(3.0) == 5.0
    assert len(written) == 2
    assert len(sources(tmp_path)) == 3
    assert written.items() <= sources(tmp_path).items()  # what is there is not written again
    name = parts_of(first)[0].name
    assert one.py_func.__globals__[name] is other.py_func.__globals__[name]


def test_a_changed_part_is_a_new_one_and_so_is_what_calls_it(tmp_path, monkeypatch):
    assert loaded(tmp_path, parts_of(first))(3.0) == 7.0
    before = sources(tmp_path)
    monkeypatch.setattr(f"{__name__}.FACTOR", 3.0)
    assert loaded(tmp_path, parts_of(first))(3.0) == 10.0
    assert len(sources(tmp_path)) == 4
    assert before.items() <= sources(tmp_path).items()


CHILD = """
import pickle, sys
from engine.backtest.compiled.kernel_modules import evict, files, loaded
folder, parts = pickle.load(sys.stdin.buffer)
kernel = loaded(folder, parts)
inner = kernel.py_func.__globals__[parts[0].name]
print(kernel(3.0), sum(kernel.stats.cache_hits.values()), sum(inner.stats.cache_hits.values()))
"""


def in_a_new_process(folder, kernel):
    request = pickle.dumps((folder, parts_of(kernel)))
    done = subprocess.run([sys.executable, "-c", CHILD], input=request, capture_output=True, check=True)
    return done.stdout.decode().split()


@pytest.mark.slow
def test_a_later_process_compiles_only_what_no_kernel_had(tmp_path):
    assert in_a_new_process(tmp_path, first) == ["7.0", "0", "0"]
    assert in_a_new_process(tmp_path, first) == ["7.0", "1", "0"]  # of a kernel that is there nothing else is read
    assert in_a_new_process(tmp_path, second) == ["5.0", "0", "1"]


def test_what_was_not_used_for_longest_is_removed(tmp_path):
    (tmp_path / "__pycache__").mkdir()
    for age, name in enumerate(("newest", "middle", "oldest")):
        for path in (tmp_path / f"{name}.py", tmp_path / "__pycache__" / f"{name}.x-1.py311.1.nbc"):
            path.write_bytes(bytes(500))
            os.utime(path, (1e9 - age, 1e9 - age))
    assert evict(tmp_path, (), limit=3_000) == 0
    assert evict(tmp_path, {"oldest"}, limit=2_000) == 1
    assert sorted(files(tmp_path)) == ["newest", "oldest"]
    assert evict(tmp_path, (), limit=1_500) == 1
    assert sorted(files(tmp_path)) == ["newest"]


@pytest.mark.slow
def test_a_kernel_that_is_used_again_counts_as_new(tmp_path):
    assert in_a_new_process(tmp_path, first) == ["7.0", "0", "0"]
    indices = list(tmp_path.glob("__pycache__/*.nbi"))
    assert len(indices) == 2
    for path in indices:
        os.utime(path, (1e9, 1e9))
    assert in_a_new_process(tmp_path, first) == ["7.0", "1", "0"]
    assert min(path.stat().st_mtime for path in indices) > 1e9 + 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "kernels").write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match="kernels"):
        loaded(tmp_path / "kernels", parts_of(first))


def test_functions_that_call_each_other_are_refused():
    with pytest.raises(ConfigError, match="a call of itself"):
        parts_of(ping)


def ping(value):
    """Calls the other."""
    return pong(value)


def pong(value):
    """Calls the first."""
    return ping(value)
