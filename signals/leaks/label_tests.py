"""L4, L5 and L7: the skill of a model trained on labels that are shuffled or shifted, or on a planted signal."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from core.progress import Progress, ProgressCallback, no_progress
from core.types import Fold, Market, Rows, Vector
from signals.folds.fit_fold import run_fold
from signals.folds.walk_forward import folds
from signals.panel import Panel, build_panel
from signals.spec import Training

from .altered_futures import walk
from .check_result import Check, Status

SHUFFLES = 20
SHIFTS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
PLANTED = 0.25
MARKETS = 6
LIMIT = 3.0  # standard errors; one pipeline in three hundred would exceed it by chance
POWER = 2.0

Relabel: TypeAlias = Callable[[Panel, Fold], Panel]
"""Changes the labels of a panel for one fold; predictions are scored by the unchanged labels."""


@dataclass(frozen=True, eq=False)
class RefitResult:
    """Out-of-sample predictions of refitted models, with the panel that has the true labels.

    Attributes
    ----------
    rows : (K,) rows of the panel, for each of the folds.
    prediction : (K,) finite, for each of the folds.
    """

    panel: Panel
    rows: tuple[Rows, ...]
    prediction: tuple[Vector, ...]

    def t(self, horizon: int) -> float:
        """The folds' information coefficients over their standard errors, pooled; labels that overlap count as one.

        Fold by fold: the mean label of a training window is the same however its labels are shuffled, and over several
        folds it would look like skill.
        """
        statistics = [_t(*pair, horizon) for pair in self._pairs()]
        return float(np.sum(statistics)) / math.sqrt(len(statistics))

    def ic(self) -> float:
        """The mean over the folds of Spearman's rank correlation of predictions and labels."""
        return float(np.mean([rank_correlation(*pair) for pair in self._pairs()]))

    def _pairs(self) -> Iterator[tuple[Vector, Vector]]:
        for rows, prediction in zip(self.rows, self.prediction, strict=True):
            y = self.panel.y[rows]
            has_label = np.isfinite(y)
            yield prediction[has_label], y[has_label]


def refit(panel: Panel, training: Training, relabel: Relabel | None = None) -> RefitResult:
    """Walk forward, with each fold's labels changed before it is trained; the truth is that of the panel."""
    steps = folds(panel, training.walk_forward)
    outcomes = [run_fold(relabel(panel, fold) if relabel else panel, training, fold, no_progress) for fold in steps]
    rows = []
    predictions = []
    for outcome in outcomes:
        is_predicted = np.isfinite(outcome.prediction)
        rows.append(outcome.rows[is_predicted])
        predictions.append(outcome.prediction[is_predicted])
    return RefitResult(panel, tuple(rows), tuple(predictions))


def shuffled(market: Market, training: Training, seed: int, on_progress: ProgressCallback = no_progress) -> Check:
    """L4: train on labels permuted within each block; whatever skill is left comes from somewhere else."""
    title = "labels shuffled"
    panel = _panel(market, training)

    def relabel(panel: Panel, fold: Fold) -> Panel:
        y = np.array(panel.y)
        for block in (fold.train, fold.stop, fold.calibration):
            y[block] = y[rng.permutation(block)]
        return replace(panel, y=y)

    statistics = []
    for draw in range(SHUFFLES):
        rng = np.random.default_rng([seed, draw])
        statistics.append(refit(panel, training, relabel).t(training.label.horizon))
        on_progress(Progress(title, draw + 1, SHUFFLES))
    z = _pooled(statistics)
    fraction_above = float(np.mean(np.array(statistics) > 2))
    skill = f"skill over {SHUFFLES} shuffles: {z:+.2f} standard errors"
    detail = f"{skill}; {100 * fraction_above:.0f} % of them above 2 of their own"
    status: Status = "leak" if z > LIMIT else "suspicious" if z < -LIMIT or fraction_above > 0.15 else "clean"
    return Check("L4", title, status, SHUFFLES, detail)


