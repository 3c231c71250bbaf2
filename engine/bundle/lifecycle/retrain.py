"""A challenger: the config of a bundle fitted on all that is known now, and both beside each other afterwards."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.clock import sessions
from core.progress import ProgressCallback, no_progress
from core.types import Market, Matrix
from engine.bundle.build import build
from engine.bundle.bundle import Bundle
from engine.bundle.read import load_bundle
from engine.bundle.reference import reference_arrays
from engine.bundle.write import write_bundle
from engine.config.run_config import RunConfig
from engine.ledger.record_run import record_audit
from engine.sweep.load_config import load_mapping
from marketdata.data_spec import DataSpec
from serving.monitor.challenger import Comparison, compare, score_differences
from serving.monitor.join import outcomes_of


def train_challenger(
    champion: Bundle,
    folder: Path,
    data: DataSpec,
    *,
    key: bytes | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Bundle:
    """Fit the champion's config on all bars that are known now; counted in the ledger as a further setting looked at.

    The walk-forward of the champion goes along: it judged the config, of which both are fits.

    Raises
    ------
    WorkbenchError
        The config cannot be read any more, the data cannot be used, or the folder cannot be written.
    """
    config = load_mapping(champion.contents.config, [])
    market = data.load()
    built = build(config, market, on_progress=on_progress)
    arrays = dict(built.arrays)
    if champion.reference is not None:
        arrays |= reference_arrays(champion.reference)
    contents = built.contents.model_copy(
        update={"data": data.digests(), "out_of_sample": champion.contents.out_of_sample}
    )
    write_bundle(replace(built, contents=contents, arrays=arrays), folder, key)
    _count(config, market)
    return load_bundle(folder, key=key)


def _count(config: RunConfig, market: Market) -> None:
    days = sessions(market.times, market.zone)
    record_audit(config, market, pd.Timestamp(days[0]), pd.Timestamp(days[-1]))


def compare_bundles(champion: Bundle, challenger: Bundle, market: Market) -> Comparison:
    """Both bundles on the sessions after the later of their cuts, whose outcome is known.

    Raises
    ------
    DataError
        The data lack a symbol, or are too short.
    """
    label = champion.rules.signals.training.label
    times = market.times[market.times > max(champion.cut, challenger.cut)]
    days = sessions(times, market.zone)
    last = times[~days.duplicated(keep="last")]
    symbols = champion.contents.symbols
    outcomes = {symbol: outcomes_of(market.bars[symbol], label) for symbol in symbols}

    def column(name: str) -> Matrix:
        return np.stack(
            [_at(outcomes[symbol].times, getattr(outcomes[symbol], name), last) for symbol in symbols], axis=1
        )

    if not len(last):
        return compare(np.empty(0))
    before = _predictions(champion, market, last)
    after = _predictions(challenger, market, last)
    return compare(score_differences(before, after, column("outcome"), column("sigma")), label.horizon)


def _at(times: pd.DatetimeIndex, values: Matrix, at_times: pd.DatetimeIndex) -> Matrix:
    rows = times.get_indexer(at_times)
    return np.where(rows >= 0, values[rows], np.nan)


def _predictions(bundle: Bundle, market: Market, times: pd.DatetimeIndex) -> Matrix:
    """(T, N) predictions; NaN where a symbol has no bar at that time."""
    rows = []
    for time in times:
        decisions = bundle.decide(market.until(time))
        rows.append([row.prediction if row.time == time else np.nan for row in decisions.rows])
    return np.array(rows)
