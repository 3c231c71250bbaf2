import math
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from strategies.regime_filter import Reads, RegimeFilter, State, target

P = RegimeFilter(calm=0.01, volatile=0.02)
NAN = math.nan


def decide(volatility, prediction, is_calm, p=P):
    view = SimpleNamespace(features=Reads(volatility), prediction=prediction)
    decision, state = target(view, State(is_calm), p)
    assert decision.reason == (0 if state.is_calm else 1)
    return decision.target, state.is_calm


@pytest.mark.parametrize(
    ("volatility", "was_calm", "is_calm"),
    [
        (0.01, False, True),
        (0.0101, False, False),
        (0.0101, True, True),
        (0.02, True, True),
        (0.0201, True, False),
        (0.0201, False, False),
        (NAN, True, True),
        (NAN, False, False),
    ],
)
def test_the_regime_by_hand(volatility, was_calm, is_calm):
    for prediction, side in ((0.01, 1), (-0.01, -1), (0.0, 0)):
        assert decide(volatility, prediction, was_calm) == (side if is_calm else 0, is_calm)


def test_a_side_that_is_not_allowed_means_flat():
    assert decide(0.005, -0.01, True, RegimeFilter(side="long")) == (0, True)
    assert decide(0.005, 0.01, True, RegimeFilter(side="short")) == (0, True)


def test_thresholds_that_cross_are_refused():
    with pytest.raises(ValidationError, match=r"calm \(0.02\) must be at most volatile \(0.01\)"):
        RegimeFilter.parse({"calm": 0.02, "volatile": 0.01})
