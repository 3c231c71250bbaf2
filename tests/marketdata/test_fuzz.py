"""Whatever a file holds, it is loaded or refused: nothing else is raised, no warning escapes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vendor_files import HOURLY, WRITERS, bars, days, hours

from core.errors import DataError
from marketdata.data_spec import DataSpec
from marketdata.doctor.diagnosis import diagnose
from marketdata.sources.csv import Csv

HEADER = "Date,Open,High,Low,Close,Volume"
DATES = ("2020-01-02", "1/2/2020", "13/1/2020", "2020-02-30", "2020-01-02T10:00Z", "2020-03-08 02:30", "0001-01-01", "")
NUMBERS = ("1", "2.5", "1e308", "1e-320", "-1", "nan", "inf", "0", "x", "", '"1,2"', "\uff11", "0x1", "1_0")

cell = st.sampled_from(NUMBERS) | st.floats(0.5, 2).map(str) | st.text(max_size=3)
date = (
    st.dates().map(str)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(str)
    | st.sampled_from(DATES)
)
row = st.tuples(date, *[cell] * 5).map(",".join)
sound = st.tuples(date, st.just("1,2,1,2,0")).map(",".join)
table = st.lists(sound, max_size=4) | st.lists(row, max_size=4)


def outcome(path, content: bytes, session: str | None) -> None:
    path.write_bytes(content)
    spec = DataSpec(source=Csv(files={"A": str(path)}), session_close=session)
    loaded(spec)


def loaded(spec: DataSpec) -> None:
    try:
        market = spec.load()
    except DataError:
        return
    assert market.times.is_monotonic_increasing
    assert market.times.is_unique
    assert all((bars_of_one.low > 0).all() for bars_of_one in market.bars.values())


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "A.csv"


@given(rows=table, session=st.sampled_from((None, "16:00 America/New_York", "02:30 America/New_York")))
@settings(max_examples=100, deadline=None)
def test_tables(path, rows, session):
    outcome(path, "\n".join([HEADER, *rows]).encode("utf-8", "surrogatepass"), session)


@given(
    content=st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.binary(max_size=30).map(HEADER.encode().__add__)
)
@settings(max_examples=100, deadline=None)
def test_bytes(path, content):
    outcome(path, content, None)


def _cell(lines, row, draw):
    cells = lines[row].split(b",")
    cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(NUMBERS) | st.text(max_size=4)).encode()
    lines[row] = b",".join(cells)


def _byte(lines, row, draw):
    place = draw(st.integers(0, len(lines[row])))
    lines[row] = lines[row][:place] + draw(st.binary(min_size=1, max_size=2)) + lines[row][place:]


def _cut(lines, row, draw):
    lines[row] = lines[row][: draw(st.integers(0, len(lines[row])))]


def _twice(lines, row, draw):
    lines.insert(draw(st.integers(0, len(lines))), lines[row])


def _swap(lines, row, draw):
    other = draw(st.integers(0, len(lines) - 1))
    lines[row], lines[other] = lines[other], lines[row]


def _drop(lines, row, _):
    del lines[row]


def _join(lines, row, _):
    lines[row : row + 2] = [b"".join(lines[row : row + 2])]


def _end(lines, row, _):
    del lines[row + 1 :]


def _damaged(content: bytes, draw) -> bytes:
    """A vendor's file after some of the accidents that files meet."""
    lines = content.split(b"\n")
    for accident in draw(
        st.lists(st.sampled_from((_cell, _byte, _cut, _twice, _swap, _drop, _join, _end)), min_size=1, max_size=4)
    ):
        if lines:
            accident(lines, draw(st.integers(0, len(lines) - 1)), draw)
    return b"\n".join(lines)


@pytest.mark.slow  # minutes of files: `EXPLORE=1 pytest -m slow tests/marketdata/test_fuzz.py` draws others
@pytest.mark.parametrize("writer", WRITERS)
@given(data=st.data())
@settings(max_examples=60)
def test_damaged_files_of_vendors(tmp_path_factory, writer, data):
    file = WRITERS[writer](bars(hours(30) if writer in HOURLY else days(30)))
    path = tmp_path_factory.getbasetemp() / file.name
    path.write_bytes(_damaged(file.content, data.draw))
    values = {"source": {"kind": file.kind, "files": {"AAPL": str(path)}, **file.source}, **file.data}
    spec = DataSpec.parse(values)
    loaded(spec)
    diagnose(spec)  # it says whatever is wrong, and never raises
