"""Values that are possible but odd are noted in one line; those that no market has refuse the file."""

import numpy as np
import pandas as pd
import pytest
from daily_walk import walk

from marketdata.doctor.finding import Finding, Series
from marketdata.doctor.series_checks import findings_of


def found(frame: pd.DataFrame, **keys) -> list[Finding]:
    return findings_of(Series(frame, pd.DatetimeIndex(frame.index), **keys))


def data_warnings(frame: pd.DataFrame) -> list[str]:
    return [finding.text for finding in found(frame)]


def test_a_plain_walk_needs_no_remark():
    assert data_warnings(walk()) == []


@pytest.mark.parametrize("factor", [100, 0.01])
def test_a_factor_of_a_hundred_there_and_back_is_refused(factor):
    frame = walk()
    frame.loc[frame.index[50:60], ["open", "high", "low", "close"]] *= factor
    (finding,) = found(frame)
    assert (finding.check, finding.severity, finding.rows) == ("unit_error", "refuse", (50,))
    assert f"on {frame.index[50]:%Y-%m-%d} and back on {frame.index[60]:%Y-%m-%d}" in finding.text


def test_a_high_with_a_slipped_decimal_point():
    frame = walk()
    frame.loc[frame.index[0], "high"] *= 10
    assert f"on {frame.index[0]:%Y-%m-%d}: a split" in data_warnings(frame)[0]


@pytest.mark.parametrize(("factor", "ratio"), [(2, "2:1"), (1.5, "3:2"), (7, "7:1"), (0.1, "1:10")])
def test_a_split_that_was_not_adjusted_is_dated_with_its_ratio(factor, ratio):
    frame = walk()
    frame.loc[frame.index[100] :, ["open", "high", "low", "close"]] /= factor
    (finding,) = found(frame)
    assert (finding.check, finding.severity, finding.rows) == ("split", "warn", (100,))
    assert f"split: {ratio} on {frame.index[100]:%Y-%m-%d}" in finding.text


def test_a_gap_of_200_days():
    frame = walk()
    later = frame.index[150:] + pd.Timedelta(days=200)
    frame = frame.set_axis(frame.index[:150].append(later))
    (note,) = data_warnings(frame)
    longest = (frame.index[150] - frame.index[149]).days
    assert note.startswith(
        f"1 gap of more than 30 days, the longest {longest} days from {frame.index[149]:%Y-%m-%d} to"
    )


def test_monthly_bars_are_no_gaps():
    frame = walk(60)
    assert data_warnings(frame.set_axis(pd.date_range("2000-01-31", periods=60, freq="ME"))) == []


def test_a_constant_price():
    frame = walk()
    frame[["open", "high", "low", "close"]] = 5.0
    assert "the close is 5 on every bar: its returns are all zero" in data_warnings(frame)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_returns_in_place_of_prices(level):
    frame = walk()
    returns = np.abs(np.random.default_rng(3).normal(level, 0.01, len(frame))) + 1e-4
    for name in ("open", "high", "low", "close"):
        frame[name] = returns
    assert any(note.startswith("closes look like returns, not prices") for note in data_warnings(frame))


def test_no_volume_at_all():
    assert data_warnings(walk().assign(volume=0.0)) == ["volume is 0 on every bar"]


def test_no_volume_on_many_bars():
    frame = walk()
    frame.loc[frame.index[:6], "volume"] = 0
    assert data_warnings(frame) == [
        "volume is 0 on 6 bars: 2019-01-01, 2019-01-02, 2019-01-03, 2019-01-04, 2019-01-07 ..."
    ]


def test_opens_that_are_the_previous_close():
    frame = walk(600)
    first_year = frame.index.year == 2019
    frame.loc[first_year, "open"] = frame["close"].shift().fillna(100.0)[first_year]
    frame["high"] = frame[["open", "high"]].max(axis=1)
    frame["low"] = frame[["open", "low"]].min(axis=1)
    (note,) = data_warnings(frame)
    share = first_year[1:].sum() / 599
    assert note.startswith(f"{share:.0%} of opens are the previous close, in 2019 more than half")


def test_a_single_bar_is_enough():
    assert data_warnings(walk(1)) == []


PRICES = ["open", "high", "low", "close"]


def only(frame: pd.DataFrame, check: str, **keys) -> Finding:
    (finding,) = [finding for finding in found(frame, **keys) if finding.check == check]
    return finding


def test_a_spike_of_one_close_and_a_level_of_five_days():
    frame = walk()
    frame.loc[frame.index[80], ["high", "close"]] *= 1.85
    assert only(frame, "spike").rows == (80,)
    frame = walk()
    frame.loc[frame.index[80:85], PRICES] *= 1.6
    assert "within 5 bars, 1 x" in only(frame, "spike").text


def test_a_stretch_that_stands_still_and_one_that_is_copied():
    frame = walk()
    frame.loc[frame.index[100:130], PRICES] = 77.0
    assert "the close is 77 on 30 bars in a row" in only(frame, "frozen").text
    frame = walk()
    frame.iloc[120:140] = frame.iloc[100:120].to_numpy()
    assert only(frame, "copied").rows == (120, 100)
    assert f"prices of 20 bars from {frame.index[120]:%Y-%m-%d}" in only(frame, "copied").text


