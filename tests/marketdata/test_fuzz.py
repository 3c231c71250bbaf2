"""Whatever a file holds, it is loaded or refused: nothing else is raised, no warning escapes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from marketdata.data_spec import DataSpec
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
    try:
        market = spec.load()
    except DataError:
        return
    assert market.times.is_monotonic_increasing
    assert market.times.is_unique
    assert (market.bars["A"].low > 0).all()


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
