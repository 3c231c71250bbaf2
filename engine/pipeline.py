"""One run: the straight line from a config to a run folder."""

import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import pandas as pd

from core.caches import cache_folder
from core.clock import sessions
from core.progress import ProgressCallback, no_progress
from core.types import Fold, Market, RunResult
from engine.backtest.account_returns import require_benchmark
from engine.config.run_config import RunConfig
from engine.config.yaml_text import as_yaml
from engine.pages.report import write_report
from engine.pages.tearsheet.sheet_input import TearsheetInput
from engine.pages.tearsheet.write import Submit, background, problem
from engine.results.compute_measures import Measure, measure_here, measure_in
from engine.results.metrics_json import metrics
from engine.results.outcome import Outcome, build, recorded_outcome
from engine.run_folder import manifest, result_files
from engine.run_folder.own_plugins import own_plugins
from engine.run_folder.run_folder import (
    MANIFEST,
    Saved,
    ensure_writable,
    put_in_place,
    result_digest,
    staging,
    write_json,
)
from engine.run_folder.run_log import recorded
from signals.cache.store import SignalStore
from signals.generate import generate, plan
from signals.signals_result import Signals

log = logging.getLogger(__name__)

CACHE_LIMIT = 2 * 1024**3
AGREED = "both engines gave the same result, bit for bit"


@dataclass(frozen=True)
class Options:
    """Options of a run that do not change its result.

    Attributes
    ----------
    out : where run folders go.
    cache : read and write the caches of signals and of data files.
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


def compute(
    config: RunConfig,
    store: SignalStore | None = None,
    on_progress: ProgressCallback = no_progress,
    watch: Stopwatch | None = None,
    measure: Measure = measure_here,
) -> Outcome:
    """Everything but the run folder.

    Parameters
    ----------
    store : the signal cache; None trains anew and keeps nothing.
    on_progress : called with each step of folds and epochs.
    watch : collects the stages' seconds.
    measure : where the measures are worked out.

    Raises
    ------
    WorkbenchError
        The data, the config or a model cannot be used; one line.
    """
    from engine.backtest.engines import backtest, require_supported

    watch = watch or Stopwatch()
    require_supported(config)
    with watch.stage("data"):
        market = config.data.load()
        config.strategy.check(market.trade)
        planned(market, config)
    with watch.stage("signals"):
        signals = generate(market, config.signals, workers=workers(config), store=store, on_progress=on_progress)
    with watch.stage("backtest"):
        result = backtest(config, market, signals.frame)
    return examined(config, market, signals, result, watch, measure)


def examined(
    config: RunConfig,
    market: Market,
    signals: Signals,
    result: RunResult,
    watch: Stopwatch | None = None,
    measure: Measure = measure_here,
) -> Outcome:
    """The outcome of a backtest: forecasts evaluated, returns measured; parameters as for :func:`compute`."""
    from signals.evaluation.evaluate import evaluate

    watch = watch or Stopwatch()
    with watch.stage("evaluation"):
        evaluation = evaluate(market, signals, config.label) if config.label else None
    with watch.stage("measures"):
        outcome = build(
            config=config, market=market, signals=signals, evaluation=evaluation, result=result, measure=measure
        )
    for note in outcome.notes:
        log.info("note: %s", note)
    return outcome


def run_and_save(config: RunConfig, options: Options, pool: Executor | None = None) -> Finished:
    """Run a config, write its run folder, and say on the terminal what came out.

    Parameters
    ----------
    pool : where to measure, from :func:`engine.run_folder.child_process.measuring`; None measures in this process.

    Raises
    ------
    WorkbenchError
        Something the user can mend; no run folder is written then.
    """
    from engine.pages.progress import reporting
    from engine.pages.terminal import show

    ensure_writable(options.out)
    watch = Stopwatch()
    store = signal_store() if options.cache else None
    measure = measure_in(pool) if pool else measure_here
    with recorded() as lines, tearsheets(config) as submit:
        with reporting(options.quiet) as on_progress:
            outcome = recorded_outcome(compute(config, store, on_progress, watch, measure))
        saved = save(outcome, config, options.out, submit, watch, lines)
    numbers = metrics(outcome)
    if not options.quiet:
        agreed = AGREED if config.engine == "both" else ""
        note = "; ".join(text for text in (saved.note, agreed) if text)
        show(numbers, saved.folder, note, tried=outcome.tried.sentences if outcome.tried else ())
    return Finished(saved, numbers)


def tearsheets(config: RunConfig) -> AbstractContextManager[Submit | None]:
    """The process that draws tear-sheets, if the config wants any."""
    return background() if config.report.tearsheet else nullcontext()


def save(
    outcome: Outcome, config: RunConfig, out: Path, submit: Submit | None, watch: Stopwatch, lines: list[str]
) -> Saved:
    """Write the run folder of a config; see :func:`write_folder`."""
    origin = Origin(config.data.digests(), own_plugins(outcome.config))
    return write_folder(outcome, origin, out, submit, watch, lines)


class Origin(NamedTuple):
    """The origin of a run, as its folder states it.

    Attributes
    ----------
    data : SHA-256 of each data file, or of each feed's bars, by symbol.
    plugins : the user's own files: by path, ``sha256`` and ``source``.
    no_tearsheet : the reason why no tear-sheet is drawn, if none is.
    """

    data: Mapping[str, str]
    plugins: Mapping[str, Mapping[str, str]]
    no_tearsheet: str = "the config says `report: {tearsheet: false}`"


def write_folder(
    outcome: Outcome, origin: Origin, out: Path, submit: Submit | None, watch: Stopwatch, lines: list[str]
) -> Saved:
    """Write a run folder; the tear-sheet is drawn in another process while the report is drawn in this one."""
    with staging(out) as folder:
        reason = problem(outcome.daily) if submit else origin.no_tearsheet
        sheet = submit(TearsheetInput.of(outcome), folder / "tearsheet.html") if submit and not reason else None
        if submit and reason:
            log.warning("no tear-sheet: %s", reason)
        with watch.stage("tables"):
            result_files.write(outcome, folder)
        with watch.stage("report"):
            write_report(outcome, folder / "report.html", no_tearsheet=reason)
        if sheet:
            with watch.stage("tear-sheet"):
                sheet.result()
        (folder / "config.yaml").write_text(as_yaml(dict(outcome.config)), encoding="utf-8")
        contents = manifest.build(
            outcome.result,
            outcome.config["seed"],
            origin.data,
            result_digest(folder),
            watch.seconds,
            outcome.tried.dump() if outcome.tried else None,
        )
        contents["reading"] = dict(outcome.market.reading)
        contents["returns_digest"] = result_files.write_returns(outcome.daily, folder)
        contents["plugins"] = {name: dict(item) for name, item in origin.plugins.items()}
        write_json(folder / MANIFEST, contents)
        (folder / "run.log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        pages = ("report.html", "tearsheet.html") if sheet else ("report.html",)
        return put_in_place(folder, out, f"{outcome.name}-{outcome.config_id}", pages)


def workers(config: RunConfig) -> int:
    """Processes that train folds: the config's number, or the cores that this process may use."""
    if config.workers != "auto":
        return config.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def signal_store() -> SignalStore:
    """The signal cache."""
    return SignalStore(cache_folder() / "signals", CACHE_LIMIT)


