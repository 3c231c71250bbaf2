"""One fold: what a model is handed, that nothing of it lies ahead, and how a failure is told."""

import json
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
from pydantic import PrivateAttr

from core.digests import canonical
from core.errors import ConfigError, ModelError
from core.progress import Progress, no_progress
from core.types import read_only
from signals.features.base import BarFeature
from signals.folds.fit_fold import Window, run_fold
from signals.folds.walk_forward import folds, training_rows
from signals.generate import generate
from signals.models.base import TrainedModel
from signals.panel import build_panel
from signals.signals_result import FoldReport
from signals.spec import SignalSpec

WALK = {"train": 120, "test": 40}
FEATURES = [{"kind": "lagged_return", "lags": [0, 1]}, {"kind": "sma", "window": 5}]


class Spy(TrainedModel):
    """A model that keeps everything it is handed."""

    learns: ClassVar[bool] = False  # it is asked for its predictions alone, not for what features are worth

    _seen: list = PrivateAttr(default_factory=list)

    def fit(self, samples, train, stop, seed, report=no_progress):
        report(Progress(self.kind, 1, 1))
        self._seen.append(("fit", samples, train, stop, seed))
        return Watched(self._seen)


@dataclass(frozen=True)
class Watched:
    seen: list
    details: dict = field(default_factory=lambda: {"epochs": 1})

    def predict(self, samples, rows):
        self.seen.append(("predict", samples, rows))
        return samples.X[rows, 0] - 0.5


class Broken(TrainedModel):
    """A model whose library fails."""

    def fit(self, samples, train, stop, seed, report=no_progress):
        raise ZeroDivisionError("singular matrix")


class Refusing(TrainedModel):
    """A model that says what is wrong."""

    def fit(self, samples, train, stop, seed, report=no_progress):
        error = ModelError("too few rows")
        error.add_note("member refusing")
        raise error


def training_of(model=None, **changes):
    arguments = {"features": FEATURES, "model": {"kind": "random_forest", "trees": 5}, "walk_forward": WALK, **changes}
    training = SignalSpec.parse(arguments).training
    return replace(training, model=model) if model else training


def panel_of(market, training):
    return build_panel(market, training.features, training.label)


def setting(market, model=None, number=2, **changes):
    training = training_of(model, **changes)
    panel = panel_of(market, training)
    return panel, training, folds(panel, training.walk_forward)[number]


@pytest.mark.parametrize("walk", [WALK, {**WALK, "scheme": "rolling"}, {**WALK, "embargo": 3}])
@pytest.mark.parametrize("horizon", [1, 5])
def test_nothing_that_lies_ahead_is_handed_over(make_market, walk, horizon):
    """Rows are told apart by their unscaled features, which no two share."""
    spy = Spy()
    panel, training, fold = setting(
        make_market(symbols="AB", late=30), spy, walk_forward=walk, label={"horizon": horizon}, scaler="none"
    )
    row_of = {row.tobytes(): number for number, row in enumerate(panel.X)}
    outcome = run_fold(panel, training, fold, no_progress)
    assert [entry[0] for entry in spy._seen] == ["fit", "predict", "predict"]
    (_, fit_on, train, stop, _), (_, calibrate_on, calibration), (_, predict_on, test) = spy._seen

    def numbers(samples, rows=slice(None)):
        return np.array([row_of[row.tobytes()] for row in samples.X[rows]])

    for samples, rows, expected in (
        (fit_on, train, fold.train),
        (fit_on, stop, fold.stop),
        (calibrate_on, calibration, fold.calibration),
        (predict_on, test, fold.test),
    ):
        np.testing.assert_array_equal(numbers(samples, rows), expected)
        np.testing.assert_array_equal(
            samples.first, np.searchsorted(panel.symbol[numbers(samples)], panel.symbol[numbers(samples)])
        )
    for samples in (fit_on, calibrate_on):
        assert (panel.times[numbers(samples)] < fold.cut).all()
    is_known = ~np.isnan(fit_on.y)
    assert (panel.known_at[numbers(fit_on)[is_known]] <= fold.cut).all()
    assert is_known[train].all()
    assert is_known[stop].all()
    assert np.isnan(calibrate_on.y).all()
    assert np.isnan(predict_on.y).all()
    assert panel.times[numbers(predict_on)].max() == panel.times[fold.test].max()
    assert all(panel.times[numbers(entry)].min() == panel.times[fold.train].min() for entry in (fit_on, predict_on))
    np.testing.assert_array_equal(outcome.rows, fold.test)


