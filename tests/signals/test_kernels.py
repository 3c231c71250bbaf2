"""Recursive loops: plain and compiled give the same bits, and both are what other libraries compute."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Bars
from signals import compiled_kernels, kernels, recursions, rolling_windows
from signals.features.atr import Atr
from signals.features.macd import Macd
from signals.features.rsi import Rsi, strength
from signals.features.sma import Sma, distance
from signals.features.wilder_rsi import WilderRsi
from signals.kernels import Kernel, convergence, wilder

prices = st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=60)


def walk(count, seed=0):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, count)))


def assert_twins(kernel, values, shape, *parameters):
    plain = np.empty(shape)
    twin = np.empty(shape)
    kernel.plain(values.tolist(), plain, *parameters)
    kernel.compiled(values, twin, *parameters)
    assert plain.tobytes() == twin.tobytes()


def compiled_strength(close, window):
    index = np.empty(len(close))
    compiled_kernels.strength(close, window, index)
    return index


@settings(max_examples=50)
@given(close=prices, fast=st.floats(0.01, 1), slow=st.floats(0.01, 1), signal=st.floats(0.01, 1))
def test_the_compiled_convergence_is_the_plain_one(close, fast, slow, signal):
    close = np.array(close)
    assert_twins(kernels.CONVERGENCE, close, (len(close), 3), fast, slow, signal)


@settings(max_examples=50)
@given(values=prices, window=st.integers(1, 70), unknown=st.integers(0, 3))
def test_the_compiled_average_is_the_plain_one(values, window, unknown):
    values = np.array([np.nan] * unknown + values)
    assert_twins(kernels.WILDER, values, (len(values),), window)


@pytest.mark.slow
@settings(max_examples=50)
@given(close=prices | st.lists(st.sampled_from([1.0, 1.1, 7.0]), min_size=30, max_size=60), window=st.integers(2, 25))
def test_the_compiled_strength_is_the_plain_one(close, window):
    close = np.array(close)
    if len(close) > window:
        assert strength(close, window).tobytes() == compiled_strength(close, window).tobytes()


@pytest.mark.parametrize("window", [2, 14, 50, 9000])
def test_compiled_strength_and_distance_across_blocks(window):
    close = np.round(walk(5 * compiled_kernels.BLOCK + 3), 1)
    close[3000:3100] = close[3000]
    assert strength(close, window).tobytes() == compiled_strength(close, window).tobytes()
    distances = np.empty(len(close))
    compiled_kernels.distance(close, window, distances)
    assert distances.tobytes() == distance(close, window).tobytes()


@pytest.mark.parametrize("feature", [Sma(window=20), Rsi(), Macd(), WilderRsi(), Atr()], ids=lambda item: item.kind)
def test_a_long_history_has_the_bits_of_a_short_one(feature):
    """Beyond the length at which features turn to compiled code, the past is what it was before."""
    close = walk(rolling_windows.LONG + kernels.ROWS_BEFORE_COMPILING)
    bars = Bars("A", pd.date_range("2000", periods=len(close), freq="min", tz="UTC"), close, close, close, close, close)
    short = bars.between(None, bars.times[3000])
    assert feature.compute(bars)[:3001].tobytes() == feature.compute(short).tobytes()


def test_convergence_is_pandas():
    close = pd.Series(walk(3000))
    fast, slow = (close.ewm(span=span, adjust=False).mean() for span in (12, 26))
    line = (fast - slow).ewm(span=9, adjust=False).mean()
    expected = np.column_stack([fast - slow, line, fast - slow - line]) / close.to_numpy()[:, None]
    np.testing.assert_allclose(convergence(close.to_numpy(), 2 / 13, 2 / 27, 0.2), expected, rtol=1e-9, atol=1e-14)


def test_wilders_average_by_hand():
    # (1 + 2 + 6) / 3 = 3, then 3 + (6 - 3) / 3 = 4 and 4 + (1 - 4) / 3 = 3
    np.testing.assert_allclose(
        wilder(np.array([np.nan, 1.0, 2.0, 6.0, 6.0, 1.0]), 3), [np.nan] * 3 + [3.0, 4.0, 3.0], rtol=1e-15
    )


def test_a_close_that_never_moved_has_no_convergence():
    assert not convergence(np.full(300, 0.1), 2 / 13, 2 / 27, 0.2).any()


def test_a_kernel_is_compiled_after_so_many_rows(monkeypatch):
    monkeypatch.setattr(kernels, "ROWS_BEFORE_COMPILING", 250)
    kernel = Kernel(recursions.wilder)
    assert [kernel.after(100) is kernel.plain for _ in range(4)] == [True, True, False, False]
    assert kernel.after(1) is compiled_kernels.wilder


def test_a_kernel_that_never_ran_is_not_compiled():
    kernel = Kernel(recursions.wilder)
    kernel.compile_if_used()
    assert kernel.after(1) is kernel.plain
    kernel.compile_if_used()
    assert kernel.after(1) is compiled_kernels.wilder


def test_without_a_place_for_the_cache_it_is_compiled_all_the_same(monkeypatch):
    """Numba refuses `cache=True` where it may write neither beside the source nor in the home folder."""
    njit = compiled_kernels.njit

    def refusing(*, cache=False, **options):
        def refuse(plain):
            raise RuntimeError(f"cannot cache function {plain.__name__!r}: no locator available")

        return refuse if cache else njit(**options)

    monkeypatch.setattr(compiled_kernels, "njit", refusing)
    averages = np.empty(4)
    compiled_kernels._compile(recursions.wilder)(np.array([1.0, 3.0, 4.0, 4.0]), averages, 2)
    np.testing.assert_array_equal(averages, [np.nan, 2.0, 3.0, 3.5])
