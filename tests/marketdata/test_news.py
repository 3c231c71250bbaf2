"""The news reader: stamps by hand, the usual layouts, and one clear line for everything that cannot be used."""

import csv
import gzip
import io
import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import DataError
from marketdata.data_spec import DataSpec
from marketdata.news import ILLUSTRATIVE, NewsSpec

NEW_YORK = "America/New_York"
LAST = pd.Timestamp("2020-12-31 21:00", tz="UTC")
HEAD = "published_at,symbol,headline\n"


def read(path, content=None, symbols=("A", "B"), last=LAST, **more):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return NewsSpec(file=str(path), **more).load(symbols, NEW_YORK, last)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "news.csv"


@pytest.mark.parametrize(
    ("stamp", "known_at"),
    [
        ("2020-01-31T14:30:00-05:00", "2020-01-31 19:30"),
        ("2020-01-31 14:30:00-05:00", "2020-01-31 19:30"),
        ("2020-01-31T19:30:00Z", "2020-01-31 19:30"),
        ("2020-07-01T00:00:00+00:00", "2020-07-01 00:00"),
        ("2020-01-31", "2020-02-01 05:00"),  # the end of the day in New York, in winter
        ("2020-07-01", "2020-07-02 04:00"),  # and in summer
        ("2020-03-08", "2020-03-09 04:00"),  # a day of 23 hours
    ],
)
def test_stamps_by_hand(file, stamp, known_at):
    news, _ = read(file, f"{HEAD}{stamp},A,text\n")
    assert list(news.known_at) == [pd.Timestamp(known_at, tz="UTC")]


def test_a_time_of_day_without_an_offset_needs_a_zone(file):
    content = f"{HEAD}2020-01-31 14:30,A,text\n"
    with pytest.raises(DataError, match=r"line 2: '2020-01-31 14:30' has a time of day but no zone; .*set news.zone"):
        read(file, content)
    news, _ = read(file, content, zone="Europe/London")
    assert list(news.known_at) == [pd.Timestamp("2020-01-31 14:30", tz="UTC")]
    with pytest.raises(ValidationError, match="there is no time zone Europe/Lodnon; did you mean Europe/London"):
        NewsSpec(file="x", zone="Europe/Lodnon")


def test_headlines_come_in_the_order_in_which_they_were_known(file):
    rows = ["2020-01-03,A,third", "2020-01-02T10:00Z,B,first", "2020-01-02,A,second"]
    news, notes = read(file, HEAD + "\n".join(rows))
    assert news.text == ("first", "second", "third")
    assert news.symbol == ("B", "A", "A")
    assert any("2 of 3 headlines bear a date alone" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "Date,Ticker,Title\n2020-01-02,A,one\n"),
        ("a.csv", "stock,datetime,headline,url\nA,2020-01-02,one,x\n"),
        ("a.csv", "﻿" + HEAD + '2020-01-02,A,"one"\n\n'),
        ("a.jsonl", '{"timestamp": "2020-01-02", "symbol": "A", "text": "one"}\n\n'),
        ("a.ndjson", '{"Date": "2020-01-02", "Stock": "A", "Headline": "one", "more": [1]}\n'),
    ],
)
def test_the_usual_layouts(tmp_path, name, content):
    for path, packed in (
        (tmp_path / name, content.encode()),
        (tmp_path / f"{name}.gz", gzip.compress(content.encode())),
    ):
        path.write_bytes(packed)
        news, _ = read(path)
        assert (news.symbol, news.text) == (("A",), ("one",))


def test_the_wide_layout_with_its_wrappers(file):
    rows = [["2020-01-02", "1", "b'one, \"two\"'", 'b"it\'s"', ""], ["2020-01-03", "0", "plain", "", "last"]]
    text = io.StringIO()
    csv.writer(text).writerows([["Date", "Label", "Top1", "Top2", "Top3"], *rows])
    content = text.getvalue()
    news, _ = read(file, content, symbol="A")
    assert news.text == ('one, "two"', "it's", "plain", "last")
    with pytest.raises(DataError, match=r"line 2: says no symbol; add a column symbol, or set news.symbol"):
        read(file, content)


def test_headlines_about_other_symbols_are_left_out_with_a_note_and_none_at_all_is_an_error(file):
    content = f"{HEAD}2020-01-02,A,one\n2020-01-02,Z,two\n"
    news, notes = read(file, content)
    assert len(news) == 1
    assert "news: 1 of 2 headlines are about no symbol of the data" in notes
    with pytest.raises(DataError, match=r"no headline is about a symbol of the data \(X\); they are about A, Z"):
        read(file, content, symbols=("X",))


def test_the_same_twice_is_noted_and_kept(file):
    news, notes = read(file, f"{HEAD}2020-01-02,A,one\n2020-01-02,A,one\n")
    assert len(news) == 2
    assert "news: 1 headlines stand there twice, and count twice" in notes


