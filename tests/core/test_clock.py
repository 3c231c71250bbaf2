import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import closes, sessions

ZONES = ("America/New_York", "Asia/Tokyo", "Europe/London", "Pacific/Kiritimati", "UTC")


@pytest.mark.parametrize(
    ("day", "hour"),
    [("2020-01-15", 21), ("2020-03-06", 21), ("2020-03-09", 20), ("2020-07-15", 20), ("2020-11-02", 21)],
)
def test_four_in_new_york_is_21_utc_in_winter_and_20_in_summer(day, hour):
    (close,) = closes(pd.DatetimeIndex([day]), "16:00", "America/New_York")
    assert close == pd.Timestamp(f"{day} {hour}:00", tz="UTC")


def test_a_session_is_the_day_in_the_markets_own_zone():
    times = pd.DatetimeIndex(["2020-01-01 23:30", "2020-01-02 04:59", "2020-01-02 05:00"], tz="UTC")
    assert sessions(times, "America/New_York").strftime("%d").tolist() == ["01", "01", "02"]
    assert sessions(times, "Asia/Tokyo").strftime("%d").tolist() == ["02", "02", "02"]
    assert sessions(times, "UTC").tz is None


@given(
    days=st.lists(
        st.dates(pd.Timestamp("1980-01-01").date(), pd.Timestamp("2060-01-01").date()), min_size=1, unique=True
    ),
    zone=st.sampled_from(ZONES),
    time=st.sampled_from(("09:30", "16:00", "23:59")),
)
def test_the_session_of_a_days_close_is_that_day(days, zone, time):
    index = pd.DatetimeIndex(sorted(days))
    times = closes(index, time, zone)
    assert times.is_monotonic_increasing
    assert str(times.tz) == "UTC"
    assert (sessions(times, zone) == index).all()
