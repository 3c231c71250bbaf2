"""Notes on a run: holes in the data, and the name of the returns of several bars a session."""

from types import SimpleNamespace

import pandas as pd
import pytest

from engine.results.run_notes import _session_notes, hole_notes
from risk.periods import calendar

DAYS = pd.bdate_range("2015-01-01", "2019-12-31")


def test_a_hole_is_told_with_both_numbers():
    (note,) = hole_notes(calendar(DAYS[DAYS.year != 2017]))
    assert "2016-12-30 to 2018-01-01" in note
    assert "with 260 sessions a year (counted with it 208.7)" in note
    assert hole_notes(calendar(DAYS)) == ()


def test_many_holes_are_counted():
    kept = DAYS[~((DAYS.month == 6) | (DAYS.month == 2))]
    (note,) = hole_notes(calendar(kept, 252.0))
    assert note.count(" to ") == 3
    assert "and 7 more; " in note
    assert "with 252 sessions a year" in note


@pytest.mark.parametrize(("freq", "adjective"), [("B", "daily"), ("7D", "weekly")])
def test_bars_within_the_session_make_returns_of_its_period(freq, adjective):
    days = pd.date_range("2020-01-06", periods=30, freq=freq, tz="UTC")
    times = [day + pd.Timedelta(hours=hour) for day in days for hour in (15, 16)]
    result = SimpleNamespace(equity=pd.DataFrame({"time": times}), zone="UTC")
    (note,) = _session_notes(result, calendar(days.tz_localize(None)))
    assert note.startswith(f"{adjective} returns are made of 60 bars")
    assert f"is {adjective}, " in note
