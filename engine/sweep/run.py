"""One sweep: the straight line from a config to its folder, and how it goes on after an accident."""

import logging
import platform
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.digests import digest, file_digest
from core.processes import one_thread
from engine import manifest
from engine.artifacts import MANIFEST, Saved, durable, ensure_writable, is_run_folder, read_json, staging, write_json
from engine.listing import as_yaml
from engine.pipeline import CACHE_LIMIT, Options, Stopwatch, signal_store
from engine.progress import reporting
from engine.runlog import recorded
from signals.store import SignalStore

from . import ledger, table, workplace
from .confirm import Confirmation
from .findings import dump
from .judgement import Findings, judge
from .ledger import Earlier, Ledger
from .measuring import measures_of
from .plan import Plan, plan
from .policies import Wants
from .records import Records
from .trials import TASK, run_trials
from .workshop import Workshop

if TYPE_CHECKING:
    from engine.config import RunConfig

log = logging.getLogger(__name__)

FORMAT = 1
TABLE, RETURNS, BLOCKS, NUMBERS, PAGE = (
    "trials.parquet",
    "returns.parquet",
    "blocks.parquet",
    "sweep.json",
    "sweep.html",
)
RESULTS = (TABLE, RETURNS, BLOCKS)
"""Equal sweeps give these files bit for bit, whatever happened on the way and whatever was tried elsewhere."""
NOT_OURS = ("workers", "timeout")
"""Keys of the block that never change a result."""


@dataclass(frozen=True)
class Swept:
    """A finished sweep: its folder and what its sweep.json holds."""

    saved: Saved
    found: dict[str, Any]


def sweep_id(config: "RunConfig") -> str:
    """12 hex digits of what decides the result of a sweep."""
    values = config.dump()["sweep"]
    return digest({"config": config.id, "sweep": {k: v for k, v in values.items() if k not in NOT_OURS}})[:12]


def sweep_and_save(config: "RunConfig", options: Options, pool: Executor | None = None) -> Swept:
    """Run a sweep, or what is left of it; write its folder, and say on the terminal what came out.

    Parameters
    ----------
    pool : where the winners are measured.

    Raises
    ------
    WorkbenchError
        Something the user can mend; what was finished before stays, and the same command goes on from there.
    """
    from .summary import show

    label = f"{config.name}-{sweep_id(config)}"
    swept = _before(options.out, label)
    if swept:
        workplace.remove(workplace.folder_of(options.out, label))
    else:
        swept = _swept(config, options, label, pool)
    if not options.quiet:
        show(swept.found, swept.saved.folder, swept.saved.note)
    return swept


def _before(out: Path, label: str) -> Swept | None:
    """What is there if the sweep was finished before."""
    folder = out / label
    if not is_run_folder(folder):
        return None
    return Swept(Saved(folder, "it was finished before: the folder is unchanged"), read_json(folder / NUMBERS))


def _swept(config: "RunConfig", options: Options, label: str, pool: Executor | None) -> Swept:
    ensure_writable(options.out)
    one_thread()
    folder, watch = workplace.folder_of(options.out, label), Stopwatch()
    for other in workplace.others(options.out, config.name, label):
        log.warning(
            "%s is an unfinished sweep of another config or of other data; remove it if it is not wanted", other
        )
    with recorded() as lines, terminable(folder) as look:
        with watch.stage("plan"):
            made = plan(config)
            wants = wants_of(made)
        with workplace.owned(folder):
            if swept := _before(options.out, label):  # by another process, while this one made its plan
                workplace.remove(folder)
                return swept
            journal = workplace.opened(folder, header(label))
            records = Records(folder, journal, look)
            if len(records):
                log.warning("%d of %d trials were finished before; the rest follows", len(records), made.count)
            book = Ledger(made, sweep_id(config))
            earlier = _earlier(book, journal)
            store = signal_store() if options.cache else SignalStore(folder / "signals", CACHE_LIMIT)
            with reporting(options.quiet, main=TASK) as report:
                shop = Workshop(made, wants, store, report)
                with watch.stage("trials"):
                    board = run_trials(made, shop.run, records, report)
                confirmation = Confirmation(made, shop, board, records, config)
                year = _per_year(made)
                book.write(board, records.point, year)
                with watch.stage("judgement"):
                    found = judge(label, confirmation, earlier, folder, pool, report)
            saved = _save(found, config, options.out, folder, records, wants, watch, lines, earlier)
            numbers = read_json(saved.folder / NUMBERS)
            workplace.remove(folder)  # while it is owned: afterwards it may be somebody else's
    return Swept(saved, numbers)


