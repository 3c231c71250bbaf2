"""From bars to signals as a whole: what the frame says, and that no row before a cut moves when the future does."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ConfigError, DataError, ModelError
from core.progress import no_progress
from core.types import Bars, Market
from signals.generate import generate, plan
from signals.labels.forward_return import ForwardReturn
from signals.panel import build_panel
from signals.spec import SignalSpec
from signals.workers.run_folds import run_folds

WALK = {"train": 120, "test": 50}
FEATURES = [{"kind": "lagged_return", "lags": [0, 1]}, {"kind": "sma", "window": 5}]
FOREST = {"kind": "random_forest", "trees": 5}
LSTM = {"kind": "lstm", "hidden": 4, "sequence": 5, "epochs": 1}
ALL = {
    "kind": "ensemble",
    "members": {
        "lstm": {"weight": 0.4, "hidden": 4, "sequence": 5, "epochs": 2},
        "random_forest": {"weight": 0.2, "trees": 5},
        "xgboost": {"weight": 0.2, "rounds": 10},
        "lightgbm": {"weight": 0.2, "rounds": 10},
    },
}
LABELS = ("forward_return", "open_to_open")


def spec_of(model=FOREST, **changes):
    return SignalSpec.parse({"seed": 7, "features": FEATURES, "model": model, "walk_forward": WALK, **changes})


def rule_of(**model):
    return SignalSpec.parse({"model": model})


def stages(signals, count=None):
    """Everything that a strategy can see, up to a row."""
    frame = signals.frame
    return [item[:count] for item in (frame.prediction, frame.confidence, signals.p_up, frame.fold)]


@pytest.fixture(scope="module")
def market(make_market):
    return make_market(bars=330, symbols="AB", late=40)


def test_every_bar_from_the_first_cut_on_is_predicted(market):
    signals = generate(market, spec_of())
    frame = signals.frame
    steps = plan(market, spec_of())
    first = market.times.get_loc(steps[0].cut)
    assert len(steps) == len(signals.folds) >= 3
    assert frame.symbols == ("A", "B")
    assert frame.times.equals(market.times)
    assert frame.start == steps[0].cut
    assert np.isnan(frame.prediction[:first]).all()
    assert np.isfinite(frame.prediction[first:]).all()
    np.testing.assert_array_equal(np.isnan(frame.confidence), np.isnan(frame.prediction))
    assert (frame.fold[:first] == -1).all()
    np.testing.assert_array_equal(frame.fold[first:], np.arange(len(market.times) - first) // 50)
    assert [report.number for report in signals.folds] == list(range(len(steps)))


def test_predictions_stand_at_their_symbol_and_time(market):
    """Recomputed for one fold by a fit by hand."""
    spec = spec_of({"kind": "random_forest", "trees": 5}, scaler="none")
    fold = plan(market, spec)[1]
    panel = build_panel(market, spec.features, spec.label)
    from sklearn.ensemble import RandomForestRegressor

    parameters = spec.model
    forest = RandomForestRegressor(
        5,
        min_samples_leaf=parameters.min_samples_leaf,
        max_features=parameters.max_features,
        max_samples=parameters.max_samples,
        random_state=spec.training.fold_seed(fold.cut.isoformat()) % 2**31,
    ).fit(panel.X[fold.train], panel.y[fold.train])
    frame = generate(market, spec).frame
    for row in fold.test:
        index = frame.times.get_loc(panel.times[row]), int(panel.symbol[row])
        assert frame.prediction[index] == forest.predict(panel.X[row : row + 1])[0]
        assert frame.fold[index[0]] == 1


def test_a_symbol_without_a_bar_has_no_opinion(make_market):
    market = make_market(bars=330, symbols="AB")
    gone = market.times[300]
    frame = market.bars["B"].frame.drop(gone)
    holed = Market({**market.bars, "B": Bars.of("B", frame)}, market.trade, "A", market.zone)
    result = generate(holed, spec_of()).frame
    assert np.isfinite(result.prediction[300, 0])
    assert np.isnan(result.prediction[300, 1])
    assert np.isfinite(result.prediction[301]).all()


def test_nothing_of_the_market_can_be_written_through_the_signals(market):
    for array in stages(generate(market, spec_of())):
        assert not array.flags.writeable


def test_every_row_from_the_first_cut_on_is_predicted_exactly_once(market):
    spec = spec_of(label={"horizon": 5})
    panel = build_panel(market, spec.features, spec.label)
    steps = plan(market, spec)
    outcomes = run_folds(panel, spec.training, steps, 1, no_progress)
    rows = np.concatenate([outcome.rows for outcome in outcomes])
    assert len(rows) == len(set(rows))
    assert set(rows) == set(np.flatnonzero(panel.times >= steps[0].cut))
    predicted = np.concatenate([outcome.prediction for outcome in outcomes])
    assert len(predicted) == np.isfinite(generate(market, spec).frame.prediction).sum() == len(rows)


def test_the_order_in_which_folds_are_trained_does_not_matter(market):
    spec = spec_of(ALL)
    panel = build_panel(market, spec.features, spec.label)
    steps = plan(market, spec)[:3]
    forward = run_folds(panel, spec.training, steps, 1, no_progress)
    backward = run_folds(panel, spec.training, steps[::-1], 1, no_progress)
    for one, other in zip(forward, backward[::-1], strict=True):
        assert one.report == other.report
        for name in ("rows", "prediction", "confidence", "p_up"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("model", [{**LSTM, "sequence": 10}, ALL], ids=lambda model: model["kind"])
def test_there_is_no_opinion_where_a_window_is_not_full(make_market, model):
    """B begins at bar 200, inside a test window; four bars of warm-up, then nine more to fill a window of ten."""
    market = make_market(bars=330, symbols="AB", late=200)
    signals = generate(market, spec_of(model))
    sequence = 10 if model["kind"] == "lstm" else LSTM["sequence"]
    for array in (signals.frame.prediction, signals.frame.confidence, signals.p_up):
        np.testing.assert_array_equal(np.isnan(array[:, 0]), np.arange(330) < 4 + 120)
        np.testing.assert_array_equal(np.isnan(array[:, 1]), np.arange(330) < 200 + 4 + sequence - 1)


def differs(market, spec, full, cut, future):
    """True if any bit before a row changes with the bars from that row on."""
    moved = stages(generate(future, spec), cut)
    return [item.tobytes() for item in moved] != [item[:cut].tobytes() for item in full]


def around(market, spec, numbers):
    """Rows at which a leak would show: around fold starts, and as far behind them as a label looks."""
    steps = plan(market, spec)
    starts = [market.times.get_loc(steps[number].cut) for number in numbers]
    return sorted({start + shift for start in starts for shift in (-1, 0, 1, spec.label.horizon)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "label", "numbers"),
    [
        *((FOREST, {"kind": kind, "horizon": horizon}, (2, 3)) for kind in LABELS for horizon in (1, 5)),
        (LSTM, {"kind": "open_to_open", "horizon": 5}, (2,)),
        (ALL, {"horizon": 1}, (2,)),
    ],
)
def test_no_row_before_a_cut_moves_when_the_future_does(market, with_future, model, label, numbers):
    """Other future bars give the same bits before them; a history that ends there gives the same numbers."""
    spec = spec_of(model, label=label)
    full = stages(generate(market, spec))
    for cut in around(market, spec, numbers):
        for how in ("another walk", "mirrored", "thousandfold"):
            assert not differs(market, spec, full, cut, with_future(market, market.times[cut], how))
        shorter = stages(generate(market.until(market.times[cut - 1]), spec))
        for short, long in zip(shorter, full, strict=True):
            np.testing.assert_allclose(short, long[:cut], rtol=1e-9 if model is FOREST else 1e-6)


def test_the_test_above_would_see_labels_that_are_used_too_early(market, with_future, monkeypatch):
    """Its own exam: without the purge, the rows before a cut have labels from beyond it."""
    honest = ForwardReturn.compute

    def at_once(spec, bars):
        labels = honest(spec, bars)
        return replace(labels, known_at=labels.times.where(labels.known_at.notna()))

    monkeypatch.setattr(ForwardReturn, "compute", at_once)
    spec = spec_of(label={"horizon": 5})
    full = stages(generate(market, spec))
    result = [
        differs(market, spec, full, cut, with_future(market, market.times[cut], "mirrored"))
        for cut in around(market, spec, (2, 3))
    ]
    assert any(result)


def test_the_future_reaches_what_comes_after_it(market, with_future):
    """The tests above would prove nothing if the corruption did nothing."""
    for how in ("another walk", "mirrored", "thousandfold"):
        other = generate(with_future(market, market.times[250], how), spec_of()).frame.prediction
        assert not np.array_equal(other[250:], generate(market, spec_of()).frame.prediction[250:])


def test_progress_counts_the_folds(market):
    steps = []
    count = len(plan(market, spec_of()))
    generate(market, spec_of(), on_progress=steps.append)
    assert [(step.done, step.total) for step in steps if step.task == "folds"] == [
        (done, count) for done in range(count + 1)
    ]
    assert "fold 0 random_forest" in {step.task for step in steps}


def test_a_rule_has_no_folds_and_starts_after_its_warmup(market):
    signals = generate(market, rule_of(kind="sma_cross", fast=5, slow=20))
    frame = signals.frame
    assert signals.folds == plan(market, rule_of(kind="sma_cross")) == ()
    np.testing.assert_array_equal(frame.fold, np.repeat([-1, 0], [19, len(frame.times) - 19]))
    np.testing.assert_array_equal(np.isfinite(frame.prediction[:, 0]), frame.fold == 0)
    np.testing.assert_array_equal(np.isfinite(frame.prediction[:, 1]), np.arange(len(frame.times)) >= 40 + 19)
    np.testing.assert_array_equal(frame.confidence, np.where(np.isnan(frame.prediction), np.nan, 1.0))
    assert np.isnan(signals.p_up).all()
    assert frame.start == market.times[19]


def test_buy_and_hold_starts_with_the_first_bar(market):
    frame = generate(market, rule_of(kind="buy_and_hold")).frame
    assert frame.start == market.times[0]
    assert (frame.prediction[:, 0] == 1).all()


def test_a_rules_own_confidence_is_used(market):
    spec = SignalSpec.parse({"model": {"kind": "buy_and_hold"}, "confidence": {"kind": "constant", "value": 0.25}})
    assert (generate(market, spec).frame.confidence[:, 0] == 0.25).all()


@pytest.mark.parametrize("call", [plan, generate])
def test_too_short_data_are_refused(make_market, call):
    with pytest.raises(DataError, match="A: has 30 bars, but sma_cross needs at least 50"):
        call(make_market(bars=30), rule_of(kind="sma_cross"))
    with pytest.raises(ConfigError, match="walk_forward: train 120 \\+ test 50 is 170 bars"):
        call(make_market(bars=150), spec_of())
    with pytest.raises(ModelError, match="sequence is 200"):
        call(make_market(bars=300), spec_of({**LSTM, "sequence": 200}))


@pytest.mark.parametrize("workers", [0, -1])
def test_there_is_at_least_one_worker(market, workers):
    with pytest.raises(ConfigError, match=f"workers: is {workers}, must be at least 1"):
        generate(market, spec_of(), workers=workers)
