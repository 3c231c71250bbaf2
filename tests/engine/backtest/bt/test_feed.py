from datetime import date

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from engine.backtest.bt.feed import SignalFeed, numbers_of

NAN = float("nan")
PRICES = ["open", "high", "low", "close"]
ALL = ["datetime", *PRICES, "volume", "openinterest", "prediction", "confidence"]


class Stock(bt.feeds.PandasData):
    """backtrader's own feed, with the two lines more."""

    lines = ("prediction", "confidence")
    params = (("prediction", -1), ("confidence", -1))


def frame(rows=40, freq="D", start="2019-12-20"):
    generator = np.random.default_rng(1)
    index = pd.date_range(start, periods=rows, freq=freq)
    values = generator.uniform(50, 150, (rows, 4))
    low = values.min(axis=1) - 1
    high = values.max(axis=1) + 1
    data = {
        "open": values[:, 0],
        "high": high,
        "low": low,
        "close": values[:, 3],
        "volume": generator.uniform(0, 9, rows),
    }
    signals = {"prediction": generator.normal(0, 1, rows), "confidence": generator.uniform(0, 1, rows)}
    table = pd.DataFrame({**data, **signals}, index=index)
    table.iloc[:3, 5:] = NAN
    return table


class Reader(bt.Strategy):
    """Writes down every line of the feed at every bar."""

    def __init__(self):
        self.seen = []

    def next(self):
        self.seen.append([getattr(self.data.lines, name)[0] for name in ALL] + [self.data.datetime.datetime()])


def read(feed, **options):
    cerebro = bt.Cerebro(stdstats=False, **options)
    cerebro.adddata(feed)
    cerebro.addstrategy(Reader)
    run = cerebro.run()
    return run[0].seen if run else []


def same(one, other):
    assert len(one) == len(other) > 0
    assert [row[-1] for row in one] == [row[-1] for row in other]
    np.testing.assert_array_equal(np.array([row[:-1] for row in one]), np.array([row[:-1] for row in other]))


@pytest.mark.parametrize("freq", ["D", "B", "h", "7min", "13s"])
def test_it_is_backtraders_own_feed_to_the_bit(freq):
    table = frame(freq=freq)
    same(read(SignalFeed(dataname=table)), read(Stock(dataname=table)))


@pytest.mark.parametrize("options", [{"preload": False}, {"runonce": False}, {"exactbars": 1}, {"lookahead": 2}])
def test_every_way_to_run_gives_the_same(options):
    table = frame()
    same(read(SignalFeed(dataname=table), **options), read(Stock(dataname=table)))


def test_dates_from_and_to_are_kept():
    table = frame()
    span = {"fromdate": table.index[5].to_pydatetime(), "todate": table.index[9].to_pydatetime()}
    same(read(SignalFeed(dataname=table, **span)), read(Stock(dataname=table, **span)))


def test_it_can_be_resampled():
    table = frame(rows=35, start="2020-01-06")

    def weekly(kind):
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.resampledata(kind(dataname=table), timeframe=bt.TimeFrame.Weeks)
        cerebro.addstrategy(Reader)
        return cerebro.run()[0].seen

    same(weekly(SignalFeed), weekly(Stock))


def test_it_can_run_twice():
    feed = SignalFeed(dataname=frame())
    same(read(feed), read(feed))


def test_aware_times_are_taken_to_utc():
    table = frame(freq="h").tz_localize("America/New_York")
    assert read(SignalFeed(dataname=table))[0][-1] == table.index[0].tz_convert("UTC").tz_localize(None).to_pydatetime()


def test_without_signals_there_is_no_opinion():
    seen = read(SignalFeed(dataname=frame()[PRICES]))
    assert all(np.isnan(row[5:9]).all() for row in seen)


def test_a_frame_without_rows_is_a_feed_without_bars():
    assert read(SignalFeed(dataname=frame().iloc[:0])) == []


@given(
    st.lists(st.datetimes(pd.Timestamp("1971-01-01"), pd.Timestamp("2100-01-01")), min_size=1, max_size=5, unique=True)
)
def test_times_are_numbered_as_backtrader_does(times):
    index = pd.DatetimeIndex(sorted({time.replace(microsecond=0) for time in times}))
    assert list(numbers_of(index, "a")) == [bt.date2num(time) for time in index.to_pydatetime()]


@given(st.lists(st.dates(date(1700, 1, 1), date(2250, 1, 1)), min_size=1, max_size=5, unique=True))
def test_dates_are_numbered_as_backtrader_does(days):
    assert list(numbers_of(pd.DatetimeIndex(sorted(days)), "a")) == [bt.date2num(day) for day in sorted(days)]


# --- what is refused


def spoilt(column, value, row=7):
    table = frame()
    table.loc[table.index[row], column] = value
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (spoilt("open", NAN), "feed: open is nan on 2019-12-27 00:00:00; prices must be finite and > 0"),
        (spoilt("close", np.inf), "close is inf on 2019-12-27"),
        (spoilt("low", 0.0), "low is 0 on 2019-12-27"),
        (spoilt("high", -1.0), "high is -1 on 2019-12-27"),
        (spoilt("confidence", 1.5), r"confidence is 1.5 on 2019-12-27 00:00:00; it must lie in \[0, 1\]"),
        (spoilt("confidence", np.inf), "confidence is inf on 2019-12-27"),
        (spoilt("prediction", -np.inf), "prediction is infinite on 2019-12-27"),
        (frame().drop(columns="low"), "feed: the frame has no column 'low'; a feed needs open, high, low, close"),
        (frame().iloc[::-1], "2020-01-27 00:00:00 follows 2020-01-28 00:00:00; times must strictly increase"),
        (frame().iloc[[0, 1, 1, 2]], "2019-12-21 00:00:00 follows 2019-12-21 00:00:00; times must strictly increase"),
        (frame(freq="500ms"), "2019-12-20 00:00:00.500000 is finer than a second; backtrader cannot keep it"),
        (frame().reset_index(drop=True), "feed: the index holds int64; it must hold times"),
        (frame().set_axis([pd.NaT, *frame().index[1:]]), "the time of row 0 is missing"),
    ],
)
def test_what_backtrader_would_swallow_is_refused(table, message):
    with pytest.raises(DataError, match=message):
        SignalFeed(dataname=table)


def test_the_message_names_the_symbol():
    with pytest.raises(DataError, match="nasdaq: open is nan"):
        SignalFeed(dataname=spoilt("open", NAN), name="nasdaq")
