"""Leaks to plant: each takes the honest pipeline and lets one thing look ahead, the way such things happen."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from core.types import COLUMNS, Bars, Market, News, SignalFrame, read_only
from engine.backtest.bt import engine
from signals import generate
from signals.features.base import BarFeature, Feature
from signals.folds import fit_fold, walk_forward
from signals.labels.forward_return import ForwardReturn
from signals.spec import Training

WALK = {"scheme": "expanding", "train": 260, "test": 60}


@dataclass
class Planted:
    """What a leak needs beside the honest pipeline: other config keys, features, another market."""

    changes: dict[str, Any] = field(default_factory=dict)
    extra: tuple[Feature, ...] = ()
    market: Market | None = None


def bars_of(name, times, seed):
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.01, len(times))
    for row in range(1, len(moves)):
        moves[row] += 0.2 * moves[row - 1]
    close = 100 * np.exp(np.cumsum(moves))
    opened = close * np.exp(rng.normal(0, 0.003, len(times)))
    high, low = np.maximum(opened, close) * 1.003, np.minimum(opened, close) * 0.997
    volume = rng.integers(1000, 2000, len(times)).astype(float)
    return Bars.of(name, pd.DataFrame(dict(zip(COLUMNS, (opened, high, low, close, volume), strict=True)), index=times))


def days_of(count, hour="21h"):
    return pd.bdate_range("2001-01-02", periods=count, tz="UTC") + pd.Timedelta(hour)


def market_of(symbols="A", count=520, late=0, news=False):
    days = days_of(count)
    bars = {name: bars_of(name, days[late * place :], [1, place]) for place, name in enumerate(symbols)}
    return Market(bars, tuple(symbols), symbols[0], "America/New_York", news=news_of(days) if news else None)


def news_of(days):
    """A headline a few minutes after every third close."""
    rng = np.random.default_rng(5)
    texts = ("a great success", "a terrible failure", "nothing new", "strong and happy", "weak and sad")
    stamps = pd.DatetimeIndex(days[2::3] + pd.Timedelta("10min")).as_unit("ns")
    return News(stamps, ("A",) * len(stamps), tuple(texts[each] for each in rng.integers(0, len(texts), len(stamps))))


class Column(BarFeature):
    """One column, from the closes as a pandas series."""

    @property
    def warmup(self):
        return 20

    @property
    def names(self):
        return (type(self).__name__.lower(),)

    def compute(self, bars):
        values = np.array(self.series(pd.Series(np.array(bars.close), bars.times)), dtype=float)
        values[: self.warmup] = np.nan
        return np.nan_to_num(values, nan=0.0)[:, None] if len(values) > self.warmup else values[:, None]


class CentredMean(Column):
    def series(self, close):
        return close / close.rolling(9, center=True, min_periods=1).mean() - 1


class WholeSampleScore(Column):
    def series(self, close):
        returns = close.pct_change()
        return (returns - returns.mean()) / returns.std()


class WholeSampleQuantiles(Column):
    def series(self, close):
        returns = close.pct_change()
        return returns.clip(returns.quantile(0.05), returns.quantile(0.95))


class NextBar(Column):
    def series(self, close):
        return close.pct_change().shift(-1)


class FilledBackwards(Column):
    """A value is known at every fifth bar, and filled back from there."""

    def series(self, close):
        returns = close.pct_change(5)
        return returns.where(np.arange(len(close)) % 5 == 0).bfill()


class Interpolated(Column):
    def series(self, close):
        returns = close.pct_change(5)
        return returns.where(np.arange(len(close)) % 5 == 0).interpolate()


class FutureMean(Column):
    """What is missing is filled with the mean of the whole column."""

    def series(self, close):
        returns = close.pct_change().where(np.arange(len(close)) % 7 != 0)
        return returns.fillna(returns.mean())


class TargetEncoding(Column):
    """The mean next return of each weekday, over all weeks."""

    def series(self, close):
        return close.pct_change().shift(-1).groupby(close.index.day_of_week).transform("mean")


class LastRow(Column):
    def series(self, close):
        returns = close.pct_change()
        returns.iloc[-1] = 0.05
        return returns


class AdjustedByTheLastPrice(Column):
    """Prices as a vendor adjusts them: by what became known at the end."""

    def series(self, close):
        return close / close.iloc[-1]


class RankedInAll(Column):
    def series(self, close):
        return close.pct_change().rank(pct=True)


class NewsByDate(Feature):
    """A headline counts on the bar of its date, whatever the hour."""

    news = True

    @property
    def warmup(self):
        return 1

    @property
    def names(self):
        return ("news_by_date",)

    def of(self, market, symbol):
        days = market.bars[symbol].times.normalize()
        counts = pd.Series(1.0, market.news.known_at.normalize()).groupby(level=0).sum()
        values = counts.reindex(days).fillna(0.0).to_numpy().copy()
        values[:1] = np.nan
        return values[:, None]


class LaterClose(Feature):
    """The return of another market on the same date, which closes an hour later."""

    @property
    def warmup(self):
        return 2

    @property
    def names(self):
        return ("later_close",)

    def others(self, market):
        return ("B",)

    def of(self, market, symbol):
        other = market.bars["B"]
        returns = pd.Series(other.close, other.times.normalize()).pct_change()
        values = returns.reindex(market.bars[symbol].times.normalize()).fillna(0.0).to_numpy().copy()
        values[:2] = np.nan
        return values[:, None]


def feature(kind, **more):
    """A leak that is a feature."""
    return lambda monkeypatch: Planted(extra=(kind(),), **more)


def scaled_before_the_split(monkeypatch):
    honest = generate.build_panel

    def scaled(*given):
        panel = honest(*given)
        X = (panel.X - panel.X.min(axis=0)) / np.ptp(panel.X, axis=0)
        return replace(panel, X=read_only(X))

    monkeypatch.setattr(generate, "build_panel", scaled)
    return Planted({"scaler": "none"})


def _known_at_once(monkeypatch):
    honest = walk_forward._fold

    def unpurged(number, edges, times, bar, known, spec):
        return honest(number, edges, times, bar, np.where(known < len(times), bar, known), spec)

    monkeypatch.setattr(walk_forward, "_fold", unpurged)


def _windows_know_all(monkeypatch):
    honest = fit_fold.Window.cut_out.__func__

    def knowing(cls, panel, first, last, known_by):
        return honest(cls, panel, first, last, panel.times.max() + pd.Timedelta("1000D"))

    monkeypatch.setattr(fit_fold.Window, "cut_out", classmethod(knowing))


def no_purge(monkeypatch):
    _known_at_once(monkeypatch)
    _windows_know_all(monkeypatch)
    return Planted({"label": {"kind": "forward_return", "horizon": 5}})


def label_known_too_early(monkeypatch):
    honest = ForwardReturn.compute

    def early(self, bars):
        labels = honest(self, bars)
        known = np.isfinite(labels.value)
        return replace(labels, known_at=pd.DatetimeIndex(labels.times.where(known)))

    monkeypatch.setattr(ForwardReturn, "compute", early)
    return Planted({"label": {"kind": "forward_return", "horizon": 5}})


def rows_shuffled_before_the_split(monkeypatch):
    honest = generate.folds
    _windows_know_all(monkeypatch)

    def shuffled(panel, spec):
        rng = np.random.default_rng(0)
        known = np.flatnonzero(np.isfinite(panel.y))
        for fold in honest(panel, spec):
            drawn = np.sort(rng.choice(known, len(fold.train), replace=False))
            yield replace(fold, train=drawn)

    def every(panel, first, last, known_by):
        return fit_fold.Window(np.arange(len(panel)), panel)

    monkeypatch.setattr(generate, "folds", lambda panel, spec: tuple(shuffled(panel, spec)))
    monkeypatch.setattr(fit_fold.Window, "cut_out", every)
    return Planted()


def _with_test_rows(monkeypatch, name, leaky):
    """Replace a step of a fold by one that also has the whole panel with all its labels."""
    honest_run, honest_step, held = fit_fold._run_fold, getattr(fit_fold, name), {}

    def run(panel, training, fold, report, symbol=""):
        held.update(panel=panel, fold=fold)
        return honest_run(panel, training, fold, report, symbol)

    monkeypatch.setattr(fit_fold, "_run_fold", run)
    monkeypatch.setattr(fit_fold, name, lambda *given: leaky(honest_step, held["panel"], held["fold"], *given))


def _knowing(panel):
    return fit_fold.Window(np.arange(len(panel)), panel)


def _labelled(panel, rows):
    return rows[np.isfinite(panel.y[rows])]


def early_stopping_on_test(monkeypatch):
    def leaky(honest, panel, fold, *given):
        training, _, _, scaler, seed, report = given
        samples, stop = _knowing(panel).samples(scaler, labelled=True), _labelled(panel, fold.test)
        return training.model.fit(samples, fold.train, stop, seed, report) if len(stop) else honest(*given)

    _with_test_rows(monkeypatch, "fit_model", leaky)
    return Planted({"model": {"kind": "lightgbm", "rounds": 20, "patience": 2, "min_samples_leaf": 5}})


def weights_picked_on_test(monkeypatch):
    def leaky(honest, panel, fold, training, _, past, scaler, fitted):
        stop = _labelled(panel, fold.test)
        if len(stop) > 20:
            forecast = fit_fold.predict_rows(training, _knowing(panel), scaler, fitted, stop).forecast
            fitted = training.model.settle(fitted, forecast, panel.y[stop])
        return (fitted, *honest(replace(training, model=Fixed(training.model)), fold, past, scaler, fitted)[1:])

    class Fixed:
        """The model with its weights as they are."""

        settles = False

        def __init__(self, model):
            self.forecast = model.forecast

    _with_test_rows(monkeypatch, "_fit_on_calibration", leaky)
    members = {"ridge": {}, "persistence": {}, "lightgbm": {"rounds": 5}}
    return Planted({"model": {"kind": "ensemble", "weights": "learned", "members": members}})


def calibrated_on_test(monkeypatch):
    def leaky(honest, panel, fold, training, _, past, scaler, fitted):
        test = _labelled(panel, fold.test)
        known = replace(fold, calibration=np.concatenate([fold.calibration, test]))
        return honest(training, known, _knowing(panel), scaler, fitted)

    _with_test_rows(monkeypatch, "_fit_on_calibration", leaky)
    return Planted()


def a_seed_from_the_end_of_the_data(monkeypatch):
    honest, held = generate.build_panel, {}

    def counted(*given):
        panel = honest(*given)
        held["rows"] = len(panel)
        return panel

    monkeypatch.setattr(generate, "build_panel", counted)
    seed = Training.fold_seed
    monkeypatch.setattr(Training, "fold_seed", lambda self, cut, symbol="": seed(self, cut, symbol) + held["rows"])
    return Planted({"model": {"kind": "random_forest", "trees": 5}})


def state_from_later_folds(monkeypatch):
    honest = generate.run_folds

    def backwards(panel, training, steps, *more):
        outcomes = honest(panel, training, steps, *more)
        later = 0.0
        for place in range(len(outcomes) - 1, -1, -1):
            own = outcomes[place]
            outcomes[place] = replace(own, prediction=own.prediction + 0.1 * later)
            later = float(np.nanmean(own.prediction))
        return outcomes

    monkeypatch.setattr(generate, "run_folds", backwards)
    return Planted()


def a_threshold_from_the_whole_sample(monkeypatch):
    honest = generate._assemble

    def centred(*given):
        signals = honest(*given)
        prediction = signals.frame.prediction - np.nanmedian(signals.frame.prediction)
        return replace(signals, frame=replace(signals.frame, prediction=read_only(prediction)))

    monkeypatch.setattr(generate, "_assemble", centred)
    return Planted()


def filled_at_the_close_that_decided(monkeypatch):
    honest = engine._cerebro

    def cheating(*given, **how):
        cerebro = honest(*given, **how)
        cerebro.broker.set_coc(True)
        return cerebro

    monkeypatch.setattr(engine, "_cerebro", cheating)
    return Planted()


def decided_on_the_next_bars_signal(monkeypatch):
    honest = engine._frame

    def early(bars, stamps, signals):
        moved = {name: np.roll(getattr(signals, name), -1, axis=0) for name in ("prediction", "confidence")}
        frame = SignalFrame(signals.times, signals.symbols, **moved, fold=signals.fold)
        return honest(bars, stamps, frame)

    monkeypatch.setattr(engine, "_frame", early)
    return Planted()


def two_closes():
    """A closes at 21:00, B an hour later."""
    return Market(
        {"A": bars_of("A", days_of(520), [1, 0]), "B": bars_of("B", days_of(520, "22h"), [1, 1])}, ("A",), "A", "UTC"
    )


def days_in_the_month(close):
    """Each bar's month, as one number."""
    return close.index.year * 12 + close.index.month


