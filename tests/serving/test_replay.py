"""A backtest replayed bar by bar through HTTP: every signal, side and size of an order, to the bit."""

import math
from types import SimpleNamespace

import pytest
from bundle_replay import replayed
from running_service import question, serving

from engine.bundle.train import train
from serving.prediction_log.read import read_alarms, read_predictions
from signals.generate import plan


class OverHttp:
    """The decisions of a service, in the form of a bundle's."""

    def __init__(self, client):
        self.client = client

    def decide(self, market, account, holding):
        body = question(market, account=account)
        parts = body["symbols"] if "symbols" in body else {body["symbol"]: body}
        for symbol, held in holding.items():
            parts[symbol]["holding"] = {"side": held.side, "held": int(held.held)}
        answered = self.client.post("/predict", json=body)
        assert answered.status_code == 200, answered.text
        content = answered.json()
        rows = content["symbols"].values() if "symbols" in content else [content]
        return SimpleNamespace(rows=[self._row(row) for row in rows])

    @staticmethod
    def _row(row):
        numbers = {name: math.nan if row[name] is None else row[name] for name in ("prediction", "confidence", "size")}
        return SimpleNamespace(symbol=row["symbol"], side=row["side"], units=numbers.pop("size"), **numbers)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["four models on two symbols", "conformal intervals and a stop"])
def test_a_fold_of_a_backtest_again(make_config, tmp_path, name):
    changes = {
        "four models on two symbols": {},
        "conformal intervals and a stop": {
            "model": {"kind": "ridge", "scope": "per_symbol"},
            "confidence": {"kind": "conformal"},
            "risk": {"mode": "stop", "stop": {"kind": "atr", "window": 10, "multiple": 2.0}},
        },
    }[name]
    config = make_config(**changes)
    folds = plan(config.data.load(), config.signals)
    bundle = train(config, tmp_path / "bundle", cut=folds[-2].cut.isoformat())
    with serving(tmp_path / "bundle", f"sqlite:///{tmp_path / 'log.sqlite'}") as running:
        count = replayed(config, OverHttp(running.client), folds[-2].cut, every=4, until=folds[-1].cut)
        logged = read_predictions(running.log, bundle.contents.digest)
    assert count == 15
    assert len(logged.rows) == 30
    assert read_alarms(running.log, bundle.contents.digest).empty
    decided = bundle.decide(config.data.load().until(logged.rows["as_of"].iloc[-1]))
    expected = [list(row.features.values()) for row in decided.rows]
    assert logged.features[-2:].tolist() == expected


def test_a_rule_of_one_symbol_again(make_config, files, log_url, tmp_path):
    rule = {"model": {"kind": "sma_cross", "fast": 5, "slow": 20}, "features": None, "label": None}
    data = {"source": {"kind": "csv", "files": {"A": files["A"]}}, "session_close": "16:00 America/New_York"}
    config = make_config(**rule, data=data, walk_forward=None)
    train(config, tmp_path / "bundle")
    with serving(tmp_path / "bundle", log_url) as running:
        assert replayed(config, OverHttp(running.client), config.data.load().times[-60], every=6) == 10
