"""A bundle as the service sees it."""

from dataclasses import replace

import pandas as pd

from engine.bundle.lifecycle.served import load_served
from engine.bundle.train import train
from signals import kernels


def test_its_description(ensemble_bundle):
    served = load_served(ensemble_bundle.folder)
    contents = ensemble_bundle.contents
    assert served.record.id == contents.digest
    assert served.record.trained_until == ensemble_bundle.cut.value
    assert (served.record.symbols, served.record.features) == (contents.symbols, contents.features)
    assert str(served.session) == "16:00 America/New_York"
    assert served.about["model"] == "ensemble"
    assert not served.has_state


def test_loops_are_compiled_before_it_answers(make_config, tmp_path, monkeypatch):
    """MACD is such a loop; its bits stay."""
    features = [{"kind": "macd", "fast": 3, "slow": 6, "signal": 3}, {"kind": "lagged_return"}]
    bundle = train(make_config(model={"kind": "ridge"}, features=features), tmp_path / "bundle")
    market = make_config().data.load()
    before = [row.prediction for row in bundle.decide(market).rows]
    monkeypatch.setattr(kernels.CONVERGENCE, "_rows", 0)
    served = load_served(bundle.folder)
    assert kernels.CONVERGENCE._rows > kernels.ROWS_BEFORE_COMPILING
    decided = served.decide(market, account=None, holding={}, now=market.times[-1])
    assert [row.prediction for row in decided.rows] == before


def test_the_unit_of_the_times_changes_nothing(make_config, tmp_path):
    """Nanoseconds are those of every reader; a caller's own bars may have others."""
    market = make_config().data.load()
    cut = f"{market.times[-40]:%Y-%m-%d}"
    bundle = train(make_config(model={"kind": "ridge"}), tmp_path / "bundle", cut=cut)
    coarse = {symbol: replace(bars, times=bars.times.as_unit("us")) for symbol, bars in market.bars.items()}
    for now in (market.times[-1] + pd.Timedelta("99D"), market.times[-1]):
        plain, other = (bundle.decide(each, now=now) for each in (market, replace(market, bars=coarse)))
        assert [row.prediction for row in other.rows] == [row.prediction for row in plain.rows]
        assert [(row.time, row.side, row.warnings) for row in other.rows] == [
            (row.time, row.side, row.warnings) for row in plain.rows
        ]
        assert other.warnings == plain.warnings
        assert bool(plain.warnings) == (now > market.times[-1])