class GapOnRareBars(Column):
    """The next bar's return, on every 97th bar."""

    def series(self, close):
        return close.pct_change().shift(-1).where(np.arange(len(close)) % 97 == 60, 0.0)


class RareHolesFilledBackwards(Column):
    """A return that is missing on some bars, two in a hundred, and is filled from the next."""

    def series(self, close):
        moves = close.pct_change()
        return moves.where(close.index.day_of_year % 47 != 11).bfill()


class RareHolesInterpolated(Column):
    def series(self, close):
        moves = close.pct_change(3)
        return moves.where(close.index.day_of_year % 53 != 7).interpolate()


class MonthsLastBar(Column):
    """The return of a month, which its last bar has; stamped with the calendar's last day, it is that of the next."""

    def series(self, close):
        month = days_in_the_month(close)
        is_last = pd.Series(month, close.index).diff().shift(-1).fillna(1) != 0
        return (close.shift(-15) / close - 1).where(is_last, 0.0)


class RevisedAtTheQuartersEnd(Column):
    """A smoothed value, restated at each quarter's end when the next bars are in."""

    def series(self, close):
        smooth = close.pct_change().rolling(5).mean()
        quarter = pd.Series(close.index.quarter, close.index)
        return smooth.where(quarter.diff().shift(-1).fillna(0) == 0, smooth.shift(-2))


