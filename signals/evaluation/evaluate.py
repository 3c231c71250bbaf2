"""Evaluation of signals out of sample: scores per fold and over all, beside baselines, tests and a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import Bars, Labels, Market, Matrix, Rows, Vector
from signals.labels.base import Label
from signals.rolling_windows import simple_returns
from signals.signals_result import Signals

from .baselines import History, baselines
from .scores import ForecastSample, Scores, hits, ranks, score, squared_errors
from .skill_tests import (
    BEATS,
    CLARK_WEST,
    NO_SKILL,
    PESARAN_TIMMERMANN,
    RANK_IC,
    Answer,
    SkillTest,
    answers,
    beats_baselines,
    clark_west,
    diebold_mariano,
    mean_test,
    pesaran_timmermann,
    rank_products,
)

BINS = 10
ROUNDING = 1e-12  # of the largest label: predictions that differ from a baseline by less are its own


UNTRAINED = "the model does not train: its predictions are no returns"
SIGN = "the label is a sign, not a return: a forecast of it has no error as a return"


@dataclass(frozen=True)
class Comparison:
    """The model's scores beside the baselines'.

    Attributes
    ----------
    fold : the fold's number; None over all folds.
    model : the model's scores.
    baselines : by name: ``zero``, ``always_long``, and for models that train ``expanding_mean`` and ``ar1``.
    """

    fold: int | None
    model: Scores
    baselines: Mapping[str, Scores]


@dataclass(frozen=True)
class Bin:
    """One row of the reliability table: decisions of about the same stated probability.

    Attributes
    ----------
    rows : decisions in the bin.
    p_up : mean stated probability that the label is above 0.
    up_share : share of labels that were.
    """

    rows: int
    p_up: float
    up_share: float


@dataclass(frozen=True)
class MemberEvaluation:
    """The evaluation of one member of an ensemble.

    Attributes
    ----------
    name : its kind.
    model : the scores of its own predictions, out of sample.
    contribution : its share of the ensemble's variance, mean over the folds; None where undefined.
    """

    name: str
    model: Scores
    contribution: float | None


@dataclass(frozen=True)
class Coverage:
    """Coverage of the intervals: the fraction of outcomes inside the interval around their prediction.

    Attributes
    ----------
    n : predictions that had an interval and whose outcome is known.
    covered : share of their outcomes inside.
    volatile : the same over the fifth with the widest intervals.
    half_width : mean half of the width, in the label's returns.
    """

    n: int
    covered: float
    volatile: float
    half_width: float


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of forecasts on every out-of-sample row whose outcome is known.

    Attributes
    ----------
    overall : over all folds.
    folds : one a fold, in order; none for a model that does not train.
    reliability : up to ten bins of equally many decisions, by rising probability; equal probabilities stay together.
        None at all where the confidence is no probability.
    tests : one-sided tests on the mean over the symbols at each decision time: Clark-West against ``zero`` and
        ``expanding_mean``, which the model nests; Pesaran-Timmermann of the ``direction``; the rank correlation,
        ``rank_ic``; Diebold-Mariano against ``ar1`` (squared error) and ``always_long`` (hits).
    members : an ensemble's, in the order of their names; none for another model.
    coverage : of the intervals; None where there are none.
    notes : remarks on the labels.
    """

    overall: Comparison
    folds: tuple[Comparison, ...]
    reliability: tuple[Bin, ...]
    tests: Mapping[str, SkillTest]
    members: tuple[MemberEvaluation, ...] = ()
    coverage: Coverage | None = None
    notes: tuple[str, ...] = ()

    @property
    def beats(self) -> bool:
        """True where the forecasts know size, direction or rank of the returns; see :func:`beats_baselines`."""
        return beats_baselines(self.tests)

    @property
    def answers(self) -> Mapping[str, Answer]:
        """The answer to each question about the forecasts, corrected for their number."""
        return answers(self.tests)

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        return BEATS if self.beats else NO_SKILL

    @property
    def confidence_note(self) -> str:
        """The Brier skill of the confidence, in words."""
        skill = self.overall.model.brier_skill
        if skill is None:
            return f"not judged: {self.overall.model.reasons['brier_skill']}"
        return f"Brier skill {skill:.4f}: {'better' if skill > 0 else 'not better'} than the base rate"

    def dump(self) -> dict[str, Any]:
        """A plain mapping for JSON: no NaN, None where a score is undefined."""
        questions = {question: {**asdict(answer), "yes": answer.yes} for question, answer in self.answers.items()}
        words = {"verdict": self.verdict, "confidence_note": self.confidence_note}
        return {**asdict(self), "questions": questions, **words}


@dataclass(frozen=True, eq=False)
class _Rows:
    """The K rows that are evaluated: times in order, all symbols of a time together.

    ``time`` and ``symbol`` are their positions in the tables of the signals.
    """

    time: Rows
    symbol: Rows
    fold: npt.NDArray[np.int64]
    past: Vector
    sample: ForecastSample


