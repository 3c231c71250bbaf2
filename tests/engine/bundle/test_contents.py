"""What a bundle says of itself and of its inputs, worked out in another way."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from command_line import command_line
from daily_walk import walk

from core.errors import ConfigError, DataError, StoreError
from core.types import Bars
from engine.bundle.build import build
from engine.bundle.bundle import Bundle
from engine.bundle.data import data_block
from engine.bundle.train import train
from engine.cli.main import main
from engine.config.run_config import ReportSpec
from engine.config.yaml_text import as_yaml
from engine.pipeline import Options, run_and_save
from signals.generate import generate, plan
from signals.panel import build_panel


@pytest.fixture(scope="module")
def finished(ensemble_config, tmp_path_factory):
    """The run folder of the config, and its metrics."""
    options = Options(out=tmp_path_factory.mktemp("runs"), cache=False, quiet=True)
    done = run_and_save(ensemble_config.model_copy(update={"report": ReportSpec(tearsheet=False)}), options)
    return done.saved.folder, done.metrics


def test_errors_out_of_sample_are_those_that_the_run_was_scored_by(ensemble_config, finished, tmp_path):
    """Mean absolute and mean squared errors stand in metrics.json, worked out by the evaluation of the forecasts."""
    folder, metrics = finished
    errors = train(ensemble_config, tmp_path / "bundle", run=folder).contents.out_of_sample
    scores = metrics["forecasts"]["overall"]["model"]
    assert errors.rows == scores["n"]
    assert errors.mean_absolute == pytest.approx(scores["mae"], rel=1e-12)
    squared = errors.mean**2 + errors.standard_deviation**2 * (errors.rows - 1) / errors.rows
    assert squared == pytest.approx(scores["mse"], rel=1e-12)
    levels = [float(level) for level in errors.quantiles]
    assert levels == sorted(levels)
    assert list(errors.quantiles.values()) == sorted(errors.quantiles.values())


def test_a_run_of_another_config_is_refused(make_config, finished, tmp_path):
    folder, _ = finished
    with pytest.raises(ConfigError, match="is a run of the config"):
        train(make_config(seed=1), tmp_path / "bundle", run=folder)
    with pytest.raises(StoreError, match="is no run folder"):
        train(make_config(), tmp_path / "bundle", run=tmp_path)


def test_intervals_are_those_of_the_signals(make_config, tmp_path):
    config = make_config(model={"kind": "ridge"}, confidence={"kind": "conformal"})
    market = config.data.load()
    fold = plan(market, config.signals)[-2]
    signals = generate(market, config.signals)
    bundle = train(config, tmp_path / "bundle", cut=fold.cut.isoformat())
    row = signals.frame.times.get_loc(fold.cut) + 7
    decisions = bundle.decide(market.until(signals.frame.times[row])).rows
    for column, decision in enumerate(decisions):
        width = signals.half_width[row, column]
        assert np.isfinite(width)
        assert (decision.low, decision.high) == (decision.prediction - width, decision.prediction + width)


def test_a_feature_outside_its_training_rows_is_named(ensemble_config, ensemble_bundle, files):
    """The ranges are those of the training rows: found by plain pandas."""
    training = ensemble_config.signals.training
    market = ensemble_config.data.load()
    built = build(ensemble_config, market)
    seen = built.parts[""].fitted.seen["model"]
    panel = build_panel(market, training.features, training.label, training.confidence)
    rows = pd.DataFrame(panel.X, columns=list(panel.names))[panel.times <= pd.Timestamp(seen.last)]
    assert len(rows) == seen.rows
    low, high = ensemble_bundle.parts[""].ranges.T
    assert low.tolist() == rows.min().tolist()
    assert high.tolist() == rows.max().tolist()
    quiet = walk(seed=0, count=420)
    quiet.iloc[-1, :4] *= 1.5
    wild = dict(market.bars)
    frame = quiet.set_axis(market.bars["A"].times)
    wild["A"] = Bars.of("A", frame)
    row = ensemble_bundle.decide(replace(market, bars=wild)).rows[0]
    assert any(text.startswith("return_lag_0 is 0.") and "outside the training range" in text for text in row.warnings)


def test_an_old_bundle_and_a_bar_that_it_knew_are_said(make_config, tmp_path):
    config = make_config(model={"kind": "ridge"})
    market = config.data.load()
    cut = plan(market, config.signals)[0].cut
    bundle = train(config, tmp_path / "bundle", cut=cut.isoformat())
    position = market.times.get_loc(cut)

    def warnings(bars):
        return bundle.decide(market.until(market.times[position + bars])).warnings

    assert warnings(0) == warnings(59) == ()
    assert warnings(60) == ("the model is 60 bars old; the backtest replaced its models after 60: train it again",)
    assert "this prediction is not out of sample" in warnings(-1)[0]


def test_other_data_files_and_configs_are_read(ensemble_bundle, ensemble_config, files, tmp_path):
    own = ensemble_bundle.decide(ensemble_config.data.load()).dump()
    paths = [str(files[symbol]) for symbol in ("A", "B")]
    by_files = command_line("predict", ensemble_bundle.folder, *paths, "--at", "2030-01-01", "--json")
    assert json.loads(by_files.stdout)["decisions"] == own["decisions"]
    (tmp_path / "other.yaml").write_text(as_yaml(ensemble_config.dump()))
    by_config = command_line("predict", ensemble_bundle.folder, tmp_path / "other.yaml", "--at", "2030-01-01", "--json")
    assert json.loads(by_config.stdout)["decisions"] == own["decisions"]


def test_data_that_do_not_fit_are_one_line(ensemble_bundle, files, tmp_path, capsys):
    folder = str(ensemble_bundle.folder)
    assert main(["predict", folder, *[str(files["A"])] * 3]) == 2
    assert "the bundle trades A, B: give one file for each, in this order; given 3" in capsys.readouterr().err
    (tmp_path / "empty.csv").write_text("")
    assert main(["predict", folder, str(tmp_path / "empty.csv"), str(files["B"])]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "the file is empty" in line
    market = data_block(ensemble_bundle, [], ["data.trade=[A]"]).load()
    with pytest.raises(DataError, match="the bundle trades A, B; the data have no B"):
        ensemble_bundle.decide(replace(market, bars={"A": market.bars["A"]}))


def test_a_bundle_is_signed_on_the_command_line(rule_config, tmp_path, capsys):
    (tmp_path / "key").write_bytes(b"0123456789abcdef0123")
    (tmp_path / "short").write_bytes(b"abc")
    (tmp_path / "rule.yaml").write_text(as_yaml(rule_config.dump()))
    words = ["train", str(tmp_path / "rule.yaml"), "--bundle", str(tmp_path / "kept"), "--quiet", "--key-file"]
    assert main([*words, str(tmp_path / "short")]) == 2
    assert "has 3 bytes; a key needs at least 16" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "key")]) == 0
    assert main(["bundle", "verify", str(tmp_path / "kept"), "--key-file", str(tmp_path / "key")]) == 0
    assert "sound" in capsys.readouterr().out


def test_a_symbol_without_a_model_has_no_prediction_and_the_reason(make_config, tmp_path):
    """The second symbol has too few rows of its own before the first cut."""
    config = make_config(model={"kind": "ridge", "scope": "per_symbol"}, walk_forward={"train": 380, "test": 10})
    market = config.data.load()
    short = market.until(market.times[-1])
    bars = {**short.bars, "B": short.bars["B"].between(short.times[-150], None)}
    built = build(config, replace(short, bars=bars))
    assert set(built.parts) == {"A"}
    bundle = Bundle(built.contents, built.rules, built.parts, tmp_path)
    row = bundle.decide(replace(short, bars=bars)).rows[1]
    assert np.isnan(row.prediction)
    assert row.side == 0
    assert "no model of its own: " in row.warnings[0]
    assert "training rows of its own" in row.warnings[0]
