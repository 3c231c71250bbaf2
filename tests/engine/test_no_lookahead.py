"""The whole pipeline, cut and corrupted at fold boundaries: nothing before the cut may move."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from core.types import RunResult
from engine.pipeline import compute
from engine.results.outcome import Outcome

WARMUP, TRAIN, TEST = 9, 200, 50
STARTS = [WARMUP + TRAIN + TEST * number for number in (1, 2)]
CUTS = [start + shift for start in STARTS for shift in (-1, 0, 1)]


@pytest.fixture(scope="module")
def outcome(cheap, tmp_path_factory) -> Callable[[pd.DataFrame], Outcome]:
    def run(frame: pd.DataFrame) -> Outcome:
        path = tmp_path_factory.mktemp("market") / "x.csv"
        frame.to_csv(path)
        # A position so small that a thousandfold price does not ruin a short account.
        return compute(cheap(path, risk={"base": 1e-5}))

    return run


@pytest.fixture(scope="module")
def whole(walk, outcome) -> Outcome:
    return outcome(walk)


def early(result: RunResult, last: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """What a result says up to the close ``last``; orders only from before it, as its own are not filled yet."""
    made = result.orders[result.orders["created_at"] < last]
    return {
        "equity": result.equity[result.equity["time"] <= last],
        "fills": result.fills[result.fills["time"] <= last],
        "orders": made,
        "positions": result.positions.loc[:last],
    }


@pytest.mark.parametrize("cut", CUTS)
def test_truncation_moves_nothing_before_it(whole, walk, outcome, cut):
    part = outcome(walk.iloc[: cut + 1])
    rows = slice(0, cut + 1)
    for name in ("prediction", "confidence"):
        full = getattr(whole.signals.frame, name)[rows]
        np.testing.assert_allclose(getattr(part.signals.frame, name), full, rtol=1e-9)
    last = part.result.equity["time"].iloc[-1]
    was, now = early(whole.result, last), early(part.result, last)
    for table in was:
        pd.testing.assert_frame_equal(now[table].reset_index(drop=True), was[table].reset_index(drop=True), rtol=1e-9)
    assert len(was["fills"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["another walk", "mirrored", "thousandfold"])
@pytest.mark.parametrize("cut", CUTS)
def test_another_future_moves_no_bit_before_it(whole, walk, outcome, redrawn, cut, how):
    other = outcome(redrawn(walk, cut, how))
    for name in ("prediction", "confidence"):
        np.testing.assert_array_equal(
            getattr(other.signals.frame, name)[:cut], getattr(whole.signals.frame, name)[:cut]
        )
    last = whole.signals.frame.times[cut - 1]
    was, now = early(whole.result, last), early(other.result, last)
    for table in was:
        pd.testing.assert_frame_equal(
            now[table].reset_index(drop=True), was[table].reset_index(drop=True), rtol=0, atol=0
        )


def test_the_test_would_see_a_leak(walk, outcome, redrawn, monkeypatch):
    """The battery's own exam: a feature that peeks one bar ahead must be caught."""
    from signals.features.lagged_return import LaggedReturn

    honest = LaggedReturn.compute

    def peek(self, bars):
        values = np.array(honest(self, bars))
        values[:-1] = values[1:]
        return values

    monkeypatch.setattr(LaggedReturn, "compute", peek)
    cut = CUTS[1]
    full = outcome(walk).signals.frame.prediction[:cut]
    other = outcome(redrawn(walk, cut, "mirrored")).signals.frame.prediction[:cut]
    assert not np.array_equal(full, other, equal_nan=True)
