"""Which numbers may differ between two processors, by how much, and what is called a decision."""

import math

import numpy as np
import pytest

from core.plugins import FAMILIES, kinds, load
from engine.reproduce.tolerances import DOUBLE, OPTIMISED, SINGLE, Tolerances, is_decision, text_excess

LEARNT = Tolerances.from_config({"model": {"kind": "ensemble", "members": {"lstm": {}, "random_forest": {}}}})
RULE = Tolerances.from_config({"model": {"kind": "sma_cross"}, "strategy": {"kind": "threshold"}})


def test_the_kinds_of_single_precision_are_these():
    found = {kind for package in FAMILIES.values() for kind in kinds(package) if load(package, kind).single_precision}
    assert found == {"lstm", "xgboost", "lightgbm", "transformers"}


def test_a_config_s_kinds_are_found_wherever_they_stand():
    assert LEARNT.single == {"lstm"}
    assert "random_forest" in LEARNT.double
    assert RULE.single == frozenset()
    swept = {"model": {"kind": "ridge"}, "sweep": {"space": {"model.kind": ["ridge", "lightgbm"]}}}
    assert Tolerances.from_config(swept).single == {"lightgbm"}
    scored = {"features": [{"kind": "sentiment", "scorer": {"kind": "transformers"}}], "model": {"kind": "ridge"}}
    assert Tolerances.from_config(scored) == Tolerances(frozenset({"transformers"}), frozenset())


@pytest.mark.parametrize(
    ("path", "value", "allowed"),
    [
        ("folds.0.importance.lstm.sma_20", 1e-6, SINGLE),  # a fraction of a variance
        ("folds.0.importance.random_forest.sma_20", 1e-2, DOUBLE * 1e-2),
        ("folds.0.importance.random_forest.sma_20", 0.0, 1e-12),
        ("forecasts.overall.model.brier_skill", -3e-3, SINGLE),
        ("forecasts.overall.baselines.zero.mse", 1e-4, DOUBLE * 1e-4),
        ("forecasts.overall.model.ic", 0.02, 1e-3),
        ("measures.strategy.total_return.interval.low", -1e-3, SINGLE * 1e-2),
        ("measures.strategy.sharpe.value", -4.0, SINGLE * 4),
        ("measures.benchmark.sharpe.value", -4.0, DOUBLE * 4),
        ("final_equity", 1e4, SINGLE * 1e4),
        ("measures.benchmark.value_at_risk_99_garch_t.value", -0.05, OPTIMISED * 0.05),
        ("measures.benchmark.expected_shortfall_95_fhs.value", -0.05, OPTIMISED * 0.05),
    ],
)
def test_what_is_allowed_follows_from_what_stands_behind_a_number(path, value, allowed):
    assert LEARNT.excess(path, value, value + 0.9 * allowed) == pytest.approx(0.9, rel=1e-3)
    assert LEARNT.excess(path, value + 1.1 * allowed, value) > 1
    assert LEARNT.excess(path, value, value) == 0


def test_a_rule_s_run_is_held_to_float64():
    assert RULE.excess("final_equity", 1e4, 1e4 * (1 + 1e-8)) > 1
    assert LEARNT.excess("final_equity", 1e4, 1e4 * (1 + 1e-8)) < 1


def test_an_exam_of_a_garch_is_as_far_as_the_garch():
    path, values = "var_exam.benchmark.papers.0.mean_var", (-0.02, -0.02 * (1 + 5e-5))
    exam = {"measures": {"exam": {"methods": ["gaussian", "garch_t"]}}}
    assert RULE.excess(path, *values) > 1
    assert Tolerances.from_config(exam).excess(path, *values) < 1


@pytest.mark.parametrize(
    ("before", "now"), [(1, 2), (1, 1.0), (True, 1), (None, 0.0), (0.5, None), ("a", "b"), ("2003-10-01", "2003-10-02")]
)
def test_all_but_numbers_is_exact_and_a_decision(before, now):
    assert math.isinf(LEARNT.excess("x", before, now))
    assert LEARNT.excess("x", before, before) == 0
    assert is_decision("x", before, now)


def test_no_number_is_as_far_as_can_be_and_a_decision():
    nan, inf = float("nan"), float("inf")
    assert LEARNT.excess("x", nan, nan) == LEARNT.excess("x", inf, inf) == 0
    assert math.isinf(LEARNT.excess("x", nan, 0.0))
    assert math.isinf(LEARNT.excess("x", inf, -inf))
    assert is_decision("x", nan, 0.0)


@pytest.mark.parametrize(
    ("path", "before", "now", "decision"),
    [
        ("fills.0.size", 1.0, -1.0, True),
        ("fills.0.size", 1.0, 2.0, False),
        ("measures.strategy.sharpe.value", 1.0, -1.0, False),
        ("forecasts.overall.model.hit_rate", 0.5, 0.502, True),
    ],
)
def test_a_side_and_a_count_are_decisions(path, before, now, decision):
    assert is_decision(path, before, now) is decision


@pytest.mark.parametrize(
    ("before", "now", "excess"),
    [
        ("p = 0.998", "p = 0.997", 1.0),
        ("p = 0.998", "p = 0.996", 2.0),
        ("p = 0.998", "p = -0.998", 1996.0),
        ("4.5 units", "4.49999 units", 1.0),
        ("1.20e-05", "1.21e-05", 1.0),
        ("3 of 5 folds", "4 of 5 folds", math.inf),
        ("on 2003-10-01", "on 2003-10-02", math.inf),
        ("cap: 4.5", "stop: 4.5", math.inf),
    ],
)
def test_a_decimal_in_a_text_may_differ_by_one_in_its_last_digit(before, now, excess):
    assert text_excess(before, now) == pytest.approx(excess)


def test_a_column_s_scale_is_its_largest_number():
    before = np.array([1e4, 1e-3, np.nan])
    assert LEARNT.excesses("cash", before, before + np.array([0, 0.09, 0])).tolist() == [0, pytest.approx(0.9), 0]
    assert LEARNT.excesses("prediction", before[1:], before[1:] + np.array([9e-8, 0])).tolist() == [
        pytest.approx(0.9),
        0,
    ]