class OutliersReplaced(Column):
    """A return beyond three deviations is taken for an error, and replaced by the mean of its neighbours."""

    def series(self, close):
        moves = close.pct_change()
        is_outlier = moves.abs() > 3 * moves.rolling(60).std()
        return moves.where(~is_outlier, (moves.shift(1) + moves.shift(-1)) / 2)


class NightBefore(Column):
    """The return over a session break, on the last bar before it."""

    def series(self, close):
        day = pd.Series(close.index.normalize(), close.index)
        return close.pct_change().shift(-1).where(day != day.shift(-1), 0.0)


class FilledBeforeAHoliday(Column):
    """A calendar with every business day, filled backwards: the bar before a holiday has the bar after it."""

    def series(self, close):
        moves = close.pct_change()
        gap = pd.Series(close.index.normalize(), close.index).diff().shift(-1)
        usual = np.where(close.index.day_of_week == 4, 3, 1)
        return moves.where(gap.isna() | (gap <= pd.to_timedelta(usual, unit="D")), moves.shift(-1))


class RareNewsByDate(NewsByDate):
    """A headline counts on the bar of its date where the vendor left out its hour: in the first days of a month."""

    def of(self, market, symbol):
        times = market.bars[symbol].times
        is_rare = (times.day <= 3)[:, None]
        return np.where(is_rare, super().of(market, symbol), 0.0)


