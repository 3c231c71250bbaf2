"""``run_backtest.py reproduce``: runs made again in a temporary folder, and what differs."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.caches import caching
from core.errors import StoreError
from core.progress import ProgressCallback, no_progress
from engine.pages.progress import MAIN, reporting
from engine.pipeline import Options, compute, signal_store
from engine.review.reproduction import record_reproduction
from engine.run_folder import result_files
from engine.run_folder.manifest import code_digest
from engine.run_folder.processor import processor

from .compare import Difference, differences
from .recorded_run import RecordedRun, ReproductionVerdict
from .terminal import show


def reproduce_all(folders: Sequence[Path], *, cache: bool, quiet: bool) -> list[ReproductionVerdict]:
    """Make runs again and say on the terminal what came out; all folders are looked at before the first is run.

    The outcome is recorded in each run's folder, beside its results, for the review.

    Raises
    ------
    WorkbenchError
        A folder is no run folder or is damaged, or the run cannot be made any more; one line.
    """
    verdicts = []
    for record in [RecordedRun.read(folder) for folder in folders]:
        with reporting(quiet, main="trials" if record.is_sweep else MAIN) as on_progress:
            verdict = reproduce(record, cache=cache, on_progress=on_progress)
        verdicts.append(verdict)
        record_reproduction(record.folder, reproduced=verdict.reproduced, code=code_digest())
        if not quiet:
            show(verdict)
    return verdicts


def reproduce(
    record: RecordedRun, *, cache: bool = False, on_progress: ProgressCallback = no_progress
) -> ReproductionVerdict:
    """Make a run again and compare; its folder and the folder of runs are left alone.

    Parameters
    ----------
    cache : take signals, scores of texts and compiled engines from the caches; else nothing that an earlier run has
        left is used.
    on_progress : called with each step of folds and epochs.

    Raises
    ------
    WorkbenchError
        The run cannot be made any more.
    """
    with _elsewhere() as folder, caching(used=cache):
        if record.is_sweep:
            from engine.sweep.run import repeat_sweep

            options = Options(out=folder, cache=cache, quiet=True)
            now = repeat_sweep(record.config, options, record.manifest["earlier_trials"], on_progress)
            return _verdict(record, now)
        outcome = compute(record.config, signal_store() if cache else None, on_progress)
        result_files.write(outcome, folder)
        return _verdict(record, folder)


def _verdict(record: RecordedRun, now: Path) -> ReproductionVerdict:
    tolerances = record.tolerances
    results = differences(record.folder, now, record.files, tolerances)
    notes = record.circumstances()
    if not record.processor_recorded and any(difference.counts for difference in results):
        here = ", ".join(processor().values())
        notes = (*notes, Difference("machine", "processor (the manifest is older than this entry)", None, here))
    return ReproductionVerdict(record.folder, (*notes, *results), len(record.files), tolerances is not None)


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A temporary folder, gone afterwards."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="backtrader-ml-")
    except OSError as error:
        raise StoreError(f"no temporary folder can be made ({error}); set TMPDIR to another folder") from None
    with folder as name:
        yield Path(name)
