import math
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from strategies.volatility_target import Reads, State, VolatilityTarget, target

P = VolatilityTarget(volatility=0.01, step=0.1)
PREDICTION, VOLATILITY = range(2)


def decide(volatility, prediction, weight=0.0, p=P):
    side = int(weight > 0.0) - int(weight < 0.0)
    view = SimpleNamespace(features=Reads(volatility), prediction=prediction, side=side)
    decision, state = target(view, State(weight), p)
    assert decision.target == state.weight
    return tuple(decision)


@pytest.mark.parametrize(
    ("volatility", "prediction", "weight", "expected"),
    [
        (0.005, 0.01, 0.0, (1.0, PREDICTION)),
        (0.02, 0.01, 0.0, (0.5, PREDICTION)),
        (0.04, -0.01, 0.0, (-0.25, PREDICTION)),
        (0.0, 0.01, 0.0, (1.0, PREDICTION)),
        (0.02, 0.0, 0.5, (0.0, PREDICTION)),
        (math.nan, 0.01, 0.5, (0.0, PREDICTION)),
        (0.02, 0.01, 0.5625, (0.5625, VOLATILITY)),  # a change of 0.0625 is below the step
        (0.02, 0.01, 0.75, (0.5, VOLATILITY)),
        (0.02, 0.01, 0.25, (0.5, VOLATILITY)),
        (0.02, -0.01, 0.5, (-0.5, PREDICTION)),  # a reversal is no change of the same side
        (0.32, -0.01, 0.03125, (-0.03125, PREDICTION)),
    ],
)
def test_the_weight_by_hand(volatility, prediction, weight, expected):
    assert decide(volatility, prediction, weight) == expected


def test_a_step_of_zero_follows_every_change():
    assert decide(0.02, 0.01, 0.5078125, VolatilityTarget(step=0.0))[0] == 0.5


def test_a_side_that_is_not_allowed_means_flat():
    assert decide(0.02, -0.01, 0.5, VolatilityTarget(side="long"))[0] == 0.0
    assert decide(0.02, 0.01, 0.0, VolatilityTarget(side="short"))[0] == 0.0


@pytest.mark.parametrize("parameters", [{"volatility": 0.0}, {"step": -0.1}, {"step": 1.5}])
def test_impossible_parameters_are_refused(parameters):
    with pytest.raises(ValidationError):
        VolatilityTarget.parse(parameters)
