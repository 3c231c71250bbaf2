import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import COLUMNS, Bars, Market, SignalFrame, read_only


def bars(symbol: str = "A", first: str = "2020-01-01", count: int = 5, start: float = 10.0) -> Bars:
    times = pd.date_range(first, periods=count, tz="UTC", unit="s")
    close = start + np.arange(count)
    columns = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": np.arange(count)}
    return Bars.of(symbol, pd.DataFrame(columns, index=times))


def stamp(day: int, hour: int = 0) -> pd.Timestamp:
    return pd.Timestamp(2020, 1, day, hour, tz="UTC")


def test_bars_are_float64_read_only_copies_on_a_nanosecond_clock():
    source = bars().frame
    result = Bars.of("A", source)
    source.loc[:, "close"] = 0.0
    assert result.close.tolist() == [10, 11, 12, 13, 14]
    assert result.volume.dtype == np.float64
    assert str(result.times.dtype) == "datetime64[ns, UTC]"
    with pytest.raises(ValueError, match="read-only"):
        result.close[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        result.between(stamp(2), None).close[0] = 1.0


def test_the_frame_is_a_copy_that_may_be_changed():
    result = bars()
    frame = result.frame
    frame.loc[:, "close"] = 0.0
    assert result.close[0] == 10
    assert list(frame.columns) == list(COLUMNS)
    assert frame.index.equals(result.times)


@pytest.mark.parametrize(
    ("first", "last", "closes"),
    [
        (None, None, [10, 11, 12, 13, 14]),
        (stamp(2), stamp(4), [11, 12, 13]),
        (stamp(2, 1), stamp(4, 1), [12, 13]),
        (None, stamp(1), [10]),
        (stamp(5), None, [14]),
        (stamp(6), None, []),
    ],
)
def test_between_includes_both_ends(first, last, closes):
    cut = bars().between(first, last)
    assert cut.close.tolist() == closes
    assert len(cut) == len(cut.times) == len(closes)
    assert cut.symbol == "A"


def market() -> Market:
    return Market({"A": bars("A"), "B": bars("B", "2020-01-03", 6), "C": bars("C")}, ("A", "B"), "C", "UTC", ("note",))


def test_times_are_the_union_of_what_is_traded():
    assert market().times.equals(pd.date_range("2020-01-01", periods=8, tz="UTC", unit="ns"))
    assert str(market().times.dtype) == "datetime64[ns, UTC]"


@given(day=st.integers(1, 8), hour=st.integers(0, 23))
def test_until_and_since_split_every_symbol(day, hour):
    now = stamp(day, hour)
    before = market().until(now)
    after = market().since(now + pd.Timedelta(1, "ns"))
    for symbol, full in market().bars.items():
        assert before.bars[symbol].times.append(after.bars[symbol].times).equals(full.times)
        assert (before.bars[symbol].times <= now).all()
    assert (before.trade, before.benchmark, before.notes) == (("A", "B"), "C", ("note",))


def test_signals_start_at_the_first_fold():
    fold = np.array([-1, -1, 0, 0, 1])
    empty = np.full((5, 1), np.nan)
    assert SignalFrame(bars().times, ("A",), empty, empty, fold).start == stamp(3)


def test_read_only_copies():
    values = [1, 2]
    array = read_only(values)
    assert array.dtype == np.float64
    assert not array.flags.writeable
    original = np.zeros(2)
    read_only(original)
    assert original.flags.writeable
