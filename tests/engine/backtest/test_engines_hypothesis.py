"""The engines on markets and settings that hypothesis draws: it looks for a difference and makes its example small."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import cases

from core.errors import WorkbenchError
from core.types import RunResult
from engine.backtest import compiled
from engine.backtest.bt import engine as bt_engine
from engine.backtest.engines import first_difference


def outcome(engine, case):
    """The result, or what the engine said instead; after an account of exactly 0 there is no return to work out."""
    try:
        with np.errstate(all="ignore"):
            return engine.run_task(case.task, solvent=False)
    except WorkbenchError as error:
        return str(error)


def difference(one, other):
    if isinstance(one, RunResult) and isinstance(other, RunResult):
        return first_difference(one, other)
    return "" if one == other else f"backtrader: {one}; compiled: {other}"


ENOUGH = 400
"""Examples in which every event occurs: the rarest is in one of fifty."""


@pytest.mark.parametrize("examples", [40, pytest.param(ENOUGH, marks=pytest.mark.slow)])
def test_no_market_and_no_setting_tells_the_engines_apart(examples, general):
    seen = Counter()

    @settings(max_examples=examples)
    @given(cases())
    def agree(case):
        one = outcome(bt_engine, case)
        other = outcome(compiled, case)
        text = difference(one, other)
        assert not text, f"{text}\n{case}"
        if isinstance(one, RunResult):
            seen.update(one.fills["kind"])
            seen.update(reason.split(":")[0] for reason in one.orders["reason"])

    agree()
    # The comparison is worth something only where these things happened.
    assert seen["market"] > examples
    if examples < ENOUGH:
        return
    assert seen["market"] > 1.25 * examples
    assert {"market", "stop", "limit", "close"} <= set(seen)
    assert {
        "not enough cash at submission",
        "cap at the fill",
        "loss at the stop at the fill",
        "stop_passed",
        "target_passed",
        "expired",
        "rejected by the broker",
        "the other order of its bracket was filled",
    } <= set(seen)


@pytest.mark.slow
def test_what_is_cut_off_changes_nothing_before_the_cut(general):
    seen = Counter()

    @settings(max_examples=100)
    @given(cases(daily=True), st.lists(st.integers(1, 30), min_size=3, max_size=3))
    def unchanged(case, rows):
        full = outcome(compiled, case)
        times = case.task.timeline.times
        for last in times[[min(row, len(times) - 1) for row in rows]]:
            cut = outcome(compiled, case.until(last))
            if isinstance(full, str) or isinstance(cut, str):
                continue
            for table in ("fills", "equity"):
                before = getattr(full, table)
                before = before[before["time"] <= last].reset_index(drop=True)
                pd.testing.assert_frame_equal(getattr(cut, table), before, check_exact=True, obj=f"{table}\n{case}\n")
            seen["fills"] += len(cut.fills)

    unchanged()
    assert seen["fills"] > 200
