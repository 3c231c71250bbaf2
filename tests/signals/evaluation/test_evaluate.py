"""The evaluation against plain recomputations, and its verdict on planted skill and on noise."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, zscore

from core.types import Bars, Market, SignalFrame
from signals.evaluation.evaluate import Bin, evaluate, reliability
from signals.labels.direction import Direction
from signals.labels.forward_return import ForwardReturn
from signals.labels.open_to_open import OpenToOpen
from signals.labels.triple_barrier import TripleBarrier
from signals.signals_result import FoldDiagnostics, FoldReport, Signals, Span

LABEL = ForwardReturn()
TIMES = pd.date_range("2010-01-01 21:00", periods=900, tz="UTC").as_unit("ns")
CUTS = (300, 600)


def market_of(count=2, seed=0):
    """Symbols on common time; the second one misses every fifth bar."""
    rng = np.random.default_rng(seed)
    bars = {}
    for number, symbol in enumerate("ABC"[:count]):
        used_rows = np.arange(len(TIMES)) if number == 0 else np.flatnonzero(np.arange(len(TIMES)) % 5)
        close = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, len(used_rows))))
        bars[symbol] = Bars(symbol, TIMES[used_rows], close, close, close, close, close)
    return Market(bars, tuple(bars), "A", "UTC")


def realised(market):
    """(T, N) next-bar returns on common time, by pandas."""
    columns = {name: pd.Series(bars.close, bars.times).pct_change().shift(-1) for name, bars in market.bars.items()}
    return pd.DataFrame(columns).reindex(TIMES).to_numpy()


def report_of(number, y, known_rows):
    """A fold's report; its training window is everything whose label is known at the cut."""
    span = Span("2010-01-01T21:00:00+00:00", "2010-02-01T21:00:00+00:00", 10)
    cut = TIMES[CUTS[number]].isoformat()
    spans = dict.fromkeys(("train", "stop", "calibration", "test"), span)
    return FoldReport(
        number,
        cut,
        **spans,
        train_mean=y[known_rows].mean(),
        up_share=(y[known_rows] > 0).mean(),
        diagnostics=FoldDiagnostics(members={}, calibrator={}),
    )


def with_weights(report, weights):
    return replace(report, diagnostics=replace(report.diagnostics, weights=weights))


def signals_of(market, prediction, p_up=None):
    y = realised(market)
    fold = np.searchsorted(CUTS, np.arange(len(TIMES)), side="right") - 1
    prediction = np.where((fold >= 0)[:, None], prediction, np.nan)
    known_rows = [np.isfinite(y) & (np.arange(len(TIMES)) < cut - 1)[:, None] for cut in CUTS]
    frame = SignalFrame(TIMES, market.trade, prediction, np.full(prediction.shape, 0.5), fold)
    p_up = np.full(prediction.shape, np.nan) if p_up is None else p_up
    nowhere = np.full(p_up.shape, np.nan)
    return Signals(frame, tuple(report_of(number, y, rows) for number, rows in enumerate(known_rows)), p_up, nowhere)


def skilled(market, strength, seed=1):
    noise = np.random.default_rng(seed).normal(0, 0.01, (len(TIMES), len(market.trade)))
    return strength * np.nan_to_num(realised(market)) + (1 - strength) * 0.3 * noise


def test_only_out_of_sample_rows_with_a_prediction_and_an_outcome_count():
    market = market_of()
    prediction = skilled(market, 0.2)
    prediction[310, 0] = np.nan
    result = evaluate(market, signals_of(market, prediction), LABEL)
    y = realised(market)
    expected = [np.isfinite(y[first:last]).sum() for first, last in ((300, 600), (600, 900))]
    assert [values.model.n for values in result.folds] == [expected[0] - 1, expected[1]]
    assert result.overall.model.n == sum(expected) - 1
    assert [values.fold for values in (result.overall, *result.folds)] == [None, 0, 1]