def evaluate(market: Market, signals: Signals, label: Label) -> Evaluation:
    """Evaluate signals by the outcomes that followed.

    Parameters
    ----------
    market : the market that the signals were made on.
    signals : rows without a prediction, before the first fold, or whose outcome is not known yet are left out.
    label : what was predicted.
    """
    symbols = [market.bars[symbol] for symbol in signals.frame.symbols]
    labels = [label.compute(bars) for bars in symbols]
    if label.returns:
        labels = [replace(item, value=label.as_return(item.value, item.unit)) for item in labels]
    rows = _rows(symbols, labels, signals, label)
    history = History.from_symbols(symbols, labels)
    references = baselines(rows.sample, rows.past, rows.fold, signals.folds, history)

    def compare(fold: int | None) -> Comparison:
        chosen = np.flatnonzero((rows.fold == fold) | (fold is None))
        scores = {name: score(_take(sample, chosen)) for name, sample in references.items()}
        return Comparison(fold, score(_take(rows.sample, chosen)), scores)

    return Evaluation(
        overall=compare(None),
        folds=tuple(compare(report.number) for report in signals.folds),
        reliability=reliability(rows.sample.p_up, rows.sample.up),
        tests=_tests(rows, references, label.horizon, SIGN if signals.folds else UNTRAINED),
        members=tuple(_members(rows, signals)),
        coverage=_coverage(rows, signals),
        notes=tuple(note for symbol_labels in labels for note in symbol_labels.notes),
    )


def reliability(p_up: Vector, up: Vector) -> tuple[Bin, ...]:
    """The reliability table of (K,) probabilities and outcomes (1 or 0); empty where a probability is NaN."""
    if not len(p_up) or np.isnan(p_up).any():
        return ()
    edges = np.unique(np.quantile(p_up, np.arange(1, BINS) / BINS))
    number = np.searchsorted(edges, p_up, side="right")
    bins = [number == bin_number for bin_number in np.unique(number)]
    return tuple(Bin(int(rows.sum()), float(np.mean(p_up[rows])), float(np.mean(up[rows]))) for rows in bins)


def _rows(symbols: Sequence[Bars], labels: Sequence[Labels], signals: Signals, label: Label) -> _Rows:
    frame = signals.frame
    past = _aligned(frame.times, symbols, [simple_returns(bars.close) for bars in symbols])
    value = _aligned(frame.times, symbols, [item.value for item in labels])
    at = np.nonzero((frame.fold >= 0)[:, None] & np.isfinite(frame.prediction) & np.isfinite(value))
    fold = frame.fold[at[0]]
    sample = ForecastSample(
        label=value[at],
        prediction=frame.prediction[at],
        mean=_by_fold(fold, {report.number: report.train_mean for report in signals.folds}),
        p_up=signals.p_up[at],
        up_share=_by_fold(fold, {report.number: report.up_share for report in signals.folds}),
        strength=not (signals.folds and label.returns),
        returns=label.returns,
    )
    return _Rows(at[0], at[1], fold, past[at], sample)


def _members(rows: _Rows, signals: Signals) -> Iterator[MemberEvaluation]:
    """The scores of each member's predictions of the same rows; where it had none, the row is left out."""
    at = (rows.time, rows.symbol)
    contributions = _contributions(rows, signals)
    for name, part in sorted(signals.parts.items()):
        sample = replace(rows.sample, prediction=part[at])
        scores = score(_take(sample, np.flatnonzero(np.isfinite(part[at]))))
        yield MemberEvaluation(name, scores, contributions.get(name))


def _contributions(rows: _Rows, signals: Signals) -> dict[str, float]:
    """By member, w x cov(its predictions, the ensemble's) / var(the ensemble's): the parts of a fold sum to 1."""
    at = (rows.time, rows.symbol)
    weighted = {name: part[at] * _weights(name, rows, signals) for name, part in signals.parts.items()}
    by_fold: dict[str, list[float]] = {name: [] for name in signals.parts}
    for report in signals.folds:
        fold_rows = np.flatnonzero(rows.fold == report.number)
        variance = float(np.var(rows.sample.prediction[fold_rows])) if len(fold_rows) else 0.0
        if variance <= 0:
            continue
        for name, part in weighted.items():
            deviation = part[fold_rows] - part[fold_rows].mean()
            by_fold[name].append(float(np.mean(deviation * rows.sample.prediction[fold_rows])) / variance)
    return {name: float(np.mean(values)) for name, values in by_fold.items() if values}


def _weights(name: str, rows: _Rows, signals: Signals) -> Vector:
    """(K,) the member's weight in the model that made each prediction: its fold's, or its symbol's in it."""
    weights: dict[tuple[int, int], float] = {}
    for report in signals.folds:
        pooled = report.diagnostics.weights.get(name, np.nan)
        for number, symbol in enumerate(signals.frame.symbols):
            weights[report.number, number] = report.diagnostics.weights.get(f"{symbol} {name}", pooled)
    return np.array([weights[int(fold), int(symbol)] for fold, symbol in zip(rows.fold, rows.symbol, strict=True)])


