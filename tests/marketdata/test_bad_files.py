"""Every bad file is refused in one line: symbol, file, row, what to do."""

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.types import COLUMNS
from marketdata.data_spec import DataSpec
from marketdata.sources.base import RawTable
from marketdata.validation import checked

HEADER = "Date,Open,High,Low,Close,Volume"
OPEN, HIGH, LOW, CLOSE, VOLUME = 1, 2, 3, 4, 5


def refused(spec, match: str) -> str:
    with pytest.raises(DataError, match=match) as caught:
        spec.load()
    assert "\n" not in caught.value.line
    assert caught.value.line.startswith("AAPL (")
    assert "AAPL.csv)" in caught.value.line
    return caught.value.line


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "the file is empty; it needs the columns Date, Open, High, Low, Close and, if there is one, Volume"),
        (b" \r\n\n", "the file is empty"),
        (HEADER, "there is a header but no row"),
        (HEADER + "\r\n\r\n", "there is a header but no row"),
        (
            "Date,Open,High,Low,Volume\n",
            "column Close is missing; found: Date, Open, High, Low, Volume; the first line",
        ),
        ("date,open\n2020-01-02,1\n", "column High, Low, Close is missing; found: date, open"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\xef\xbb\xbf\n \n", "the file is empty"),
        (HEADER.replace(",", ";"), "there is a header but no row"),
        (HEADER + ",Close\n", "column Close is there twice"),
        (b"\x1f\x8b\x08\x00\xff", "is gzip but cannot be unpacked: .*; download it again"),
        ("Date,Open\n2020-01-02,1€\n".encode("cp1252"), "byte 0x80 in line 2 is not UTF-8"),
        (HEADER.encode("utf-16"), "there is a header but no row"),
        (b"PK\x03\x04\x00\x00", "is zip but cannot be unpacked"),
        (b"PK\x05\x06" + bytes(18), "the zip archive is empty; it must hold one table: download it again"),
        (b"Date\0", "the file is binary"),
        (HEADER + '\n2020-01-02,"1\n', "line 2 is no row of a table: unexpected end of data"),
        (HEADER + "\n2020-01-02,1,2,1,1,5,9\n", r"7 cells where the header has 6 in row 1 \(line 2\)"),
        (HEADER + "\n2020-01-02,1,2,1,1\n", "5 cells where the header has 6"),
        (HEADER + "\n\n2020-01-02,1,2,1,1,5\n", r"0 cells where the header has 6 in row 1 \(line 2\)"),
    ],
)
def test_a_file_that_is_no_table_is_refused(spec_of, content, match):
    refused(spec_of(content), match)


@pytest.mark.parametrize(
    ("row", "column", "cell", "match"),
    [
        (1, CLOSE, "nan", r"close is missing \(NaN\) in row 2 \(line 3, 2020-01-03\); .* nothing is filled silently"),
        (1, VOLUME, "", r"volume is missing \(NaN\) in row 2"),
        (1, CLOSE, "1_0", "close is text that is no number, '1_0'"),
        (1, CLOSE, "\u0661\u0660", "close is text that is no number"),
        (2, OPEN, "inf", r"open is infinite in row 3 \(line 4, 2020-01-06\)"),
        (2, HIGH, "-inf", "high is infinite in row 3"),
        (3, LOW, "1e999", "low is infinite in row 4"),
        (0, LOW, "0", r"low is 0 in row 1 \(line 2, 2020-01-02\); prices must be above 0$"),
        (0, CLOSE, "-11", "close is -11 in row 1"),
        (2, VOLUME, "-5", "volume is -5 in row 3 .* volume must be 0 or more"),
        (
            1,
            CLOSE,
            '"1,23.5"',
            r"close is text that is no number, '1,23.5', in row 2 .* write plain numbers such as 1234.5",
        ),
        (1, OPEN, "$11x", r"open is text that is no number, '\$11x'"),
        (1, CLOSE, "1.5M", "close is text that is no number, '1.5M'"),
        (1, HIGH, "9", "high 9 is below low 11 in row 2 .* swapped"),
        (1, CLOSE, "13.5", r"close 13.5 lies outside low 11 to high 13 in row 2 \(line 3, 2020-01-03\)"),
        (1, OPEN, "10.9", "open 10.9 lies outside low 11 to high 13"),
        (1, OPEN, "10.99998", "open 11 lies outside low 11 to high 13"),
    ],
)
def test_a_bar_that_cannot_be_is_refused(spec_of, cells, row, column, cell, match):
    cells[row][column] = cell
    refused(spec_of(cells), match)