def test_scores_of_a_fold_and_of_all_by_hand():
    market = market_of()
    prediction = skilled(market, 0.2)
    y = realised(market)
    signals = signals_of(market, prediction, p_up=np.full(prediction.shape, 0.6))
    result = evaluate(market, signals, LABEL)
    for block, rows in ((result.folds[1], slice(600, 900)), (result.overall, slice(300, 900))):
        ok = np.isfinite(y[rows])
        p = prediction[rows][ok]
        t = y[rows][ok]
        assert block.model.mse == pytest.approx(np.mean((p - t) ** 2))
        assert block.model.hit_rate == pytest.approx(np.mean(p * t > 0))
        assert block.model.brier == pytest.approx(np.mean((0.6 - (t > 0)) ** 2))
        assert block.baselines["zero"].mse == pytest.approx(np.mean(t**2))
        assert block.baselines["always_long"].hit_rate == pytest.approx(np.mean(t > 0))
        assert block.baselines["always_long"].mse is None


def test_the_expanding_mean_is_the_training_windows():
    market = market_of()
    signals = signals_of(market, skilled(market, 0.2), p_up=np.full((len(TIMES), 2), 0.6))
    result = evaluate(market, signals, LABEL)
    y = realised(market)
    mean = np.repeat([report.train_mean for report in signals.folds], 300)[:, None]
    share = np.repeat([report.up_share for report in signals.folds], 300)[:, None]
    errors = (y[300:] - mean)[np.isfinite(y[300:])] ** 2
    base = result.overall.baselines["expanding_mean"]
    assert base.mse == pytest.approx(errors.mean())
    assert base.r2_mean == pytest.approx(0, abs=1e-12)
    assert base.brier == pytest.approx(((y[300:] > 0) - share)[np.isfinite(y[300:])].__pow__(2).mean())
    assert base.brier_skill == pytest.approx(0, abs=1e-12)
    assert result.overall.model.r2_mean == pytest.approx(1 - result.overall.model.mse / errors.mean())
    assert result.overall.model.brier_skill == pytest.approx(1 - result.overall.model.brier / base.brier)


def test_the_autoregression_knows_only_what_was_known_at_the_cut():
    market = market_of()
    result = evaluate(market, signals_of(market, skilled(market, 0.2)), LABEL)
    y = realised(market)
    past = (
        pd.DataFrame({s: pd.Series(b.close, b.times).pct_change() for s, b in market.bars.items()})
        .reindex(TIMES)
        .to_numpy()
    )
    errors = []
    for first, last in ((300, 600), (600, 900)):
        # The label of row 299 is known at row 300, the cut; the second symbol has no bar there, so 301 is its next.
        usable = np.isfinite(past) & np.isfinite(y) & (np.arange(900) < first)[:, None]
        usable[first - 1, 1] = False
        slope, intercept = np.polyfit(past[usable], y[usable], 1)
        rows = np.isfinite(y[first:last])
        errors.append((y[first:last] - intercept - slope * past[first:last])[rows] ** 2)
    assert result.overall.baselines["ar1"].mse == pytest.approx(np.concatenate(errors).mean(), rel=1e-9)


def test_tests_average_the_symbols_of_each_time_first():
    market = market_of()
    prediction = skilled(market, 0.2)
    y = realised(market)
    result = evaluate(market, signals_of(market, prediction), LABEL)
    gain = np.nanmean((2 * y * prediction)[300:899], axis=1)
    errors = [hac_error(gain, lags) for lags in (0, 5)]  # 599 times: 4 (5.99)^(2/9) is 5.95
    assert result.tests["zero"].statistic == pytest.approx(gain.mean() / max(errors), rel=1e-9)
    assert result.tests["zero"].n == 599


def hac_error(values, lags):
    """The standard error of a mean with Bartlett weights, as a double sum."""
    rows = np.arange(len(values))
    weights = np.clip(1 - np.abs(rows[:, None] - rows) / (lags + 1), 0, None)
    centred = values - values.mean()
    return np.sqrt(centred @ weights @ centred) / len(values)


