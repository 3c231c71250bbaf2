"""The cache of signals: nothing but what was put is ever got, and nothing that goes wrong with it fails a run."""

import logging
import os
import resource
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import StoreError
from signals import generate as generating
from signals.cache import store as storing
from signals.cache.cache_keys import signal_key
from signals.cache.store import SignalStore
from signals.generate import generate
from signals.spec import SignalSpec

VALUES = {
    "features": [{"kind": "sma", "window": 5}],
    "model": {"kind": "lightgbm", "rounds": 3},
    "walk_forward": {"train": 120, "test": 60},
}
SPEC = SignalSpec.parse(VALUES)
KEY = "0" * 64


@pytest.fixture(scope="module")
def market(make_market):
    return make_market(bars=300, symbols="AB")


@pytest.fixture(scope="module")
def signals(market):
    return generate(market, SPEC)


@pytest.fixture
def store(tmp_path):
    return SignalStore(tmp_path / "cache")


def assert_same(left, right):
    assert left.folds == right.folds
    assert left.frame.symbols == right.frame.symbols
    assert left.frame.times.equals(right.frame.times)
    assert left.frame.times.dtype == right.frame.times.dtype
    for name in ("prediction", "confidence", "fold"):
        one = getattr(left.frame, name)
        other = getattr(right.frame, name)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        assert not one.flags.writeable
    assert left.p_up.tobytes() == right.p_up.tobytes()


def entry(store, key=KEY):
    return store.folder / f"{key}.signals"


def test_what_was_put_is_got(store, signals):
    assert store.get(KEY) is None
    store.put(KEY, signals)
    assert_same(store.get(KEY), signals)


def test_a_rules_signals_can_be_kept_too(store, market):
    signals = generate(market, SignalSpec.parse({"model": {"kind": "buy_and_hold"}}))
    store.put(KEY, signals)
    assert_same(store.get(KEY), signals)


def test_generate_trains_once(store, market, signals, monkeypatch):
    assert_same(generate(market, SPEC, store=store), signals)
    monkeypatch.setattr(generating, "run_folds", None)  # nothing may be trained any more
    assert_same(generate(market, SPEC, store=store), signals)


def test_a_kept_entry_is_got_without_the_libraries_that_made_it(store, signals):
    store.put(KEY, signals)
    script = f"""
        import sys
        from pathlib import Path
        from signals.cache.store import SignalStore
        assert SignalStore(Path({str(store.folder)!r})).get({KEY!r})
        heavy = {{"torch", "sklearn", "xgboost", "lightgbm", "scipy", "pyarrow"}}
        print(sorted(heavy & (set(sys.modules) - loaded)))
    """
    # pandas loads pyarrow where it is installed; that is not ours to judge
    script = "import sys, pandas; loaded = set(sys.modules)\n" + textwrap.dedent(script)
    command = [sys.executable, "-c", script]
    root = Path(storing.__file__).parents[2]
    assert subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "hash only"])
def test_a_damaged_entry_is_told_once_removed_and_made_again(store, market, signals, caplog, damage):
    key = signal_key(market, SPEC)
    store.put(key, signals)
    content = bytearray(entry(store, key).read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"flip": content, "truncate": content[:-10], "empty": b"", "hash only": content[:64]}[damage]
    entry(store, key).write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        assert_same(generate(market, SPEC, store=store), signals)
        assert_same(generate(market, SPEC, store=store), signals)
    assert len(caplog.messages) == 1
    assert f"{key}.signals is damaged" in caplog.messages[0]


@pytest.mark.parametrize("position", [0.0, 0.001, 0.1, 0.5, 0.9, 1.0])
def test_a_flipped_bit_anywhere_is_found(store, signals, position, caplog):
    store.put(KEY, signals)
    content = bytearray(entry(store).read_bytes())
    content[int(position * (len(content) - 1))] ^= 4
    entry(store).write_bytes(content)
    assert store.get(KEY) is None
    assert not entry(store).exists()


def test_an_entry_that_cannot_be_read_is_told(store, caplog):
    entry(store).mkdir(parents=True)
    assert store.get(KEY) is None
    assert "cannot be read" in caplog.text