def test_many_rows_are_named_and_counted(spec_of, cells):
    for line in cells:
        line[CLOSE] = ""
    rows = r"rows 1 \(line 2, 2020-01-02\), 2 \(line 3, 2020-01-03\), 3 \(line 4, 2020-01-06\) and 1 more;"
    refused(spec_of(cells), rows)


def test_returns_in_place_of_prices_are_recognised(spec_of, cells):
    for line, value in zip(cells, ("0.01", "-0.02", "0.003", "-0.01"), strict=True):
        line[OPEN : CLOSE + 1] = [value] * 4
    refused(spec_of(cells), "open is -0.02 in rows 2 .* these look like returns: give prices")


@pytest.mark.parametrize(
    ("days", "match"),
    [
        (
            ("2020-01-02", "2020-01-03", "2020-01-03", "2020-01-07"),
            r"duplicate date \(1 with other values\) in row 3 \(line 4, 2020-01-03\)",
        ),
        (("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-02"), r"duplicate date \(1 with other values\) in row 4"),
        (
            ("2020-01-02", "2020-01-06", "2020-01-03", "2020-01-07"),
            r"earlier than the one before it in row 3 \(line 4, 2020",
        ),
        (
            ("2020-01-02", "2020-01-03", "2020-01-06", "2999-01-07"),
            r"lies in the future \(today is .* in row 4 \(line 5, 2999",
        ),
        (("1066-10-14", "2020-01-03", "2020-01-06", "2020-01-07"), "the date is before 1700 in row 1"),
        (
            ("2020-01-02", "", "2020-01-06", "2020-01-07"),
            r"'' is no date in row 2 \(line 3\); write 2020-12-31, 12/31/2020",
        ),
        (("2020-01-02", "2020-02-30", "2020-03-06", "2020-04-07"), "'2020-02-30' is not in the calendar in row 2"),
        (("20200132", "20200103", "20200106", "20200107"), "'20200132' is not in the calendar in row 1"),
        (("2020010", "20200103", "20200106", "20200107"), "'2020010' is no date in row 1"),
        (
            ("1/2/2020", "1/3/2020", "1/6/2020", "1/7/2020"),
            "dates such as '1/2/2020' may be M/D/YYYY or D/M/YYYY; write YYYY-MM-DD, or state `dayfirst: true`",
        ),
        (("2/1/2020", "13/1/2020", "1/14/2020", "15/1/2020"), "'1/14/2020' has no month 14 as D/M/YYYY in row 3"),
        (
            ("1/2/2020", "1/3/2020", "2020-01-06", "1/17/2020"),
            "some dates have the form YYYY-MM-DD, others have not in rows 1",
        ),
        (
            ("2020-01-02", "2020-01-03 16:00", "2020-01-06", "2020-01-07"),
            "some dates have a time of day, others have not in",
        ),
    ],
)
def test_dates_that_cannot_be_are_refused(spec_of, cells, days, match):
    for line, day in zip(cells, days, strict=True):
        line[0] = day
    refused(spec_of(cells), match)


def stamped(cells, *stamps):
    for line, stamp in zip(cells, stamps, strict=True):
        line[0] = stamp
    return cells


def test_stamps_with_and_without_a_zone_are_refused(spec_of, cells):
    mixed = ("2020-01-02T21:00Z", "2020-01-03T21:00", "2020-01-06T21:00Z", "2020-01-07T21:00Z")
    refused(spec_of(stamped(cells, *mixed)), r"some dates have a time zone, others have not in row 2 \(line 3\)")


def test_mixed_offsets_are_refused(spec_of, cells):
    mixed = ("2020-01-02T16:00-05:00", "2020-01-03T16:00-05:00", "2020-01-06T16:00+01:00", "2020-01-07T16:00-05:00")
    refused(
        spec_of(stamped(cells, *mixed)), r"mixed time zones: .* nor that of UTC, in row 3 \(line 4, 2020-01-06 15:00"
    )


