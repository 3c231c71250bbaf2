"""Every function of TA-Lib, by experiment: what it scales with, whether it looks ahead, how long it remembers."""

import math
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
import talib.abstract
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.types import COLUMNS, PRICES, Bars
from signals.features._talib import IN_PRICE, MOVING_AVERAGES, PATTERN, RATIOS, REFUSED, SMOOTHINGS, memory, offered
from signals.features.talib import Talib

FUNCTIONS = [name for names in talib.get_function_groups().values() for name in names]
OFFERED = [name for name in FUNCTIONS if offered(name)]
every_function = pytest.mark.parametrize("function", OFFERED)
COUNT = 2400


@cache
def make_bars(seed, count=COUNT, still=False):
    """A walk in ticks of 0.01, and of volumes among them zero; ``still`` lets closes rest for sixty bars."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.02, count)
    moves[1900:1960] *= not still
    close = np.round(100 * np.exp(np.cumsum(moves)), 2)
    opened = np.round(close * np.exp(rng.normal(0, 0.01, count)), 2)
    high = np.maximum(opened, close) + 0.01 * rng.integers(0, 50, count)
    low = np.minimum(opened, close) - 0.01
    volume = np.exp(rng.normal(12, 1, count)).round() * (rng.uniform(size=count) > 0.05)
    times = pd.bdate_range("2001-01-01", periods=count, tz="UTC")
    columns = (opened, high, low, close, volume)
    return Bars.of("A", pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=times))


def scaled(bars, names, factor):
    return Bars.of("A", bars.frame.assign(**{name: factor * getattr(bars, name) for name in names}))


def part(bars, rows):
    return Bars.of("A", bars.frame.iloc[rows])


def answer(function, bars):
    """The results of TA-Lib itself, (T, outputs)."""
    result = talib.abstract.Function(function)({name: np.array(getattr(bars, name)) for name in COLUMNS})
    return np.column_stack(result if isinstance(result, list | tuple) else [result]).astype(float)


def test_every_function_is_offered_or_refused_and_none_is_both():
    assert set(FUNCTIONS) <= set(OFFERED) | set(REFUSED)
    assert not set(OFFERED) & set(REFUSED)
    assert not set(RATIOS) & set(IN_PRICE)
    assert {*SMOOTHINGS} <= {*RATIOS, *IN_PRICE}


@every_function
def test_its_scale_is_gone(function):
    """Times a power of two, so that only an answer that does not depend on the unit stays the same to the last bit."""
    bars = make_bars(1)
    feature = Talib(function=function)
    values = feature.compute(bars)[feature.warmup :]
    assert np.isfinite(values).all()
    assert np.ptp(values) > 0 or function.startswith(PATTERN)
    for names, factor in ((PRICES, 64.0), (PRICES, 1 / 4), (("volume",), 8.0)):
        np.testing.assert_allclose(
            feature.compute(scaled(bars, names, factor))[feature.warmup :], values, rtol=1e-9, atol=1e-9
        )


@every_function
def test_it_is_talibs_answer_in_the_unit_of_its_table(function):
    bars = make_bars(2)
    feature = Talib(function=function)
    plain = answer(function, bars)
    unit = bars.close[:, None] if function in IN_PRICE else 100.0 if function.startswith(PATTERN) else 1.0
    np.testing.assert_array_equal(feature.compute(bars)[feature.warmup :], (plain / unit)[feature.warmup :])
    assert len(feature.names) == plain.shape[1]


@every_function
@pytest.mark.parametrize("row", [1400, 1933, 2399])
def test_the_future_changes_no_bit(function, row):
    bars = make_bars(3, still=True)
    other = make_bars(4)
    feature = Talib(function=function)
    past = feature.compute(bars)[:row].tobytes()
    assert feature.compute(part(bars, slice(row))).tobytes() == past
    mixed = Bars.of("A", pd.concat([bars.frame.iloc[:row], other.frame.iloc[row:]]))
    assert feature.compute(mixed)[:row].tobytes() == past


@every_function
@pytest.mark.parametrize("seed", [5, 6])
def test_after_the_warm_up_it_does_not_matter_where_the_data_begin(function, seed):
    bars = make_bars(seed, still=True)
    feature = Talib(function=function)
    values = feature.compute(bars)
    for later in (1, 50, 200, 700):
        result = feature.compute(part(bars, slice(later, None)))[feature.warmup :]
        assert len(result) > 50
        np.testing.assert_allclose(result, values[later + feature.warmup :], rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(function=st.sampled_from(sorted(set(OFFERED) & set(SMOOTHINGS))), data=st.data())
def test_other_parameters_forget_within_the_warm_up_too(function, data):
    """Any periods, any kind of moving average, any start; the first bars are three times as high and wide."""
    defaults = Talib(function=function).parameters
    drawn = {
        name: data.draw(st.sampled_from(sorted(MOVING_AVERAGES)) if name.endswith("matype") else st.integers(2, 25))
        for name, value in defaults.items()
        if isinstance(value, int)
    }
    feature = Talib(function=function, parameters=drawn)
    bars = make_bars(data.draw(st.integers(0, 1000)), count=feature.warmup + 260)
    frame = bars.frame.copy()
    begun = data.draw(st.integers(1, 200))
    frame.iloc[:begun, :4] *= 3
    changed = Bars.of("A", frame)
    values = feature.compute(changed)
    late = feature.compute(part(changed, slice(begun, None)))
    np.testing.assert_allclose(late[feature.warmup :], values[begun + feature.warmup :], rtol=0, atol=1e-6)


@pytest.mark.parametrize("function", sorted(SMOOTHINGS))
def test_what_is_said_to_remember_does(function):
    """Without the rows in which it forgets, the start would be seen: no function is in the table for nothing."""
    averages = {name: 1 for name in Talib(function=function).parameters if name.endswith("matype")}
    feature = Talib(function=function, parameters=averages)
    bars = make_bars(7)
    window = feature.warmup - memory(function, feature.parameters)
    values = feature._bound({name: getattr(bars, name) for name in COLUMNS})
    late = feature._bound({name: getattr(bars, name)[30:] for name in COLUMNS})
    first, second = (np.column_stack(item if isinstance(item, list | tuple) else [item]) for item in (values, late))
    assert np.abs(first[30 + window :][:3] - second[window:][:3]).max() > 1e-6


@every_function
def test_prices_that_never_move_have_finite_values(function):
    count = Talib(function=function).warmup + 30
    times = pd.bdate_range("2001-01-01", periods=count, tz="UTC")
    frame = pd.DataFrame(dict.fromkeys(PRICES, 12.3) | {"volume": 0.0}, index=times)
    feature = Talib(function=function)
    values = feature.compute(Bars.of("A", frame))[feature.warmup :]
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values, values[:1].repeat(30, axis=0), rtol=0, atol=1e-9)


@pytest.mark.parametrize("function", sorted(set(REFUSED) & set(FUNCTIONS)))
def test_what_is_refused_says_why(function):
    with pytest.raises(ValidationError, match=f"cannot be {function}: ") as refused:
        Talib(function=function)
    assert len(refused.value.errors()[0]["msg"].splitlines()) == 1


@pytest.mark.parametrize(
    "function", ["AD", "CUMSUM", "NVI", "OBV", "PVI", "PVT", "VWAP", "WAD", "MAXINDEX", "MININDEX"]
)
def test_what_is_refused_for_its_memory_never_forgets(function):
    bars = make_bars(8)
    late = answer(function, part(bars, slice(300, None)))
    assert np.abs(late[-1] - answer(function, bars)[-1]).max() > 1e-6


@pytest.mark.parametrize("function", ["HT_DCPERIOD", "HT_DCPHASE", "HT_SINE", "HT_PHASOR", "HT_TRENDLINE", "MAMA"])
def test_what_is_refused_for_adapting_can_remember_a_thousand_bars(function):
    bars = make_bars(9, count=1200)
    frame = bars.frame
    for name in PRICES:
        frame.iloc[200:, frame.columns.get_loc(name)] = 100 + np.arange(1000.0)
    trend = Bars.of("A", frame)
    late = answer(function, part(trend, slice(190, None)))
    assert np.abs(late[-1] - answer(function, trend)[-1]).max() > 1e-6


def test_kama_is_refused_for_remembering_a_thousand_bars_that_go_to_and_fro():
    bars = make_bars(9, count=1200)
    frame = bars.frame
    for name in PRICES:
        frame.iloc[200:, frame.columns.get_loc(name)] = 100 + np.arange(1000) % 2
    late = answer("KAMA", part(Bars.of("A", frame), slice(150, None)))
    assert np.abs(late[-1] - answer("KAMA", Bars.of("A", frame))[-1]).max() > 1e-6


@pytest.mark.parametrize("function", ["EFI", "MARKETFI", "VAR", "LINEARREG_ANGLE", "LN"])
def test_what_is_refused_for_its_scale_has_one(function):
    bars = make_bars(10)
    doubled = answer(function, scaled(scaled(bars, ("volume",), 2.0), PRICES, 2.0)) / 2
    assert np.nanmax(np.abs(doubled - answer(function, bars))) > 1e-6


@pytest.mark.parametrize(
    ("function", "parameters", "message"),
    [
        ("adx", {}, "must be a function that is offered and in TA-Lib [0-9.]+; given 'adx'; did you mean ADX"),
        ("BOLLINGER", {}, "given 'BOLLINGER'; docs/features.md lists them"),
        ("OBV", {}, "cannot be OBV: each value hangs on every bar since the data begin"),
        ("ADX", {"period": 14}, "must be those of ADX: timeperiod; given 'period'"),
        ("BOP", {"period": 14}, "must be left out: BOP has none; given 'period'"),
        ("ADX", {"timeperiod": 0}, "must be values that TA-Lib takes for ADX; given timeperiod 0"),
        ("ADX", {"timeperiod": 14.5}, "must have for timeperiod a whole number; given 14.5"),
        (
            "BBANDS",
            {"matype": 6},
            r"must have for matype one of 0, 1, 2, 3, 4, 5, 8, 9, 12, 13 \(TA-Lib's MA_Type\); given 6",
        ),
        ("CDLMATHOLD", {"penetration": -1.0}, "must be values that TA-Lib takes for CDLMATHOLD; given penetration -1"),
    ],
)
def test_what_cannot_be_right_is_one_line(function, parameters, message):
    with pytest.raises(ValidationError, match=message) as refused:
        Talib(function=function, parameters=parameters)
    assert refused.value.error_count() == 1
    assert len(refused.value.errors()[0]["msg"].splitlines()) == 1


def test_defaults_are_written_out_and_read_back():
    feature = Talib.parse({"function": "BBANDS", "parameters": {"timeperiod": 10, "nbdevup": 3}})
    assert feature.dump() == {
        "kind": "talib",
        "function": "BBANDS",
        "parameters": {"timeperiod": 10, "nbdevup": 3.0, "nbdevdn": 2.0, "matype": 0},
    }
    assert Talib.parse({"function": "BBANDS", "parameters": feature.dump()["parameters"]}) == feature
    assert feature.names == tuple(f"talib_bbands_10_3_2_0_{band}band" for band in ("upper", "middle", "lower"))
    assert Talib(function="BOP").names == ("talib_bop",)


def test_warm_ups_by_hand():
    """(1 - 1/14) ** 311 = 9.8e-11; the double smoothing of ADX takes it twice, after a window of 27."""
    assert Talib(function="RSI").warmup == 14 + math.ceil(math.log(1e-10) / math.log(1 - 1 / 14)) == 325
    assert Talib(function="ADX").warmup == 27 + 2 * 311
    assert Talib(function="EMA", parameters={"timeperiod": 3}).warmup == 2 + 34
    assert Talib(function="AROON").warmup == 14


def test_talibs_own_settings_are_left_alone():
    before = [talib.get_unstable_period(name) for name in ("RSI", "ADX", "EMA")]
    Talib(function="ADX").compute(make_bars(11))
    assert [talib.get_unstable_period(name) for name in ("RSI", "ADX", "EMA")] == before


def test_without_talib_it_says_what_to_install():
    code = (
        "import sys; sys.modules['talib'] = None\n"
        "from signals.features.talib import Talib\n"
        "try: Talib(function='ADX')\n"
        "except Exception as error: print(error.errors()[0]['msg'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("needs TA-Lib, which is not installed: run `make install` in ")
