import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.digests import canonical, digest, file_digest, frame_digest, seed_of, tree_digest

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé€"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_canonical_json_by_hand():
    assert canonical({"b": [1, 0.5], "a": "é"}) == b'{"a":"\xc3\xa9","b":[1,0.5]}'
    assert digest({}) == hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_digest_of_what_is_no_number(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"x": value})


@given(values=st.dictionaries(st.text("abc", max_size=3), plain, max_size=5))
def test_the_order_of_keys_does_not_matter(values):
    assert digest(values) == digest(dict(reversed(values.items())))


def test_files_and_trees(tmp_path):
    (tmp_path / "sub").mkdir()
    one = tmp_path / "one"
    two = tmp_path / "sub" / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    assert file_digest(one) == hashlib.sha256(b"1").hexdigest()
    assert tree_digest([one, two], tmp_path) == tree_digest([two, one], tmp_path)
    assert tree_digest([one, two], tmp_path) == digest({"one": file_digest(one), "sub/two": file_digest(two)})


def frame() -> pd.DataFrame:
    times = pd.date_range("2020-01-01", periods=3, tz="UTC", unit="ns")
    return pd.DataFrame({"x": [1.0, np.nan, 3.0], "n": [1, 2, 3], "name": ["a", None, "c"], "at": times}, index=times)


def test_equal_frames_have_equal_digests_whatever_the_unit_of_time():
    assert frame_digest(frame()) == frame_digest(frame().copy())
    coarse = frame().assign(at=frame()["at"].dt.as_unit("s")).set_axis(frame().index.as_unit("us"))
    assert frame_digest(coarse) == frame_digest(frame())


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(x=[1.0, np.nan, np.nextafter(3, 4)]),
        lambda frame: frame.assign(n=[1, 2, 4]),
        lambda frame: frame.assign(name=["a", "None", "c"]),
        lambda frame: frame.assign(name=["a", "", "c"]),
        lambda frame: frame.rename(columns={"x": "y"}),
        lambda frame: frame[["n", "x", "name", "at"]],
        lambda frame: frame.set_axis(frame.index + pd.Timedelta("1ns")),
        lambda frame: frame.iloc[:2],
    ],
)
def test_any_change_changes_the_digest(change):
    assert frame_digest(change(frame())) != frame_digest(frame())


def test_seeds_depend_on_their_parts_alone():
    first = [seed_of(7, "lstm", fold) for fold in range(3)]
    again = [seed_of(7, "lstm", fold) for fold in reversed(range(3))]
    assert first == again[::-1]
    assert len({*first, seed_of(8, "lstm", 0), seed_of(7, "forest", 0), seed_of("7", "lstm", 0)}) == 6
    assert all(0 <= seed < 2**63 for seed in first)


def test_seeds_are_equal_in_every_process():
    code = "from core.digests import seed_of; print(seed_of(7, {'b': 1, 'a': 2.5}, 'x'))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(result.stdout) == seed_of(7, {"a": 2.5, "b": 1}, "x")