def some_labels_known_too_early(monkeypatch):
    """One label in sixty is known at its decision."""
    honest = ForwardReturn.compute

    def early(self, bars):
        labels = honest(self, bars)
        is_early = np.isfinite(labels.value) & (np.arange(len(bars)) % 60 == 37)
        known_at = labels.known_at.where(~is_early, labels.times)
        return replace(labels, known_at=pd.DatetimeIndex(known_at))

    monkeypatch.setattr(ForwardReturn, "compute", early)
    return Planted({"label": {"kind": "forward_return", "horizon": 3}})


def with_holidays():
    """A market that is closed on one business day in seventy."""
    days = days_of(530)
    days = days[np.arange(len(days)) % 70 != 41]
    return Market({"A": bars_of("A", days, [1, 0])}, ("A",), "A", "America/New_York")


def hourly():
    """Seven bars a session."""
    days = days_of(75, hour="14h")
    times = days.repeat(7) + pd.to_timedelta(np.tile(np.arange(7), len(days)), unit="h")
    return Market({"A": bars_of("A", times, [1, 0])}, ("A",), "A", "America/New_York")


SPARSE = {
    "next gap on every 97th bar": feature(GapOnRareBars),
    "backward fill over rare holes": feature(RareHolesFilledBackwards),
    "interpolation over rare holes": feature(RareHolesInterpolated),
    "next month on a month's last bar": feature(MonthsLastBar),
    "revised at the quarter's end": feature(RevisedAtTheQuartersEnd),
    "outliers replaced by their neighbours": feature(OutliersReplaced),
    "the night's gap on a session's last bar": feature(NightBefore, market=hourly()),
    "filled backwards before a holiday": feature(FilledBeforeAHoliday, market=with_holidays()),
    "rare headlines without their hour": feature(RareNewsByDate, market=market_of(news=True)),
    "some labels known too early": some_labels_known_too_early,
}
"""Leaks that show on a few bars only; by name, what plants them."""

