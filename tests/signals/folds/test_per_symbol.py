"""One model a symbol: what each is handed, that symbols share nothing, and symbols that have too few rows."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import PrivateAttr

from core.errors import ConfigError, ModelError
from core.types import Bars, Market, read_only
from signals.cache.store import SignalStore
from signals.evaluation.evaluate import evaluate
from signals.folds.fit_fold import run_fold
from signals.folds.per_symbol import joined, split
from signals.folds.walk_forward import folds
from signals.generate import generate, plan
from signals.models.base import TrainedModel
from signals.panel import build_panel
from signals.spec import SignalSpec

WALK = {"train": 160, "test": 60}
FEATURES = [{"kind": "lagged_return", "lags": [0, 1]}, {"kind": "sma", "window": 5}]
FOREST = {"kind": "random_forest", "trees": 5}
ALL = {
    "kind": "ensemble",
    "members": {
        "lstm": {"weight": 0.4, "hidden": 4, "sequence": 5, "epochs": 2},
        "random_forest": {"weight": 0.2, "trees": 5},
        "xgboost": {"weight": 0.2, "rounds": 10},
        "lightgbm": {"weight": 0.2, "rounds": 10},
    },
}


def spec_of(model=FOREST, scope="per_symbol", **changes):
    arguments = {"seed": 7, "features": FEATURES, "model": {**model, "scope": scope}, "walk_forward": WALK, **changes}
    return SignalSpec.parse(arguments)


def setting(market, spec, number=0):
    panel = build_panel(market, spec.features, spec.label)
    return panel, spec.training, folds(panel, spec.training.walk_forward)[number]


def predictions(signals):
    frame = signals.frame
    return np.stack([frame.prediction, frame.confidence, signals.p_up])


def redrawn(market, symbol, seed=5):
    """The market with other prices of one symbol, at the same times."""
    bars = market.bars[symbol]
    walk = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, len(bars))))
    frame = bars.frame.assign(
        **{
            name: 40 * walk * (1.0 + 0.01 * (name == "high") - 0.01 * (name == "low"))
            for name in ("open", "high", "low", "close")
        }
    )
    return Market({**market.bars, symbol: Bars.of(symbol, frame)}, market.trade, market.benchmark, market.zone)


@pytest.fixture(scope="module")
def market(make_market):
    return make_market(bars=400, symbols="ABC")


@pytest.mark.slow
@pytest.mark.parametrize("model", [FOREST, ALL], ids=["forest", "ensemble"])
@pytest.mark.parametrize("confidence", ["calibrated", "constant"])
def test_another_symbols_prices_change_no_bit(market, model, confidence):
    spec = spec_of(model, confidence={"kind": confidence})
    before, after = (predictions(generate(item, spec)) for item in (market, redrawn(market, "B")))
    assert before[:, :, [0, 2]].tobytes() == after[:, :, [0, 2]].tobytes()
    is_known = np.isfinite(before[0, :, 1])
    assert (before[0, is_known, 1] != after[0, is_known, 1]).any()


def test_pooled_models_do_learn_from_other_symbols(market):
    before, after = (predictions(generate(item, spec_of(scope="pooled"))) for item in (market, redrawn(market, "B")))
    assert not np.array_equal(before[0, :, 0], after[0, :, 0], equal_nan=True)


def test_the_future_changes_nothing_before_a_cut(market, with_future):
    spec = spec_of()
    cut = plan(market, spec)[2].cut
    until = int(market.times.searchsorted(cut))
    before, after = (
        predictions(generate(item, spec))[:, :until] for item in (market, with_future(market, cut, "mirrored"))
    )
    assert before.tobytes() == after.tobytes()
    assert predictions(generate(market.until(market.times[until - 1]), spec)).tobytes() == before.tobytes()


def test_each_model_is_that_of_the_symbol_alone(market):
    """Recomputed from a market that holds nothing but the symbol, but for the seed, with the forest's own library."""
    from sklearn.ensemble import RandomForestRegressor

    spec = spec_of(scaler="none")
    frame = generate(market, spec).frame
    alone = Market({"B": market.bars["B"]}, ("B",), "B", market.zone)
    panel, training, fold = setting(alone, spec, number=1)
    forest = RandomForestRegressor(
        5,
        min_samples_leaf=spec.model.min_samples_leaf,
        max_features=spec.model.max_features,
        max_samples=spec.model.max_samples,
        random_state=training.fold_seed(fold.cut.isoformat(), "B") % 2**31,
    ).fit(panel.X[fold.train], panel.y[fold.train])
    rows = frame.times.get_indexer(panel.times[fold.test])
    np.testing.assert_array_equal(frame.prediction[rows, 1], forest.predict(panel.X[fold.test]))