def test_a_store_that_cannot_be_written_is_a_warning(tmp_path, market, signals, caplog):
    (tmp_path / "file").write_text("in the way")
    assert_same(generate(market, SPEC, store=SignalStore(tmp_path / "file" / "cache")), signals)
    (message,) = caplog.messages
    assert message.startswith(f"cache: nothing can be locked in {tmp_path}/file/cache ([Errno 20] Not a directory: ")


@pytest.fixture
def no_unlink(monkeypatch):
    """Files cannot be removed, as in a folder that may only be read (root may write anywhere)."""

    def refused(path, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(storing.Path, "unlink", refused)


def test_a_damaged_entry_that_cannot_be_removed_is_made_again_all_the_same(store, caplog, no_unlink):
    store.folder.mkdir()
    entry(store).write_bytes(b"damaged")
    assert store.get(KEY) is None
    assert "is damaged" in caplog.text


def test_a_store_that_cannot_be_cleared_says_which_file(store, signals, no_unlink):
    store.put(KEY, signals)
    with pytest.raises(StoreError, match=rf"{KEY}.signals cannot be removed: Permission denied"):
        store.clear()


def test_info_and_clear(store, signals):
    assert (store.info().entries, store.info().size) == (0, 0)
    assert store.clear() == 0
    store.put(KEY, signals)
    store.put("1" * 64, signals)
    assert store.info().entries == 2
    assert store.info().size == 2 * entry(store).stat().st_size
    assert store.clear() == 2
    assert store.info().entries == 0
    assert list(store.folder.iterdir()) == []


def test_the_longest_unused_entries_make_room(store, signals):
    keys = [digit * 64 for digit in "0123"]
    for age, key in enumerate(keys[:3]):
        store.put(key, signals)
        os.utime(entry(store, key), (1000 + age, 1000 + age))
    assert store.get(keys[0])  # used just now: the second is the oldest
    size = entry(store).stat().st_size
    replace(store, limit_bytes=3 * size).put(keys[3], signals)
    assert [entry(store, key).exists() for key in keys] == [True, False, True, True]


def test_an_entry_larger_than_the_limit_is_kept_until_the_next(store, signals):
    small = replace(store, limit_bytes=1)
    small.put(KEY, signals)
    assert small.get(KEY)
    small.put("1" * 64, signals)
    assert small.get(KEY) is None
    assert small.get("1" * 64)


def test_a_dead_processs_temporary_file_is_swept_a_living_ones_is_not(store, signals):
    store.folder.mkdir()
    old = store.folder / "old.part"
    new = store.folder / "new.part"
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * storing.ABANDONED,) * 2)
    store.put(KEY, signals)
    assert not old.exists()
    assert new.exists()


def test_a_write_that_fails_leaves_nothing(store, signals, monkeypatch, caplog):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storing.os, "fsync", full)
    store.put(KEY, signals)
    assert list(store.folder.iterdir()) == []
    assert "No space left on device" in caplog.text


def test_many_writers_and_readers_never_see_half_an_entry(store, signals, caplog):
    """Three processes' worth of puts under one key, with eviction, while this one reads."""
    reads = []
    done = threading.Event()

    def write(limit):
        for _ in range(20):
            replace(store, limit_bytes=limit).put(KEY, signals)
            replace(store, limit_bytes=limit).put("1" * 64, signals)

    def read():
        while not done.is_set():
            reads.append(store.get(KEY))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(limit,)) for limit in (1, 10**9, 10**9)]
    for each in (reader, *writers):
        each.start()
    for each in writers:
        each.join(300)
    done.set()
    reader.join(300)
    complete = [content for content in reads if content]
    assert complete
    for content in complete[:: max(len(complete) // 10, 1)]:
        assert_same(content, signals)
    assert not caplog.messages


def test_processes_side_by_side_keep_one_entry(tmp_path, market, signals):
    """Two processes put the same key again and again; a third reads."""
    store = SignalStore(tmp_path)
    store.put(KEY, signals)
    script = f"""
        from pathlib import Path
        from signals.cache.store import SignalStore
        store = SignalStore(Path({str(tmp_path)!r}))
        signals = store.get({KEY!r})
        for _ in range(30):
            store.put({KEY!r}, signals)
            assert store.get({KEY!r})
    """
    root = Path(storing.__file__).parents[2]
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    crew = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) for _ in range(2)]
    until = time.monotonic() + 300
    while any(each.poll() is None for each in crew):
        assert time.monotonic() < until
        assert_same(store.get(KEY), signals)
        time.sleep(0.01)
    assert [each.communicate(timeout=280)[1] for each in crew] == [b"", b""]
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.signals"]


