"""Limits on new risk and the stops of the account, by hand and by brute force."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.account_limits import FREE, GROSS, NAMES, NET, OPEN_RISK, POSITIONS, SHORT, LimitsSpec, exposure_of, headroom
from risk.account_stops import DAILY_LOSS, DRAWDOWN, HALTED, RESUMED, TRADING, HaltState, watch

NAN = math.nan


def room(side, price=100.0, stop=NAN, held=(), is_new=True, value=1000.0, **limits):
    units, code = headroom(side, price, stop, is_new, exposure_of(value, held), LimitsSpec(**limits).terms)
    return units, NAMES[code]


@pytest.mark.parametrize(
    ("side", "held", "limits", "units", "name"),
    [
        (1, [], {}, math.inf, ""),
        (-1, [], {}, 10.0, "short exposure"),  # shorts are worth at most the account, whatever is configured
        (-1, [], {"short": 0.5}, 5.0, "short exposure"),
        (-1, [(-4.0, 100.0, NAN)], {"short": 0.5}, 1.0, "short exposure"),
        (1, [(6.0, 100.0, NAN)], {"gross": 0.8}, 2.0, "gross exposure"),
        (1, [(9.0, 100.0, NAN)], {"gross": 0.8}, 0.0, "gross exposure"),  # drifted beyond: nothing new, no exit
        (1, [(6.0, 100.0, NAN)], {"net": 0.8}, 2.0, "net exposure"),
        (-1, [(6.0, 100.0, NAN)], {"net": 0.1, "short": 5.0}, 7.0, "net exposure"),  # it may cross to the other side
        (1, [(1.0, 100.0, NAN), (-1.0, 50.0, NAN)], {"positions": 2}, 0.0, "number of positions"),
        (1, [(1.0, 100.0, NAN)], {"positions": 2}, math.inf, ""),
    ],
)
def test_room_by_hand(side, held, limits, units, name):
    headroom_and_name = room(side, held=held, **limits)
    assert headroom_and_name[0] == pytest.approx(units)
    assert headroom_and_name[1] == name


def test_an_addition_is_no_new_position():
    assert room(1, held=[(1.0, 100.0, NAN)], is_new=False, positions=1) == (math.inf, "")


def test_open_risk_counts_what_is_lost_at_the_stops():
    # 4 units may lose 5 each and 2 short ones 10 each: 40 of 60; a new unit loses 8
    held = [(4.0, 100.0, 95.0), (-2.0, 50.0, 60.0)]
    assert room(1, stop=92.0, held=held, open_risk=0.06) == (pytest.approx(20 / 8), "open risk")


def test_a_stop_beyond_the_price_risks_nothing():
    assert exposure_of(1000.0, [(4.0, 100.0, 105.0)]).open_risk == 0.0
    assert room(1, stop=92.0, held=[(4.0, 100.0, 105.0)], open_risk=0.06)[0] == pytest.approx(60 / 8)


def test_a_position_without_a_stop_may_lose_all():
    assert room(1, held=[(0.3, 100.0, NAN)], open_risk=0.06)[0] == pytest.approx(30 / 100)


@pytest.mark.parametrize("value", [0.0, -10.0, NAN])
def test_an_account_without_value_opens_nothing(value):
    assert room(1, value=value) == (0.0, "account")


holdings = st.lists(
    st.tuples(st.floats(-10, 10), st.floats(1, 100), st.one_of(st.just(NAN), st.floats(1, 100))), max_size=4
)


@given(
    side=st.sampled_from([1, -1]),
    price=st.floats(1, 100),
    stop=st.floats(1, 100),
    held=holdings,
    shares=st.tuples(st.floats(0.1, 3), st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.01, 1)),
)
def test_what_fits_keeps_every_limit_and_a_little_more_breaks_one(side, price, stop, held, shares):
    gross, net, short, open_risk = shares
    limits = LimitsSpec(gross=gross, net=min(net, gross), short=min(short, gross), open_risk=open_risk)
    before = exposure_of(1000.0, held)
    units, code = headroom(side, price, stop, True, before, limits.terms)

    def over(more):
        after = exposure_of(1000.0, [*held, (side * (units + more), price, stop)])
        return {
            GROSS: after.gross - limits.gross * 1000,
            NET: side * after.net - limits.net * 1000,
            SHORT: after.short - limits.short * 1000 if side < 0 else -1.0,
            OPEN_RISK: after.open_risk - limits.open_risk * 1000 if after.open_risk > before.open_risk else -1.0,
        }

    assert code not in (FREE, POSITIONS)
    if units > 0:
        assert max(over(0.0).values()) <= 1e-6
    assert over(0.01 + units * 1e-6)[code] > 0


# --- the account's stops


def path(values, days=None, **limits):
    state = HaltState(100.0, 100.0, 100.0, 0)
    codes = []
    before = None
    for value, day in zip(values, days or range(len(values)), strict=True):
        state, code = watch(state, value, day != before, LimitsSpec(**limits).halts)
        before = day
        codes.append(code)
    return codes, state


def test_without_stops_trading_goes_on():
    assert path([100.0, 50.0, 1.0])[0] == [TRADING] * 3


def test_a_drawdown_is_measured_from_the_highest_close():
    codes, state = path([110.0, 120.0, 96.1, 96.0, 200.0], drawdown=0.2, resume_after=3)
    assert codes == [TRADING, TRADING, TRADING, DRAWDOWN, HALTED]
    assert (state.peak, state.left) == (120.0, 2)


def test_trading_resumes_after_so_many_bars_and_the_peak_begins_anew():
    codes, state = path([80.0, 70.0, 60.0, 50.0, 41.0, 40.0], drawdown=0.2, resume_after=3)
    assert codes == [DRAWDOWN, HALTED, HALTED, RESUMED, TRADING, DRAWDOWN]
    assert state.peak == 50.0


def test_resuming_after_one_bar_skips_no_decision_but_that_of_the_stop():
    assert path([80.0, 79.0, 78.0], drawdown=0.2, resume_after=1)[0] == [DRAWDOWN, RESUMED, TRADING]


def test_a_daily_loss_is_measured_from_the_session_before():
    # Three closes a session: the second session falls from 100 by 1, 2 and 3 %
    codes, _ = path([101.0, 99.0, 100.0, 99.0, 98.0, 97.0], [0, 0, 0, 1, 1, 1], daily_loss=0.03)
    assert codes == [TRADING] * 5 + [DAILY_LOSS]
    assert path([101.0, 98.0, 100.0], [0, 0, 0], daily_loss=0.03)[0] == [TRADING] * 3  # from the initial 100


def test_both_at_one_close_are_a_drawdown():
    assert path([50.0], daily_loss=0.1, drawdown=0.2)[0] == [DRAWDOWN]
