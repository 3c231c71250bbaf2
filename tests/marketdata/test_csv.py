"""Good files come back exactly, whatever their dates look like."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import COLUMNS
from marketdata.data_spec import DataSpec
from marketdata.sources.csv import Csv

HEADER = "Date,Open,High,Low,Close,Volume"


def dated(cells, *stamps):
    return [[stamp, *line[1:]] for stamp, line in zip(stamps, cells, strict=True)]


def times(spec) -> list[str]:
    return [f"{time:%Y-%m-%d %H:%M %Z}" for time in spec.load().bars["AAPL"].times]


def test_a_plain_file(spec_of, cells):
    market = spec_of(cells).load()
    bars = market.bars["AAPL"]
    assert (market.trade, market.benchmark, market.zone) == (("AAPL",), "AAPL", "UTC")
    assert bars.close.tolist() == [11, 12, 13, 14]
    assert bars.open.tolist() == [10.5, 11.5, 12.5, 13.5]
    assert bars.volume.tolist() == [100] * 4
    assert str(bars.times.dtype) == "datetime64[ns, UTC]"
    assert not bars.close.flags.writeable
    assert market.notes == ("daily bars: 4 sessions (days in UTC) from 2020-01-02 to 2020-01-07",)


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r"])
def test_line_ends_byte_order_mark_spaces_and_blank_end(spec_of, cells, break_):
    content = "﻿" + break_.join([HEADER.replace(",", ", "), *(", ".join(line) for line in cells), "", ""])
    assert spec_of(content).load().bars["AAPL"].close.tolist() == [11, 12, 13, 14]


@pytest.mark.parametrize(
    "stamps",
    [
        ("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-17"),
        ("1/2/2020", "1/3/2020", "1/6/2020", "1/17/2020"),
        ("01/02/2020", "01/03/2020", "01/06/2020", "01/17/2020"),
        ("2020-01-02 00:00:00", "2020-01-03 00:00:00", "2020-01-06 00:00:00", "2020-01-17 00:00:00"),
    ],
)
def test_dates_close_at_the_end_of_their_utc_day_unless_said(spec_of, cells, stamps):
    days = ("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-17")
    assert times(spec_of(dated(cells, *stamps))) == [f"{day} 23:59 UTC" for day in days]


def test_dates_close_when_the_config_says(spec_of, cells):
    stamps = (
        "2020-03-05",
        "2020-03-06",
        "2020-03-09",
        "2020-11-02",
    )  # summer time begins on March 8, ends on November 1
    spec = spec_of(dated(cells, *stamps), session_close="16:00 America/New_York")
    hours = (21, 21, 20, 21)
    assert times(spec) == [f"{stamp} {hour}:00 UTC" for stamp, hour in zip(stamps, hours, strict=True)]
    assert spec.load().zone == "America/New_York"


@pytest.mark.parametrize("zone", ["Z", "UTC", " UTC", "+00:00", "+0000"])
def test_stamps_in_utc(spec_of, cells, zone):
    stamps = [f"2020-01-02T1{i}:30:15{zone}" for i in range(4)]
    assert times(spec_of(dated(cells, *stamps))) == [f"2020-01-02 1{i}:30 UTC" for i in range(4)]


def test_stamps_with_one_offset_are_converted(spec_of, cells):
    stamps = [f"1/{14 + i}/2020 16:00-05:00" for i in range(4)]
    assert times(spec_of(dated(cells, *stamps))) == [f"2020-01-{14 + i} 21:00 UTC" for i in range(4)]


def test_offsets_may_follow_the_clock_of_the_stated_zone(spec_of, cells):
    stamps = ("2020-03-05T16:00-05:00", "2020-03-06T16:00-05:00", "2020-03-09T16:00-04:00", "2020-11-02T16:00-05:00")
    spec = spec_of(dated(cells, *stamps), session_close="16:00 America/New_York")
    assert [text[11:16] for text in times(spec)] == ["21:00", "21:00", "20:00", "21:00"]


def test_times_without_a_zone_are_times_of_the_stated_zone(spec_of, cells):
    stamps = ("2020-03-06 15:00", "2020-03-06 16:00", "2020-03-09 15:00", "2020-03-09 16:00")
    spec = spec_of(dated(cells, *stamps), session_close="16:00 America/New_York")
    assert [text[11:16] for text in times(spec)] == ["20:00", "21:00", "19:00", "20:00"]
    assert "AAPL: times of day are taken as America/New_York time" in spec.load().notes


def test_other_columns_are_left_out_with_a_note(spec_of, cells):
    content = "\n".join([HEADER + ",Adj Close,Note", *(",".join([*line, line[4], "x"]) for line in cells)])
    assert spec_of(content).load().notes[:-1] == ("AAPL: columns not used: Adj Close, Note",)
    notes = spec_of(content.replace("2020-01-07,13.5,15,13,14,100,14", "2020-01-07,13.5,15,13,14,100,7")).load().notes
    assert notes[:-1] == (
        "AAPL: columns not used: Adj Close, Note; Adj Close differs from Close in 1 row, so splits and dividends look "
        "like moves of the price (`adjust: true`)",
    )


def test_a_rounding_error_is_taken_as_it_is_and_said(spec_of, cells):
    cells[0][4] = "12.000000012"  # the high is 12
    market = spec_of(cells).load()
    assert market.bars["AAPL"].close[0] == 12.000000012
    assert market.notes[:-1] == ("AAPL: open or close lies outside low to high by a rounding error on 1 bar",)


def test_a_relative_path_is_taken_from_the_working_directory(spec_of, cells, tmp_path, monkeypatch):
    spec_of(cells)
    monkeypatch.chdir(tmp_path)
    assert Csv(files={"AAPL": "AAPL.csv"}).tables()["AAPL"].where == "AAPL.csv"


prices = st.floats(min_value=1e-6, max_value=1e9)


@st.composite
def frames(draw) -> pd.DataFrame:
    """Sound bars with gaps, ties and extremes, on increasing days."""
    count = draw(st.integers(1, 12))
    quotes = np.sort(np.array(draw(st.lists(st.tuples(*[prices] * 4), min_size=count, max_size=count))), axis=1)
    swap = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    steps = draw(st.lists(st.integers(1, 400), min_size=count, max_size=count))
    days = pd.Timestamp("1990-01-01") + pd.to_timedelta(np.cumsum(steps), unit="D")
    volume = draw(st.lists(st.floats(0, 1e12) | st.integers(0, 2**40), min_size=count, max_size=count))
    columns = {
        "open": np.where(swap, quotes[:, 1], quotes[:, 2]),
        "high": quotes[:, 3],
        "low": quotes[:, 0],
        "close": np.where(swap, quotes[:, 2], quotes[:, 1]),
        "volume": np.array(volume, dtype=float),
    }
    return pd.DataFrame(columns, index=days.rename("Date"))


@given(frame=frames())
@settings(max_examples=60, deadline=None)
def test_what_is_written_comes_back_exactly(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("prices") / "A.csv"
    buffer = io.StringIO()
    frame.rename(columns=str.capitalize).to_csv(buffer)
    path.write_text(buffer.getvalue(), encoding="utf-8")
    loaded = DataSpec(source=Csv(files={"A": str(path)}), session_close="16:00 Europe/Berlin").load().bars["A"]
    for name in COLUMNS:
        assert np.array_equal(getattr(loaded, name), frame[name].to_numpy()), name
    local = loaded.times.tz_convert("Europe/Berlin")
    assert list(local.strftime("%Y-%m-%d")) == list(frame.index.strftime("%Y-%m-%d"))
    assert (local.hour == 16).all()