def test_the_other_symbols_it_is_traded_beside_do_not_matter(market):
    spec = spec_of(ALL)
    alone = Market({"B": market.bars["B"]}, ("B",), "B", market.zone)
    np.testing.assert_array_equal(
        predictions(generate(market, spec))[:, :, 1], predictions(generate(alone, spec))[:, :, 0]
    )


@pytest.mark.slow
def test_workers_and_repetition_change_no_bit(market):
    spec = spec_of()
    once = predictions(generate(market, spec))
    assert predictions(generate(market, spec)).tobytes() == once.tobytes()
    assert predictions(generate(market, spec, workers=2)).tobytes() == once.tobytes()


def test_twin_symbols_have_models_under_seeds_of_their_own(market):
    twins = Market({"A": market.bars["A"], "B": replace(market.bars["A"], symbol="B")}, ("A", "B"), "A", market.zone)
    prediction = generate(twins, spec_of()).frame.prediction
    is_known = np.isfinite(prediction[:, 0])
    assert (prediction[is_known, 0] != prediction[is_known, 1]).any()


def test_the_seed_knows_the_symbol_and_the_default_scope_changes_none():
    pooled, per_symbol = (spec_of(scope=scope).training for scope in ("pooled", "per_symbol"))
    plain = SignalSpec.parse({"seed": 7, "features": FEATURES, "model": FOREST, "walk_forward": WALK}).training
    assert pooled.fold_seed("2001-01-02") == plain.fold_seed("2001-01-02")
    assert (
        len({per_symbol.fold_seed("2001-01-02", symbol) for symbol in ("", "A", "B")} | {plain.fold_seed("2001-01-02")})
        == 4
    )


def test_only_a_scope_that_is_not_the_default_is_written_out():
    assert "scope" not in spec_of(scope="pooled").dump()["model"]
    assert spec_of().dump()["model"]["scope"] == "per_symbol"
    assert SignalSpec.parse(spec_of().dump()) == spec_of()


class Spy(TrainedModel):
    """A model that keeps what it is handed."""

    _seen: list = PrivateAttr(default_factory=list)

    def fit(self, samples, train, stop, seed, on_progress=None):
        self._seen.append((samples, train))
        return self

    @property
    def details(self):
        return {"epochs": 1}

    def predict(self, samples, rows):
        return samples.X[rows, 0] - 0.5


class Broken(Spy):
    """A model that fails."""

    def fit(self, samples, train, stop, seed, on_progress=None):
        raise ZeroDivisionError("singular matrix")