def test_direction_and_rank_are_tested_over_the_symbols_of_each_time():
    market = market_of()
    prediction = skilled(market, 0.2)
    tests = evaluate(market, signals_of(market, prediction), LABEL).tests
    y = realised(market)[300:899]
    p = np.where(np.isnan(y), np.nan, prediction[300:899])
    rises = np.where(np.isnan(y), np.nan, y > 0)
    calls = np.where(np.isnan(y), np.nan, p > 0)
    products = np.nanmean((rises - np.nanmean(rises)) * (calls - np.nanmean(calls)), axis=1)
    assert tests["direction"].statistic == pytest.approx(
        products.mean() / max(hac_error(products, lags) for lags in (0, 5)), rel=1e-9
    )
    known = np.isfinite(y)
    ranks_y, ranks_p = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    ranks_y[known], ranks_p[known] = zscore(rankdata(y[known])), zscore(rankdata(p[known]))
    by_time = np.nanmean(ranks_y * ranks_p, axis=1)
    expected = by_time.mean() / max(hac_error(by_time, lags) for lags in (0, 5))
    assert tests["rank_ic"].statistic == pytest.approx(expected, rel=1e-9)
    assert {name: test.method for name, test in tests.items()} == {
        "zero": "Clark-West",
        "expanding_mean": "Clark-West",
        "ar1": "Diebold-Mariano",
        "direction": "Pesaran-Timmermann",
        "rank_ic": "rank IC",
        "always_long": "Diebold-Mariano",
    }


def test_a_model_that_predicts_the_training_mean_has_no_skill_in_a_rising_market():
    """It beats zero, as anybody who knows of the rise does, and is the other baseline up to rounding."""
    market = market_of(seed=5)
    folds = signals_of(market, np.zeros((len(TIMES), 2))).folds
    means = np.where(np.arange(len(TIMES)) < CUTS[1], folds[0].train_mean, folds[1].train_mean)
    flat = np.column_stack([means, means])
    assert (means > 0).all()
    tests = evaluate(market, signals_of(market, flat * (1 + 1e-15)), LABEL).tests
    assert tests["expanding_mean"].reason == "the predictions are the baseline's"
    assert tests["direction"].reason == "all predictions have one sign"
    assert not evaluate(market, signals_of(market, flat), LABEL).beats


def test_planted_skill_is_seen():
    result = evaluate(market_of(), signals_of(market_of(), skilled(market_of(), 0.2)), LABEL)
    assert result.beats
    assert result.verdict == "beats the baselines; not corrected for selection"
    assert result.overall.model.ic > 0.3


def test_noise_is_called_noise():
    verdicts = []
    for seed in range(20):
        market = market_of(seed=100 + seed)
        verdicts.append(evaluate(market, signals_of(market, skilled(market, 0.0, seed)), LABEL).verdict)
    assert verdicts.count("no evidence of skill") >= 18


@pytest.mark.parametrize("prediction", [0.0, 0.0003, 0.01])
def test_a_constant_forecast_shows_no_skill(prediction):
    market = market_of()
    result = evaluate(market, signals_of(market, np.full((len(TIMES), 2), prediction)), LABEL)
    assert result.verdict == "no evidence of skill"
    assert result.overall.model.ic is None


def test_a_model_that_does_not_train_has_no_errors_and_no_folds():
    market = market_of()
    trained = signals_of(market, np.sign(skilled(market, 0.2)))
    result = evaluate(market, replace(trained, folds=()), LABEL)
    assert result.folds == ()
    assert set(result.overall.baselines) == {"zero", "always_long"}
    assert result.overall.model.mse is None
    assert result.overall.model.hit_rate > 0.5
    assert result.tests["zero"].reason == "the model does not train: its predictions are no returns"
    assert result.tests["always_long"].p_value < 0.025
    assert result.tests["direction"].p_value < 0.001
    assert result.beats
    assert result.confidence_note == "not judged: the confidence is no probability"


def test_a_trained_model_of_a_sign_is_not_said_not_to_train():
    market = market_of()
    result = evaluate(market, signals_of(market, np.sign(skilled(market, 0.2))), Direction())
    assert result.tests["zero"].reason == "the label is a sign, not a return: a forecast of it has no error as a return"
    assert result.folds