def test_eighteen_business_days_are_a_gap_and_a_week_of_holidays_is_none():
    frame = walk()
    assert "of 10 weekdays or more" in only(frame.drop(frame.index[100:118]), "gap").text
    assert found(frame.drop(frame.index[100:107])) == []


def test_days_of_a_stated_calendar_without_a_bar_are_counted():
    frame = walk()
    series = Series(frame.drop(frame.index[[10, 20]]), pd.DatetimeIndex(frame.index.delete([10, 20])))
    (finding,) = findings_of(series, "weekdays")
    assert "2 of 300 sessions of weekdays have no bar: 2019-01-15, 2019-01-29" in finding.text


def test_sundays_beside_weekdays_are_named_and_markets_open_then_are_not():
    frame = walk()
    sundays = frame.iloc[[4, 9]].set_axis(frame.index[[3, 8]] + pd.Timedelta(days=2))
    assert only(pd.concat([frame, sundays]).sort_index(), "weekend").text.startswith("there are bars on")
    every_day = frame.set_axis(pd.date_range("2019-01-01", periods=300))
    assert found(every_day) == []
    to_thursday = every_day[~every_day.index.day_of_week.isin([4, 5])]
    assert [finding.check for finding in found(to_thursday)] == []


def test_volume_of_another_unit_and_weekly_bars_after_daily_ones():
    frame = walk()
    frame.loc[frame.index[150:], "volume"] *= 100
    assert "from 1000 to 1e+05" in only(frame, "volume_regime").text
    frame = walk()
    change = only(pd.concat([frame.iloc[:150], frame.iloc[150::5]]), "mixed_sizes")
    assert "of weeks or months" in change.text


def test_columns_that_are_not_what_they_say():
    frame = walk()
    assert "high and low are the same" in only(frame.assign(high=999.0, low=1.0), "constant_column").text
    assert only(frame.assign(volume=frame["close"]), "volume_is_price").rows == ()
    same = dict.fromkeys(PRICES, frame["close"])
    assert "equal on 100% of bars" in only(frame.assign(**same), "no_range").text


def test_stamps_without_summer_time_under_a_zone_that_has_it():
    days = pd.bdate_range("2019-01-01", periods=300)
    local = pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in days for hour in range(15, 22)])
    frame = walk(len(local)).set_axis(local)

    def texts(times):
        series = Series(frame, local.normalize(), True, times.tz_convert("UTC"), "America/New_York")
        return [finding.text for finding in findings_of(series) if finding.check == "clock"]

    assert texts(local.tz_localize("America/New_York")) == []
    assert "10:00 in winter and at 11:00 in summer" in texts(local.tz_localize("UTC"))[0]


def test_a_price_near_the_smallest_number_of_a_float_is_a_jump_and_no_overflow():
    frame = walk()
    frame.loc[frame.index[50], ["low", "close"]] = 1e-320
    jumps = [finding for finding in found(frame) if finding.check in ("jump", "spike", "split")]
    assert jumps
    assert 50 in jumps[0].rows or 51 in jumps[0].rows


def test_mistakes_of_a_usual_size_do_not_hide_each_other():
    frame = walk()
    prices = ["open", "high", "low", "close"]
    frame.iloc[80, [1, 3]] *= 1.85
    frame.loc[frame.index[100:105], prices] *= 1.6
    frame.loc[frame.index[150:], prices] /= 1.5
    checks = {finding.check: finding for finding in found(frame)}
    assert "3:2" in checks["split"].problem
    assert {80, 100} & set(checks["spike"].rows)


def test_days_without_bars_are_a_gap_in_a_market_that_is_open_every_day():
    hours = walk(count=700).set_axis(pd.date_range("2020-01-06", periods=700, freq="h"))
    holed = hours.drop(hours.index[100:200])
    days = pd.DatetimeIndex(holed.index).normalize()
    series = Series(holed.reset_index(drop=True), days, times=pd.DatetimeIndex(holed.index).tz_localize("UTC"))
    [text] = [finding.text for finding in findings_of(series) if finding.check == "gap"]
    assert text == "1 gap of 3 days or more, the longest 4 days from 2020-01-10 to 2020-01-14"


def test_a_few_sessions_of_hours_after_days_are_mixed_sizes():
    first = walk(count=112).set_axis(pd.date_range("2020-01-01", periods=112))
    frame = pd.concat([first, walk(count=100).set_axis(pd.date_range("2020-05-01", periods=100, freq="h"))])
    days = pd.DatetimeIndex(frame.index).normalize()
    series = Series(frame.reset_index(drop=True), days, times=pd.DatetimeIndex(frame.index).tz_localize("UTC"))
    [text] = [finding.text for finding in findings_of(series) if finding.check == "mixed_sizes"]
    assert "112 sessions have one bar, 5 have 24; the size changes on 2020-05-01" in text
