"""``run_backtest.py reproduce``: runs made again in a temporary folder, and what differs."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.caches import caching
from core.errors import StoreError
from core.processor import processor
from core.progress import Report, silent
from engine import result_files
from engine.pipeline import Options, compute, signal_store
from engine.progress import MAIN, reporting

from .compare import Difference, differences
from .record import Record, Verdict
from .shown import show


def reproduce_all(folders: Sequence[Path], *, cache: bool, quiet: bool) -> list[Verdict]:
    """Make runs again and say on the terminal what came out; all folders are looked at before the first is run.

    Raises
    ------
    WorkbenchError
        A folder is no run folder or is damaged, or the run cannot be made any more; one line.
    """
    verdicts = []
    for record in [Record.read(folder) for folder in folders]:
        with reporting(quiet, main="trials" if record.is_sweep else MAIN) as report:
            verdict = reproduce(record, cache=cache, report=report)
        verdicts.append(verdict)
        if not quiet:
            show(verdict)
    return verdicts


def reproduce(record: Record, *, cache: bool = False, report: Report = silent) -> Verdict:
    """Make a run again and compare; its folder and the folder of runs are left alone.

    Parameters
    ----------
    cache : take signals, scores of texts and compiled engines from the caches; else nothing that an earlier run has
        left is used.
    report : told of folds and epochs.

    Raises
    ------
    WorkbenchError
        The run cannot be made any more.
    """
    with _elsewhere() as folder, caching(used=cache):
        if record.is_sweep:
            from engine.sweep.run import remade

            options = Options(out=folder, cache=cache, quiet=True)
            now = remade(record.config, options, record.manifest["earlier_trials"], report)
            return _verdict(record, now)
        outcome = compute(record.config, signal_store() if cache else None, report)
        result_files.write(outcome, folder)
        return _verdict(record, folder)


def _verdict(record: Record, now: Path) -> Verdict:
    tolerances = record.tolerances
    results = differences(record.folder, now, record.files, tolerances)
    notes = record.circumstances()
    if not record.processor_recorded and any(each.counts for each in results):
        here = ", ".join(processor().values())
        notes = (*notes, Difference("machine", "processor (the manifest is older than this entry)", None, here))
    return Verdict(record.folder, (*notes, *results), len(record.files), tolerances is not None)


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A temporary folder, gone afterwards."""
    try:
        made = tempfile.TemporaryDirectory(prefix="backtrader-ml-")
    except OSError as error:
        raise StoreError(f"no temporary folder can be made ({error}); set TMPDIR to another folder") from None
    with made as name:
        yield Path(name)