def test_a_horizon_and_an_open_to_open_label_are_taken_from_the_spec():
    market = market_of()
    label = OpenToOpen(horizon=3)
    result = evaluate(market, signals_of(market, skilled(market, 0.2)), label)
    assert result.overall.model.n == sum(
        np.isfinite(label.compute(bars).value[bars.times >= TIMES[300]]).sum() for bars in market.bars.values()
    )


def test_a_last_fold_without_outcomes_says_so():
    market = market_of(count=1)
    signals = signals_of(market, skilled(market, 0.2))
    late = replace(
        signals,
        frame=replace(
            signals.frame, prediction=np.where(np.arange(900)[:, None] < 600, signals.frame.prediction, np.nan)
        ),
    )
    result = evaluate(market, late, LABEL)
    assert result.folds[1].model.n == 0
    assert result.folds[1].model.reasons["mse"] == "no prediction with a known outcome"


def test_no_row_at_all_is_no_error():
    market = market_of(count=1)
    result = evaluate(market, signals_of(market, np.full((len(TIMES), 1), np.nan)), LABEL)
    assert result.overall.model.n == 0
    assert result.verdict == "no evidence of skill"
    assert result.reliability == ()


def test_the_dump_is_json_without_nan():
    market = market_of()
    for p_up in (None, np.full((len(TIMES), 2), 0.5)):
        result = evaluate(market, signals_of(market, skilled(market, 0.2), p_up=p_up), LABEL)
        dumped = result.dump()
        assert json.loads(json.dumps(dumped, allow_nan=False))["verdict"] == result.verdict
        blocks = {"overall", "folds", "reliability", "tests", "members", "coverage", "notes"}
        assert set(dumped) == blocks | {"verdict", "confidence_note", "questions"}
        assert {"mse", "r2", "hit_rate", "brier"} <= set(dumped["folds"][0]["model"])


def test_the_confidence_is_compared_with_the_base_rate():
    market = market_of()
    up = (realised(market) > 0).astype(float)
    good = evaluate(market, signals_of(market, skilled(market, 0.2), p_up=0.4 + 0.2 * up), LABEL)
    bad = evaluate(market, signals_of(market, skilled(market, 0.2), p_up=0.6 - 0.2 * up), LABEL)
    assert good.confidence_note.endswith(": better than the base rate")
    assert bad.confidence_note.endswith(": not better than the base rate")


def test_reliability_by_hand():
    p_up = np.repeat(np.arange(10) / 10, 2)
    up = np.tile([0.0, 1.0], 10)
    assert reliability(p_up, up) == tuple(Bin(2, pytest.approx(values / 10), 0.5) for values in range(10))


def test_reliability_bins_are_of_equal_count_and_cover_every_row():
    rng = np.random.default_rng(0)
    p_up = rng.random(1000)
    bins = reliability(p_up, (rng.random(1000) < p_up).astype(float))
    assert [values.rows for values in bins] == [100] * 10
    assert all(abs(values.p_up - values.up_share) < 0.15 for values in bins)
    assert sum(values.rows * values.p_up for values in bins) == pytest.approx(p_up.sum())


def test_equal_probabilities_stay_together():
    assert reliability(np.full(50, 0.55), np.ones(50)) == (Bin(50, pytest.approx(0.55), 1.0),)
    mixed = reliability(np.r_[np.full(80, 0.5), np.full(20, 0.6)], np.r_[np.zeros(80), np.ones(20)])
    assert [(values.rows, values.up_share) for values in mixed] == [(80, 0.0), (20, 1.0)]


def test_a_report_survives_json():
    report = report_of(0, np.array([0.1, -0.1]), np.array([True, True]))
    assert FoldReport.from_dump(json.loads(json.dumps(report.dump(), allow_nan=False))) == report


def test_a_span_is_that_of_its_rows():
    assert Span.from_rows(TIMES, np.array([5, 2, 9])) == Span(TIMES[2].isoformat(), TIMES[9].isoformat(), 3)


