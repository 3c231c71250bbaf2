"""The walk-forward that judged a bundle, kept in it: the monitor compares served predictions with it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import StoreError
from core.types import Market
from engine.config.run_config import RunConfig
from engine.run_folder.run_folder import read_json
from serving.monitor.join import observations_of
from serving.monitor.observations import Observations, covered_by, width_of
from signals.folds.fit_at_cut import panel_of

PREFIX = "reference:"
"""Of the arrays' names in the weights."""
SESSIONS = 2_000
"""The last sessions that are kept."""
CUBES = ("prediction", "confidence", "outcome", "sigma")
COVERAGE = "coverage"
"""(1,) share of the walk-forward's outcomes in their intervals; of a model with intervals alone."""
DAY = 86_400_000_000_000


def reference_of_run(run: Path, config: RunConfig, market: Market) -> Observations | None:
    """The predictions of a run's walk-forward with inputs and outcomes; None for a rule, and for other labels.

    Parameters
    ----------
    market : the bars up to the bundle's cut: what comes later is for the monitor to see.
    """
    label = config.label
    if label is None or not label.returns:
        return None
    panel = panel_of(market, config.signals.training)
    signals = pd.read_parquet(run / "signals.parquet").dropna(subset=["prediction"])
    signals = signals[signals["time"] <= market.times[-1]]
    keys = pd.MultiIndex.from_arrays([np.array(panel.symbols, dtype=object)[panel.symbol], panel.times])
    at = keys.get_indexer(pd.MultiIndex.from_arrays([signals["symbol"].astype(object), signals["time"]]))
    if (at < 0).any():
        raise StoreError(f"--run {run}: predicts at bars that the data do not have any more; run the config again")
    rows = signals.rename(columns={"time": "as_of"}).reset_index(drop=True)
    observed, _ = observations_of(rows, panel.X[at], market, label, panel.names)
    newest = observed.take(np.arange(max(len(observed) - SESSIONS, 0), len(observed)))
    forecasts = read_json(run / "metrics.json").get("forecasts") or {}
    coverage = forecasts.get("coverage")
    return with_coverage(newest, float(coverage["covered"])) if coverage else newest


def with_coverage(observed: Observations, coverage: float) -> Observations:
    """The sessions with intervals that hold this share of the outcomes: a run keeps the share, not the intervals."""
    covered = covered_by(observed.standardised_error, width_of(observed, coverage))
    return replace(observed, covered=covered)


def reference_arrays(reference: Observations) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the weights."""
    days = reference.sessions.as_unit("ns").asi8 // DAY
    arrays = {name: getattr(reference, name) for name in CUBES}
    if reference.has_intervals:
        arrays[COVERAGE] = np.array([np.nanmean(reference.covered)])
    return {
        f"{PREFIX}{name}": array for name, array in {"days": days, "features": reference.features, **arrays}.items()
    }


def restored_reference(
    arrays: Mapping[str, npt.NDArray[Any]], symbols: tuple[str, ...], names: tuple[str, ...]
) -> Observations | None:
    """The reverse of :func:`reference_arrays`; None if the weights have none.

    Raises
    ------
    StoreError
        An array is missing, or has another shape or type than it must.
    """
    restored = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    if not restored:
        return None
    if set(restored) - {COVERAGE} != {"days", "features", *CUBES}:
        raise StoreError(f"the reference has the arrays {', '.join(sorted(restored))}")
    _check(restored, len(symbols), len(names))
    sessions = pd.DatetimeIndex((restored["days"] * DAY).view("M8[ns]"))
    cubes = {name: restored[name] for name in ("features", *CUBES)}
    observed = Observations(sessions, symbols, names, covered=np.full_like(cubes["prediction"], np.nan), **cubes)
    return with_coverage(observed, float(restored[COVERAGE][0])) if COVERAGE in restored else observed


def _check(restored: Mapping[str, npt.NDArray[Any]], symbols: int, names: int) -> None:
    """Refuse arrays of another shape, type or range."""
    days = restored["days"]
    if days.ndim != 1 or days.dtype != np.int64 or (np.diff(days) <= 0).any() or (np.abs(days) > 100_000).any():
        raise StoreError("the days of the reference are not ascending")
    shapes = {"features": (len(days), symbols, names), **dict.fromkeys(CUBES, (len(days), symbols))}
    if COVERAGE in restored:
        shapes[COVERAGE] = (1,)
    for name, shape in shapes.items():
        if restored[name].shape != shape or restored[name].dtype != np.float64:
            raise StoreError(f"the reference's {name} have another shape or type")
    if COVERAGE in restored and not 0.0 <= restored[COVERAGE][0] <= 1.0:
        raise StoreError(f"the reference's coverage is {restored[COVERAGE][0]:g}, and must lie from 0 to 1")
