"""One sweep: the straight line from a config to its folder, and how it goes on after an accident."""

import logging
import platform
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.digests import digest
from core.processes import one_thread
from core.progress import ProgressCallback, no_progress
from engine.pages.progress import reporting
from engine.pipeline import CACHE_LIMIT, Options, Stopwatch, signal_store
from engine.run_folder import manifest
from engine.run_folder.run_folder import Saved, ensure_writable, is_run_folder, read_json
from engine.run_folder.run_log import recorded
from engine.sweep.judgement.assess import assess
from engine.sweep.judgement.confirm import Confirmation
from engine.sweep.space.trial_measures import measures_of
from engine.sweep.storage import sweep_folder, trial_registry
from engine.sweep.storage.file_names import NUMBERS
from engine.sweep.storage.sweep_id import sweep_id
from engine.sweep.storage.trial_registry import PriorTrials, TrialRegistry
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.compiled_trials import TrialOutputs
from engine.sweep.trials.plan import Plan, plan_sweep
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.runner import RunTrials, TrialRunner, worker_count
from signals.cache.store import SignalStore
from signals.workers.worker_pool import fold_pool

from .interrupts import terminable
from .run_trials import TASK, run_trials
from .write_results import ResultsInput, write_results

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True)
class FinishedSweep:
    """A finished sweep: its folder and what its sweep.json holds."""

    saved: Saved
    found: dict[str, Any]


def sweep_and_save(config: "RunConfig", options: Options, pool: Executor | None = None) -> FinishedSweep:
    """Run a sweep, or what is left of it; write its folder, and say on the terminal what came out.

    Parameters
    ----------
    pool : where the winners are measured.

    Raises
    ------
    WorkbenchError
        Something the user can mend; what was finished before stays, and the same command goes on from there.
    """
    from engine.sweep.pages.terminal import show

    label = f"{config.name}-{sweep_id(config)}"
    swept = _before(options.out, label)
    if swept:
        sweep_folder.remove(sweep_folder.folder_of(options.out, label))
    else:
        swept = _swept(config, options, label, pool)
    if not options.quiet:
        show(swept.found, swept.saved.folder, swept.saved.note)
    return swept


def _before(out: Path, label: str) -> FinishedSweep | None:
    """What is there if the sweep was finished before."""
    folder = out / label
    if not is_run_folder(folder):
        return None
    return FinishedSweep(Saved(folder, "it was finished before: the folder is unchanged"), read_json(folder / NUMBERS))


def repeat_sweep(
    config: "RunConfig", options: Options, earlier: Mapping[str, Any], on_progress: ProgressCallback = no_progress
) -> Path:
    """The folder of a finished sweep made again elsewhere, with as many earlier trials as it had; no tear-sheets.

    Parameters
    ----------
    earlier : the ``earlier_trials`` of its manifest.
    on_progress : called with each step of trials and folds.
    """
    plain = config.model_copy(update={"report": config.report.model_copy(update={"tearsheet": False})})
    label = f"{config.name}-{sweep_id(config)}"
    return _swept(plain, options, label, None, RepeatedSweep(PriorTrials(**earlier), on_progress)).saved.folder


@dataclass(frozen=True)
class RepeatedSweep:
    """A sweep that is made again: the ledger knows it already, and somebody else shows its progress."""

    earlier: PriorTrials
    on_progress: ProgressCallback


def _swept(
    config: "RunConfig", options: Options, label: str, pool: Executor | None, again: RepeatedSweep | None = None
) -> FinishedSweep:
    """Run what is left of a sweep."""
    ensure_writable(options.out)
    one_thread()
    folder, watch = sweep_folder.folder_of(options.out, label), Stopwatch()
    for other in sweep_folder.others(options.out, config.name, label):
        log.warning(
            "%s is an unfinished sweep of another config or of other data; remove it if it is not wanted", other
        )
    with recorded() as lines, terminable(folder) as look:
        with watch.stage("plan"):
            made = plan_sweep(config)
            wants = wants_of(made)
        with sweep_folder.owned(folder):
            if swept := _before(options.out, label):  # by another process, while this one made its plan
                sweep_folder.remove(folder)
                return swept
            journal = sweep_folder.opened(folder, header(label))
            records = TrialStore(folder, journal, look)
            if len(records):
                log.warning("%d of %d trials were finished before; the rest follows", len(records), made.count)
            book = TrialRegistry(made, sweep_id(config))
            earlier = again.earlier if again else _earlier(book, journal)
            book.warn_of_opened_holdout()
            store = signal_store() if options.cache else SignalStore(folder / "signals", CACHE_LIMIT)
            shown = nullcontext(again.on_progress) if again else reporting(options.quiet, main=TASK)
            with shown as on_progress, fold_pool(worker_count(made), made.spec.timeout) as hands:
                shop = TrialRunner(made, wants, store, on_progress, hands, _key(config))
                board, year = TrialRanking.empty(made.spec, made.count), _per_year(made)
                write = nullcontext(on_progress) if again else book.kept_up(board, records.point, year, on_progress)
                with watch.stage("trials"), write as tell, _runner(shop) as (run, about):
                    run_trials(made, board, run, records, tell, about)
                confirmation = Confirmation(made, shop, board, records, config)
                with watch.stage("judgement"):
                    found = assess(label, confirmation, earlier, folder, pool, on_progress)
            paper = ResultsInput(found, config, folder, records, wants, watch, lines, earlier)
            saved = write_results(paper, options.out)
            numbers = read_json(saved.folder / NUMBERS)
            sweep_folder.remove(folder)  # while it is owned: afterwards it may be somebody else's
    return FinishedSweep(saved, numbers)


@contextmanager
def _runner(shop: TrialRunner) -> Iterator[tuple[RunTrials, Callable[[], str]]]:
    """What runs trials, and what it says of itself: this machine, or the cluster that the sweep names."""
    spec = shop.plan.spec.cluster
    if spec is None:
        yield shop.run, str
        return
    from engine.sweep.trials.dask_runner import connected

    with connected(spec, shop) as cluster:
        yield cluster.run, cluster.about


def _key(config: "RunConfig") -> str:
    """Names a sweep, its data and its code to others."""
    return digest([sweep_id(config), config.data.identity(), manifest.code_digest()])[:16]


def wants_of(made: Plan) -> TrialOutputs:
    """What is wanted of every trial."""
    spec = made.config.measures
    measures = measures_of(made.config)
    return TrialOutputs(measures, spec.periods_per_year, spec.risk_free, made.span, made.summed, made.with_returns)


def header(label: str) -> dict[str, Any]:
    """The first line of a journal: what must be the same for a sweep to be gone on with."""
    return {
        "format": FORMAT,
        "sweep": label,
        "code": manifest.code_digest(),
        "versions": manifest.versions(),
        "python": platform.python_version(),
    }


def _earlier(book: TrialRegistry, journal: Any) -> PriorTrials:
    """The trials of other sweeps, as they were when this one began."""
    for entry in journal.entries:
        if "earlier" in entry:
            return PriorTrials(**entry["earlier"])
    found = book.earlier()
    journal.append({"earlier": trial_registry.dumped(found)})
    return found


def _per_year(made: Plan) -> float:
    from risk.periods import periods_per_year

    return periods_per_year(made.span.sessions, made.config.measures.periods_per_year)
