"""Coarser bars: pandas' own resampling as oracle, days worked by hand, and histories that are cut off."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.types import COLUMNS, Bars
from signals.finished_periods import finished_periods

NEW_YORK = "America/New_York"


def bars_at(times, seed=0):
    """A walk on whole volumes, so that sums are exact."""
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, len(times))))
    opened = close * np.exp(draw.normal(0, 0.01, len(times)))
    frame = {
        "open": opened,
        "high": np.maximum(opened, close) + 0.5,
        "low": np.minimum(opened, close) - 0.5,
        "close": close,
        "volume": draw.integers(1, 99, len(times)).astype(float),
    }
    return Bars.of("A", pd.DataFrame(frame, index=pd.DatetimeIndex(times).tz_convert("UTC").as_unit("ns")))


def daily(dates):
    return bars_at((pd.DatetimeIndex(dates) + pd.Timedelta("16h")).tz_localize(NEW_YORK))


def intraday(first, last, step, begin, end):
    """Closes of a market with sessions from ``begin`` to ``end`` on weekdays."""
    days = pd.bdate_range(first, last)
    inside = [pd.date_range(day + pd.Timedelta(begin), day + pd.Timedelta(end), freq=step)[1:] for day in days]
    return bars_at(pd.DatetimeIndex(np.concatenate(inside)).tz_localize(NEW_YORK))


def around_the_clock(days, step):
    return bars_at(
        pd.date_range("2024-01-01", periods=int(days * pd.Timedelta("1D") / pd.Timedelta(step)), freq=step, tz="UTC")
    )


WEEKDAYS = pd.bdate_range("2023-01-02", "2024-12-31")
HOLIDAYS = pd.DatetimeIndex(["2023-04-07", "2023-07-04", "2023-12-25", "2024-03-29", "2024-05-31"])
STOCKS = daily(WEEKDAYS.difference(HOLIDAYS))
HOURLY = intraday("2024-01-02", "2024-05-31", "1h", "10h", "16h")
QUARTERS = intraday("2024-02-26", "2024-03-22", "15min", "9h30min", "16h")
COINS = around_the_clock(120, "4h")
MARKETS = {
    "stocks": (STOCKS, NEW_YORK, ("week", "month", "quarter")),
    "hourly": (HOURLY, NEW_YORK, ("2h", "day", "week", "month")),
    "closing": (HOURLY, f"16:00 {NEW_YORK}", ("day", "week")),
    "quarters": (QUARTERS, NEW_YORK, ("30min", "hour", "day")),
    "coins": (COINS, "UTC", ("12h", "day", "week", "month")),
}
CASES = [
    pytest.param(*MARKETS[name][:2], every, id=f"{name} {every}") for name in MARKETS for every in MARKETS[name][2]
]
FREQUENCY = {"week": "W", "month": "M", "quarter": "Q", "day": "D"}


def resampled(bars, every):
    """The same by pandas: periods of the calendar by the date in New York or, of coins, in UTC."""
    zone = "UTC" if bars is COINS else NEW_YORK
    local = bars.frame.set_axis(bars.times.tz_convert(zone).tz_localize(None))
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    if every in FREQUENCY:
        return local.groupby(local.index.to_period(FREQUENCY[every])).agg(how)
    return local.resample(every.replace("hour", "1h"), closed="right", label="right").agg(how).dropna()


@pytest.mark.parametrize(("bars", "zone", "every"), CASES)
def test_the_bars_are_those_of_pandas(bars, zone, every):
    coarse = finished_periods(bars, zone, every)
    theirs = resampled(bars, every)
    count = len(coarse.bars)
    unfinished = 0 if coarse.known_row[-1] == len(bars) - 1 else 1
    expected = theirs.iloc[len(theirs) - count - unfinished : len(theirs) - unfinished]
    assert count > 1
    np.testing.assert_allclose(coarse.bars.frame.to_numpy(), expected.to_numpy(), rtol=1e-14)
    assert (coarse.bars.times[1:] > coarse.bars.times[:-1]).all()


def known_at(bars, zone, every):
    """The local time of the bar at which each period was known to be finished."""
    name = zone.rpartition(" ")[2]
    return bars.times[finished_periods(bars, zone, every).known_row].tz_convert(name).tz_localize(None)


def test_a_week_is_known_on_friday_or_after_a_holiday_on_the_next_bar():
    known = known_at(STOCKS, NEW_YORK, "week").normalize()
    assert pd.Timestamp("2024-03-22") in known  # a Friday
    assert pd.Timestamp("2024-03-28") not in known  # the Thursday before Good Friday says nothing of Friday
    assert pd.Timestamp("2024-04-01") in known  # the Monday after
    assert set(known.day_name()) == {"Friday", "Monday"}


def test_a_month_is_known_on_its_last_weekday():
    known = known_at(STOCKS, NEW_YORK, "month").normalize()
    assert pd.Timestamp("2024-08-30") in known  # a Friday; the 31st is a Saturday
    assert pd.Timestamp("2024-06-03") in known  # 31 May has no bar
    assert pd.Timestamp("2024-07-31") in known


def test_a_market_with_weekends_has_weeks_until_sunday():
    known = known_at(COINS, "UTC", "week")
    # The bar that closes on Sunday at 20:00 is the last of Sunday: that of 24:00 is Monday's.
    assert set(known.day_name()) == {"Sunday"}
    assert set(known.hour) == {20}


def test_hours_end_where_a_bar_closes_on_them():
    known = known_at(QUARTERS, NEW_YORK, "hour")
    assert set(known.minute) == {0}
    assert sorted(set(known.hour)) == [10, 11, 12, 13, 14, 15, 16]


def test_a_day_within_is_known_at_its_end_only_if_the_config_says_when_it_ends():
    assert set(known_at(HOURLY, NEW_YORK, "day").hour) == {11}  # the first bar of the next day
    assert set(known_at(HOURLY, f"16:00 {NEW_YORK}", "day").hour) == {16}
    weeks = known_at(HOURLY, f"16:00 {NEW_YORK}", "week")
    assert set(zip(weeks.day_name(), weeks.hour, strict=True)) == {("Friday", 16)}


def test_an_unscheduled_session_belongs_to_the_next_week():
    dates = WEEKDAYS[:60]
    friday = dates[34]
    with_saturday = daily(dates.append(pd.DatetimeIndex([friday + pd.Timedelta(days=1)])).sort_values())
    coarse = finished_periods(with_saturday, NEW_YORK, "week")
    assert friday.day_name() == "Friday"
    # Then weekends are possible for 21 days: three weeks are known on Mondays, and Fridays count again.
    assert coarse.known_row.tolist()[:7] == [24, 29, 34, 41, 46, 51, 55]
    assert coarse.bars.volume[3] == with_saturday.volume[35:41].sum()
    plain = finished_periods(daily(dates), NEW_YORK, "week")
    assert coarse.bars.times[2] == plain.bars.times[2]


@pytest.mark.parametrize(("bars", "zone", "every"), CASES)
@settings(max_examples=30)
@given(data=st.data())
def test_a_history_that_is_cut_off_knows_the_same(bars, zone, every, data):
    row = data.draw(st.integers(1, len(bars) - 1))
    whole = finished_periods(bars, zone, every)
    cut = finished_periods(bars.between(None, bars.times[row - 1]), zone, every)
    count = int((whole.known_row < row).sum())
    assert cut.known_row.tolist() == whole.known_row[:count].tolist()
    for name in COLUMNS:
        assert getattr(cut.bars, name).tobytes() == getattr(whole.bars, name)[:count].tobytes()


@pytest.mark.parametrize(("bars", "zone", "every"), CASES)
@pytest.mark.parametrize("later", [1, 7, 33])
def test_a_history_that_begins_later_has_the_same_periods(bars, zone, every, later):
    whole = finished_periods(bars, zone, every)
    late = finished_periods(bars.between(bars.times[later], None), zone, every)
    count = len(late.known_row)
    assert (late.known_row + later).tolist() == whole.known_row[len(whole.known_row) - count :].tolist()
    for name in COLUMNS:
        theirs = getattr(whole.bars, name)[len(whole.known_row) - count :]
        np.testing.assert_allclose(getattr(late.bars, name), theirs, rtol=1e-12)


def test_periods_no_longer_than_the_bars_are_refused():
    with pytest.raises(DataError, match="no day has two bars; take a longer period"):
        finished_periods(STOCKS, NEW_YORK, "day")
    assert len(finished_periods(STOCKS.between(None, STOCKS.times[10]), NEW_YORK, "day").bars) == 0
    assert len(finished_periods(STOCKS.between(None, STOCKS.times[0] - pd.Timedelta(1)), NEW_YORK, "week").bars) == 0
