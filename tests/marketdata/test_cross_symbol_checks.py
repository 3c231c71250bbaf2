"""Several symbols side by side, and a benchmark with a source of its own."""

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from core.errors import ConfigError, DataError
from engine.config.yaml_layers import Layer
from engine.sweep.load_config import validate
from marketdata.bar_size import bar_size
from marketdata.data_spec import DataSpec

STOCKS = {"kind": "stocks", "symbols": ["AAPL", "GOOG"]}
INDEX = {"source": {"kind": "sample", "symbols": ["sp500"]}}


def write(folder, name: str, times: pd.DatetimeIndex, suffix: str = "") -> str:
    """A file of sound bars at these times; stamps are UTC where they have a time of day."""
    form = "%Y-%m-%d" if (times == times.normalize()).all() else "%Y-%m-%d %H:%MZ"
    close = 100 + np.arange(len(times)) % 7
    frame = pd.DataFrame({"Date": times.strftime(form), "Open": close, "High": close, "Low": close, "Close": close})
    path = folder / f"{name}{suffix}.csv"
    frame.assign(Volume=1).to_csv(path, index=False)
    return str(path)


def spec(folder, benchmark: str | dict = "A", **times: pd.DatetimeIndex) -> DataSpec:
    files = {name: write(folder, name, index) for name, index in times.items()}
    keys = {"source": {"kind": "csv", "files": files}, "benchmark": benchmark, "trade": list(files)}
    return DataSpec.parse(keys)


