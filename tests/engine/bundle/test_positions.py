"""Decisions about positions: barred sides, held or wanted, and the reasons of decisions that change nothing."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from random_cases import random_bars

from engine.bundle.positions import NO_OPINION, Inputs, targets
from strategies._held import Held
from strategies.base import CrossSectional, Decision, Sided, View

TIMES = pd.bdate_range("2024-01-02", periods=5, tz="UTC") + pd.Timedelta("21h")
BARS = random_bars("A", TIMES, np.random.default_rng(1), gaps=False)


def of_numbers(prediction, confidence, side, held, p):
    """The side of the prediction."""
    return int(prediction > 0) - int(prediction < 0)


def of_a_view(view: View, p: Any) -> Decision:
    """Half of the prediction's side, with a reason for each answer."""
    return Decision(0.5 * np.sign(view.prediction), 1 if abs(view.prediction) > 0.5 else 0)


def of_all(prediction, confidence, side, p):
    """The side of each prediction."""
    return np.sign(np.nan_to_num(prediction)).astype(np.int64)


class Numbers(Sided):
    """Sides."""

    rule: ClassVar[Any] = staticmethod(of_numbers)


class Viewed(Sided):
    """Targets."""

    rule: ClassVar[Any] = staticmethod(of_a_view)
    reasons: ClassVar[tuple[str, ...]] = ("entry", "far")


class Cross(Sided, CrossSectional):
    """Sides of all."""

    rule: ClassVar[Any] = staticmethod(of_all)


def target_of(strategy, prediction, held=None, *, allowed=True):
    inputs = Inputs(prediction, 0.5, NO_OPINION, BARS, (), held or Held(), is_fresh=True)
    return targets(strategy, {"A": inputs}, {"A": allowed})["A"]


@pytest.mark.parametrize("spec", [Numbers, Viewed, Cross])
@pytest.mark.parametrize("held", [-1, 0, 1])
@pytest.mark.parametrize(("side", "barred"), [("long", -1), ("short", 1)])
def test_a_barred_side_is_flat_whatever_is_held(spec, held, side, barred):
    position = Held(held, 3, 100.0, 0.0, 0.0) if held else Held()
    target = target_of(spec(side=side), 0.2 * barred, position)
    assert (target.side, target.weight) == (0, 0.0)
    target = target_of(spec(side=side), -0.2 * barred, position)
    assert target.side == -barred
    assert target_of(spec(), 0.2 * barred, position).side == barred


def test_without_a_prediction_a_position_stays():
    assert target_of(Numbers(side="long"), np.nan, Held(-1, 3, 100.0)).side == -1


def test_a_flat_symbol_that_stays_flat_has_no_reason_of_an_entry():
    assert target_of(Viewed(), 0.2).reason == "entry"
    assert target_of(Viewed(), 0.0).reason == ""
    assert target_of(Viewed(), 0.2, allowed=False).reason == ""
    assert target_of(Viewed(), 0.0, Held(1, 3, 100.0, 0.0, 0.0)).reason == "entry"  # of the exit
    assert target_of(Viewed(), 0.0, Held(waiting=1)).reason == "entry"  # of taking the order back
    assert target_of(Viewed(side="long"), -0.9).reason == "far"  # a reason of its own