def test_a_fraction_of_a_second_is_refused(spec_of, cells):
    stamps = [f"2020-01-02T21:00:0{i}Z" for i in range(3)] + ["2020-01-02T21:00:03.000001Z"]
    refused(spec_of(stamped(cells, *stamps)), "a fraction of a second in row 4 .* backtrader keeps no finer time")


def test_a_time_of_day_without_a_zone_is_refused(spec_of, cells):
    stamps = [f"2020-01-02 1{i}:00" for i in range(4)]
    refused(
        spec_of(stamped(cells, *stamps)), "a time of day but no zone; .*data.session_close: .16:00 America/New_York"
    )


def test_a_missing_file_is_refused(spec_of, cells, tmp_path):
    spec = spec_of(cells)
    (tmp_path / "AAPL.csv").unlink()
    refused(spec, r"cannot be read: No such file or directory; check its path")
    with pytest.raises(DataError, match=r"AAPL \(.*AAPL.csv\): the file cannot be read"):
        spec.digests()


def test_a_folder_is_no_file(spec_of, cells, tmp_path):
    spec = spec_of(cells)
    (tmp_path / "AAPL.csv").unlink()
    (tmp_path / "AAPL.csv").mkdir()
    refused(spec, "cannot be read: Is a directory")


def raw(**columns) -> RawTable:
    frame = pd.DataFrame(
        {name: [1.0, 1.0] for name in COLUMNS} | columns, index=pd.to_datetime(["2020-01-02", "2020-01-03"])
    )
    return RawTable(frame, "table")


def test_a_source_that_gives_numbers_is_taken_exactly():
    assert checked("A", raw(volume=[1, 2])).dtypes.eq("float64").all()
    assert checked("A", raw(close=pd.Series(["1.0", "1e0"], dtype=object).to_numpy()))["close"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"volume": [True, False]}, "volume is text that is no number, 'True'"),
        ({"close": np.array([1.0, [2]], dtype=object)}, r"close is text that is no number, '\[2\]', in row 2"),
        ({"close": np.array([1.0, None], dtype=object)}, r"close is missing \(NaN\) in row 2"),
        ({"close": np.array([1.0, pd.NA], dtype=object)}, r"close is missing \(NaN\) in row 2"),
    ],
)
def test_a_source_that_gives_other_cells_is_refused(columns, match):
    with pytest.raises(DataError, match=match):
        checked("A", raw(**columns))


def test_a_source_that_gives_too_little_is_refused():
    table = raw()
    with pytest.raises(DataError, match=r"A \(table\): column close is missing; found: open, high, low, volume"):
        checked("A", RawTable(table.frame.drop(columns="close"), "table"))
    undated = table.frame.set_axis(pd.DatetimeIndex(["2020-01-02", None]))
    with pytest.raises(DataError, match=r"the date is missing in row 2 \(line 3\)"):
        checked("A", RawTable(undated, "table"))


def bars_at(stamps):
    return "Datetime,Open,High,Low,Close,Volume\n" + "".join(f"{stamp},1,1,1,1,1\n" for stamp in stamps)


def fault_of(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_text(text)
    source = {"kind": "csv", "files": {"X": str(path)}}
    with pytest.raises(DataError) as caught:
        DataSpec.parse({"source": source, "session_close": "16:00 America/New_York"}).load()
    return caught.value.line


def test_the_hour_that_a_clock_change_repeats_is_named(tmp_path):
    stamps = ["2020-11-01 00:30", *(2 * ["2020-11-01 01:00", "2020-11-01 01:30"]), "2020-11-01 02:00"]
    line = fault_of(tmp_path, bars_at(stamps))
    assert "the hour from 01:00 of 2020-11-01 is there twice, as when the clock is set back" in line
    assert "write each stamp with its UTC offset, as 2020-11-01 01:00-04:00 and then -05:00" in line


def test_other_duplicates_are_not_taken_for_a_change_of_the_clock(tmp_path):
    for stamps in (["2020-11-02 10:00", "2020-11-02 10:00"], ["2020-11-02", "2020-11-02"]):
        assert "duplicate date" in fault_of(tmp_path, bars_at(stamps))
