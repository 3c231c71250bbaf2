"""The config block: span, benchmark, traded symbols, session, identity."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import DataError
from core.types import COLUMNS
from marketdata.data_spec import DataSpec
from marketdata.sources.csv import Csv
from marketdata.sources.sample import Sample

BOTH = {"kind": "sample", "symbols": ["nasdaq", "sp500"]}
ONE = {"kind": "sample"}


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"source": {"kind": "sampel"}}, "no 'sampel' in marketdata/sources; did you mean 'sample'"),
        ({"source": {}}, "must be a mapping with a `kind`, one of csv, json, parquet, sample, stocks"),
        ({"source": {"kind": "csv", "files": {}}}, "at least 1 item"),
        ({"source": {"kind": "csv", "files": {"": "a.csv"}}}, "at least 1 character"),
        ({"source": ONE, "start": "2001-01-02", "end": "2001-01-01"}, "start 2001-01-02 is after end 2001-01-01"),
        ({"source": ONE, "start": "2001-02-30"}, "valid date"),
        ({"source": BOTH, "benchmark": {"kind": "baskt"}}, "'basket'"),
        ({"source": BOTH, "benchmark": {"kind": "basket", "rebalance": True}}, "Extra inputs"),
        ({"source": BOTH, "benchmark": "sp50"}, "the source has no symbol 'sp50'; did you mean 'sp500'"),
        ({"source": ONE, "benchmark": "^GSPC"}, r"the source has no symbol '\^GSPC'; known: nasdaq"),
        ({"source": BOTH, "benchmark": "sp500", "trade": ["nasdq"]}, "no symbol 'nasdq'; did you mean 'nasdaq'"),
        ({"source": BOTH, "benchmark": "sp500", "trade": []}, "at least one symbol, and each once"),
        ({"source": BOTH, "benchmark": "sp500", "trade": ["nasdaq"] * 2}, "at least one symbol, and each once"),
        ({"source": ONE, "session_close": "4pm"}, 'a time and a zone, for example "16:00 America/New_York"'),
        ({"source": ONE, "session_close": "25:00 UTC"}, "a time and a zone"),
        (
            {"source": ONE, "session_close": "16:00 America/NewYork"},
            "no time zone America/NewYork; did you mean America/New_York",
        ),
        ({"source": ONE, "session_close": "16:00 America"}, "no time zone America;"),
        ({"source": ONE, "session_close": "16:00 ../etc"}, r"no time zone \.\./etc; use an IANA name"),
        ({"source": ONE, "begin": "2001-01-01"}, "Extra inputs"),
    ],
)
def test_wrong_keys_are_refused(keys, match):
    with pytest.raises(ValidationError, match=match) as caught:
        DataSpec.parse(keys)
    assert caught.value.error_count() == 1


@pytest.mark.parametrize(
    ("keys", "trade", "benchmark"),
    [
        ({"source": ONE}, ("nasdaq",), "nasdaq"),
        ({"source": BOTH, "benchmark": "sp500"}, ("nasdaq",), "sp500"),
        ({"source": BOTH, "benchmark": "nasdaq"}, ("sp500",), "nasdaq"),
        ({"source": BOTH, "benchmark": "sp500", "trade": ["sp500", "nasdaq"]}, ("sp500", "nasdaq"), "sp500"),
        ({"source": BOTH}, ("nasdaq", "sp500"), "basket"),
        ({"source": BOTH, "benchmark": "basket", "trade": ["sp500"]}, ("sp500",), "basket"),
        ({"source": BOTH, "trade": ["sp500"]}, ("sp500",), "sp500"),
        ({"source": BOTH, "benchmark": {"kind": "basket"}}, ("nasdaq", "sp500"), "basket"),
    ],
)
def test_who_trades_and_who_is_compared_with(keys, trade, benchmark):
    spec = DataSpec.parse(keys)
    assert (spec.trade_symbols, spec.benchmark_symbol) == (trade, benchmark)


@pytest.mark.parametrize(
    ("keys", "basket"),
    [
        ({"source": BOTH}, "held"),
        ({"source": BOTH, "benchmark": "basket"}, "held"),
        ({"source": BOTH, "benchmark": {"rebalanced": True}}, "rebalanced"),
        ({"source": BOTH, "benchmark": {"kind": "basket", "rebalanced": True}}, "rebalanced"),
        ({"source": BOTH, "benchmark": "sp500"}, ""),
        ({"source": BOTH, "trade": ["sp500"]}, ""),
        ({"source": {"kind": "csv", "files": {"basket": "a.csv", "X": "b.csv"}}, "benchmark": "basket"}, ""),
    ],
)
def test_the_basket_is_named_or_the_default_of_several_symbols(keys, basket):
    assert DataSpec.parse(keys).basket == basket


def test_a_basket_by_default_is_the_run_of_one_that_is_named():
    ids = [
        DataSpec.parse({"source": BOTH, **keys}).identity()["benchmark"]
        for keys in ({}, {"benchmark": "basket"}, {"benchmark": {"rebalanced": True}})
    ]
    assert ids == [{"basket": "held"}, {"basket": "held"}, {"basket": "rebalanced"}]


def test_the_span_is_inclusive_in_sessions_and_notes_are_of_the_span():
    spec = DataSpec.parse({"source": ONE, "start": "2015-05-12", "end": "2015-05-14"})
    market = spec.load()
    assert [f"{time:%m-%d %H:%M}" for time in market.times] == ["05-12 20:00", "05-13 20:00", "05-14 20:00"]
    assert market.notes == ("nasdaq: volume is 0 on 1 bar: 2015-05-12",)
    assert DataSpec(source=Sample(), start=dt.date(2015, 5, 13), end=dt.date(2015, 5, 13)).load().notes == ()


def test_an_empty_span_names_the_files():
    spec = DataSpec.parse({"source": ONE, "start": "2019-01-01"})
    message = r"no bar from 2019-01-01 to the end; it spans 1999-01-04 to 2018-12-31, change data.start or data.end"
    with pytest.raises(DataError, match=rf"nasdaq \(nasdaq.csv.gz\): {message}"):
        spec.load()
    with pytest.raises(DataError, match="no bar from the beginning to 1998-01-01"):
        DataSpec.parse({"source": ONE, "end": "1998-01-01"}).load()


def test_a_session_that_the_clock_skips_is_refused(spec_of, cells):
    cells[3][0] = "2020-03-08"
    with pytest.raises(DataError, match=r"02:30 America/New_York falls into a change of the clock"):
        spec_of(cells, session_close="02:30 America/New_York").load()


def test_a_time_that_the_clock_skips_is_refused(spec_of, cells):
    stamps = ("2020-03-08 01:30", "2020-03-08 02:30", "2020-03-08 03:30", "2020-03-08 04:30")
    content = [[stamp, *line[1:]] for stamp, line in zip(stamps, cells, strict=True)]
    with pytest.raises(DataError, match=r"change of the clock in America/New_York in row 2 .* with its UTC offset"):
        spec_of(content, session_close="16:00 America/New_York").load()


def test_stamps_that_are_all_midnights_are_dates(spec_of, cells):
    content = [[f"{line[0]}T00:00:00-05:00", *line[1:]] for line in cells]
    market = spec_of(content).load()
    assert market.notes[:-1] == ("AAPL: every stamp is a midnight, as it is written: they are taken as dates",)
    assert f"{market.times[0]:%Y-%m-%d %H:%M}" == "2020-01-02 23:59"


def test_a_config_reads_back_what_it_writes(tmp_path):
    spec = DataSpec.parse({"source": {"kind": "csv", "files": {"A": str(tmp_path)}}, "start": "2001-01-02"})
    assert DataSpec.parse(spec.dump()) == spec
    assert spec.dump()["source"] == {"kind": "csv", "files": {"A": str(tmp_path)}, "adjust": False}
    assert spec.dump()["start"] == "2001-01-02"


def csv_spec(folder, content: str, **keys) -> DataSpec:
    folder.mkdir()
    (folder / "prices.csv").write_text(content, encoding="utf-8")
    return DataSpec(source=Csv(files={"A": str(folder / "prices.csv")}), **keys)


def test_identity_follows_content_not_place(tmp_path):
    one = csv_spec(tmp_path / "one", "same")
    moved = csv_spec(tmp_path / "moved", "same")
    other = csv_spec(tmp_path / "other", "different")
    assert one.identity() == moved.identity()
    assert one.identity() != other.identity()
    assert str(tmp_path) not in json.dumps(one.identity())


def test_identity_spells_defaults_out():
    assert (
        DataSpec.parse({"source": ONE}).identity()
        == DataSpec.parse(
            {"source": ONE, "benchmark": "nasdaq", "trade": ["nasdaq"], "session_close": "16:00  America/New_York"}
        ).identity()
    )
    changed = DataSpec.parse({"source": ONE, "session_close": "15:00 America/New_York"})
    assert changed.identity() != DataSpec.parse({"source": ONE}).identity()


def test_the_schema_describes_every_key_and_source():
    schema = DataSpec.model_json_schema()
    assert all(field["description"] for field in schema["properties"].values())
    sources = {form["title"]: form for form in schema["properties"]["source"]["anyOf"]}
    assert set(sources) == {"csv", "json", "parquet", "sample", "stocks"}
    assert sources["csv"]["properties"]["kind"]["const"] == "csv"
    assert sources["csv"]["required"] == ["kind"]
    assert not sources["sample"]["additionalProperties"]
    assert sources["sample"]["properties"]["symbols"]["default"] == ["nasdaq"]


@pytest.fixture(scope="module")
def market():
    return DataSpec(source=Sample(symbols=("nasdaq", "sp500")), benchmark="sp500").load()


@given(row=st.integers(0, 5030))
def test_until_is_the_past_and_nothing_else(market, row):
    last = market.times[row]
    cut = market.until(last)
    for symbol, bars in cut.bars.items():
        full = market.bars[symbol]
        assert len(bars) == row + 1
        assert bars.times.equals(full.times[: row + 1])
        assert all(np.array_equal(getattr(bars, name), getattr(full, name)[: row + 1]) for name in COLUMNS)
    assert len(market.until(last - pd.Timedelta(seconds=1)).times) == row
    assert len(market.since(last).times) == 5031 - row
