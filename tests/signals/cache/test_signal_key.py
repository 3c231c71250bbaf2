"""The key of a cache entry: what it depends on, and on what it does not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.plugins import kinds
from core.types import COLUMNS, Market, News
from signals.cache import cache_keys as keying
from signals.cache.cache_keys import fold_keys, signal_key
from signals.cache.code_digest import Code, code_of
from signals.folds.walk_forward import folds, training_rows
from signals.panel import build_panel
from signals.spec import SignalSpec

VALUES = {
    "features": [{"kind": "sma", "window": 5}],
    "model": {"kind": "lightgbm", "rounds": 3},
    "walk_forward": {"train": 120, "test": 60},
}
SPEC = SignalSpec.parse(VALUES)


@pytest.fixture(scope="module")
def market(make_market):
    return make_market(bars=300, symbols="AB")


def with_bars(market, symbol, bars):
    return replace(market, bars={**market.bars, symbol: bars})


def with_cell(market, symbol, column, row):
    """The market with one cell moved to the next number that there is."""
    bars = market.bars[symbol]
    values = np.array(getattr(bars, column))
    values[row] = np.nextafter(values[row], np.inf)
    return with_bars(market, symbol, replace(bars, **{column: values}))


def later(market, symbol, row):
    """The market with one bar a nanosecond later."""
    bars = market.bars[symbol]
    times = bars.times.to_series().reset_index(drop=True)
    times[row] += np.timedelta64(1, "ns")
    return with_bars(market, symbol, replace(bars, times=pd.DatetimeIndex(times)))


def test_the_key_depends_on_every_cell_and_every_time(market):
    cells = [(symbol, row) for symbol in "AB" for row in (0, 150, 299)]
    keys = {signal_key(with_cell(market, *cell[:1], name, cell[1]), SPEC) for cell in cells for name in COLUMNS}
    keys |= {signal_key(later(market, *cell), SPEC) for cell in cells}
    keys |= {
        signal_key(market, SPEC),
        signal_key(replace(market, trade=("A",)), SPEC),
        signal_key(replace(market, trade=("B", "A")), SPEC),
        signal_key(market.until(market.times[-2]), SPEC),
        signal_key(market.since(market.times[1]), SPEC),
        signal_key(with_bars(market, "A", market.bars["B"]), SPEC),
    }
    assert len(keys) == 6 * 6 + 6


CHANGES = {
    "seed": [1, 2**40],
    "features": [[{"kind": "sma", "window": 6}], [{"kind": "sma", "window": 5}, {"kind": "rsi"}], [{"kind": "rsi"}]],
    "label": [{"horizon": 2}, {"kind": "open_to_open"}],
    "scaler": ["standard", "robust", "none"],
    "model": [{"kind": "lightgbm", "rounds": 4}, {"kind": "lightgbm", "rounds": 3, "leaves": 9}, {"kind": "xgboost"}],
    "walk_forward": [
        {**VALUES["walk_forward"], **change}
        for change in ({"train": 121}, {"test": 61}, {"scheme": "rolling"}, {"stop": 0.2}, {"embargo": 1})
    ],
    "confidence": [{"kind": "constant"}, {"kind": "constant", "value": 0.5}],
}


def test_the_key_depends_on_every_field_of_the_spec(market):
    assert set(CHANGES) == set(SignalSpec.model_fields)
    changed = [{name: value} for name, values in CHANGES.items() for value in values]
    keys = {signal_key(market, SignalSpec.parse({**VALUES, **change})) for change in changed}
    assert len(keys | {signal_key(market, SPEC)}) == len(changed) + 1


def test_the_key_depends_on_code_libraries_and_machine(market, monkeypatch):
    keys = {signal_key(market, SPEC)}
    for name, value in {
        "code_of": lambda roots: Code({"signals.generate": "other"}, code_of(roots).libraries),
        "library_versions": lambda imported: {"numpy": "0"},
        "machine": lambda: {"system": "other"},
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(keying, name, value)
            keys.add(signal_key(market, SPEC))
    assert len(keys) == 4


def test_the_key_depends_on_nothing_else(market):
    untraded = {**market.bars, "C": market.bars["A"]}
    other = Market(untraded, market.trade, "C", "Asia/Tokyo", ("a note",))
    members = {"lightgbm": {"weight": 0.5}, "random_forest": {"weight": 0.5}}
    turned = dict(reversed(members.items()))
    one, two = ({**VALUES, "model": {"kind": "ensemble", "members": item}} for item in (members, turned))
    assert signal_key(other, SPEC) == signal_key(market, SignalSpec.parse(SPEC.dump()))
    assert signal_key(market, SignalSpec.parse(one)) == signal_key(market, SignalSpec.parse(two))


HEADLINES = News(
    pd.DatetimeIndex(["2001-02-01T12:00", "2001-02-02T12:00"], tz="UTC"), ("A", "B"), ("good news", "bad news")
)


def symbols_read(market, spec):
    """The symbols of which a cell moves the key, of all that the market has."""
    key = signal_key(market, spec)
    return {symbol for symbol in market.bars if signal_key(with_cell(market, symbol, "close", 100), spec) != key}


@pytest.fixture(scope="module")
def wide(make_market):
    """Five symbols, of which two are traded and one is the benchmark; and news."""
    return replace(make_market(bars=300, symbols="ABCDE"), trade=("A", "B"), benchmark="C", news=HEADLINES)


@pytest.mark.parametrize(
    ("features", "read"),
    [
        ([{"kind": "sma"}], "AB"),
        ([{"kind": "cross_return", "symbol": "D"}], "ABD"),
        ([{"kind": "cross_return", "symbol": "A"}], "AB"),
        ([{"kind": "cross_return"}], "ABC"),
        ([{"kind": "cross_return"}, {"kind": "cross_return", "symbol": "E"}], "ABCE"),
    ],
)
def test_of_other_symbols_those_count_that_a_feature_looks_at(features, read, wide):
    assert symbols_read(wide, SignalSpec.parse({**VALUES, "features": features})) == set(read)


def test_which_symbol_the_benchmark_is_counts_where_it_is_looked_at(wide):
    same = replace(wide, bars={**wide.bars, "D": replace(wide.bars["C"], symbol="D")})
    turned = replace(same, benchmark="D")
    looking = SignalSpec.parse({**VALUES, "features": [{"kind": "cross_return"}]})
    assert signal_key(same, looking) != signal_key(turned, looking)
    assert signal_key(same, SPEC) == signal_key(turned, SPEC)


OTHERWISE = {
    "zone": lambda market: replace(market, zone="Asia/Tokyo"),
    "headline": lambda market: replace(market, news=replace(market.news, text=("good news", "worse news"))),
    "time": lambda market: replace(market, news=replace(market.news, known_at=market.news.known_at + pd.Timedelta(1))),
    "none": lambda market: replace(market, news=None),
    "symbol C": lambda market: with_cell(market, "C", "close", 100),
    "symbol D": lambda market: with_cell(market, "D", "close", 100),
}
GIVEN_TO = {
    "talib": {"function": "RSI"},
    "sentiment": {"scorer": {"kind": "vader"}},
    "cross_return": {"symbol": "D"},
}


@pytest.mark.parametrize("kind", kinds("signals.features"))
@pytest.mark.parametrize("change", OTHERWISE)
def test_whatever_moves_a_feature_moves_the_key(kind, change, wide):
    """The other way round is no promise: a key that moves too often costs time, one that does not is wrong."""
    spec = SignalSpec.parse({**VALUES, "features": [{"kind": kind, **GIVEN_TO.get(kind, {})}]})
    other = OTHERWISE[change](wide)
    if signal_key(wide, spec) == signal_key(other, spec):
        before, after = (spec.features[0].of(market, "A") for market in (wide, other))
        np.testing.assert_array_equal(before, after)


def test_news_count_where_they_are_read(wide):
    reading = SignalSpec.parse({**VALUES, "features": [{"kind": "sentiment", **GIVEN_TO["sentiment"]}]})
    changed = [OTHERWISE[name](wide) for name in ("headline", "time", "none")]
    assert len({signal_key(market, reading) for market in (wide, *changed)}) == 4
    assert len({signal_key(market, SPEC) for market in (wide, *changed)}) == 1


def test_the_zone_counts_where_it_is_read(wide):
    reading = SignalSpec.parse({**VALUES, "features": [{"kind": "calendar"}]})
    assert signal_key(wide, reading) != signal_key(OTHERWISE["zone"](wide), reading)


def test_a_plug_in_that_is_not_asked_for_does_not_count(market, monkeypatch):
    """The code and the versions of what the spec does not hold: neither is looked at."""
    digests = []
    monkeypatch.setattr(keying, "code_of", lambda roots: digests.append(code_of(roots)) or digests[-1])
    signal_key(market, SPEC)
    signal_key(market, SignalSpec.parse({**VALUES, "model": {"kind": "ridge"}}))
    with_lightgbm, with_ridge = digests
    assert with_lightgbm.libraries - with_ridge.libraries == {"lightgbm"}
    assert "signals.models.lightgbm" not in with_ridge.modules
    assert not {"torch", "talib", "transformers", "vaderSentiment", "sklearn", "xgboost"} & with_lightgbm.libraries


@pytest.fixture(scope="module")
def cut(market):
    """The panel, the folds and their keys."""
    return folds_of(market, SPEC)


def folds_of(market, spec):
    training = spec.training
    panel = build_panel(market, training.features, training.label, training.confidence)
    steps = folds(panel, training.walk_forward)
    return panel, steps, fold_keys(panel, spec, steps)


def test_no_two_folds_share_a_key(market, cut):
    _, steps, keys = cut
    assert len(steps) == len(set(keys)) == 3
    assert not set(keys) & set(folds_of(market, SignalSpec.parse({**VALUES, "seed": 1}))[2])


def test_a_fold_knows_nothing_of_what_comes_after_it(market, cut, with_future):
    """Another future from the bar after its test window on leaves a fold's key as it is, and moves the next one's."""
    panel, steps, keys = cut
    for number, fold in enumerate(steps[:-1]):
        first = market.times[market.times > panel.times[fold.test].max()][0]
        for how in ("another walk", "mirrored", "thousandfold"):
            other = folds_of(with_future(market, first, how), SPEC)[2]
            assert other[: number + 1] == keys[: number + 1]
            assert not set(other[number + 1 :]) & set(keys)


def test_a_longer_history_shares_the_folds_that_were_whole(make_market):
    longer = make_market(bars=400, symbols="AB")
    for bars in (300, 330, 371):
        shorter = longer.until(longer.times[bars - 1])
        _, steps, keys = folds_of(shorter, SPEC)
        _, _, others = folds_of(longer, SPEC)
        full = [number for number, fold in enumerate(steps) if len(fold.test) == 2 * 60]
        assert len(full) >= len(steps) - 1
        assert [keys[number] == others[number] for number in range(len(steps))] == [
            number in full for number in range(len(steps))
        ]


def test_every_bar_of_its_window_moves_a_folds_key(market, cut):
    panel, steps, keys = cut
    last = [market.times.get_loc(panel.times[fold.test].max()) for fold in steps]
    for row in (10, 60, 140, last[0] - 1, last[0], last[0] + 1, last[1], last[2]):
        other = folds_of(with_cell(market, "B", "close", row), SPEC)[2]
        assert [one != two for one, two in zip(keys, other, strict=True)] == [row <= end for end in last], row


def test_a_rolling_fold_does_not_depend_on_what_lies_before_its_window(market):
    spec = SignalSpec.parse({**VALUES, "walk_forward": {"train": 100, "test": 50, "scheme": "rolling"}})
    panel, steps, keys = folds_of(market, spec)
    begins = [market.times.get_loc(panel.times[training_rows(fold)].min()) for fold in steps]
    other = folds_of(with_cell(market, "A", "close", 30), spec)[2]
    # A row's feature looks back 5 bars, its latest known label one.
    assert [one == two for one, two in zip(keys, other, strict=True)] == [begin > 36 for begin in begins]
    assert 1 < sum(begin > 36 for begin in begins) < len(begins)


def test_a_folds_key_depends_on_every_field_of_the_spec(market, cut):
    changed = [{name: value} for name, values in CHANGES.items() for value in values]
    seen = {key for change in changed for key in folds_of(market, SignalSpec.parse({**VALUES, **change}))[2]}
    assert not seen & set(cut[2])


def test_a_folds_key_depends_on_code_libraries_and_machine(market, cut, monkeypatch):
    for name, value in {
        "code_of": lambda roots: Code({"signals.generate": "other"}, code_of(roots).libraries),
        "library_versions": lambda imported: {"numpy": "0"},
        "machine": lambda: {"system": "other"},
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(keying, name, value)
            assert not set(folds_of(market, SPEC)[2]) & set(cut[2])
