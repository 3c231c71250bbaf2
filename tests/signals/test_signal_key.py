"""The key of a cache entry: what it depends on, and on what it does not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.types import COLUMNS, Market
from signals import keys as keying
from signals.code import Code, code_of
from signals.keys import signal_key
from signals.spec import SignalSpec

GIVEN = {
    "features": [{"kind": "sma", "window": 5}],
    "model": {"kind": "lightgbm", "rounds": 3},
    "walk_forward": {"train": 120, "test": 60},
}
SPEC = SignalSpec.parse(GIVEN)


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
    places = [(symbol, row) for symbol in "AB" for row in (0, 150, 299)]
    keys = {signal_key(with_cell(market, *place[:1], name, place[1]), SPEC) for place in places for name in COLUMNS}
    keys |= {signal_key(later(market, *place), SPEC) for place in places}
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
        {**GIVEN["walk_forward"], **change}
        for change in ({"train": 121}, {"test": 61}, {"scheme": "rolling"}, {"stop": 0.2}, {"embargo": 1})
    ],
    "confidence": [{"kind": "constant"}, {"kind": "constant", "value": 0.5}],
}


def test_the_key_depends_on_every_field_of_the_spec(market):
    assert set(CHANGES) == set(SignalSpec.model_fields)
    changed = [{name: value} for name, values in CHANGES.items() for value in values]
    keys = {signal_key(market, SignalSpec.parse({**GIVEN, **change})) for change in changed}
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
    one, two = ({**GIVEN, "model": {"kind": "ensemble", "members": each}} for each in (members, turned))
    assert signal_key(other, SPEC) == signal_key(market, SignalSpec.parse(SPEC.dump()))
    assert signal_key(market, SignalSpec.parse(one)) == signal_key(market, SignalSpec.parse(two))