def _coverage(rows: _Rows, signals: Signals) -> Coverage | None:
    half_width = signals.half_width[rows.time, rows.symbol]
    with_interval = np.flatnonzero(np.isfinite(half_width))
    if not len(with_interval):
        return None
    half_width = half_width[with_interval]
    error = np.abs(rows.sample.label[with_interval] - rows.sample.prediction[with_interval])
    inside = error <= half_width
    volatile = half_width >= np.quantile(half_width, 0.8)
    return Coverage(
        n=len(with_interval),
        covered=float(inside.mean()),
        volatile=float(inside[volatile].mean()),
        half_width=float(half_width.mean()),
    )


def _aligned(times: pd.DatetimeIndex, symbols: Sequence[Bars], columns: Sequence[Vector]) -> Matrix:
    """(T, N) the symbols' columns on common time; NaN where a symbol has no bar."""
    table = np.full((len(times), len(columns)), np.nan)
    for number, (bars, column) in enumerate(zip(symbols, columns, strict=True)):
        row = times.get_indexer(bars.times)
        table[row[row >= 0], number] = column[row >= 0]
    return table


def _by_fold(fold: npt.NDArray[np.int64], values: Mapping[int, float]) -> Vector:
    """(K,) each row's fold's value; NaN for a fold without one."""
    return np.array([values.get(int(number), np.nan) for number in fold], dtype=np.float64)


def _take(sample: ForecastSample, rows: Rows) -> ForecastSample:
    arrays = {name: getattr(sample, name)[rows] for name in ("label", "prediction", "mean", "p_up", "up_share")}
    return replace(sample, **arrays)


def _tests(rows: _Rows, references: Mapping[str, ForecastSample], horizon: int, reason: str) -> Mapping[str, SkillTest]:
    """The tests against the baselines; ``reason`` is given where predictions are no returns and have no errors."""
    model = rows.sample
    more_hits = diebold_mariano(_by_time(rows.time, hits(model) - hits(references["always_long"])), horizon)
    no_errors = {name: SkillTest(CLARK_WEST, reason=reason) for name in ("zero", "expanding_mean")}
    return {
        **(no_errors if model.strength else _error_tests(rows, references, horizon)),
        "direction": _direction_test(rows, horizon),
        "rank_ic": _rank_test(rows, horizon),
        "always_long": more_hits,
    }


def _error_tests(rows: _Rows, references: Mapping[str, ForecastSample], horizon: int) -> dict[str, SkillTest]:
    """The tests of the predicted size, of a model whose predictions are returns."""
    model = rows.sample

    def nested(name: str) -> SkillTest:
        baseline = references[name].prediction
        if not np.any(np.abs(model.prediction - baseline) > ROUNDING * np.abs(model.label).max(initial=0.0)):
            return SkillTest(CLARK_WEST, n=len(np.unique(rows.time)), reason="the predictions are the baseline's")
        values = clark_west(model.label, model.prediction, baseline)
        return mean_test(CLARK_WEST, _by_time(rows.time, values), horizon)

    less_error = squared_errors(references["ar1"]) - squared_errors(model)
    return {
        "zero": nested("zero"),
        "expanding_mean": nested("expanding_mean"),
        "ar1": diebold_mariano(_by_time(rows.time, less_error), horizon),
    }


def _direction_test(rows: _Rows, horizon: int) -> SkillTest:
    model = rows.sample
    for name, signs in (("predictions have", model.prediction > 0), ("labels have", model.label > 0)):
        if len(signs) and (signs.all() or not signs.any()):
            return SkillTest(PESARAN_TIMMERMANN, reason=f"all {name} one sign")
    if not len(model.label):
        return mean_test(PESARAN_TIMMERMANN, model.label, horizon)
    products = pesaran_timmermann(model.label, model.prediction)
    return mean_test(PESARAN_TIMMERMANN, _by_time(rows.time, products), horizon)


def _rank_test(rows: _Rows, horizon: int) -> SkillTest:
    model = rows.sample
    if not len(model.label):
        return mean_test(RANK_IC, model.label, horizon)
    if np.ptp(model.prediction) == 0 or np.ptp(model.label) == 0:
        return SkillTest(RANK_IC, reason="the predictions or the labels do not vary")
    products = rank_products(ranks(model.label), ranks(model.prediction))
    return mean_test(RANK_IC, _by_time(rows.time, products), horizon)


def _by_time(time: Rows, values: Vector) -> Vector:
    """(T,) the mean over the symbols at each time: what the symbols do at one time is not independent."""
    _, number, count = np.unique(time, return_inverse=True, return_counts=True)
    return np.asarray(np.bincount(number, weights=values, minlength=len(count)) / count)
