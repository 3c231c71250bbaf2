"""One run: the straight line from a config to a run folder."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from core.progress import Report, silent
from core.types import Market
from engine import manifest
from engine.artifacts import MANIFEST, Saved, put_in_place, result_digest, staging, write_json
from engine.config import RunConfig
from engine.listing import as_yaml
from engine.outcome import Outcome, build, metrics
from signals.generate import generate, plan
from signals.store import SignalStore

log = logging.getLogger(__name__)

CACHE_LIMIT = 2 * 1024**3


@dataclass(frozen=True)
class Options:
    """How to run, as far as it does not change a result.

    Attributes
    ----------
    out : where run folders go.
    cache : read and write the signal cache.
    quiet : print nothing.
    """

    out: Path = Path("runs")
    cache: bool = True
    quiet: bool = False


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder and what its metrics.json holds."""

    saved: Saved
    metrics: Mapping[str, Any]


class Stopwatch:
    """Seconds by stage, for the manifest."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside as the stage ``name``."""
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start
        log.info("%s took %.2f s", name, self.seconds[name])


def compute(config: RunConfig, store: SignalStore | None = None, report: Report = silent, watch: Stopwatch | None = None) -> Outcome:
    """Everything but the run folder.

    Parameters
    ----------
    store : the signal cache; None trains anew and keeps nothing.
    report : told of folds and epochs.
    watch : collects the stages' seconds.

    Raises
    ------
    WorkbenchError
        The data, the config or a model cannot be used; one line.
    """
    from engine import bt_engine
    from signals.evaluate import evaluate

    watch = watch or Stopwatch()
    with watch.stage("data"):
        market = config.data.load()
    with watch.stage("signals"):
        signals = generate(market, config.signals, workers=workers(config), store=store, report=report)
    with watch.stage("evaluation"):
        evaluation = evaluate(market, signals, config.label) if config.label else None
    with watch.stage("backtest"):
        result = bt_engine.run(market, signals.frame, config.strategy, config.risk, config.broker, config.id)
    with watch.stage("measures"):
        return build(
            name=config.name,
            config=config.dump(),
            market=market,
            signals=signals,
            evaluation=evaluation,
            result=result,
            spec=config.measures,
        )


def workers(config: RunConfig) -> int:
    """Processes that train folds: the config's number, or the cores that this process may use."""
    if config.workers != "auto":
        return config.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def signal_store() -> SignalStore:
    """The user's signal cache."""
    from platformdirs import user_cache_path

    return SignalStore(user_cache_path("backtrader-ml") / "signals", CACHE_LIMIT)


def check_only(config: RunConfig) -> str:
    """Validate everything that a run needs, data and folds included, and train nothing."""
    market = config.data.load()
    if not config.model.trains:
        return f"{config.name}: valid; {_extent(market)}; the model does not train"
    folds = plan(market, config.signals)
    fits = len(folds) * len(getattr(config.model, "members", (config.model,)))
    return f"{config.name}: valid; {_extent(market)}; {len(folds)} folds, {fits} fits; first decision {folds[0].cut:%F}"


def _extent(market: Market) -> str:
    times = market.times
    return f"{len(times)} bars of {', '.join(market.trade)} from {times[0]:%F} to {times[-1]:%F}"
