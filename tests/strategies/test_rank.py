import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import ConfigError
from core.plugins import load
from strategies.rank import Rank, target_sides

NAN = math.nan


def sides(prediction, now=None, **parameters):
    """The rule's answer for some predictions, from flat unless sides are given."""
    side = np.array(now or [0] * len(prediction), dtype=np.int64)
    return target_sides(np.array(prediction, dtype=float), np.ones(len(side)), side, Rank(**parameters)).tolist()


@pytest.mark.parametrize(
    ("prediction", "parameters", "expected"),
    [
        ([0.01, 0.03, -0.02, 0.02], {}, [0, 1, -1, 0]),
        ([0.01, 0.03, -0.02, 0.02], {"top": 2, "bottom": 1}, [0, 1, -1, 1]),
        ([0.01, 0.03, -0.02, 0.02], {"top": 2, "bottom": 2}, [-1, 1, -1, 1]),
        ([0.01, 0.03, -0.02, 0.02], {"top": 2, "bottom": 0}, [0, 1, 0, 1]),
        ([0.01, 0.03, -0.02, 0.02], {"top": 0, "bottom": 2}, [-1, 0, -1, 0]),
        # it is the rank that counts, not the sign
        ([-0.03, -0.01, -0.02], {}, [-1, 1, 0]),
        # ties: the order of the symbols
        ([0.01, 0.01, 0.01], {}, [1, 0, -1]),
        ([0.0, -0.0, 0.01, 0.01], {"top": 1, "bottom": 2}, [-1, -1, 1, 0]),
        # a barred side is flat, its places count
        ([0.01, 0.03, -0.02], {"side": "long"}, [0, 1, 0]),
        ([0.01, 0.03, -0.02], {"side": "short"}, [0, 0, -1]),
    ],
)
def test_from_flat_by_hand(prediction, parameters, expected):
    assert sides(prediction, **parameters) == expected


@pytest.mark.parametrize(
    ("prediction", "side", "parameters", "expected"),
    [
        # ranks: second symbol first, then third, first, fourth
        ([1, 3, 2, 0], [1, 0, 0, -1], {}, [0, 1, 0, -1]),
        ([1, 3, 2, 0], [0, 0, 1, -1], {"buffer": 1}, [0, 0, 1, -1]),  # second place is near enough to stay
        ([1, 3, 2, 0], [1, 0, 0, -1], {"buffer": 1}, [0, 1, 0, -1]),  # third place is not
        ([1, 3, 2, 0], [1, 0, 0, -1], {"buffer": 2}, [1, 0, 0, -1]),
        ([1, 3, 2, 0], [-1, 0, 0, 0], {"buffer": 1}, [-1, 1, 0, 0]),  # the short in the last but one place stays
        ([1, 3, 2, 0], [0, 0, 0, 1], {"buffer": 9}, [0, 1, 0, -1]),  # no buffer reaches into the other side's places
        ([1, 3, 2, 0], [0, -1, 0, 0], {"buffer": 9}, [0, 1, 0, -1]),
        ([1, 3, 2, 0], [1, 1, 1, 0], {"buffer": 9}, [0, 1, 0, -1]),  # more held than places: the best of them
        # no opinion keeps the side and takes no place
        ([1, NAN, 2, 0], [0, 1, 0, 0], {}, [0, 1, 1, -1]),
        ([1, NAN, NAN, 0], [0, -1, 0, 1], {}, [1, -1, 0, -1]),
        # too few to rank: nothing changes
        ([1, NAN, NAN, NAN], [-1, 1, 0, 0], {}, [-1, 1, 0, 0]),
        ([NAN] * 4, [-1, 1, 0, 0], {}, [-1, 1, 0, 0]),
        ([1, 2, 3, NAN], [1, 0, 0, -1], {"top": 2, "bottom": 2}, [1, 0, 0, -1]),
    ],
)
def test_from_a_position_by_hand(prediction, side, parameters, expected):
    assert sides(prediction, side, **parameters) == expected


@st.composite
def bars(draw):
    count = draw(st.integers(1, 8))
    value = st.one_of(st.sampled_from([NAN, 0.0, 0.01, -0.01]), st.floats(-1, 1))
    prediction = draw(st.lists(value, min_size=count, max_size=count))
    side = draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=count, max_size=count))
    top = draw(st.integers(0, 3))
    bottom = draw(st.integers(0 if top else 1, 3))
    return prediction, side, {"top": top, "bottom": bottom, "buffer": draw(st.integers(0, 4))}


