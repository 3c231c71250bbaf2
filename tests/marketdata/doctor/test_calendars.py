"""Sessions of calendars, against days that are known."""

import pandas as pd
import pytest

from core.errors import DataError
from marketdata.doctor.calendars import against, expected_days
from marketdata.doctor.finding import Series

FIRST, LAST = pd.Timestamp("2001-09-03"), pd.Timestamp("2001-09-28")


def test_an_exchange_is_closed_on_its_holidays_and_after_the_attacks_of_2001():
    pytest.importorskip("exchange_calendars")
    days = expected_days("XNYS", FIRST, LAST)
    closed = pd.bdate_range(FIRST, LAST).difference(days)
    assert [f"{day:%m-%d}" for day in closed] == ["09-03", "09-11", "09-12", "09-13", "09-14"]


def test_built_in_calendars_are_every_day_and_every_weekday():
    assert len(expected_days("24/7", FIRST, LAST)) == 26
    assert len(expected_days("fx", FIRST, LAST)) == 20


def test_missing_and_surplus_sessions_are_counted_with_their_dates():
    days = pd.DatetimeIndex(["2001-09-03", "2001-09-05", "2001-09-08", "2001-09-10"])
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    missing, surplus = against(Series(pd.DataFrame(columns, index=days), days), "fx")
    assert missing.text.startswith("3 of 6 sessions of fx have no bar: ")
    assert "2001-09-04" in missing.text
    assert surplus.text.startswith("1 sessions with bars are no sessions of fx: 2001-09-08")
    assert surplus.rows == (2,)


def test_a_calendar_that_does_not_exist_is_one_line():
    pytest.importorskip("exchange_calendars")
    with pytest.raises(DataError, match=r"data\.calendar 'MARS': exchange_calendars has no such calendar"):
        expected_days("MARS", FIRST, LAST)
