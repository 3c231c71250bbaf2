"""Bars of a request are judged as bars of a file are, and their times are read as there."""

import copy

import numpy as np
import pandas as pd
import pytest
from fake_model import NEW_YORK, rows
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from core.types import COLUMNS
from marketdata.sources.base import RawTable
from marketdata.validation import checked
from serving.bar_rows import checked_rows, moments
from serving.problems import Problem

NOW = pd.Timestamp("2024-06-28", tz="UTC")
ODD = [0.0, -1.0, 1e-320, 1e300, 100.0, 100.00001, 99.99999, 1e308]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(COLUMNS), st.sampled_from(ODD)), max_size=3))
def test_they_are_refused_exactly_if_a_file_with_them_is(changes):
    bars = copy.deepcopy(rows([100.0] * 10))
    for row, name, value in changes:
        bars[row][name] = value
    frame = pd.DataFrame(bars).astype(dict.fromkeys(COLUMNS, float)).set_index("time")[list(COLUMNS)]
    frame.index = pd.to_datetime(frame.index)
    try:
        expected = checked("A", RawTable(frame, "file"))
    except DataError:
        with pytest.raises(Problem) as raised:
            checked_rows("A", bars, NEW_YORK, "bars", NOW)
        assert raised.value.faults[0].where.startswith("bars[")
    else:
        read = checked_rows("A", bars, NEW_YORK, "bars", NOW)
        assert np.array_equal(read.frame[list(COLUMNS)].to_numpy(), expected.to_numpy())


@pytest.mark.parametrize(
    ("texts", "utc"),
    [
        (["2024-06-28"], "2024-06-28T20:00Z"),
        (["2024-01-02"], "2024-01-02T21:00Z"),
        (["2024-01-02T00:00:00+00:00"], "2024-01-02T21:00Z"),
        (["2024-01-02T00:00:00-05:00"], "2024-01-02T21:00Z"),
        (["2024-06-28T20:00:00Z"], "2024-06-28T20:00Z"),
        (["2024-06-28T20:00:00+00:00"], "2024-06-28T20:00Z"),
        (["2024-06-28T16:00:00-04:00"], "2024-06-28T20:00Z"),
        (["2024-06-28 16:00-0400"], "2024-06-28T20:00Z"),
        (["2024-06-28T20:00:00.000000Z"], "2024-06-28T20:00Z"),
    ],
)
def test_times(texts, utc):
    [stamp] = moments(texts, NEW_YORK, lambda row: f"bars[{row}].time")
    assert (stamp, stamp.unit) == (pd.Timestamp(utc), "ns")


@given(st.datetimes(pd.Timestamp(1700, 1, 1), pd.Timestamp(2200, 1, 1)), st.sampled_from(["Z", "+00:00"]))
def test_times_in_utc_are_read_as_pandas_reads_them(time, offset):
    text = f"{time:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + offset
    if text[11:19] != "00:00:00":
        assert moments([text], NEW_YORK, str)[0] == pd.Timestamp(text)


@pytest.mark.parametrize(
    ("texts", "place", "message"),
    [
        (["2024-06-28", "28.06.2024"], 1, "is no date, and no time with a UTC offset"),
        (["2024-06-28T16:00:00"], 0, "no time with a UTC offset"),
        (["2024-02-30"], 0, "there is no such time"),
        (["2024-06-28T25:00:00Z"], 0, "there is no such time"),
        (["2024-06-27", "2024-06-28T20:00:00Z"], 1, "dates and times are mixed"),
        (["9999-06-27T20:00:00Z"], 0, "there is no such time"),
        (["9999-06-27"], 0, "there is no such time"),
        (["0001-06-27T20:00:00+03:00"], 0, "there is no such time"),
        ([""], 0, "is no date"),
        (["{}"], 0, "is no date"),
        (["٢٠٢٤-٠٦-٢٨"], 0, "is no date"),
    ],
)
def test_times_that_are_none(texts, place, message):
    with pytest.raises(Problem, match=message) as raised:
        moments(texts, NEW_YORK, lambda row: f"bars[{row}].time")
    assert raised.value.faults[0].where == f"bars[{place}].time"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": "2024-01-02"}, r"bars\[1\].*duplicate date"),
        ({"time": "2024-01-01"}, r"bars\[1\].*the date is earlier than the one before it"),
        ({"time": "2024-07-30"}, r"bars\[1\].*lies in the future"),
        ({"high": 1.0}, r"bars\[1\].*high 1 is below low"),
        ({"close": 200.0, "high": 150.0}, r"bars\[1\].*close 200 lies outside"),
        ({"volume": -1.0}, r"bars\[1\].*volume is -1"),
    ],
)
def test_bars_that_are_refused(change, message, monkeypatch):
    bars = rows([100.0, 100.0])
    bars[1] |= change
    monkeypatch.setattr(pd.Timestamp, "now", classmethod(lambda cls, tz=None: NOW))
    with pytest.raises(Problem, match=message):
        checked_rows("A", bars, NEW_YORK, "bars", NOW)
