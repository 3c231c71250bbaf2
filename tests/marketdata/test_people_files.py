"""What people's files used to do: refused though sound, or read wrongly without a word."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from vendor_files import bars, days, hours

from core.clock import sessions
from core.errors import DataError
from core.plugins import kinds
from marketdata.data_spec import DataSpec

HEADER = "Date,Open,High,Low,Close,Volume"
NEW_YORK = "16:00 America/New_York"


def daily_text(frame, stamp="%Y-%m-%d", header=HEADER, tail=""):
    body = [f"{t:{stamp}}{tail},{o},{h},{low},{c},{v}" for t, o, h, low, c, v in frame.itertuples(name=None)]
    return "\n".join([header, *body]) + "\n"


@pytest.fixture
def load(tmp_path):
    """A market of one file: its text, keys of the source, keys of the block."""

    def build(content, name="A.csv", source=None, symbol="A", **keys):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        kind = {"csv": "csv", "json": "json", "parquet": "parquet"}[name.rpartition(".")[2]]
        return DataSpec.parse({"source": {"kind": kind, "files": {symbol: str(path)}, **(source or {})}, **keys}).load()

    return build


def dates_of(market, zone):
    return list(sessions(market.times, zone).strftime("%Y-%m-%d"))


# --- what ran and was wrong


@pytest.mark.parametrize("offset", ["+00:00", "-05:00", "+09:00", "+02:00", "Z"])
def test_midnights_with_any_offset_are_dates(load, offset):
    frame = bars(days())
    plain = load(daily_text(frame), session_close=NEW_YORK)
    market = load(daily_text(frame, tail=f" 00:00:00{offset}"), session_close=NEW_YORK)
    assert market.times.equals(plain.times)
    assert dates_of(market, "America/New_York") == list(frame.index.strftime("%Y-%m-%d"))
    assert "A: every stamp is a midnight, as it is written: they are taken as dates" in market.notes


def test_epochs_of_local_midnights_are_dates(load):
    frame = bars(days(first="2020-03-02"))  # over the change of the clock
    local = frame.set_axis((frame.index.tz_localize("America/New_York").as_unit("s").asi8).astype(str))
    content = "\n".join([HEADER, *(",".join(map(str, row)) for row in local.itertuples(name=None))])
    assert dates_of(load(content, session_close=NEW_YORK), "America/New_York") == list(frame.index.strftime("%Y-%m-%d"))


def test_a_midnight_that_is_told_to_be_a_close_stays_one(load):
    content = daily_text(bars(days()), tail="T00:00:00Z")
    assert f"{load(content, source={'stamp': 'end'}).times[0]:%F %H:%M}" == "2020-01-06 00:00"


def long_text(one, other, column="Name"):
    rows = [[*row, "AAA"] for row in one.itertuples(name=None)] + [[*row, "BBB"] for row in other.itertuples(name=None)]
    return "\n".join([f"{HEADER},{column}", *(f"{t:%F},{','.join(map(str, rest))}" for t, *rest in rows)]) + "\n"


def test_a_long_file_is_no_single_series(load):
    one, other = bars(days(10)), bars(days(10, "2020-02-03"), seed=2)
    with pytest.raises(DataError, match=r"column Name holds 2 symbols \(AAA, BBB\) and not A; .*`file:`"):
        load(long_text(one, other))
    market = load(long_text(one, other), symbol="BBB")
    assert market.bars["BBB"].close.tolist() == other["close"].tolist()
    assert any("of 2 symbols in the file, the rows whose column Name says BBB" in note for note in market.notes)


def test_the_rows_of_a_long_file_are_named_by_their_lines(load):
    other = bars(days(10), seed=2)
    other.iloc[3, 3] = -1.0
    with pytest.raises(DataError, match=r"close is -1 in row 14 \(line 15, 2020-01-09\)"):
        load(long_text(bars(days(10)), other), symbol="BBB")


def test_another_symbols_file_is_remarked(load):
    content = long_text(bars(days(10)), bars(days(0)))
    assert any("column Name says AAA: is this the file of IBM?" in note for note in load(content, symbol="IBM").notes)
    assert not any("is this the file" in note for note in load(content, symbol="AAA").notes)


def test_weekly_bars_dated_on_mondays_are_remarked_and_moved_if_told(load):
    index = pd.date_range("2020-01-06", periods=30, freq="W-MON")
    content = daily_text(bars(index))
    assert any("weekly bars whose dates are mostly Mondays" in note for note in load(content).notes)
    market = load(content, source={"stamp": "start"})
    assert dates_of(market, "UTC") == list((index + pd.Timedelta(days=6)).strftime("%Y-%m-%d"))
    assert any("moved to the last day of their week" in note for note in market.notes)
    fridays = load(daily_text(bars(pd.date_range("2020-01-10", periods=30, freq="W-FRI"))))
    assert not any("dated at their start" in note for note in fridays.notes)


def test_monthly_bars_dated_on_the_first_are_remarked_and_moved_if_told(load):
    index = pd.date_range("2019-01-01", periods=20, freq="MS")
    content = daily_text(bars(index))
    assert any("monthly bars whose dates are the first days of months" in note for note in load(content).notes)
    assert dates_of(load(content, source={"stamp": "start"}), "UTC")[:2] == ["2019-01-31", "2019-02-28"]


def test_bars_stamped_at_their_start_are_moved_if_told(load):
    frame = bars(hours())
    content = daily_text(frame, "%Y-%m-%d %H:%M", tail="Z")
    assert load(content).times[0] == pd.Timestamp("2020-01-06 00:00", tz="UTC")
    assert any("if they are starts, set `stamp: start`" in note for note in load(content).notes)
    market = load(content, source={"stamp": "start"})
    assert market.times[0] == pd.Timestamp("2020-01-06 01:00", tz="UTC")
    assert any("moved to their end, 60 minutes later" in note for note in market.notes)


def test_a_short_bar_ends_where_the_next_begins(load):
    index = pd.DatetimeIndex(["2020-01-06 09:00", "2020-01-06 10:00", "2020-01-06 10:30", "2020-01-06 11:30"])
    content = daily_text(bars(index), "%Y-%m-%d %H:%M", tail="Z")
    market = load(content, source={"stamp": "start"})
    assert [f"{time:%H:%M}" for time in market.times] == ["10:00", "10:30", "11:30", "12:30"]


def test_a_close_time_beside_the_start_is_the_stamp(load):
    frame = bars(hours(5))
    ends = frame.index + pd.Timedelta(minutes=59, seconds=59.999)
    rows = [
        f"{start:%F %T},{end:%F %H:%M:%S.%f}Z,{','.join(map(str, row))}"
        for start, end, row in zip(frame.index, ends, frame.to_numpy(), strict=True)
    ]
    market = load("\n".join(["Start Date,End Date,Open,High,Low,Close,Volume", *rows]))
    assert market.times.tolist() == (frame.index + pd.Timedelta(hours=1)).tz_localize("UTC").tolist()
    assert any("end in .999 of a second are taken as the full second" in note for note in market.notes)


def test_bar_sizes_mixed_in_one_file_are_remarked(load):
    daily = bars(days(40, "2020-01-01"))
    hourly = bars(pd.date_range("2020-03-02", periods=24 * 20, freq="h"), seed=3)
    content = daily_text(pd.concat([daily, hourly]), "%Y-%m-%d %H:%M", tail="Z")
    [note] = [note for note in load(content).notes if "bar sizes are mixed" in note]
    assert "40 sessions have one bar" in note
    assert "the size changes on 2020-03-02" in note


def test_stamps_of_one_zone_and_sessions_of_another(load):
    frame = bars(pd.date_range("2020-01-06 20:30", periods=4, freq="h"))
    market = load(daily_text(frame, "%Y-%m-%d %H:%M"), source={"stamp_zone": "UTC"}, session_close=NEW_YORK)
    assert market.times[0] == pd.Timestamp("2020-01-06 20:30", tz="UTC")
    assert market.zone == "America/New_York"
    with pytest.raises(DataError, match=r"no zone; .*`stamp_zone: UTC` in the source"):
        load(daily_text(frame, "%Y-%m-%d %H:%M"))
    named = daily_text(frame, "%Y-%m-%d %H:%M", header=HEADER.replace("Date", "Time UTC"))
    assert load(named, session_close=NEW_YORK).times[0] == pd.Timestamp("2020-01-06 20:30", tz="UTC")


def test_an_fx_day_ends_at_17_in_new_york(load):
    index = pd.date_range("2020-01-05 22:00", periods=24 * 5, freq="h")  # Sunday 17:00 to Friday 17:00 in New York
    content = daily_text(bars(index), "%Y-%m-%d %H:%M")
    keys = {"source": {"stamp": "start", "stamp_zone": "UTC"}, "session_end": "17:00 America/New_York"}
    market = load(content, **keys)
    assert market.zone == "17:00 America/New_York"
    counted = sessions(market.times, market.zone).value_counts().sort_index()
    assert list(counted.index.day_name()) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert set(counted) == {24}
    assert load(daily_text(bars(days(5))), session_end="17:00 America/New_York").zone == "17:00 America/New_York"


def test_the_session_ends_in_the_zone_in_which_it_closes():
    keys = {"source": {"kind": "sample"}, "session_close": NEW_YORK, "session_end": "17:00 UTC"}
    with pytest.raises(ValidationError, match="must have the zone of session_close"):
        DataSpec.parse(keys)


# --- what was refused though it was sound


def test_new_to_old_is_turned_round_and_said(load):
    frame = bars(days())
    market = load(daily_text(frame[::-1]))
    assert market.bars["A"].close.tolist() == frame["close"].tolist()
    assert "A: the rows run from new to old and are turned round" in market.notes


def test_rows_of_a_turned_file_keep_their_lines(load):
    frame = bars(days(5))
    frame.iloc[0, 3] = -1.0  # the last line of the file
    with pytest.raises(DataError, match=r"close is -1 in row 5 \(line 6, 2020-01-06\)"):
        load(daily_text(frame[::-1]))


def test_a_fault_outside_the_span_does_not_matter(load):
    frame = bars(days())
    frame.iloc[2, 0] = 0.0
    with pytest.raises(DataError, match="open is 0 in row 3"):
        load(daily_text(frame))
    market = load(daily_text(frame), start="2020-01-20")
    assert f"{market.times[0]:%F}" == "2020-01-20"
    with pytest.raises(DataError, match=r"open is 0 in row 3 \(line 4, 2020-01-08\)"):
        load(daily_text(frame), start="2020-01-08")


def test_several_faults_are_told_at_once(load):
    frame = bars(days())
    frame.iloc[2, 0] = 0.0
    frame.iloc[5, 3] = np.inf
    frame.iloc[7, 1] = 1.0
    content = daily_text(frame)
    content += content.splitlines()[-1] + "\n"
    with pytest.raises(DataError) as caught:
        load(content)
    line = caught.value.line
    assert "\n" not in line
    for fault in (
        "duplicate date (1 equal in all columns) in row 31",
        "close is infinite in row 6",
        "open is 0 in row 3",
        "high 1 is below low",
    ):
        assert fault in line


FORMS = {
    "%Y%m%d": {},
    "%d.%m.%Y": {},
    "%d-%b-%Y": {},
    "%d-%b-%y": {},
    '"%b %d, %Y"': {},
    "%Y/%m/%d": {},
    "%Y.%m.%d": {},
    "%d/%m/%Y": {"dayfirst": True},
    "%m/%d/%y": {"dayfirst": False},
    "%d-%m-%y": {"date_format": "%d-%m-%y"},
}


@pytest.mark.parametrize("form", FORMS)
def test_dates_of_every_form(load, form):
    frame = bars(days(4))
    body = "".join(f"{t.strftime(form)},{o},{h},{low},{c},{v}\n" for t, o, h, low, c, v in frame.itertuples(name=None))
    market = load(f"{HEADER}\n{body}", source=FORMS[form])
    assert dates_of(market, "UTC") == list(frame.index.strftime("%Y-%m-%d"))


def test_a_day_above_12_proves_the_order(load):
    frame = bars(days(10))
    assert dates_of(load(daily_text(frame, "%d/%m/%Y")), "UTC") == list(frame.index.strftime("%Y-%m-%d"))
    assert dates_of(load(daily_text(frame, "%m/%d/%Y")), "UTC") == list(frame.index.strftime("%Y-%m-%d"))
    with pytest.raises(DataError, match=r"'01/06/2020' may be M/D/YYYY or D/M/YYYY; .* state `dayfirst: true`"):
        load(daily_text(frame[:4], "%m/%d/%Y"))


@pytest.mark.parametrize(
    ("stamp", "tail", "source"),
    [
        ("%m/%d/%Y %-H:%M", "", {"dayfirst": False, "stamp_zone": "UTC"}),
        ("%Y-%m-%d %I-%p", "", {"stamp_zone": "UTC"}),
        ("%Y%m%d %H%M%S", "", {"stamp_zone": "UTC"}),
        ("%Y-%m-%d %H:%M:%S", " UTC", {}),
        ("%Y-%m-%d %H:%M:%S.000000000", "Z", {}),
        ("%Y-%m-%dT%H:%M:%S", "+0000", {}),
    ],
)
def test_times_of_every_form(load, stamp, tail, source):
    frame = bars(hours(6, "2020-01-06 09:00"))
    market = load(daily_text(frame, stamp, tail=tail), source=source)
    assert market.times.tolist() == frame.index.tz_localize("UTC").tolist()


@pytest.mark.parametrize("unit", [10**9, 10**6, 10**3, 1])
def test_epochs_of_every_unit(load, unit):
    frame = bars(hours(6))
    rows = [
        f"{t.value // unit},{','.join(map(str, row))}" for t, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    market = load("\n".join([HEADER.replace("Date", "unix"), *rows]))
    assert market.times.tolist() == frame.index.tz_localize("UTC").tolist()


@pytest.mark.parametrize("abbreviation", ["EST", "-0500"])
def test_a_written_offset_is_taken(load, abbreviation):
    content = daily_text(bars(hours(6, "2020-01-06 10:00")), "%Y-%m-%d %H:%M:%S", tail=f" {abbreviation}")
    assert load(content).times[0] == pd.Timestamp("2020-01-06 15:00", tz="UTC")


@pytest.mark.parametrize(
    ("cell", "value"),
    [("$55.5", 55.5), ('"1,055.5"', 1055.5), ("  55.5 ", 55.5), ("+55.5", 55.5), ("5.55e1", 55.5)],
)
def test_prices_as_people_write_them(load, cell, value):
    content = daily_text(bars(days(5))).splitlines()
    first = content[1].split(",")[0]
    content[1] = ",".join([first, *[cell] * 4, "1"])
    assert load("\n".join(content)).bars["A"].close[0] == value


@pytest.mark.parametrize(("cell", "value"), [("1.23M", 1_230_000), ("12K", 12_000), ("2.5B", 2.5e9), ("7", 7)])
def test_volumes_as_people_write_them(load, cell, value):
    content = daily_text(bars(days(5))).splitlines()
    content[1] = content[1].rpartition(",")[0] + f",{cell}"
    assert load("\n".join(content)).bars["A"].volume[0] == value


def test_a_comma_that_may_be_two_things_is_refused(load):
    rows = ["2020-01-06;1,234;1,239;1,230;1,235;10", "2020-01-07;1,235;1,239;1,230;1,236;10"]
    content = "\n".join([HEADER.replace(",", ";"), *rows])
    with pytest.raises(DataError, match="'1,234' may be a number with decimals or with thousands; state `decimal"):
        load(content)
    assert load(content, source={"decimal": ","}).bars["A"].open[0] == 1.234
    assert load(content, source={"decimal": "."}).bars["A"].open[0] == 1234


def test_columns_can_be_stated(load):
    content = daily_text(bars(days(5)), header="when,first,top,bottom,final,count")
    names = {"open": "first", "high": "top", "low": "bottom", "close": 5, "volume": "count"}
    frame = bars(days(5))
    market = load(content, source={"columns": {"date": "when", **names}})
    assert market.bars["A"].close.tolist() == frame["close"].tolist()
    assert market.bars["A"].volume.tolist() == frame["volume"].tolist()
    with pytest.raises(DataError, match=r"columns: open: there is no column 'Frist'; found: when, first"):
        load(content, source={"columns": {"date": "when", **names, "open": "Frist"}})
    with pytest.raises(ValidationError, match="closing is no role; known: date, time"):
        load(content, source={"columns": {"closing": "final"}})


def test_a_table_without_a_header_is_read_by_positions(load):
    frame = bars(days(5))
    content = daily_text(frame).partition("\n")[2]
    columns = {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5, "volume": 6}
    assert load(content, source={"columns": columns}).bars["A"].close.tolist() == frame["close"].tolist()
    with pytest.raises(DataError, match="column Open, High, Low, Close is missing; found: column 1, column 2"):
        load(content)


def test_the_form_can_be_stated(load):
    frame = bars(days(5))
    body = daily_text(frame).replace(",", "^").encode("utf-16-le")
    source = {"encoding": "utf-16-le", "delimiter": "^", "skip": 0, "layout": "generic"}
    assert load(body, source=source).bars["A"].close.tolist() == frame["close"].tolist()
    above = b"some words\nOpen questions, High hopes, Low tide\n" + daily_text(frame).encode()
    assert load(above, source={"skip": 2}).bars["A"].close.tolist() == frame["close"].tolist()
    for key, value, match in (
        ("layout", "yaho", "did you mean 'yahoo'"),
        ("encoding", "utf-99", "no such encoding"),
        ("stamp_zone", "UTX", "there is no time zone UTX"),
    ):
        with pytest.raises(ValidationError, match=match):
            load(body, source={key: value})


@pytest.mark.parametrize("layout", kinds("marketdata.layouts"))
def test_a_stated_layout_of_another_file_is_no_crash(load, layout):
    frame = bars(days(5))
    assert "\n" not in outcome_of(load, daily_text(frame), layout)
    assert "\n" not in outcome_of(load, daily_text(frame).partition("\n")[2], layout)
    assert "\n" not in outcome_of(load, "a,b\n", layout)


def outcome_of(load, content, layout):
    try:
        return load(content, source={"layout": layout}).zone
    except DataError as error:
        return error.line


# --- many symbols


def two(folder):
    one, other = bars(days(10)), bars(days(10), seed=2)
    (folder / "long.csv").write_text(long_text(other, one, "symbol"), encoding="utf-8")
    (folder / "prices").mkdir()
    for name, frame in (("BBB", one), ("AAA", other)):
        (folder / "prices" / f"{name}_daily.csv").write_text(daily_text(frame), encoding="utf-8")
    return other, one


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_many_symbols_in_one_line(kind, tmp_path):
    frames = two(tmp_path)
    places = {"file": {"file": str(tmp_path / "long.csv")}}
    places["folder"] = {"folder": str(tmp_path / "prices"), "pattern": "*_daily.csv"}
    spec = DataSpec.parse({"source": {"kind": "csv", **places[kind]}, "benchmark": "AAA"})
    assert spec.source.names == ("AAA", "BBB")
    assert spec.trade_symbols == ("BBB",)
    market = spec.load()
    for name, frame in zip(("AAA", "BBB"), frames, strict=True):
        assert market.bars[name].close.tolist() == frame["close"].tolist()
    assert str(tmp_path) not in json.dumps(spec.identity())
    assert set(spec.identity()["source"]["files"]) == {"AAA", "BBB"}
    chosen = DataSpec.parse({"source": {"kind": "csv", **places[kind], "symbols": ["BBB"]}})
    assert tuple(chosen.load().bars) == ("BBB",)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ({"folder": "gone"}, "the folder cannot be read: No such file"),
        ({"folder": "prices", "pattern": "*.txt"}, r"the folder has no file \*.txt"),
        ({"folder": "prices", "symbols": ["CCC"]}, "CCC .*: the folder has no such file; it has AAA_daily, BBB_daily"),
        ({"file": "gone.csv"}, "cannot be read: No such file"),
        ({"file": "long.csv", "symbols": ["CCC"]}, "CCC .*: the file has no such symbol; it has AAA, BBB"),
        ({"file": "prices/AAA_daily.csv"}, "no column says whose bars the rows are; name it in the source"),
    ],
)
def test_places_that_hold_nothing_are_refused(source, match, tmp_path, monkeypatch):
    two(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=match):
        DataSpec.parse({"source": {"kind": "csv", **source}}).load()


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ({}, "must have one of files, file and folder; it has none"),
        ({"files": {"A": "a.csv"}, "folder": "."}, "it has files and folder"),
        ({"files": {"A": "a.csv"}, "pattern": "*.csv"}, "pattern goes with folder"),
        ({"file": "a.csv", "pattern": "*.csv"}, "pattern goes with folder"),
    ],
)
def test_a_source_has_one_place(source, match):
    with pytest.raises(ValidationError, match=match):
        DataSpec.parse({"source": {"kind": "csv", **source}})


def test_several_symbols_of_one_file_are_compared_with_their_basket(tmp_path):
    two(tmp_path)
    spec = DataSpec.parse({"source": {"kind": "csv", "file": str(tmp_path / "long.csv")}})
    assert spec.load().basket == "held"


def test_a_parquet_index_of_dates_and_symbols_is_a_long_file(tmp_path):
    one, other = bars(days(10)), bars(days(10), seed=2)
    path = tmp_path / "long.parquet"
    pd.concat({"AAA": one, "BBB": other}, names=["symbol", "Date"]).to_parquet(path)
    market = DataSpec.parse({"source": {"kind": "parquet", "file": str(path)}, "benchmark": "AAA"}).load()
    assert market.bars["BBB"].close.tolist() == other["close"].tolist()
    pd.concat({"AAA": one, "BBB": other}, names=["symbol"]).to_parquet(path)  # the dates have no name
    assert DataSpec.parse({"source": {"kind": "parquet", "file": str(path)}, "benchmark": "AAA"}).load().times[0]


@pytest.mark.parametrize("first", [0, 1])
def test_yfinances_pairs_of_columns_are_symbols(tmp_path, first):
    one, other = bars(days(10)).rename(columns=str.title), bars(days(8), seed=2).rename(columns=str.title)
    wide = pd.concat({"AAA": one, "BBB": other}, axis=1)
    wide = wide if first == 0 else wide.swaplevel(axis=1)
    wide = wide.rename_axis("Date")
    wide.columns.names = ["Ticker", "Price"] if first == 0 else ["Price", "Ticker"]
    path = tmp_path / "wide.parquet"
    wide.to_parquet(path)
    market = DataSpec.parse({"source": {"kind": "parquet", "file": str(path)}, "benchmark": "AAA"}).load()
    assert market.bars["AAA"].close.tolist() == one["Close"].tolist()
    assert market.bars["BBB"].close.tolist() == other["Close"].tolist()
    assert any("2 rows in which a symbol has no price" in note for note in market.notes)


def test_yfinances_text_of_several_symbols(tmp_path):
    one, other = bars(days(10)), bars(days(10), seed=2)
    fields = ["Close", "High", "Low", "Open", "Volume"]
    lines = [
        "Price," + ",".join(f"{name},{name}" for name in fields),
        "Ticker," + ",".join(["AAA,BBB"] * 5),
        "Date" + "," * 10,
    ]
    for stamp in one.index:
        cells = [str(frame.loc[stamp, name.lower()]) for name in fields for frame in (one, other)]
        lines.append(f"{stamp:%F}," + ",".join(cells))
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    market = DataSpec.parse({"source": {"kind": "csv", "file": str(path)}, "benchmark": "AAA"}).load()
    assert market.bars["AAA"].open.tolist() == one["open"].tolist()
    assert market.bars["BBB"].volume.tolist() == other["volume"].tolist()


# --- whatever is written, nothing but a DataError is raised

JSON_VALUES = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text(max_size=4) | st.integers(0, 2 * 10**12),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["t", "o", "h", "l", "c", "date"]), inner)
    ),
    max_leaves=20,
)
PIECES = [
    *("Date", "Time", "open", "high", "low", "close", "volume", "symbol", "unix", "Ticker", "Price", "close_time"),
    *(
        ",",
        ",",
        ";",
        "\t",
        "|",
        "\n",
        "\n",
        "\r\n",
        '"',
        "#",
        " ",
        "2020-01-06",
        "1/6/2020",
        "13.01.2020",
        "1577836800",
    ),
    *("1577836800000", "1.5", "2", "1,5", "$3", "1.2M", "-", "null", "16:00", "4-PM", "Z", "+01:00", "GMT+0100", "é"),
]


def outcome(source) -> str:
    try:
        return DataSpec.parse({"source": source}).load().zone
    except DataError as error:
        return error.line


@given(content=st.lists(st.sampled_from(PIECES), max_size=60).map("".join), data=st.data())
@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_no_text_breaks_the_reader(content, data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_text(content, encoding="utf-8")
    source = data.draw(
        st.sampled_from([{}, {"skip": 1}, {"decimal": ","}, {"stamp": "start"}, {"columns": {"close": 2}}])
    )
    assert "\n" not in outcome({"kind": "csv", "files": {"A": str(path)}, **source})


@given(value=JSON_VALUES)
@settings(max_examples=80, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_no_json_breaks_the_reader(value, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    assert "\n" not in outcome({"kind": "json", "files": {"A": str(path)}})
