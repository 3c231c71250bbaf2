"""L5 and L6: what trading on delayed signals, and on markets without anything to learn, earns."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from core.clock import sessions
from core.progress import Progress, ProgressCallback, no_progress
from core.types import Market, RunResult, SignalFrame, Vector, read_only
from risk.overfitting import Track, expected_maximum
from risk.periods import periods_per_year
from signals.leaks.altered_futures import walk
from signals.leaks.check_result import Check, Status
from signals.leaks.label_tests import LIMIT, shifted

from .traced_pipeline import Subject

WALKS = 20
STRIKING = 1.0
"""An annual Sharpe ratio from which on it matters that a bar's delay destroys it."""


def shifted_and_late(subject: Subject, market: Market, on_progress: ProgressCallback = no_progress) -> Check:
    """L5: train on labels some bars off, and carry every decision out one bar late."""
    title = "labels shifted, decisions late"
    learnt = ""
    if subject.spec.model.trains:
        honest, by_shift = shifted(market, subject.spec.training, on_progress)
        others = ", ".join(f"{shift:+d}: {ic:.3f}" for shift, ic in by_shift.items())
        learnt = f"information coefficient {honest:.3f} as trained, by labels some bars off {others}; "
    prompt, late = (_sharpe(subject.run(market, change).result) for change in (_same, one_bar_late))
    detail = f"{learnt}annual Sharpe ratio {prompt:.2f}, with every decision a bar late {late:.2f}"
    status: Status = "suspicious" if prompt > STRIKING and late < prompt / 2 else "clean"
    return Check("L5", title, status, 2 + 10 * subject.spec.model.trains, detail)


def random_walks(subject: Subject, market: Market, seed: int, on_progress: ProgressCallback = no_progress) -> Check:
    """L6: markets of the same volatility that nobody can predict; before costs there is nothing to earn in them."""
    title = "random walks"
    tracks = []
    for draw in range(WALKS):
        tracks.append(gross(subject.run(walk(market, seed + draw)).result))
        on_progress(Progress(title, draw + 1, WALKS))
    ratios = np.array([_ratio(track) for track in tracks])
    lengths = np.array([len(track) for track in tracks])
    z = float(np.sum(ratios * np.sqrt(lengths))) / math.sqrt(WALKS)
    bar = expected_maximum(WALKS, float(np.var(ratios, ddof=1)))
    lucky = sum(_believable(track, bar) for track in tracks)
    status: Status = "leak" if z > LIMIT else "suspicious" if z < -LIMIT or lucky else "clean"
    detail = (
        f"returns before costs over {WALKS} walks: {z:+.2f} standard errors; {lucky} with a deflated Sharpe >= 0.95"
    )
    return Check("L6", title, status, WALKS, detail)


def gross(result: RunResult) -> Vector:
    """(T - 1,) returns by bar before every cost."""
    equity = result.equity["equity"].to_numpy()
    # A symbol may close before the step does, at whose time the account is valued.
    steps = pd.DatetimeIndex(result.equity["time"]).searchsorted(pd.DatetimeIndex(result.costs["time"]))
    paid = np.bincount(steps, result.costs["amount"].to_numpy(), len(equity))
    return np.asarray((np.diff(equity) + paid[1:]) / equity[:-1], dtype=np.float64)


def _believable(returns: Vector, benchmark: float) -> bool:
    return bool(np.ptp(returns) > 0) and Track.of(returns).probability(benchmark) >= 0.95


def _ratio(returns: Vector) -> float:
    spread = float(np.std(returns, ddof=1))
    return float(np.mean(returns)) / spread if spread > 0 else 0.0


def _sharpe(result: RunResult) -> float:
    """Per year, by the bars that a year of this data has; interest on idle cash, which is no skill, is left out.

    Holes in the data are no part of a year.
    """
    times = pd.DatetimeIndex(result.equity["time"])
    days = sessions(times, result.zone)
    distinct = pd.DatetimeIndex(days.unique())
    bars_per_year = len(days) / len(distinct) * periods_per_year(distinct)
    costs = result.costs[result.costs["kind"] == "cash_interest"].groupby("time")["amount"].sum()
    interest = -costs.reindex(times).fillna(0.0).to_numpy()[1:]
    returns = result.equity["return"].to_numpy()[1:] - interest / result.equity["equity"].to_numpy()[:-1]
    return _ratio(returns) * math.sqrt(bars_per_year)


def _same(frame: SignalFrame) -> SignalFrame:
    return frame


def one_bar_late(frame: SignalFrame) -> SignalFrame:
    """Every decision at the next bar of the market instead."""
    prediction, confidence = (np.roll(values, 1, axis=0) for values in (frame.prediction, frame.confidence))
    prediction[0] = confidence[0] = np.nan
    return replace(frame, prediction=read_only(prediction), confidence=read_only(confidence))
