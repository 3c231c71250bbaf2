"""L4, L5 and L7: what a model learns from labels that are shuffled or shifted, or from a planted signal."""

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
"""Changes the labels of a panel for one fold; what is predicted is judged by the labels as they were."""


@dataclass(frozen=True, eq=False)
class RefitResult:
    """Out-of-sample predictions with what they should have known.

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
        found = [_t(*pair, horizon) for pair in self._pairs()]
        return float(np.sum(found)) / math.sqrt(len(found))

    def ic(self) -> float:
        """The mean over the folds of Spearman's rank correlation of predictions and labels."""
        return float(np.mean([rank_correlation(*pair) for pair in self._pairs()]))

    def _pairs(self) -> Iterator[tuple[Vector, Vector]]:
        for rows, prediction in zip(self.rows, self.prediction, strict=True):
            y = self.panel.y[rows]
            known = np.isfinite(y)
            yield prediction[known], y[known]


def relearn(panel: Panel, training: Training, relabel: Relabel | None = None) -> RefitResult:
    """Walk forward, with each fold's labels changed before it is trained; the truth is that of the panel."""
    steps = folds(panel, training.walk_forward)
    outcomes = [run_fold(relabel(panel, fold) if relabel else panel, training, fold, no_progress) for fold in steps]
    told = [np.isfinite(each.prediction) for each in outcomes]
    return RefitResult(
        panel,
        tuple(each.rows[kept] for each, kept in zip(outcomes, told, strict=True)),
        tuple(each.prediction[kept] for each, kept in zip(outcomes, told, strict=True)),
    )


def shuffled(market: Market, training: Training, seed: int, on_progress: ProgressCallback = no_progress) -> Check:
    """L4: train on labels permuted within each block; whatever skill is left comes from somewhere else."""
    title, panel = "labels shuffled", _panel(market, training)

    def relabel(panel: Panel, fold: Fold) -> Panel:
        y = np.array(panel.y)
        for block in (fold.train, fold.stop, fold.calibration):
            y[block] = y[rng.permutation(block)]
        return replace(panel, y=y)

    found = []
    for draw in range(SHUFFLES):
        rng = np.random.default_rng([seed, draw])
        found.append(relearn(panel, training, relabel).t(training.label.horizon))
        on_progress(Progress(title, draw + 1, SHUFFLES))
    z, many = _pooled(found), float(np.mean(np.array(found) > 2))
    detail = (
        f"skill over {SHUFFLES} shuffles: {z:+.2f} standard errors; {100 * many:.0f} % of them above 2 of their own"
    )
    status: Status = "leak" if z > LIMIT else "suspicious" if z < -LIMIT or many > 0.15 else "clean"
    return Check("L4", title, status, SHUFFLES, detail)


def shifted(
    market: Market, training: Training, on_progress: ProgressCallback = no_progress
) -> tuple[float, dict[int, float]]:
    """L5's first half: the information coefficient as trained, and when trained on labels some bars off."""
    panel = _panel(market, training)
    honest = relearn(panel, training).ic()
    found = {}
    for done, shift in enumerate(SHIFTS, start=1):
        found[shift] = replace(relearn(_moved(panel, shift), training), panel=panel).ic()
        on_progress(Progress("labels shifted", done, len(SHIFTS)))
    return honest, found


def planted(market: Market, training: Training, seed: int, on_progress: ProgressCallback = no_progress) -> Check:
    """L7: returns that remember; a pipeline that does not find them would not find anything."""
    title, horizon = "a planted signal", training.label.horizon
    skill, direction = [], []
    for draw in range(MARKETS):
        for sign in (1, -1):
            panel = _panel(walk(market, seed + draw, sign * PLANTED), training)
            learnt = relearn(panel, training)
            skill.append(learnt.t(horizon))
            direction.append(sign * _follows(learnt))
        on_progress(Progress(title, draw + 1, MARKETS))
    mean, follows = float(np.mean(skill)), float(np.mean(np.array(direction) > 0))
    runs = 2 * MARKETS
    detail = (
        f"AR(1) of {PLANTED:g} and -{PLANTED:g}: t = {mean:.1f} on average (at least {POWER:g} wanted); the forecasts "
        f"turn with its sign in {100 * follows:.0f} % of {runs} markets"
    )
    return Check("L7", title, "clean" if mean >= POWER and follows > 0.5 else "suspicious", runs, detail)


def rank_correlation(one: Vector, two: Vector) -> float:
    """Spearman's; 0 where one of them does not vary, for then it says nothing."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0
    ranks = [pd.Series(each).rank().to_numpy() for each in (one, two)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _panel(market: Market, training: Training) -> Panel:
    return build_panel(market, training.features, training.label, training.confidence)


def _pooled(found: list[float]) -> float:
    """The mean over its standard error, from how much the draws differ: their own errors are not independent."""
    spread = float(np.std(found, ddof=1))
    return float(np.mean(found)) / (spread / math.sqrt(len(found))) if spread > 0 else 0.0


def _t(prediction: Vector, y: Vector, horizon: int) -> float:
    ic = rank_correlation(prediction, y)
    return ic * math.sqrt(max(len(y) / horizon - 2, 0) / (1 - ic * ic)) if abs(ic) < 1 else math.inf


def _follows(learnt: RefitResult) -> float:
    """How the predictions go with the last move, on average over the folds."""
    move = _last_move(learnt.panel)
    pairs = zip(learnt.rows, learnt.prediction, strict=True)
    return float(np.mean([rank_correlation(prediction, move[rows]) for rows, prediction in pairs]))


def _moved(panel: Panel, shift: int) -> Panel:
    """The panel with each symbol's labels ``shift`` rows early (below 0: late), known when they are known."""
    y, known_at = np.full(len(panel), np.nan), panel.times.as_unit("ns").asi8.copy()
    for number in range(len(panel.symbols)):
        begin, end = (int(each) for each in np.searchsorted(panel.symbol, [number, number + 1]))
        to, of = slice(begin + max(-shift, 0), end - max(shift, 0)), slice(begin + max(shift, 0), end - max(-shift, 0))
        y[to] = panel.y[of]
        # A label of the past is known at once: never before its row's own decision.
        known_at[to] = np.maximum(panel.known_at[of].as_unit("ns").asi8, known_at[to])
    stamps = pd.DatetimeIndex(known_at.astype("datetime64[ns]"), tz="UTC")
    return replace(panel, y=y, known_at=pd.DatetimeIndex(stamps.where(np.isfinite(y))))


def _last_move(panel: Panel) -> Vector:
    """(R,) the one-row return that ends at each row; 0 at a symbol's first."""
    move = np.zeros(len(panel))
    move[1:] = panel.close[1:] / panel.close[:-1] - 1
    move[panel.first == np.arange(len(panel))] = 0.0
    return move