def test_scalers_are_the_symbols_own(market):
    wild = redrawn(market, "B")
    spec = spec_of()
    panel, training, fold = setting(wild, spec)
    spy = Spy(scope="per_symbol")
    run_fold(panel, replace(training, model=spy), fold, lambda step: None)
    assert len(spy._seen) == 3
    for samples, train in spy._seen:
        np.testing.assert_allclose(samples.X[train].min(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(samples.X[train].max(axis=0), 1, atol=1e-12)


def test_a_failure_names_fold_and_symbol(market):
    panel, training, fold = setting(market, spec_of(), number=1)
    with pytest.raises(ModelError, match="singular matrix") as caught:
        run_fold(panel, replace(training, model=Broken(scope="per_symbol")), fold, lambda step: None)
    assert caught.value.__notes__ == ["fold 1, A"]


def test_the_report_and_the_progress_name_the_symbols(market):
    steps = []
    panel, training, fold = setting(market, spec_of())
    outcome = run_fold(panel, training, fold, steps.append)
    assert list(outcome.report.diagnostics.members) == ["A random_forest", "B random_forest", "C random_forest"]
    assert set(outcome.report.diagnostics.calibrator) == {"A", "B", "C"}
    assert {step.task for step in steps} == {f"fold 0 {symbol} random_forest" for symbol in "ABC"}
    assert outcome.report.train.rows == len(fold.train)
    assert outcome.report.test.rows == len(fold.test) == len(outcome.rows)


# --- symbols that have too few rows


@pytest.fixture(scope="module")
def late(make_market):
    """B begins 150 bars after A: 10 rows before the first cut, 70 before the second, 130 before the third."""
    return make_market(bars=400, symbols="AB", late=150)


def test_a_symbol_is_predicted_once_it_has_enough_rows_of_its_own(late):
    signals = generate(late, spec_of())
    is_known = np.isfinite(signals.frame.prediction)
    fold = signals.frame.fold
    assert is_known[fold >= 0, 0].all()
    assert not is_known[fold < 2, 1].any()
    assert is_known[fold >= 2, 1].all()
    first, second, third, *_ = signals.folds
    assert first.untrained["B"].endswith("training rows of its own, needs 80 (half of walk_forward.train)")
    assert list(second.untrained) == ["B"]
    assert third.untrained == {}
    assert list(first.diagnostics.members) == ["A random_forest", "B"]


def test_what_is_missing_is_one_line(late):
    (note,) = generate(late, spec_of()).notes
    assert note.startswith("B: no model of its own, so no prediction, in 2 of 4 folds; in fold 1, cut 20")
    assert note.endswith("training rows of its own, needs 80 (half of walk_forward.train)")
    assert "\n" not in note
    assert generate(late, spec_of(scope="pooled")).notes == ()


def test_the_note_survives_the_cache(late, tmp_path):
    store = SignalStore(tmp_path)
    trained = generate(late, spec_of(), store=store)
    stored = generate(late, spec_of(), store=store)
    assert stored.notes == trained.notes
    assert predictions(stored).tobytes() == predictions(trained).tobytes()


def test_signals_of_some_symbols_can_be_judged(late):
    signals = generate(late, spec_of())
    result = evaluate(late, signals, spec_of().label)
    assert result.overall.model.n == int(np.isfinite(signals.frame.prediction).sum()) - 2  # the last labels are unknown


def test_a_symbol_that_ends_early_is_left_out_without_a_word(make_market):
    market = make_market(bars=400, symbols="AB")
    ended = market.bars["B"].between(None, market.times[200])
    signals = generate(Market({**market.bars, "B": ended}, market.trade, "A", market.zone), spec_of())
    assert signals.notes == ()
    assert list(signals.folds[-1].diagnostics.members) == ["A random_forest"]


def test_no_symbol_with_enough_rows_is_one_line(make_market):
    # Ten symbols one after the other: common time is long, each symbol's own is short.
    market = make_market(bars=460, symbols="ABCDEF", late=60)
    short = {symbol: bars.between(None, bars.times[55]) for symbol, bars in market.bars.items()}
    relay = Market(short, market.trade, "A", market.zone)
    with pytest.raises(ConfigError, match=r"no symbol has enough rows of its own; . has \d+ training rows") as caught:
        plan(relay, spec_of())
    assert "\n" not in caught.value.line
    assert "scope pooled" in caught.value.line


def test_a_model_that_needs_more_rows_waits_for_them(late):
    lstm = {"kind": "lstm", "hidden": 4, "layers": 1, "dropout": 0.0, "sequence": 85, "epochs": 1}
    signals = generate(late, spec_of(lstm))
    assert "too few rows of its own: lstm: sequence is 85" in signals.folds[2].untrained["B"]


def test_parts_hold_their_symbols_rows_and_make_up_the_fold(market):
    panel, training, fold = setting(market, spec_of())
    parts, untrained = split(panel, training, fold)
    assert ([part.symbol for part in parts], untrained) == (["A", "B", "C"], {})
    for number, part in enumerate(parts):
        assert part.panel.symbols == (part.symbol,)
        np.testing.assert_array_equal(part.panel.X, panel.X[panel.symbol == number])
        assert (part.panel.first == 0).all()
    for name in ("train", "stop", "calibration", "test"):
        np.testing.assert_array_equal(getattr(joined(fold, parts), name), getattr(fold, name))


def test_a_part_cannot_be_written_through(market):
    panel, training, fold = setting(market, spec_of())
    parts, _ = split(panel, training, fold)
    assert not parts[1].panel.X.flags.writeable
    assert read_only(parts[1].panel.X).shape == parts[1].panel.X.shape