LEAKS = {
    "centred mean": feature(CentredMean),
    "whole-sample z-score": feature(WholeSampleScore),
    "whole-sample quantiles": feature(WholeSampleQuantiles),
    "rank in the whole sample": feature(RankedInAll),
    "next bar's return": feature(NextBar),
    "backward fill": feature(FilledBackwards),
    "interpolation": feature(Interpolated),
    "missing values filled with the whole mean": feature(FutureMean),
    "target encoding": feature(TargetEncoding),
    "a special case for the last row": feature(LastRow),
    "prices adjusted by the last one": feature(AdjustedByTheLastPrice),
    "news dated without their hour": feature(NewsByDate, market=market_of(news=True)),
    "another market's later close": feature(LaterClose, market=two_closes()),
    "scaler fitted before the split": scaled_before_the_split,
    "no purge": no_purge,
    "labels known too early": label_known_too_early,
    "rows shuffled before the split": rows_shuffled_before_the_split,
    "early stopping on test": early_stopping_on_test,
    "ensemble weights picked on test": weights_picked_on_test,
    "confidence calibrated on test": calibrated_on_test,
    "a seed from the end of the data": a_seed_from_the_end_of_the_data,
    "state carried from later folds": state_from_later_folds,
    "a threshold from the whole sample": a_threshold_from_the_whole_sample,
    "filled at the close that decided": filled_at_the_close_that_decided,
    "decided on the next bar's signal": decided_on_the_next_bars_signal,
    **SPARSE,
}
"""By name, what plants the leak."""

TREES = {"rounds": 20, "patience": 3, "min_samples_leaf": 10}
CLEAN: dict[str, Planted] = {
    "ridge": Planted(),
    "lightgbm": Planted({"model": {"kind": "lightgbm", **TREES}}),
    "lstm": Planted({"model": {"kind": "lstm", "hidden": 4, "sequence": 5, "epochs": 1}}),
    "ensemble with learned weights": Planted(
        {"model": {"kind": "ensemble", "weights": "learned", "members": {"ridge": {}, "xgboost": TREES}}}
    ),
    "one model a symbol": Planted({"model": {"kind": "ridge", "scope": "per_symbol"}}, market=market_of("AB")),
    "a symbol that begins late": Planted(market=market_of("AB", late=120)),
    "rolling windows": Planted({"walk_forward": {**WALK, "scheme": "rolling"}}),
    "labels of five bars": Planted({"label": {"kind": "forward_return", "horizon": 5}}),
    "triple barrier, by uniqueness": Planted({"label": {"kind": "triple_barrier", "weights": "uniqueness"}}),
    "returns in volatilities, conformal": Planted(
        {"label": {"kind": "open_to_open", "form": "volatility"}, "confidence": {"kind": "conformal"}}
    ),
    "stops, targets and limits": Planted(
        {
            "risk": {
                "stop": {"kind": "trail_atr", "window": 10, "multiple": 2.0},
                "take_profit": {"kind": "percent", "value": 0.05},
                "limits": {"gross": 0.5, "daily_loss": 0.02},
                "resize": {"band": 0.2},
            }
        }
    ),
    "news": Planted({"features": [{"kind": "sma"}, {"kind": "sentiment", "window": 3}]}, market=market_of(news=True)),
    "a rule": Planted({"model": {"kind": "sma_cross"}, "features": None, "label": None, "confidence": None}),
}
"""By name, honest pipelines of every sort."""