def wants_of(made: Plan) -> Wants:
    """What is wanted of every trial."""
    spec = made.config.measures
    measures = measures_of(made.config)
    return Wants(measures, spec.periods_per_year, spec.risk_free, made.span, made.summed, made.kept)


def header(label: str) -> dict[str, Any]:
    """The first line of a journal: what must be the same for a sweep to be gone on with."""
    return {
        "format": FORMAT,
        "sweep": label,
        "code": manifest.code_digest(),
        "versions": manifest.versions(),
        "python": platform.python_version(),
    }


def _earlier(book: Ledger, journal: Any) -> Earlier:
    """The trials of other sweeps, as they were when this one began."""
    for entry in journal.entries:
        if "earlier" in entry:
            return Earlier(**entry["earlier"])
    found = book.earlier()
    journal.append({"earlier": ledger.dumped(found)})
    return found


def _per_year(made: Plan) -> float:
    from risk.year import periods_per_year

    return periods_per_year(made.span.sessions, made.config.measures.periods_per_year)


@contextmanager
def terminable(folder: Path) -> Iterator[Callable[[], None]]:
    """SIGTERM ends the sweep as Ctrl-C does: at once, with everything finished kept.

    Libraries turn an interrupt that reaches them into errors of their own, or drop it; so it is remembered, and what
    this yields raises it again.
    """
    asked: list[int] = []

    def stop(sign: int, *_: Any) -> None:
        asked.append(sign)
        raise KeyboardInterrupt

    def look() -> None:
        if asked:
            raise KeyboardInterrupt

    with _handled(stop):
        try:
            yield look
        except BaseException as error:
            if not asked and not isinstance(error, KeyboardInterrupt):
                raise
            kept = f"interrupted; what was finished is kept in {folder}: the same command goes on from there"
            raise KeyboardInterrupt(*([kept] if folder.is_dir() else [])) from None


@contextmanager
def _handled(stop: Callable[..., None]) -> Iterator[None]:
    """A handler of both signals; a Ctrl-C that was ignored still is, and other threads than the main one have none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [signal.SIGTERM, *([signal.SIGINT] if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN else [])]
    before = {sign: signal.signal(sign, stop) for sign in ours}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _save(
    found: Findings,
    config: "RunConfig",
    out: Path,
    folder: Path,
    records: Records,
    wants: Wants,
    watch: Stopwatch,
    lines: list[str],
    earlier: Earlier,
) -> Saved:
    """Write the sweep's folder beside, and rename it into place."""
    from .page import write_page

    with staging(out) as stage:
        with watch.stage("tables"):
            table.write(found.plan, records, wants.names, stage / TABLE)
            _write_sample(found, stage)
        numbers = dump(found)
        write_json(stage / NUMBERS, numbers)
        if (folder / workplace.WINNERS).is_dir():
            (folder / workplace.WINNERS).rename(stage / workplace.WINNERS)  # takes no room; they can be made again
        with watch.stage("page"):
            write_page(found, stage / PAGE)
        (stage / "config.yaml").write_text(as_yaml(config.dump()), encoding="utf-8")
        result = digest({name: file_digest(stage / name) for name in RESULTS})
        write_json(stage / MANIFEST, _manifest(found, config, result, watch, earlier))
        (stage / "run.log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return durable(stage, out / found.label)


def _manifest(found: Findings, config: "RunConfig", result: str, watch: Stopwatch, earlier: Earlier) -> dict[str, Any]:
    common = manifest.common(config.seed, config.data.digests(), result, watch.seconds)
    mine = {"sweep_id": sweep_id(config), "config_id": config.id, "trials": found.plan.count}
    return {**mine, **common, "earlier_trials": ledger.dumped(earlier)}


def _write_sample(found: Findings, stage: Path) -> None:
    """The returns and the sums that the tests were made of."""
    sample, days = found.sample, found.plan.span.sessions
    names = [f"trial_{number}" for number in sample.kept.tolist()]
    returns = pd.DataFrame(sample.returns, columns=names)
    returns.insert(0, "session", days)
    returns.to_parquet(stage / RETURNS, compression="zstd", index=False)
    blocks = range(found.plan.span.blocks)
    columns: dict[str, Any] = {"trial": sample.summed.astype(np.int64)}
    for name in ("total", "squares"):
        values = getattr(sample.sums, name) if sample.sums is not None else np.empty((0, len(blocks)))
        columns |= {f"{name}_{block}": values[: len(sample.summed), block] for block in blocks}
    if sample.sums is None:
        columns["trial"] = columns["trial"][:0]
    pd.DataFrame(columns).to_parquet(stage / BLOCKS, compression="zstd", index=False)


__all__ = ["RESULTS", "Swept", "sweep_and_save", "sweep_id"]
