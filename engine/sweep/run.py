"""One sweep from a config to its folder: open it, run its trials, assess and write them."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.digests import digest
from core.processes import one_thread
from core.progress import ProgressCallback, no_progress
from engine.ledger.settings import PriorTrials
from engine.pages.progress import reporting
from engine.pipeline import CACHE_LIMIT, Options, Stopwatch, signal_store
from engine.run_folder import manifest
from engine.run_folder.run_folder import Saved, ensure_writable, is_run_folder, read_json, remove_leftovers
from engine.run_folder.run_log import recorded
from engine.sweep.judgement.assess import SweepAssessment, assess
from engine.sweep.judgement.confirm import Confirmation
from engine.sweep.storage import sweep_folder
from engine.sweep.storage.file_names import NUMBERS
from engine.sweep.storage.sweep_id import sweep_id
from engine.sweep.trials.plan import plan_sweep
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.runner import RunTrials, TrialRunner, worker_count
from signals.cache.store import SignalStore
from signals.workers.worker_pool import fold_pool

from .interrupts import terminable
from .run_trials import TASK, run_trials
from .session import SweepSession, label_of, open_session
from .write_results import write_results

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedSweep:
    """A finished sweep: its folder, and the content of its sweep.json."""

    saved: Saved
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Repetition:
    """The repetition of a finished sweep: the ledger holds its trials already, and the caller shows the progress.

    Attributes
    ----------
    prior : the prior trials of the finished sweep.
    on_progress : called with each step of trials and folds.
    """

    prior: PriorTrials
    on_progress: ProgressCallback


def sweep_and_save(config: "RunConfig", options: Options, pool: Executor | None = None) -> FinishedSweep:
    """Run a sweep, or what is left of it; write its folder, and print its summary on the terminal.

    Parameters
    ----------
    pool : computes the winners' measures; None computes them here.

    Raises
    ------
    WorkbenchError
        The user can repair it; finished trials stay, and the same command continues.
    """
    from engine.sweep.pages.terminal import show

    label = label_of(config)
    finished = _finished_before(options.out, label)
    if finished:
        sweep_folder.remove(sweep_folder.folder_of(options.out, label))
    else:
        finished = _run(config, options, pool)
    if not options.quiet:
        show(finished.numbers, finished.saved.folder, finished.saved.note)
    return finished


def _finished_before(out: Path, label: str) -> FinishedSweep | None:
    """The finished sweep of a folder; None if there is none."""
    folder = out / label
    if not is_run_folder(folder):
        return None
    remove_leftovers(out)  # of a process that was killed after it had moved the folder to its place
    return FinishedSweep(Saved(folder, "it was finished before: the folder is unchanged"), read_json(folder / NUMBERS))


def repeat_sweep(
    config: "RunConfig", options: Options, earlier: Mapping[str, Any], on_progress: ProgressCallback = no_progress
) -> Path:
    """The folder of a finished sweep repeated elsewhere, with as many prior trials as it had; no tear-sheets.

    Parameters
    ----------
    earlier : the ``earlier_trials`` of its manifest.
    on_progress : called with each step of trials and folds.
    """
    plain = config.model_copy(update={"report": config.report.model_copy(update={"tearsheet": False})})
    return _run(plain, options, None, Repetition(PriorTrials(**earlier), on_progress)).saved.folder


def _run(
    config: "RunConfig", options: Options, pool: Executor | None, repetition: Repetition | None = None
) -> FinishedSweep:
    """Run what is left of a sweep."""
    ensure_writable(options.out)
    one_thread()
    label = label_of(config)
    folder = sweep_folder.folder_of(options.out, label)
    stopwatch = Stopwatch()
    _warn_of_unfinished_sweeps(options.out, config.name, label)
    with recorded() as log_lines, terminable(folder) as raise_if_interrupted:
        with stopwatch.stage("plan"):
            sweep_plan = plan_sweep(config)
        is_new = not folder.is_dir()
        with sweep_folder.owned(folder):
            if finished := _finished_before(options.out, label):  # by another process, during the stage above
                sweep_folder.remove(folder)
                return finished
            prior = repetition.prior if repetition else None
            with sweep_folder.removed_if_nothing_is_finished(folder, is_new=is_new):
                session = open_session(config, sweep_plan, folder, stopwatch, raise_if_interrupted, prior)
                with _trial_runner(session, options, repetition) as runner:
                    ranking = _run_trials(session, runner)
                    assessment = _assess(session, runner, ranking, pool)
            saved = write_results(session, assessment, options.out, log_lines)
            numbers = read_json(saved.folder / NUMBERS)
            sweep_folder.remove(folder)  # while it is owned: afterwards another process may own it
    return FinishedSweep(saved, numbers)


def _warn_of_unfinished_sweeps(out: Path, name: str, label: str) -> None:
    for folder in sweep_folder.others(out, name, label):
        log.warning(
            "%s is an unfinished sweep of another config or of other data; remove it if it is not wanted", folder
        )


@contextmanager
def _trial_runner(session: SweepSession, options: Options, repetition: Repetition | None) -> Iterator[TrialRunner]:
    """A runner with its signal cache, its training processes and its display of progress."""
    signal_cache = signal_store() if options.cache else SignalStore(session.folder / sweep_folder.SIGNALS, CACHE_LIMIT)
    display = nullcontext(repetition.on_progress) if repetition else reporting(options.quiet, main=TASK)
    sweep_plan = session.plan
    with display as on_progress, fold_pool(worker_count(sweep_plan), sweep_plan.spec.timeout) as workers:
        yield TrialRunner(sweep_plan, session.outputs, signal_cache, on_progress, workers, _cluster_key(session.config))


def _run_trials(session: SweepSession, runner: TrialRunner) -> TrialRanking:
    """Run the trials that are not finished yet; the ranking of all of them."""
    sweep_plan = session.plan
    ranking = TrialRanking.empty(sweep_plan.spec, sweep_plan.count)
    registered = session.registry.updated(
        ranking, session.trial_store.point, session.sessions_per_year, runner.on_progress
    )
    with session.stopwatch.stage("trials"), registered as on_progress, run_function(runner) as (run, description):
        run_trials(sweep_plan, ranking, run, session.trial_store, on_progress, description)
    return ranking


def _assess(
    session: SweepSession, runner: TrialRunner, ranking: TrialRanking, pool: Executor | None
) -> SweepAssessment:
    """Confirm and test the best trials."""
    confirmation = Confirmation(session, runner, ranking)
    with session.stopwatch.stage("judgement"):
        return assess(session, confirmation, pool)


@contextmanager
def run_function(runner: TrialRunner) -> Iterator[tuple[RunTrials, Callable[[], str]]]:
    """A function that runs trials, and one that describes its state: of this machine, or of the sweep's cluster."""
    spec = runner.plan.spec.cluster
    if spec is None:
        yield runner.run, str
        return
    from engine.sweep.trials.dask_runner import connected

    with connected(spec, runner) as cluster:
        yield cluster.run, cluster.about


def _cluster_key(config: "RunConfig") -> str:
    """The name of a sweep, its data and its code on a cluster."""
    return digest([sweep_id(config), config.data.identity(), manifest.code_digest()])[:16]
