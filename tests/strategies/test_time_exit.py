import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from strategies.threshold import Threshold
from strategies.threshold import target_side as threshold_side
from strategies.time_exit import TimeExit, target_side

NAN = math.nan
P = TimeExit(entry=0.02, bars=3)


@pytest.mark.parametrize(
    ("side", "held", "prediction", "target", "reason"),
    [
        (0, 0, 0.03, 1, None),
        (0, 0, 0.02, 0, None),
        (0, 0, -0.02, 0, None),
        (0, 0, -0.03, -1, None),
        (1, 1, 0.0, 1, None),
        (1, 2, -0.02, 1, None),  # a prediction that fades is no reason to leave
        (1, 3, 0.0, 0, "time"),
        (1, 3, 0.03, 0, "time"),  # nor one that stays a reason to stay
        (1, 4, 0.03, 0, "time"),
        (1, 1, -0.03, -1, "signal"),
        (1, 3, -0.03, -1, "signal"),
        (-1, 2, 0.02, -1, None),
        (-1, 3, -0.03, 0, "time"),
        (-1, 1, 0.03, 1, "signal"),
        (1, 9, NAN, 1, None),
        (-1, 9, NAN, -1, None),
        (0, 0, NAN, 0, None),
    ],
)
def test_the_rule_by_hand(side, held, prediction, target, reason):
    assert target_side(prediction, 1.0, side, held, P) == target
    if reason:
        assert P.exit_reason(prediction, side, held) == reason


@pytest.mark.parametrize(
    ("allowed", "side", "prediction", "target"),
    [("long", 0, -0.03, 0), ("long", 1, -0.03, 0), ("long", -1, 0.0, 0), ("short", 0, 0.03, 0), ("short", -1, 0.03, 0)],
)
def test_a_side_that_is_not_allowed_means_flat(allowed, side, prediction, target):
    spec = TimeExit(entry=0.02, bars=3, side=allowed)
    assert target_side(prediction, 1.0, side, 1, spec) == target
    assert spec.exit_reason(prediction, side, 1) == "signal"


@given(st.floats(-0.05, 0.05), st.floats(0, 0.03), st.sampled_from(["long", "short", "both"]))
def test_it_enters_as_the_threshold_does(prediction, entry, allowed):
    arguments = prediction, 1.0, 0, 0
    expected = threshold_side(*arguments, Threshold(entry=entry, side=allowed))
    assert target_side(*arguments, TimeExit(entry=entry, side=allowed)) == expected


@given(st.floats(-0.05, 0.05), st.sampled_from([-1, 0, 1]), st.integers(0, 9), st.integers(1, 9))
def test_the_rule_is_symmetric(prediction, side, held, bars):
    spec = TimeExit(entry=0.01, bars=bars)
    assert target_side(-prediction, 1.0, -side, held, spec) == -target_side(prediction, 1.0, side, held, spec)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bars": 0}, "greater than 0"),
        ({"bars": 1.5}, "valid integer"),
        ({"entry": -0.1}, "greater than or equal to 0"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ValidationError, match=message):
        TimeExit.parse(parameters)