def ranking(prediction):
    """The symbols with an opinion, best first, ties in their order; Python's own stable sort."""
    ranked_symbols = [symbol for symbol, value in enumerate(prediction) if not math.isnan(value)]
    return sorted(ranked_symbols, key=lambda symbol: -prediction[symbol])


@given(bars())
def test_as_many_are_held_as_were_asked_for(bar):
    prediction, side, parameters = bar
    target = sides(prediction, side, **parameters)
    order = ranking(prediction)
    if len(order) < parameters["top"] + parameters["bottom"]:
        assert target == side
        return
    assert [target[symbol] for symbol in order].count(1) == parameters["top"]
    assert [target[symbol] for symbol in order].count(-1) == parameters["bottom"]
    for symbol in set(range(len(side))) - set(order):
        assert target[symbol] == side[symbol]


@given(bars())
def test_newcomers_come_from_the_first_places_and_those_who_stay_from_the_buffer(bar):
    prediction, side, parameters = bar
    target = sides(prediction, side, **parameters)
    order = ranking(prediction)
    for sign, name, ranked in ((1, "top", order), (-1, "bottom", order[::-1])):
        for rank, symbol in enumerate(ranked):
            if target[symbol] == sign != side[symbol]:
                assert rank < parameters[name]
            elif target[symbol] == sign and len(order) >= parameters["top"] + parameters["bottom"]:
                assert rank < parameters[name] + parameters["buffer"]


@given(bars())
def test_without_a_buffer_it_is_the_plain_ranking(bar):
    prediction, side, parameters = bar
    top = parameters["top"]
    bottom = parameters["bottom"]
    order = ranking(prediction)
    expected = list(side)
    if len(order) >= top + bottom:
        for rank, symbol in enumerate(order):
            expected[symbol] = 1 if rank < top else -1 if rank >= len(order) - bottom else 0
    assert sides(prediction, side, top=top, bottom=bottom) == expected


@given(bars())
def test_deciding_twice_changes_nothing(bar):
    prediction, side, parameters = bar
    once = sides(prediction, side, **parameters)
    assert sides(prediction, once, **parameters) == once


def test_a_buffer_saves_trades():
    predictions = np.random.default_rng(4).normal(size=(300, 10)).cumsum(axis=0)

    def changes(buffer):
        side = np.zeros(10, dtype=np.int64)
        count = 0
        for row in predictions:
            target = target_sides(row, np.ones(10), side, Rank(top=3, bottom=3, buffer=buffer))
            count += int((target != side).sum())
            side = target
        return count

    assert changes(3) < changes(1) < changes(0)


def test_the_rule_reads_numbers_only():
    names = ("top", "bottom", "buffer", "allow_long", "allow_short")
    record = np.array([(2.0, 1.0, 1.0, 1.0, 0.0)], dtype=[(name, "f8") for name in names]).view(np.recarray)[0]
    spec = Rank(top=2, bottom=1, buffer=1, side="long")
    rng = np.random.default_rng(2)
    for _ in range(50):
        prediction = rng.normal(size=6)
        side = rng.integers(-1, 2, 6)
        arguments = prediction, np.ones(6), side
        np.testing.assert_array_equal(target_sides(*arguments, record), target_sides(*arguments, spec))


def test_the_spec_carries_its_rule():
    assert Rank().rule is target_sides
    assert load("strategies", "rank") is Rank


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"top": 0, "bottom": 0}, "top and bottom are both 0: nothing would ever be held"),
        ({"top": -1}, "greater than or equal to 0"),
        ({"buffer": 0.5}, "valid integer"),
        ({"side": "up"}, "'long', 'short' or 'both'"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ValidationError, match=message):
        Rank.parse(parameters)


def test_a_market_with_too_few_symbols_is_refused():
    Rank(top=1, bottom=1).check(("A", "B"))
    with pytest.raises(ConfigError, match=r"top 2 \+ bottom 1 need 3 traded symbols; traded: 2 \(A, B\). Add symbols"):
        Rank(top=2, bottom=1).check(("A", "B"))