WRITER = """
    import sys
    from pathlib import Path
    from signals.cache.store import SignalStore

    store = SignalStore(Path(sys.argv[1]), int(sys.argv[2]))
    signals = store.get("seed")
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(30):
        for key in (f"{sys.argv[3]} {turn}", "common"):
            store.put(key, signals)
            found = store.get(key)
            assert found is None or found.p_up.tobytes() == signals.p_up.tobytes(), key
"""


def write_side_by_side(store, signals, limit):
    """Two processes put 30 entries each and one common entry again and again; neither may say a word."""
    store.put("seed", signals)
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(WRITER), str(store.folder), str(limit)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    root = Path(storing.__file__).parents[2]
    crew = [subprocess.Popen([*command, name], cwd=root, **pipes) for name in ("first", "second")]
    assert [each.stdout.readline() for each in crew] == ["ready\n"] * 2
    for each in crew:
        each.stdin.write("go\n")
        each.stdin.flush()
    assert [each.communicate(timeout=300)[1] for each in crew] == ["", ""]


def test_processes_side_by_side_lose_no_entry(store, signals):
    write_side_by_side(store, signals, 10**9)
    for key in ("common", *(f"{name} {turn}" for name in ("first", "second") for turn in range(30))):
        assert_same(store.get(key), signals)
    assert len(list(store.folder.iterdir())) == store.info().entries == 62


def test_processes_side_by_side_evict_each_others_entries(store, signals, caplog):
    store.put("seed", signals)
    size = entry(store, "seed").stat().st_size
    write_side_by_side(store, signals, 5 * size)
    assert 4 <= store.info().entries <= 6  # each keeps what it has just put
    assert len(list(store.folder.iterdir())) == store.info().entries
    assert not caplog.messages


@contextmanager
def unprivileged():
    """Root may write anywhere; so for a while this process is nobody."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.fixture
def read_only(signals):
    """A store with a whole and a damaged entry, in a folder that may be read but not written to."""
    with tempfile.TemporaryDirectory() as name:  # not below tmp_path, which only its owner may enter
        store = SignalStore(Path(name) / "signals")
        store.put(KEY, signals)
        entry(store, "1").write_bytes(b"damaged")
        folders = (store.folder.parent, store.folder)
        for path in (*folders, *store.folder.iterdir()):
            path.chmod(0o555)
        with unprivileged():
            yield store
        for path in folders:
            path.chmod(0o755)


def test_a_folder_that_may_only_be_read_is_read(read_only, signals, caplog):
    assert_same(read_only.get(KEY), signals)
    assert not caplog.messages
    read_only.put("2", signals)
    assert read_only.get("1") is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert f"cannot be kept in {read_only.folder}: [Errno 13]" in caplog.messages[0]
    assert "is damaged" in caplog.messages[1]
    with pytest.raises(StoreError, match="cannot be removed: Permission denied"):
        read_only.clear()


@contextmanager
def no_larger_file_than(size):
    """The system itself refuses to write more, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_costs_the_new_entry_only(store, signals, caplog):
    store.put(KEY, signals)
    size = entry(store).stat().st_size
    with no_larger_file_than(size // 2):
        store.put("1", signals)
    assert [path.name for path in store.folder.iterdir()] == [f"{KEY}.signals"]
    assert_same(store.get(KEY), signals)
    (message,) = caplog.messages
    assert message.startswith(f"cache: {size} bytes cannot be kept in {store.folder}: ")


def test_a_kept_entry_is_fast(store, make_market):
    """Twenty years of daily bars: well below 50 ms, so that a cached run spends its time elsewhere."""
    market = make_market(bars=5000)
    signals = generate(market, SignalSpec.parse({"model": {"kind": "buy_and_hold"}}))
    store.put(KEY, signals)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        signal_key(market, SPEC)
        store.get(KEY)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.05