def planned(market: Market, config: RunConfig) -> tuple[Fold, ...]:
    """The folds to come, none for a rule, once it is known that nothing will stop the run after hours of training.

    Raises
    ------
    DataError
        The benchmark begins after the first decision, or a symbol has too few bars.
    """
    return first_decision(market, config)[0]


def first_decision(market: Market, config: RunConfig) -> tuple[tuple[Fold, ...], pd.Timestamp]:
    """The folds to come, and when the first decision falls; errors as of :func:`planned`."""
    folds = plan(market, config.signals)
    start = folds[0].cut if folds else generate(market, config.signals).frame.start  # a rule's signals cost nothing
    last = sessions(market.times[-1:], market.zone)[0]
    require_benchmark(market, start, last, market.zone)
    return folds, start


def check_only(config: RunConfig) -> str:
    """Validate everything that a run needs, data and folds included, and train nothing."""
    from engine.backtest.engines import require_supported

    require_supported(config)
    market = config.data.load()
    config.strategy.check(market.trade)
    folds = planned(market, config)
    warnings = "".join(f"\ndata: {text}" for text in market.warnings)
    if not config.model.trains:
        return f"{config.name}: valid; {_extent(market)}; the model does not train{warnings}"
    pooled = config.signals.training.model.scope == "pooled"
    models = 1 if pooled else len(market.trade)
    fit_count = (
        f"{'' if pooled else 'up to '}{len(folds) * models * len(getattr(config.model, 'members', (config.model,)))}"
    )
    work = f"{len(folds)} folds, {fit_count} fits"
    first = sessions(pd.DatetimeIndex([folds[0].cut]), market.zone)[0]
    return f"{config.name}: valid; {_extent(market)}; {work}; first decision {first:%F}{warnings}"


def _extent(market: Market) -> str:
    days = sessions(market.times, market.zone)
    return f"{len(days)} bars of {', '.join(market.trade)} from {days[0]:%F} to {days[-1]:%F}"