def refused(wrong: DataSpec, match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        wrong.load()
    assert "\n" not in caught.value.line


daily = pd.bdate_range("2020-01-01", periods=60)
hours = pd.date_range("2020-01-02 14:00", periods=7, freq="h")
hourly = pd.DatetimeIndex(np.concatenate([hours + pd.Timedelta(days=day) for day in range(60)]))
halves = pd.DatetimeIndex(np.sort(np.concatenate([hourly, hourly + pd.Timedelta(minutes=30)])))


@pytest.mark.parametrize(
    ("times", "name", "intraday"),
    [
        (daily, "daily", False),
        (daily[::2], "daily", False),
        (pd.date_range("2020-01-03", periods=30, freq="W-FRI"), "weekly", False),
        (pd.date_range("2020-01-31", periods=30, freq="ME"), "monthly", False),
        (pd.date_range("2000-12-31", periods=5, freq="YE"), "365-day", False),
        (daily[:1], "daily", False),
        (hourly, "60-minute", True),
        (halves, "30-minute", True),
        (pd.date_range("2020-01-02 10:00", periods=50, freq="15s"), "15-second", True),
    ],
)
def test_bar_sizes(times, name, intraday):
    size = bar_size(times.tz_localize("UTC"), "UTC")
    assert (size.name, size.intraday) == (name, intraday)


def test_a_bar_size_outlives_missing_bars():
    chosen = np.random.default_rng(1).random(len(hourly)) < 0.6
    assert bar_size(hourly[chosen].tz_localize("UTC"), "UTC").name == "60-minute"


@pytest.mark.parametrize(
    ("one", "two", "names"),
    [
        (daily, hourly, "daily bars, B .*60-minute bars"),
        (hourly, halves, "60-minute bars, B .*30-minute bars"),
        (daily, pd.date_range("2020-01-03", periods=30, freq="W-FRI"), "daily bars, B .*weekly bars"),
    ],
)
def test_mixed_bar_sizes_are_refused(tmp_path, one, two, names):
    wrong = spec(tmp_path, A=one, B=two)
    refused(wrong, rf"mixed bar sizes: A \(.*A.csv\) has {names}; give all traded symbols bars of one size")


def test_symbols_without_a_common_day_are_refused(tmp_path):
    wrong = spec(tmp_path, A=daily, B=daily + pd.Timedelta(days=364))
    span = r"A \(.*A.csv\) has 2020-01-01 to 2020-03-24; B .* has 2020-12-30 to 2021-03-23"
    refused(wrong, rf"A has no day in common with any other traded symbol: {span}; trade it alone")


def test_one_common_day_is_enough(tmp_path):
    assert spec(tmp_path, "B", A=daily, B=daily[-1:].append(daily + pd.Timedelta(days=364))).load()


def test_bars_that_are_not_there_are_absent_and_never_filled(tmp_path):
    chosen = np.random.default_rng(2).random(len(daily)) < 0.7
    market = spec(tmp_path, A=daily[5:], B=daily[:-5], C=daily[chosen]).load()
    assert {name: len(bars) for name, bars in market.bars.items()} == {"A": 55, "B": 55, "C": chosen.sum()}
    assert len(market.times) == 60
    assert market.bars["C"].times.tz_localize(None).normalize().equals(daily[chosen].as_unit("ns"))


def test_what_is_true_of_several_symbols_is_said_once(tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text(
        "".join(["Date,Open,High,Low,Close\n", *(f"{day:%F},1,1,1,1\n" for day in daily)]), encoding="utf-8"
    )
    both = {"source": {"kind": "csv", "files": {"A": str(path), "B": str(path)}}, "benchmark": "A"}
    assert "A, B: there is no column of volume" in DataSpec.parse(both).load().notes


def test_what_was_found_is_a_note(tmp_path):
    assert spec(tmp_path, A=daily).load().notes[-1] == (
        "daily bars: 60 sessions (days in UTC) from 2020-01-01 to 2020-03-24"
    )
    assert spec(tmp_path, A=hourly).load().notes[-1] == (
        "60-minute bars, mostly 7 a session: 60 sessions (days in UTC) from 2020-01-02 to 2020-03-01"
    )


def test_daily_bars_of_another_zone_are_told_to_state_it(tmp_path):
    """Two closes on one day of UTC, as after a change of the clock east of Greenwich."""
    closes = (daily + pd.Timedelta(minutes=30)).insert(1, daily[0] + pd.Timedelta(hours=23, minutes=30))
    note = spec(tmp_path, A=closes).load().notes[-1]
    assert "mostly 1 a session (if they are daily, state the zone of their days in data.session_close)" in note


def test_a_benchmark_of_its_own_is_compared_with_and_not_traded():
    market = DataSpec.parse({"source": STOCKS, "benchmark": INDEX, "start": "2000-03-01", "end": "2013-03-01"}).load()
    assert (market.trade, market.benchmark, tuple(market.bars)) == (
        ("AAPL", "GOOG"),
        "sp500",
        ("AAPL", "GOOG", "sp500"),
    )
    assert market.bars["sp500"].times.equals(market.bars["AAPL"].times)
    assert any("symbols chosen with hindsight" in note for note in market.notes)
    assert any(
        note.startswith("benchmark sp500 is a price index, beside dividend-adjusted prices") for note in market.notes
    )


def test_a_benchmark_of_its_own_closes_with_the_market(tmp_path):
    benchmark = {
        "source": {"kind": "csv", "files": {"I": write(tmp_path, "I", pd.bdate_range("2000-03-01", "2013-03-01"))}}
    }
    market = DataSpec.parse({"source": STOCKS, "benchmark": benchmark}).load()
    assert f"{market.bars['I'].times[-1]:%F %H:%M}" == "2013-03-01 21:00"
    assert any("benchmark I is not known to contain dividends" in note for note in market.notes)


def test_prices_that_nothing_is_known_of_are_not_compared_by_their_dividends(tmp_path):
    times = pd.bdate_range("2012-01-02", "2013-03-01")
    keys = {"source": {"kind": "csv", "files": {"A": write(tmp_path, "A", times)}}, "benchmark": INDEX}
    assert not any("dividend" in note for note in DataSpec.parse(keys).load().notes)


@pytest.mark.parametrize("times", [pd.bdate_range("2000-03-01", "2013-02-27"), pd.bdate_range("2013-03-04", periods=9)])
def test_a_benchmark_that_does_not_cover_the_span_is_refused(tmp_path, times):
    benchmark = {"source": {"kind": "csv", "files": {"I": write(tmp_path, "I", times)}}}
    wrong = DataSpec.parse({"source": STOCKS, "benchmark": benchmark})
    refused(
        wrong, r"benchmark I \(.*I.csv\) does not cover the span: it has 20.* go on to 2013-03-01; give it more data"
    )


def test_the_benchmarks_file_counts_as_data():
    one = DataSpec.parse({"source": STOCKS, "benchmark": INDEX})
    assert set(one.digests()) == {"AAPL", "GOOG", "sp500"}
    assert one.identity()["benchmark"]["source"]["files"] == {"sp500": one.digests()["sp500"]}
    other = DataSpec.parse({"source": STOCKS, "benchmark": {"source": {"kind": "sample", "symbols": ["nasdaq"]}}})
    assert one.identity() != other.identity()
    assert DataSpec.parse(one.dump()) == one
    assert json.dumps(one.identity())


@pytest.mark.parametrize(
    ("benchmark", "match"),
    [
        ({"source": STOCKS}, "must have exactly one symbol; it has AAPL, GOOG"),
        ({"source": {"kind": "stocks", "symbols": ["AAPL"]}}, "a symbol AAPL, too: write `benchmark: AAPL`"),
        ({"source": {"kind": "smple"}}, "did you mean 'sample'"),
        ({}, "Field required"),
        ("IBM", "the source has no symbol 'IBM'"),
        (5, "valid string"),
    ],
)
def test_benchmarks_that_cannot_be_are_refused(benchmark, match):
    with pytest.raises(ValidationError, match=match):
        DataSpec.parse({"source": STOCKS, "benchmark": benchmark})


@pytest.mark.parametrize(
    ("benchmark", "match"),
    [
        (
            {"source": {"kind": "sample", "symbols": ["dax"]}},
            "f: data.benchmark.source.symbols.0: input should be 'nasdaq'",
        ),
        ({"source": {"kind": "sampl"}}, "f: data.benchmark.source.kind: there is no 'sampl' .* did you mean 'sample'"),
        ({"source": STOCKS}, "f: data.benchmark.source: must have exactly one symbol; it has AAPL, GOOG$"),
        ({"sorce": 1}, "f: data.benchmark.source: is missing"),
        ({**INDEX, "symbl": 1}, "f: data.benchmark.symbl: unknown key; known here: source"),
        (5, "f: data.benchmark: must be text, but YAML reads it as 5; write it in quotes, as it is called$"),
    ],
)
def test_the_config_names_the_key_of_a_wrong_benchmark(benchmark, match):
    values = {
        "data": {"source": STOCKS, "benchmark": benchmark},
        "model": {"kind": "buy_and_hold"},
        "strategy": {"kind": "threshold"},
    }
    with pytest.raises(ConfigError, match=match) as caught:
        validate(Layer(values, {}), "f")
    assert "\n" not in caught.value.line
