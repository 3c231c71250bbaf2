"""A bundle decides what the backtest decided: every signal, side and size, to the bit."""

import pytest
from bundle_replay import replayed

from engine.bundle.train import train
from signals.generate import plan

RANK = {"kind": "rank", "top": 1, "bottom": 1}
VARIANTS = {
    "four models": {},
    "stop": {"risk": {"mode": "stop", "stop": {"kind": "atr", "window": 10, "multiple": 2.0}}},
    "per symbol, conformal": {
        "model": {"kind": "ridge", "scope": "per_symbol"},
        "confidence": {"kind": "conformal"},
    },
    "learned weights": {
        "model": {"kind": "ensemble", "weights": "learned", "members": {"ridge": {}, "persistence": {}}},
        "scaler": "robust",
    },
    "rank": {"model": {"kind": "ridge"}, "strategy": RANK, "confidence": {"kind": "constant", "value": 0.7}},
    "classes": {"model": {"kind": "lightgbm", "rounds": 10}, "label": {"kind": "direction", "horizon": 1}},
    "time exit": {"model": {"kind": "ridge"}, "strategy": {"kind": "time_exit", "bars": 3}},
    "weekly features": {
        "model": {"kind": "ridge"},
        "features": [{"kind": "lagged_return"}, {"kind": "sma", "window": 3, "every": "week"}],
        "walk_forward": {"train": 150, "test": 60},
    },
}
RULE = {"model": {"kind": "sma_cross", "fast": 5, "slow": 20}, "features": None, "label": None, "walk_forward": None}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_fold_again(make_config, tmp_path, name):
    config = make_config(**VARIANTS[name])
    folds = plan(config.data.load(), config.signals)
    bundle = train(config, tmp_path / "bundle", cut=folds[-2].cut.isoformat())
    assert bundle.contents.valid_for == 60
    assert replayed(config, bundle, folds[-2].cut, every=4, until=folds[-1].cut) == 15


def test_a_rule_again(make_config, tmp_path):
    config = make_config(**RULE)
    bundle = train(config, tmp_path / "bundle")
    market = config.data.load()
    assert replayed(config, bundle, market.times[-80], every=3) > 20


@pytest.mark.slow  # thousands of decisions over the whole history
@pytest.mark.parametrize("path", ["configs/quickstart.yaml", "configs/portfolio.yaml", "configs/sma_cross.yaml"])
def test_every_row_of_the_last_two_folds_of_a_shipped_config(path, tmp_path):
    from pathlib import Path

    from engine.sweep.load_config import load

    overrides = ["data.end=2005-12-30", "workers=1", "measures.intervals.reps=0"]
    overrides += ["walk_forward={train: 500, test: 60}"] if "sma" not in path else []
    config = load(Path(path), overrides)
    market = config.data.load()
    if "sma" in path:
        assert replayed(config, train(config, tmp_path / "rule"), market.times[-120], every=1) == 120
        return
    for fold in plan(market, config.signals)[-2:]:
        until = market.times[market.times >= fold.cut][:60]
        bundle = train(config, tmp_path / f"fold-{fold.number}", cut=fold.cut.isoformat())
        cut_off = config.model_copy(update={"data": config.data.model_copy(update={"end": until[-1].date()})})
        assert replayed(cut_off, bundle, fold.cut, every=1) >= len(until)
