import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.plugins import load
from strategies.threshold import Threshold, target_side

NAN = math.nan
P = Threshold(entry=0.02, exit=0.01)


@pytest.mark.parametrize(
    ("side", "prediction", "target"),
    [
        # from flat
        (0, 0.03, 1),
        (0, 0.02, 0),
        (0, 0.0, 0),
        (0, -0.02, 0),
        (0, -0.03, -1),
        # a long: closes below exit, reverses below -entry
        (1, 0.03, 1),
        (1, 0.015, 1),
        (1, 0.01, 1),
        (1, 0.009, 0),
        (1, -0.01, 0),
        (1, -0.02, 0),
        (1, -0.03, -1),
        # a short: closes above -exit, reverses above entry
        (-1, -0.03, -1),
        (-1, -0.015, -1),
        (-1, -0.01, -1),
        (-1, -0.009, 0),
        (-1, 0.01, 0),
        (-1, 0.02, 0),
        (-1, 0.03, 1),
        # no opinion
        (1, NAN, 1),
        (0, NAN, 0),
        (-1, NAN, -1),
    ],
)
def test_the_rule_by_hand(side, prediction, target):
    assert target_side(prediction, 1.0, side, 0, P) == target


@pytest.mark.parametrize(
    ("allowed", "side", "prediction", "target"),
    [
        ("long", 0, -0.03, 0),
        ("long", 1, -0.03, 0),
        ("long", -1, -0.03, 0),  # a position on a side that is not allowed is left
        ("long", -1, 0.03, 1),
        ("short", 0, 0.03, 0),
        ("short", -1, 0.03, 0),
        ("short", 1, 0.03, 0),
        ("short", 0, -0.03, -1),
    ],
)
def test_a_side_that_is_not_allowed_means_flat(allowed, side, prediction, target):
    assert target_side(prediction, 1.0, side, 0, Threshold(entry=0.02, exit=0.01, side=allowed)) == target


def in_words(prediction, side, entry, exit_, allowed):
    """The rule's sentences one by one, each as a set of sides that it still allows."""
    if math.isnan(prediction):
        return side
    expected = {0: 0, 1: 1, -1: -1}[side]
    if side == 1 and prediction < exit_:
        expected = 0
    if side == -1 and prediction > -exit_:
        expected = 0
    enter_long = prediction > entry
    enter_short = prediction < -entry
    if enter_long:
        expected = 1
    if enter_short:
        expected = -1
    barred = {"long": [-1], "short": [1], "both": []}[allowed]
    return 0 if expected in barred else expected


GRID = st.sampled_from([0.0, 0.001, 0.01, 0.02])
PREDICTION = st.one_of(st.floats(-0.05, 0.05), st.sampled_from([NAN, 0.0, -0.0, 0.01, -0.01, 0.02, -0.02, math.inf]))


@given(PREDICTION, st.sampled_from([-1, 0, 1]), GRID, GRID, st.sampled_from(["long", "short", "both"]))
@example(0.0, 1, 0.0, 0.0, "both")
@example(0.0, -1, 0.0, 0.0, "both")
def test_the_rule_says_what_its_words_say(prediction, side, one, other, allowed):
    entry = max(one, other)
    exit_ = min(one, other)
    spec = Threshold(entry=entry, exit=exit_, side=allowed)
    assert target_side(prediction, 1.0, side, 0, spec) == in_words(prediction, side, entry, exit_, allowed)


@given(PREDICTION, st.sampled_from([-1, 0, 1]), GRID)
def test_the_rule_is_symmetric(prediction, side, entry):
    spec = Threshold(entry=entry)
    assert target_side(-prediction, 1.0, -side, 0, spec) == -target_side(prediction, 1.0, side, 0, spec)


@given(PREDICTION, st.sampled_from([-1, 0, 1]))
def test_deciding_twice_changes_nothing(prediction, side):
    once = target_side(prediction, 1.0, side, 0, P)
    assert target_side(prediction, 1.0, once, 0, P) == once


@pytest.mark.parametrize("confidence", [0.0, 0.5, NAN])
def test_confidence_decides_the_size_not_the_side(confidence):
    assert target_side(0.03, confidence, 0, 0, P) == 1


def test_the_rule_reads_numbers_only():
    row = np.array(
        [(0.02, 0.01, 1.0, 0.0)], dtype=[(name, "f8") for name in ("entry", "exit", "allow_long", "allow_short")]
    )
    spec = Threshold(entry=0.02, exit=0.01, side="long")
    for prediction in (-0.03, 0.0, 0.015, 0.03):
        for side in (-1, 0, 1):
            record = row.view(np.recarray)[0]
            assert target_side(prediction, 1.0, side, 0, record) == target_side(prediction, 1.0, side, 0, spec)


def test_the_spec_carries_its_rule():
    assert Threshold().rule is target_side
    assert load("strategies", "threshold") is Threshold


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"entry": 0.01, "exit": 0.02}, r"exit \(0.02\) must be at most entry \(0.01\)"),
        ({"entry": -0.01}, "greater than or equal to 0"),
        ({"exit": -0.01}, "greater than or equal to 0"),
        ({"side": "up"}, "'long', 'short' or 'both'"),
        ({"entry": "0.01"}, "valid number"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ValidationError, match=message):
        Threshold.parse(parameters)


def test_it_reads_back_what_it_writes():
    spec = Threshold(entry=0.02, exit=0.01, side="short")
    plain = spec.dump()
    assert plain.pop("kind") == "threshold"
    assert Threshold.parse(plain) == spec
