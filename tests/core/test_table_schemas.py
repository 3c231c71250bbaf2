import datetime

import pandas as pd
import pytest

from core.errors import StoreError
from core.table_schemas import INTEGER, NUMBER, TABLES, TEXT, TIME, Table

TABLE = Table("things", {"time": TIME, "name": TEXT, "value": NUMBER, "count": INTEGER}, frozenset({"value"}))


def frame() -> pd.DataFrame:
    time = pd.Timestamp("2020-01-02 21:00", tz="UTC")
    rows = [
        {"time": time, "name": "a", "value": 1.5, "count": 1},
        {"time": time, "name": "b", "value": None, "count": 2},
    ]
    return TABLE.frame(rows)


def test_a_frame_of_the_contract_is_accepted_and_comes_back(tmp_path):
    path = TABLE.write(frame(), tmp_path)
    assert path == tmp_path / "things.parquet"
    pd.testing.assert_frame_equal(TABLE.read(tmp_path), frame())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_may_be_empty(table, tmp_path):
    table.write(table.empty(), tmp_path)
    pd.testing.assert_frame_equal(table.read(tmp_path), table.empty())
    assert table.nullable <= set(table.columns)
    assert table.name == "orders" or not any("share" in column for column in table.columns)


def test_equal_frames_are_equal_files(tmp_path):
    (tmp_path / "again").mkdir()
    one = TABLE.write(frame(), tmp_path)
    again = TABLE.write(frame(), tmp_path / "again")
    assert one.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda frame: frame.drop(columns="count"), r"table things: columns are \['time', 'name', 'value'\], must be"),
        (lambda frame: frame[["name", "time", "value", "count"]], "columns are"),
        (lambda frame: frame.assign(extra=1), "columns are"),
        (lambda frame: frame.assign(count=[1.0, 2.0]), "column count is float64, must be int64"),
        (lambda frame: frame.assign(time=frame["time"].dt.tz_localize(None)), "column time is datetime64.*must be"),
        (
            lambda frame: frame.assign(time=frame["time"].dt.as_unit("s")),
            r"datetime64\[s, UTC\], must be datetime64\[ns, UTC\]",
        ),
        (
            lambda frame: frame.assign(name=pd.Series(["a", None], dtype="str")),
            "column name is null in row 1; it may never",
        ),
    ],
)
def test_a_frame_that_breaks_the_contract_is_refused(change, match, tmp_path):
    with pytest.raises(StoreError, match=match):
        TABLE.write(change(frame()), tmp_path)
    assert not (tmp_path / "things.parquet").exists()


def test_a_file_that_is_missing_or_no_table_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"things\.parquet cannot be read"):
        TABLE.read(tmp_path)
    (tmp_path / "things.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(StoreError, match=r"things\.parquet cannot be read"):
        TABLE.read(tmp_path)


def test_a_file_with_other_columns_or_types_is_refused(tmp_path):
    frame().drop(columns="count").to_parquet(tmp_path / "things.parquet", index=False)
    with pytest.raises(StoreError, match="columns are"):
        TABLE.read(tmp_path)
    frame().assign(count=["one", "two"]).to_parquet(tmp_path / "things.parquet", index=False)
    with pytest.raises(StoreError, match=r"things\.parquet does not fit table things: .*count"):
        TABLE.read(tmp_path)


TIMES = (
    pd.Timestamp("2020-01-02 21:00", tz="UTC"),
    pd.Timestamp("2020-01-02 16:00", tz="America/New_York").as_unit("s"),
    pd.Timestamp("2020-01-02 21:00"),
    "2020-01-02 21:00",
    datetime.datetime(2020, 1, 2, 21, tzinfo=datetime.UTC),
)


@pytest.mark.parametrize("missing", [{"time": pd.NaT}, {}], ids=["NaT", "left out"])
@pytest.mark.parametrize("time", TIMES, ids=["utc", "elsewhere", "naive", "text", "datetime"])
def test_times_in_any_form_become_utc(time, missing):
    built = Table("times", {"time": TIME}).frame([{"time": time}, missing])
    assert str(built["time"].dtype) == "datetime64[ns, UTC]"
    assert built["time"][0] == TIMES[0]
    assert built["time"].isna().tolist() == [False, True]


def test_what_a_row_does_not_have_is_null_and_never_a_whole_number():
    built = Table("some", {"name": TEXT, "value": NUMBER}).frame([{"name": "a"}, {"value": 1}])
    assert built.isna().to_numpy().tolist() == [[False, True], [True, False]]
    assert [str(kind) for kind in built.dtypes] == ["str", "float64"]
    with pytest.raises(ValueError, match="NaN"):
        TABLE.frame([{"time": TIMES[0], "name": "a", "value": 1.0}])


def test_a_folder_without_a_column_that_came_later_is_read(tmp_path):
    older = Table("things", TABLE.columns, TABLE.nullable)
    older.write(frame(), tmp_path)
    newer = Table("things", {**TABLE.columns, "word": TEXT}, TABLE.nullable, added=frozenset({"word"}))
    read = newer.read(tmp_path)
    assert read["word"].tolist() == ["", ""]
    assert list(read.columns) == list(newer.columns)
