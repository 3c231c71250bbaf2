"""A verdict does not depend on what things are called, or on their order."""

import pytest
from daily_walk import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pipeline import compute
from engine.sweep.load_config import load_mapping

MEMBERS = ("first", "second", "third")


def verdict_of(files, names):
    """The verdict of a moving-average cross on files under some names, in the order of the names."""
    values = {
        "data": {
            "source": {"kind": "csv", "files": {name: str(files[member]) for member, name in names.items()}},
            "session_close": "16:00 America/New_York",
        },
        "model": {"kind": "sma_cross", "fast": 3, "slow": 10},
        "strategy": {"kind": "threshold"},
        "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}},
    }
    return compute(load_mapping(values)).verdict


@pytest.mark.slow
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), order=st.permutations(MEMBERS), names=st.permutations(("B", "AAPL", "zz-9")))
def test_names_and_order_of_symbols_change_nothing(tmp_path_factory, seed, order, names):
    folder = tmp_path_factory.mktemp("files")
    files = {}
    for number, member in enumerate(MEMBERS):
        files[member] = folder / f"{member}.csv"
        walk(count=120, seed=seed + number).rename_axis("Date").to_csv(files[member])
    plain = verdict_of(files, {member: member for member in MEMBERS})
    other = verdict_of(files, dict(zip(order, names, strict=True)))
    assert other.headline == plain.headline
    for test in ("test", "cash", "equal_volatility"):
        one, another = getattr(plain, test), getattr(other, test)
        assert another.t == pytest.approx(one.t, rel=1e-7, abs=1e-9)
        assert another.p_value == pytest.approx(one.p_value, rel=1e-7, abs=1e-9)
