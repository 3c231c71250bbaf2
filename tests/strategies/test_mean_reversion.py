import math
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from strategies.mean_reversion import MeanReversion, Reads, target

P = MeanReversion(entry=2.0, exit=0.5, bars=5)
ENTERED, BACK, LONG_ENOUGH = range(3)


def decide(z, prediction, side=0, held=0, p=P):
    view = SimpleNamespace(features=Reads(0.5 + z / 2), prediction=prediction, side=side, held=held)
    return tuple(target(view, p))


@pytest.mark.parametrize(
    ("z", "prediction", "expected"),
    [
        (-2.5, 0.01, 1),
        (-2.5, -0.01, 0),  # far, but the prediction does not agree
        (-2.5, 0.0, 0),
        (-2.0, 0.01, 0),  # not beyond
        (2.5, -0.01, -1),
        (2.5, 0.01, 0),
        (0.0, 0.01, 0),
        (math.nan, 0.01, 0),
    ],
)
def test_entries_by_hand(z, prediction, expected):
    assert decide(z, prediction) == (expected, ENTERED)


@pytest.mark.parametrize(
    ("side", "z", "held", "expected"),
    [
        (1, -2.5, 1, 1),
        (1, -0.625, 4, 1),
        (1, -0.5, 1, 0),
        (1, 3.0, 1, 0),  # through the average to the other side: out, a short only from flat
        (1, -2.5, 5, 0),
        (-1, 0.625, 4, -1),
        (-1, 0.5, 1, 0),
        (-1, -3.0, 1, 0),
        (-1, 2.5, 6, 0),
        (1, math.nan, 4, 1),
        (1, math.nan, 5, 0),
    ],
)
@pytest.mark.parametrize("prediction", [-0.01, 0.01])
def test_exits_by_hand(side, z, held, expected, prediction):
    assert decide(z, prediction, side, held)[0] == expected


def test_the_reasons_of_exits():
    assert decide(-0.25, 0.01, 1, 5) == (0, BACK)
    assert decide(-2.5, 0.01, 1, 5) == (0, LONG_ENOUGH)


@pytest.mark.parametrize(("allowed", "z", "prediction"), [("long", 2.5, -0.01), ("short", -2.5, 0.01)])
def test_a_side_that_is_not_allowed_means_flat(allowed, z, prediction):
    p = MeanReversion(entry=2.0, exit=0.5, side=allowed)
    assert decide(z, prediction, p=p)[0] == 0
    assert decide(z, prediction, side=1 if z < 0 else -1, held=1, p=p)[0] == 0
    assert decide(-z, -prediction, p=p)[0] == (1 if z > 0 else -1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"entry": 1.0, "exit": 1.0}, r"exit \(1.0\) must be below entry \(1.0\)"),
        ({"entry": 0.0}, "greater than 0"),
        ({"exit": -1.0}, "greater than or equal to 0"),
        ({"bars": 0}, "greater than 0"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ValidationError, match=message):
        MeanReversion.parse(parameters)
