import math
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import ConfigError
from strategies.momentum_rank import MomentumRank, Reads, State, targets

NAN = math.nan


def decide(long, now=None, wait=None, recent=None, prediction=None, **parameters):
    count = len(long)
    view = SimpleNamespace(
        features=Reads(np.array(long, dtype=float), np.array(recent or [0.0] * count)),
        prediction=np.array(prediction or [1.0] * count),
        side=np.array(now or [0] * count),
    )
    decision, state = targets(view, State(np.array(wait or [0.0] * count)), MomentumRank(**parameters))
    assert len(set(state.wait)) == 1
    return decision.target.tolist(), state.wait[0]


@pytest.mark.parametrize(
    ("long", "parameters", "expected"),
    [
        ([0.1, 0.3, -0.2, 0.2], {"top": 2}, [0, 1, 0, 1]),
        ([0.1, 0.3, -0.2, 0.2], {"top": 1, "bottom": 2}, [-1, 1, -1, 0]),
        ([0.1, 0.3, NAN, 0.2], {"top": 1, "bottom": 1}, [-1, 1, 0, 0]),  # NaN is not ranked
        ([0.2, 0.2, 0.2, 0.2], {"top": 1, "bottom": 1}, [1, 0, 0, -1]),  # the first of equal ones is the higher
        ([0.1, 0.3, -0.2, 0.2], {"top": 1, "bottom": 1, "side": "long"}, [0, 1, 0, 0]),
        ([0.1, 0.3, -0.2, 0.2], {"top": 1, "bottom": 1, "side": "short"}, [0, 0, -1, 0]),
    ],
)
def test_a_choice_by_hand(long, parameters, expected):
    assert decide(long, now=[-1, -1, 1, 1], every=21, **parameters) == (expected, 20)


def test_the_last_part_of_the_return_is_left_out():
    # 1.5 / 1.5 = 1 and 1.2 / 0.8 = 1.5: the second had the higher return before its last part.
    assert decide([0.5, 0.2], recent=[0.5, -0.2])[0] == [0, 1]


def test_between_choices_every_symbol_keeps_its_side():
    assert decide([0.1, 0.3, 0.2], now=[1, 0, -1], wait=[3.0] * 3) == ([1, 0, -1], 2)
    assert decide([0.1, 0.3, 0.2], now=[1, 0, -1], wait=[1.0] * 3) == ([1, 0, -1], 0)


def test_too_few_to_rank_keep_their_sides_and_try_again():
    assert decide([0.1, NAN, NAN], now=[1, 0, -1], top=1, bottom=1) == ([1, 0, -1], 0)


def test_a_symbol_without_a_prediction_is_neither_ranked_nor_waited_for():
    absent = [1.0, NAN, 1.0]
    assert decide([0.1, 0.3, 0.2], wait=[0.0, 9.0, 0.0], prediction=absent, every=5) == ([0, 0, 1], 4)
    assert decide([0.1, 0.3, 0.2], wait=[2.0, 0.0, 2.0], prediction=absent) == ([0, 0, 0], 1)


def test_it_changes_nothing_that_it_is_handed():
    side, wait = np.array([1, -1]), np.array([0.0, 0.0])
    view = SimpleNamespace(features=Reads(np.array([0.1, 0.2]), np.zeros(2)), prediction=np.ones(2), side=side)
    targets(view, State(wait), MomentumRank())
    assert (side.tolist(), wait.tolist(), view.features.long.tolist()) == ([1, -1], [0, 0], [0.1, 0.2])


def test_more_places_than_symbols_are_refused():
    with pytest.raises(ConfigError, match="top 2 \\+ bottom 1 need 3 traded symbols; traded: 2"):
        MomentumRank(top=2, bottom=1).check(["A", "B"])
