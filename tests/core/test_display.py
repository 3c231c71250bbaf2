"""Measures as a frame."""

import math

from core.display import measures_frame

ABOUT = {"unit": "ratio", "period": "annual", "n": 9, "formula": "a / b"}


def test_a_measure_without_a_value_is_nan_and_one_of_a_single_column_too():
    account = {"sharpe": {"value": 0.5, **ABOUT}, "sqn": {"value": None, **ABOUT}}
    frame = measures_frame({"measures": {"strategy": account, "benchmark": {"sharpe": {"value": 0.25, **ABOUT}}}})
    assert frame.loc["sharpe", ["strategy", "benchmark"]].tolist() == [0.5, 0.25]
    assert all(math.isnan(value) for value in frame.loc["sqn", ["strategy", "benchmark"]])
    assert frame.loc["sqn", "n"] == 9


def test_without_measures_there_are_no_rows():
    assert measures_frame({}).empty