def test_the_samples_cannot_be_written_to(make_market):
    spy = Spy()
    run_fold(*setting(make_market(), spy), no_progress)
    for _, samples, *_ in spy._seen:
        assert not samples.X.flags.writeable
        assert not samples.y.flags.writeable


@pytest.mark.parametrize("scaler", ["minmax", "standard", "robust"])
def test_scaler_and_model_depend_on_their_own_rows_only(make_market, scaler):
    """Calibration and later rows are changed; what the model is fitted on must stay the same bits."""
    spy = Spy()
    panel, training, fold = setting(make_market(), spy, scaler=scaler)
    run_fold(panel, training, fold, no_progress)
    X = np.array(panel.X)
    y = np.array(panel.y)
    after = np.arange(fold.stop.max() + 1, len(panel))
    X[after], y[after] = 1e6, -1e6
    run_fold(replace(panel, X=read_only(X), y=read_only(y)), training, fold, no_progress)
    _, one, train, stop, seed = spy._seen[0]
    _, other, *again = spy._seen[3]
    upto = stop.max() + 1
    assert one.X[:upto].tobytes() == other.X[:upto].tobytes()
    assert one.y[:upto].tobytes() == other.y[:upto].tobytes()
    assert [item.tobytes() for item in (train, stop)] == [item.tobytes() for item in again[:2]]
    assert seed == again[2]