def test_illustrative_news_say_so(file):
    _, notes = read(file, f"{HEAD}2020-01-02,A,one\n", illustrative=True)
    assert notes[0] == ILLUSTRATIVE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty; it needs published_at, symbol and headline"),
        (HEAD, "has no headline below its first line"),
        (
            "symbol,headline\nA,x\n",
            r"the first line has no column for a stamp \(published_at, .*\); it has symbol",
        ),
        ("date,symbol\n2020-01-02,A\n", "the first line has no column for a text"),
        (f"{HEAD},A,x\n", "line 2: has no stamp; give it a time with its offset, or a date alone"),
        (f"{HEAD}2020-01-02,A,\n", "line 2: has no text; remove the line"),
        (
            f"{HEAD}2020-01-02,A,x\n2020-13-01,A,y\n",
            r"line 3: '2020-13-01' is no stamp .*write 2020-01-31T14:30",
        ),
        (f"{HEAD}yesterday,A,x\n", "line 2: 'yesterday' is no stamp"),
        (f"{HEAD}01/02/2020,A,x\n", "line 2: '01/02/2020' is no stamp"),
        (f"{HEAD}2020-01-02,A,x,y\n", "line 2: 4 cells where the first line has 3; put texts with commas in quotes"),
        (f'{HEAD}2020-01-02,A,"x\n', "is not comma-separated text"),
        (HEAD.encode() + b"2020-01-02,A,\xff\n", "line 2 is not UTF-8"),
        (HEAD.encode() + b"\0", "the file is binary"),
        (f"{HEAD}2021-06-01,A,x\n", "the first headline is known at 2021-06-02 .* after the last bar"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(file, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read(file, content)
    assert "\n" not in caught.value.line
    assert str(file) in caught.value.line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1 is not JSON"),
        ("[]", "line 1 is no object"),
        ('{"date": "2020-01-02"}', "line 1 has no column for a"),
    ],
)
def test_json_lines_that_cannot_be_used(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.jsonl", content)


def test_files_that_are_not_there_or_not_packed(tmp_path):
    with pytest.raises(DataError, match=r"gone.csv\): the file cannot be read: No such file"):
        read(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="the file cannot be read"):
        read(tmp_path / "a.csv.gz", "plain text")


WORDS = st.text(alphabet="ab,\"\n'{}[]:;\t 0-9é", max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=5), ending=st.sampled_from([".csv", ".jsonl"]))
def test_any_text_is_read_or_refused_in_one_line(tmp_path, rows, ending):
    lines = [",".join(row) for row in rows] if ending == ".csv" else [json.dumps(dict(enumerate(row))) for row in rows]
    path = tmp_path / f"news{ending}"
    news, refusal = None, ""
    try:
        news, _ = read(path, (HEAD if ending == ".csv" else "") + "\n".join(lines))
    except DataError as error:
        refusal = error.line
    assert "\n" not in refusal
    assert refusal or news.known_at.is_monotonic_increasing


STOCKS = {"source": {"kind": "stocks", "symbols": ["IBM", "MSFT"]}, "benchmark": "IBM", "end": "2001-03-01"}


def test_news_become_part_of_the_market_of_its_digests_and_of_its_identity(file, tmp_path):
    file.write_text(f"{HEAD}2000-06-01,IBM,one\n2000-06-02,MSFT,two\n")
    spec = DataSpec.parse({**STOCKS, "news": {"file": str(file)}})
    without = DataSpec.parse(STOCKS)
    market = spec.load()
    assert market.news.text == ("one", "two")
    assert market.until(pd.Timestamp("2000-06-02 12:00", tz="UTC")).news.text == ("one",)
    assert market.since(pd.Timestamp("2000-06-02 12:00", tz="UTC")).news.text == ("two",)
    assert set(spec.digests()) == {"IBM", "MSFT", "news"}
    assert "news" not in without.dump()
    assert "news" not in without.identity()
    moved = tmp_path / "elsewhere.csv"
    moved.write_bytes(file.read_bytes())
    assert DataSpec.parse({**STOCKS, "news": {"file": str(moved)}}).identity() == spec.identity()
    moved.write_text(f"{HEAD}2000-06-01,IBM,other\n")
    assert DataSpec.parse({**STOCKS, "news": {"file": str(moved)}}).identity() != spec.identity()


def test_a_file_of_prices_must_say_when_its_days_close(tmp_path):
    source = {"kind": "csv", "files": {"A": str(tmp_path / "a.csv")}}
    with pytest.raises(ValidationError, match=r"needs data.session_close"):
        DataSpec.parse({"source": source, "news": {"file": "news.csv"}})
    DataSpec.parse({"source": source, "session_close": "16:00 America/New_York", "news": {"file": "news.csv"}})