def ensemble_of(market, weights=(0.7, 0.3)):
    """Signals of an ensemble of two members, with intervals."""
    parts = {"one": skilled(market, 0.3, seed=4), "two": skilled(market, 0.0, seed=5)}
    mixed = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
    signals = signals_of(market, mixed)
    folds = tuple(with_weights(report, dict(zip(parts, weights, strict=True))) for report in signals.folds)
    half = np.random.default_rng(0).uniform(0.005, 0.03, mixed.shape)
    half = np.where(np.isfinite(signals.frame.prediction), half, np.nan)
    return replace(signals, folds=folds, parts=parts, half_width=half)


def test_members_are_judged_by_themselves_and_their_contributions_sum_to_1():
    market = market_of()
    signals = ensemble_of(market)
    result = evaluate(market, signals, LABEL)
    assert [member.name for member in result.members] == ["one", "two"]
    assert sum(member.contribution for member in result.members) == pytest.approx(1, rel=1e-9)
    alone = evaluate(market, signals_of(market, signals.parts["one"]), LABEL)
    assert result.members[0].model.mse == pytest.approx(alone.overall.model.mse, rel=1e-12)
    assert result.members[0].model.ic == pytest.approx(alone.overall.model.ic, rel=1e-12)
    shares = []
    for fold in range(len(CUTS)):
        rows = (signals.frame.fold == fold)[:, None] & np.isfinite(realised(market))
        full = signals.frame.prediction[rows]
        part = 0.7 * signals.parts["one"][rows]
        shares.append(np.cov(part, full, ddof=0)[0, 1] / np.var(full))
    assert result.members[0].contribution == pytest.approx(np.mean(shares), rel=1e-9)


def test_weights_may_be_a_symbols_own():
    market = market_of()
    signals = ensemble_of(market)
    weights = {"A one": 0.7, "A two": 0.3, "B one": 0.7, "B two": 0.3}
    folds = [with_weights(report, weights) for report in signals.folds]
    by_symbol = evaluate(market, replace(signals, folds=tuple(folds)), LABEL)
    assert by_symbol.members == evaluate(market, signals, LABEL).members


def test_coverage_is_the_share_of_outcomes_in_their_intervals():
    market = market_of()
    signals = ensemble_of(market)
    rows = (signals.frame.fold >= 0)[:, None] & np.isfinite(realised(market))
    inside = np.abs(realised(market) - signals.frame.prediction)[rows] <= signals.half_width[rows]
    wide = signals.half_width[rows] >= np.quantile(signals.half_width[rows], 0.8)
    result = evaluate(market, signals, LABEL).coverage
    assert result.n == rows.sum()
    assert result.covered == pytest.approx(inside.mean(), rel=1e-12)
    assert result.volatile == pytest.approx(inside[wide].mean(), rel=1e-12)
    assert result.half_width == pytest.approx(signals.half_width[rows].mean(), rel=1e-12)
    assert evaluate(market, signals_of(market, skilled(market, 0.2)), LABEL).coverage is None


def test_a_label_that_is_no_return_is_judged_by_sign_and_order_alone():
    market = market_of()
    result = evaluate(market, signals_of(market, np.sign(skilled(market, 1.0))), Direction())
    assert result.overall.model.mse is None
    assert result.overall.model.hit_rate > 0.95
    assert not result.members


def test_forms_of_a_return_are_judged_as_returns():
    market = market_of()
    signals = signals_of(market, skilled(market, 0.2))
    simple = evaluate(market, signals, LABEL)
    log = evaluate(market, signals, ForwardReturn(form="log"))
    assert log.overall.model.mse == pytest.approx(simple.overall.model.mse, rel=1e-9)


def test_what_is_said_of_labels_is_a_note():
    market = market_of()
    bars = {name: replace(item, high=item.close * 1.05, low=item.close * 0.95) for name, item in market.bars.items()}
    market = replace(market, bars=bars)
    notes = evaluate(market, signals_of(market, skilled(market, 0.2)), TripleBarrier()).notes
    assert len(notes) == 2
    assert "the stop is taken to be first" in notes[0]