def test_the_scaler_sees_the_training_rows_only(make_market):
    spy = Spy()
    panel, training, fold = setting(make_market(), spy, scaler="minmax")
    run_fold(panel, training, fold, no_progress)
    _, samples, train, *_ = spy._seen[0]
    np.testing.assert_allclose(samples.X[train].min(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(samples.X[train].max(axis=0), 1, atol=1e-12)
    X = np.array(panel.X)
    X[fold.stop] *= 1e3
    run_fold(replace(panel, X=read_only(X)), training, fold, no_progress)
    assert spy._seen[3][1].X[train].tobytes() == samples.X[train].tobytes()


def test_the_report_says_what_was_trained_on(make_market):
    panel, training, fold = setting(make_market(), Spy())
    report = run_fold(panel, training, fold, no_progress).report
    labels = panel.y[training_rows(fold)]
    assert report.number == 2
    assert report.cut == fold.cut.isoformat()
    assert report.train.rows == len(fold.train)
    assert report.test.first == fold.cut.isoformat()
    assert report.train_mean == pytest.approx(labels.mean())
    assert report.up_share == np.mean(labels > 0)
    assert report.diagnostics.members == {training.model.kind: {"epochs": 1}}
    assert report.diagnostics.calibrator["kind"] == "calibrated"


def test_confidence_follows_the_prediction(make_market):
    panel, training, fold = setting(make_market(coefficient=0.6))
    outcome = run_fold(panel, training, fold, no_progress)
    up = outcome.prediction > 0
    np.testing.assert_array_equal(outcome.confidence, np.where(up, outcome.p_up, 1 - outcome.p_up))
    assert ((outcome.confidence >= 0) & (outcome.confidence <= 1)).all()


def test_a_constant_confidence_is_no_probability(make_market):
    outcome = run_fold(*setting(make_market(), confidence={"kind": "constant", "value": 0.3}), no_progress)
    assert (outcome.confidence == 0.3).all()
    assert np.isnan(outcome.p_up).all()


def test_progress_names_the_fold(make_market):
    steps = []
    panel, training, fold = setting(make_market(), Spy())
    run_fold(panel, training, fold, steps.append)
    assert [step.task for step in steps] == [f"fold 2 {training.model.kind}"]


def test_a_failing_library_is_one_model_error(make_market):
    with pytest.raises(ModelError, match=r"failed: ZeroDivisionError: singular matrix") as caught:
        run_fold(*setting(make_market(), Broken()), no_progress)
    assert caught.value.__notes__ == ["fold 2"]
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_refusal_keeps_its_words_and_gains_its_place(make_market):
    with pytest.raises(ModelError, match=r"^too few rows") as caught:
        run_fold(*setting(make_market(), Refusing()), no_progress)
    assert caught.value.line == "too few rows (fold 2, member refusing)"


@pytest.mark.parametrize("value", [np.nan, np.float32(1.0), {1, 2}])
def test_an_account_that_is_not_plain_json_is_refused(make_market, value):
    class Vague(Spy):
        """A model whose details no report can hold."""

        def accounts(self, fitted):
            return {self.kind: {"loss": value}}

    with pytest.raises(ModelError, match=r"failed: (ValueError|TypeError): .*JSON") as caught:
        run_fold(*setting(make_market(), Vague()), no_progress)
    assert caught.value.__notes__ == ["fold 2"]


def test_a_window_refuses_rows_outside_it(make_market):
    panel, _, fold = setting(make_market())
    window = Window.cut_out(panel, panel.times[10], panel.times[20], fold.cut)
    np.testing.assert_array_equal(window.at(np.array([10, 20])), [0, 10])
    for row in (9, 21):
        with pytest.raises(IndexError, match="outside the window"):
            window.at(np.array([row]))


def test_too_short_a_history_is_a_config_error(make_market):
    training = training_of()
    with pytest.raises(ConfigError, match="walk_forward"):
        folds(panel_of(make_market(bars=100), training), training.walk_forward)


class Still(BarFeature):
    """Says nothing until late."""

    @property
    def warmup(self):
        return 0

    @property
    def names(self):
        return ("still",)

    def compute(self, bars):
        return np.where(np.arange(len(bars)) < 250, 0.0, np.arange(len(bars)))[:, None]


def test_a_feature_that_does_not_vary_in_a_fold_is_named(make_market):
    spec = SignalSpec.parse({"features": FEATURES, "model": {"kind": "ridge"}, "walk_forward": WALK})
    spec = spec.model_copy(update={"features": (*spec.features, Still())})
    signals = generate(make_market(), spec)
    still = [report.number for report in signals.folds if report.diagnostics.constant]
    assert still
    assert all(report.diagnostics.constant in ((), ("still",)) for report in signals.folds)
    assert len(still) < len(signals.folds)
    [note] = signals.notes
    assert note.startswith(
        f"feature still does not vary in the training rows of {len(still)} of {len(signals.folds)} folds"
    )
    assert FoldReport.from_dump(json.loads(json.dumps(signals.folds[0].dump()))) == signals.folds[0]


def test_a_report_that_was_kept_is_written_in_the_same_bytes(make_market):
    members = {"lightgbm": {"weight": 0.5}, "random_forest": {"weight": 0.5, "trees": 3}}
    spec = SignalSpec.parse(
        {"features": FEATURES, "model": {"kind": "ensemble", "members": members}, "walk_forward": WALK}
    )
    for report in generate(make_market(), spec).folds:
        read_back = FoldReport.from_dump(json.loads(canonical(report.dump())))
        assert json.dumps(read_back.dump()) == json.dumps(report.dump())


def test_a_member_that_fails_is_named_with_its_fold_and_the_reason(make_market):
    members = {"ridge": {"weight": 0.5}, "lstm": {"weight": 0.5, "learning_rate": 1e30, "sequence": 3}}
    spec = SignalSpec.parse(
        {"features": FEATURES, "model": {"kind": "ensemble", "members": members}, "walk_forward": WALK}
    )
    with pytest.raises(ModelError, match="the error on the stop rows became") as caught:
        generate(make_market(), spec)
    assert "fold 0" in caught.value.line
    assert "member lstm" in caught.value.line
