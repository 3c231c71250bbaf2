"""Columns in any usual spelling, case and order, of text and Parquet alike."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from marketdata.data_spec import DataSpec
from marketdata.sources.csv import Csv
from marketdata.sources.parquet import Parquet

DAYS = ("2020-01-02", "2020-01-03", "2020-01-06")
TABLE = {
    "Date": list(DAYS),
    "Open": [10.5, 11.5, 12.5],
    "High": [12.0, 13.0, 14.0],
    "Low": [10.0, 11.0, 12.0],
    "Close": [11.0, 12.0, 13.0],
    "Volume": [100, 200, 300],
}
KINDS = {"csv": Csv, "parquet": Parquet}


@pytest.fixture(params=["csv", "parquet"])
def spec_of(request, tmp_path):
    """A spec over the columns of one file, of either kind."""
    return lambda columns, **keys: make(tmp_path, request.param, columns, **keys)


def make(folder, kind, columns, *, adjust=False, **keys) -> DataSpec:
    path = folder / f"A.{kind}"
    frame = pd.DataFrame(columns)
    path.write_bytes(frame.to_csv(index=False).encode() if kind == "csv" else frame.to_parquet(index=False))
    return DataSpec(source=KINDS[kind](files={"A": str(path)}, adjust=adjust), **keys)


def renamed(**names) -> dict:
    return {names.get(name.lower(), name): cells for name, cells in TABLE.items()}


@pytest.mark.parametrize("name", ["date", "DATE", "<DATE>", "Datetime", "timestamp", "time", "Time Stamp", "date_time"])
def test_the_date_may_be_called(spec_of, name):
    assert f"{spec_of(renamed(date=name)).load().times[0]:%F}" == "2020-01-02"


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("open", "OPEN"),
        ("open", "<OPEN>"),
        ("open", "o"),
        ("high", " high "),
        ("low", "Low Price"),
        ("close", "Close/Last"),
        ("close", "<CLOSE>"),
        ("close", "c"),
        ("volume", "Vol."),
        ("volume", "<VOL>"),
    ],
)
def test_a_column_may_be_called(spec_of, role, name):
    market = spec_of(renamed(**{role: name})).load()
    assert getattr(market.bars["A"], role).tolist() == TABLE[role.title()]
    assert not [note for note in market.notes if "column" in note]


@given(order=st.permutations(list(TABLE)), upper=st.booleans())
def test_any_order_and_case(tmp_path_factory, order, upper):
    folder = tmp_path_factory.mktemp("order")
    columns = {name.upper() if upper else name: TABLE[name] for name in order}
    for kind in KINDS:
        bars = make(folder, kind, columns).load().bars["A"]
        assert (bars.open.tolist(), bars.close.tolist()) == (TABLE["Open"], TABLE["Close"])


def test_a_date_and_a_time_of_day_are_one_stamp(spec_of):
    columns = {**TABLE, "Date": ["2020-01-02"] * 3, "Time": ["15:00", "15:30", "16:00"]}
    market = spec_of(columns, session_close="16:00 America/New_York").load()
    assert [f"{time:%H:%M}" for time in market.times] == ["20:00", "20:30", "21:00"]


def test_without_volume_it_is_0_and_said(spec_of):
    market = spec_of({name: cells for name, cells in TABLE.items() if name != "Volume"}).load()
    assert market.bars["A"].volume.tolist() == [0, 0, 0]
    assert market.notes[:2] == ("A: there is no column of volume", "A: volume is 0 on every bar")


@pytest.mark.parametrize("name", ["Adj Close", "adj_close", "Adj. Close", "AdjClose", "Adjusted Close", "Adj Close*"])
def test_an_adjusted_close_is_applied_if_asked(spec_of, name):
    columns = {**TABLE, name: [5.5, 6.0, 13.0]}  # factors 0.5, 0.5, 1
    market = spec_of(columns, adjust=True).load()
    bars = market.bars["A"]
    assert bars.open.tolist() == [5.25, 5.75, 12.5]
    assert bars.high.tolist() == [6.0, 6.5, 14.0]
    assert bars.low.tolist() == [5.0, 5.5, 12.0]
    assert bars.close.tolist() == [5.5, 6.0, 13.0]
    assert bars.volume.tolist() == [200, 400, 300]
    assert "A: Adj Close is applied: prices x Adj Close / Close, volume divided by it" in market.notes
    plain = spec_of(columns).load()
    assert plain.bars["A"].close.tolist() == TABLE["Close"]
    assert any("differs from Close in 2 rows" in note and "`adjust: true`" in note for note in plain.notes)


@given(
    closes=st.lists(st.floats(0.01, 1e5), min_size=2, max_size=2),
    factors=st.lists(st.floats(1e-4, 1e3), min_size=2, max_size=2),
)
def test_adjusting_keeps_equal_prices_equal(tmp_path_factory, closes, factors):
    columns = {**dict.fromkeys(("Open", "High", "Low", "Close"), closes), "Date": DAYS[:2], "Volume": [1, 1]}
    columns["Adj Close"] = [close * factor for close, factor in zip(closes, factors, strict=True)]
    market = make(tmp_path_factory.mktemp("equal"), "parquet", columns, adjust=True).load()
    bars = market.bars["A"]
    assert bars.open.tolist() == bars.high.tolist() == bars.low.tolist() == bars.close.tolist()
    np.testing.assert_allclose(bars.close, columns["Adj Close"], rtol=1e-14)
    assert not any("rounding" in note for note in market.notes)


def refused(spec, match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        spec.load()
    assert "\n" not in caught.value.line
    assert caught.value.line.startswith("A (")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({**TABLE, "close": TABLE["Close"]}, "columns Close, close mean the same; keep one"),
        ({**TABLE, "Timestamp": DAYS}, "columns Date, Timestamp mean the same; keep one"),
        (
            {**{k: v for k, v in TABLE.items() if k != "Date"}, "timestamp": DAYS, "time": DAYS},
            "columns timestamp, time mean the same",
        ),
        ({**TABLE, "Adj Close": [1, 1, 1], "adjclose": [1, 1, 1]}, "columns Adj Close, adjclose mean the same"),
        (
            {k: v for k, v in TABLE.items() if k not in ("High", "Date")},
            "column Date, High is missing; found: Open, Low, Close, Volume; the .* must name Date, Open,",
        ),
    ],
)
def test_doubled_and_missing_columns_are_refused(spec_of, columns, match):
    refused(spec_of(columns), match)


def test_adjust_needs_its_column(spec_of):
    refused(spec_of(TABLE, adjust=True), "adjust is true, but column Adj Close is missing; found: .*; give it, or drop")


@pytest.mark.parametrize(
    ("cell", "match"),
    [
        (0.0, r"adj close is 0 in row 2 \(line 3, 2020-01-03\); prices must be above 0"),
        (np.nan, r"adj close is missing \(NaN\) in row 2"),
        (-1.0, "adj close is -1 in row 2"),
        (1e-320, "is infinite in row 2"),
    ],
)
def test_an_adjusted_close_that_cannot_be_is_refused(spec_of, cell, match):
    refused(spec_of({**TABLE, "Adj Close": [11.0, cell, 13.0]}, adjust=True), match)


# What only Parquet can hold.


def parquet(folder, frame: pd.DataFrame, **keys) -> DataSpec:
    path = folder / "A.parquet"
    frame.to_parquet(path)
    return DataSpec(source=Parquet(files={"A": str(path)}), **keys)


def frame(dates) -> pd.DataFrame:
    return pd.DataFrame({**TABLE, "Date": dates})


@pytest.mark.parametrize(
    "dates",
    [
        pd.to_datetime(list(DAYS)),
        pd.to_datetime(list(DAYS)).as_unit("ms"),
        [dt.date.fromisoformat(day) for day in DAYS],
        list(DAYS),
        pd.Series(list(DAYS), dtype="category"),
    ],
    ids=["stamps", "milliseconds", "dates", "text", "categories"],
)
def test_dates_in_any_type(tmp_path, dates):
    spec = parquet(tmp_path, frame(dates), session_close="16:00 America/New_York")
    assert [f"{time:%F %H:%M}" for time in spec.load().times] == [f"{day} 21:00" for day in DAYS]


@pytest.mark.parametrize("name", [None, "Date", "timestamp"])
def test_an_index_of_times_is_the_date_column(tmp_path, name):
    table = frame(pd.to_datetime(list(DAYS))).set_index("Date").rename_axis(name)
    assert f"{parquet(tmp_path, table).load().times[0]:%F}" == "2020-01-02"


def test_stamps_with_a_zone_are_converted_over_a_change_of_the_clock(tmp_path):
    stamps = pd.DatetimeIndex(["2020-03-06 16:00", "2020-03-09 16:00", "2020-11-02 16:00"], tz="America/New_York")
    assert [f"{time:%H:%M}" for time in parquet(tmp_path, frame(stamps)).load().times] == ["21:00", "20:00", "21:00"]


def test_stamps_that_are_midnights_of_their_zone_are_remarked(tmp_path):
    stamps = pd.DatetimeIndex(DAYS, tz="America/New_York")
    assert any("every stamp is a midnight" in note for note in parquet(tmp_path, frame(stamps)).load().notes)


def test_stamps_without_a_zone_need_one(tmp_path):
    stamps = pd.to_datetime(["2020-01-02 15:00", "2020-01-02 16:00", "2020-01-03 15:00"])
    with pytest.raises(DataError, match=r"a time of day but no zone; .*data.session_close"):
        parquet(tmp_path, frame(stamps)).load()
    stated = parquet(tmp_path, frame(stamps), session_close="16:00 America/New_York")
    assert f"{stated.load().times[0]:%H:%M}" == "20:00"


@pytest.mark.parametrize(
    "cells",
    [
        pd.array([11, 12, 13], dtype="Int64"),
        pd.array([11.0, 12.0, 13.0], dtype="Float64"),
        np.array([11, 12, 13], dtype="float32"),
        [Decimal("11"), Decimal("12"), Decimal("13")],
        ["11", "12", "13"],
    ],
    ids=["Int64", "Float64", "float32", "decimal", "text"],
)
def test_numbers_in_any_type(tmp_path, cells):
    assert parquet(tmp_path, frame(list(DAYS)).assign(Close=cells)).load().bars["A"].close.tolist() == [11, 12, 13]


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (frame([3, 4, 5]), "3 is no date and no time since 1970 in rows 1 .*; write dates, or state the unit"),
        (frame(pd.DatetimeIndex(["2020-01-02", None, "2020-01-06"])), r"the date is missing in row 2 \(line 3\)"),
        (frame(["2020-01-02", None, "2020-01-06"]), "'' is no date in row 2"),
        (frame(list(DAYS)).assign(Close=pd.array([11, None, 13], dtype="Int64")), r"close is missing \(NaN\) in row 2"),
        (frame(list(DAYS)).assign(Close=[11, 12, -13]), "close is -13 in row 3"),
        (frame(list(DAYS)).iloc[:0], "there is a header but no row"),
    ],
)
def test_a_table_that_cannot_be_is_refused(tmp_path, table, match):
    refused(parquet(tmp_path, table), match)


@pytest.mark.parametrize("content", [b"", b"Date,Open\n", b"PAR1" + b"\0" * 30 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    path = tmp_path / "A.parquet"
    path.write_bytes(content)
    refused(DataSpec(source=Parquet(files={"A": str(path)})), "is no Parquet file that can be read: .*; write it again")


def test_text_and_parquet_of_one_table_are_the_same_market(tmp_path):
    frames = [make(tmp_path, kind, TABLE).load().bars["A"].frame for kind in KINDS]
    pd.testing.assert_frame_equal(*frames)