def shifted(
    market: Market, training: Training, on_progress: ProgressCallback = no_progress
) -> tuple[float, dict[int, float]]:
    """L5's first half: the information coefficient as trained, and when trained on labels some bars off."""
    panel = _panel(market, training)
    honest = refit(panel, training).ic()
    coefficients = {}
    for done, shift in enumerate(SHIFTS, start=1):
        coefficients[shift] = replace(refit(_shift_labels(panel, shift), training), panel=panel).ic()
        on_progress(Progress("labels shifted", done, len(SHIFTS)))
    return honest, coefficients


def planted(market: Market, training: Training, seed: int, on_progress: ProgressCallback = no_progress) -> Check:
    """L7: autocorrelated returns; a pipeline that does not find them would not find anything."""
    title = "a planted signal"
    horizon = training.label.horizon
    skill = []
    direction = []
    for draw in range(MARKETS):
        for sign in (1, -1):
            panel = _panel(walk(market, seed + draw, sign * PLANTED), training)
            result = refit(panel, training)
            skill.append(result.t(horizon))
            direction.append(sign * _trend_correlation(result))
        on_progress(Progress(title, draw + 1, MARKETS))
    mean = float(np.mean(skill))
    follows = float(np.mean(np.array(direction) > 0))
    runs = 2 * MARKETS
    detail = (
        f"AR(1) of {PLANTED:g} and -{PLANTED:g}: t = {mean:.1f} on average (at least {POWER:g} wanted); the forecasts "
        f"turn with its sign in {100 * follows:.0f} % of {runs} markets"
    )
    return Check("L7", title, "clean" if mean >= POWER and follows > 0.5 else "suspicious", runs, detail)


def rank_correlation(one: Vector, two: Vector) -> float:
    """Spearman's; 0 where one of them does not vary."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0
    ranks = [pd.Series(values).rank().to_numpy() for values in (one, two)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _panel(market: Market, training: Training) -> Panel:
    return build_panel(market, training.features, training.label, training.confidence)


def _pooled(statistics: list[float]) -> float:
    """The mean over its standard error, from the deviation between the draws: their own errors are not independent."""
    std = float(np.std(statistics, ddof=1))
    return float(np.mean(statistics)) / (std / math.sqrt(len(statistics))) if std > 0 else 0.0


def _t(prediction: Vector, y: Vector, horizon: int) -> float:
    ic = rank_correlation(prediction, y)
    return ic * math.sqrt(max(len(y) / horizon - 2, 0) / (1 - ic * ic)) if abs(ic) < 1 else math.inf


def _trend_correlation(result: RefitResult) -> float:
    """The rank correlation of predictions and the last move, on average over the folds."""
    move = _last_move(result.panel)
    pairs = zip(result.rows, result.prediction, strict=True)
    return float(np.mean([rank_correlation(prediction, move[rows]) for rows, prediction in pairs]))


def _shift_labels(panel: Panel, shift: int) -> Panel:
    """The panel with each symbol's labels ``shift`` rows early (below 0: late), known when they are known."""
    y = np.full(len(panel), np.nan)
    known_at = panel.times.as_unit("ns").asi8.copy()
    for number in range(len(panel.symbols)):
        begin, end = (int(row) for row in np.searchsorted(panel.symbol, [number, number + 1]))
        target = slice(begin + max(-shift, 0), end - max(shift, 0))
        source = slice(begin + max(shift, 0), end - max(-shift, 0))
        y[target] = panel.y[source]
        # A label of the past is known at once: never before its row's own decision.
        known_at[target] = np.maximum(panel.known_at[source].as_unit("ns").asi8, known_at[target])
    stamps = pd.DatetimeIndex(known_at.astype("datetime64[ns]"), tz="UTC")
    return replace(panel, y=y, known_at=pd.DatetimeIndex(stamps.where(np.isfinite(y))))


def _last_move(panel: Panel) -> Vector:
    """(R,) the one-row return that ends at each row; 0 at a symbol's first."""
    move = np.zeros(len(panel))
    move[1:] = panel.close[1:] / panel.close[:-1] - 1
    move[panel.first == np.arange(len(panel))] = 0.0
    return move
