"""Repairs are made only when the config asks, and each is counted."""

import pytest

from core.errors import DataError

CLOSE, HIGH = 4, 2


def notes_of(spec):
    return [note for note in spec.load().notes if "repaired" in note]


def test_nothing_is_repaired_unasked(spec_of, cells):
    cells[1][CLOSE] = ""
    with pytest.raises(DataError, match="close is missing"):
        spec_of(cells).load()


@pytest.mark.parametrize(
    ("change", "repair", "left", "note"),
    [
        (lambda cells: cells.insert(1, cells.pop(2)), ["sort"], 4, "rows sorted by date; 1 were earlier"),
        (lambda cells: cells.append(cells[3]), ["drop_exact_duplicates"], 4, "exact duplicates, 1 row left out"),
        (lambda cells: cells.insert(1, [*cells[0][:5], "7"]), [{"keep": "last"}], 4, "the last is kept, 1 row left"),
        (lambda cells: cells[1].__setitem__(CLOSE, ""), ["drop_null_rows"], 3, "prices missing, 1 row left out"),
        (lambda cells: cells[1].__setitem__(1, "0"), ["drop_zero_rows"], 3, "prices of 0, 1 row left out"),
        (lambda cells: cells[1].__setitem__(0, "2020-01-04"), ["drop_weekend"], 3, "Sundays, 1 row left out"),
        (lambda cells: cells[1].__setitem__(HIGH, "11.995"), [{"clamp": "0.1 %"}], 4, "at most 0.1 % on 1 bars"),
    ],
)
def test_each_repair_is_counted(spec_of, cells, change, repair, left, note):
    change(cells)
    spec = spec_of(cells, repair=repair)
    (text,) = notes_of(spec)
    assert note in text
    assert len(spec.load().bars["AAPL"]) == left


def test_keep_last_keeps_the_later_row(spec_of, cells):
    cells.insert(1, [*cells[0][:5], "7"])
    assert spec_of(cells, repair=[{"keep": "last"}]).load().bars["AAPL"].volume[0] == 7
    assert spec_of(cells, repair=[{"keep": "first"}]).load().bars["AAPL"].volume[0] == 100


def test_a_high_that_is_off_by_more_stays_refused(spec_of, cells):
    cells[1][HIGH] = "11.5"
    with pytest.raises(DataError, match="lies outside"):
        spec_of(cells, repair=[{"clamp": "0.1 %"}]).load()


def test_adjust_is_that_of_the_source(spec_of, cells):
    assert spec_of(cells, repair=["adjust"]).source.adjust


@pytest.mark.parametrize("entry", ["fill", {"keep": "both"}, {"clamp": "50 %"}, {"clamp": "x"}])
def test_another_word_is_refused(spec_of, cells, entry):
    with pytest.raises(ValueError, match="has no repair"):
        spec_of(cells, repair=[entry])
