"""Data are known by the returns of their months: not by names, scale, bar size, length or last digits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.types import Bars, Market
from engine.ledger.tried_data import TriedData


def shared(one, two):
    return TriedData.of(one).shared_periods(TriedData.of(two))


def test_a_month_of_daily_bars_is_a_block(market_of):
    data = TriedData.of(market_of(days=300))
    months = pd.period_range("2015-01", "2016-02", freq="M").astype(str).tolist()
    assert list(data.blocks) == months
    assert all(len(blocks) == 1 and len(blocks[0]) == 12 for blocks in data.blocks.values())


def test_names_and_scale_do_not_matter(market_of):
    one = TriedData.of(market_of())
    assert one.digest == TriedData.of(market_of("B", scale=0.0137)).digest


@pytest.mark.parametrize("scale", [0.8137, 0.31, 17.3])
def test_another_download_in_cents_is_recognised(market_of, scale):
    """Prices adjusted by another factor and rounded to cents: returns differ in the fourth digit."""
    periods = shared(market_of(days=2000), market_of(days=2000, scale=scale, decimals=2))
    assert len(periods) > 10


def test_a_longer_history_shares_the_months_that_are_complete(market_of):
    assert shared(market_of(days=300), market_of(days=420)) == tuple(TriedData.of(market_of(days=300)).blocks)[:-1]


def test_other_prices_of_the_same_name_share_nothing(market_of):
    assert all(shared(market_of(seed=0, days=2500), market_of(seed=seed, days=2500)) == () for seed in range(1, 30))


def test_the_size_of_the_bars_does_not_matter(market_of):
    """Three bars a day whose last closes are the daily ones."""
    daily = market_of(days=120)
    bars = daily.bars["A"]
    times = bars.times.repeat(3) - pd.to_timedelta(np.tile([2, 1, 0], len(bars)), unit="h")
    close = np.repeat(bars.close, 3) * np.tile([1.01, 0.99, 1.0], len(bars))
    hourly = Bars("A", times, close, close, close, close, close)
    assert TriedData.of(replace(daily, bars={"A": hourly})).digest == TriedData.of(daily).digest


@pytest.mark.parametrize(("frequency", "count"), [("W-FRI", 300), ("ME", 120)])
def test_weekly_and_monthly_bars_have_blocks_of_a_year(market_of, frequency, count):
    times = pd.date_range("2005-01-07", periods=count, freq=frequency, tz="UTC") + pd.Timedelta("21h")
    data = TriedData.of(market_of(times=times))
    assert {len(period) for period in data.blocks} == {4}
    assert len(data.blocks) >= 5
    assert shared(market_of(times=times), market_of(times=times, seed=1)) == ()


def test_short_data_are_known_by_all_of_their_bars(market_of):
    assert shared(market_of(days=4), market_of("B", days=4)) == ("2015",)
    assert shared(market_of(days=4), market_of(days=5)) == ()


def test_prices_that_do_not_move_are_not_all_the_same_data(market_of):
    """A month of constant prices says nothing; two files of nothing else are equal only if their bars are."""
    times = market_of(days=60).bars["A"].times
    flat = [np.full(60, price) for price in (10.0, 20.0)]
    one, two = (
        Market({"A": Bars("A", times, close, close, close, close, close)}, ("A",), "A", "UTC") for close in flat
    )
    assert shared(one, two) == ()
    assert shared(one, one)


def test_one_of_several_symbols_is_enough(market_of):
    one = market_of("A")
    both = Market({**one.bars, **market_of("B", seed=5).bars}, ("A", "B"), "A", "America/New_York")
    assert len(shared(one, both)) == len(TriedData.of(one).blocks)
    benchmark_only = replace(both, trade=("B",))
    assert shared(one, benchmark_only) == ()
