"""One sweep: the straight line from a config to its folder, and how it goes on after an accident."""

import logging
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.digests import digest
from core.processes import one_thread
from core.progress import Report, silent
from engine import manifest
from engine.artifacts import (
    MANIFEST,
    Saved,
    durable,
    ensure_writable,
    is_run_folder,
    read_json,
    result_digest,
    staging,
    write_json,
)
from engine.listing import as_yaml
from engine.pipeline import CACHE_LIMIT, Options, Stopwatch, signal_store
from engine.progress import reporting
from engine.runlog import recorded
from signals.crews import crew
from signals.store import SignalStore

from . import ledger, table, workplace
from .board import Board
from .confirm import Confirmation
from .files import BLOCKS, NUMBERS, PAGE, RESULTS, RETURNS, TABLE
from .findings import dump
from .judgement import Findings, judge
from .ledger import Earlier, Ledger
from .measuring import measures_of
from .plan import Plan, plan
from .policies import Wants
from .records import Records
from .trials import TASK, run_trials
from .workshop import Runner, Workshop, count_of

if TYPE_CHECKING:
    from engine.config import RunConfig

log = logging.getLogger(__name__)

FORMAT = 1
NOT_OURS = ("workers", "timeout", "cluster")
"""Keys of the block that never change a result."""


@dataclass(frozen=True)
class Swept:
    """A finished sweep: its folder and what its sweep.json holds."""

    saved: Saved
    found: dict[str, Any]


def sweep_id(config: "RunConfig") -> str:
    """12 hex digits of what decides the result of a sweep."""
    values = config.dump()["sweep"]
    order = list(values["space"])  # trials are numbered by it
    own = {key: value for key, value in values.items() if key not in NOT_OURS}
    return digest({"config": config.id, "sweep": own, "axes": order})[:12]


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


def remade(config: "RunConfig", options: Options, earlier: Mapping[str, Any], report: Report = silent) -> Path:
    """The folder of a finished sweep made again elsewhere, with as many earlier trials as it had; no tear-sheets.

    Parameters
    ----------
    earlier : the ``earlier_trials`` of its manifest.
    report : told of trials and folds.
    """
    plain = config.model_copy(update={"report": config.report.model_copy(update={"tearsheet": False})})
    label = f"{config.name}-{sweep_id(config)}"
    return _swept(plain, options, label, None, Again(Earlier(**earlier), report)).saved.folder


@dataclass(frozen=True)
class Again:
    """A sweep that is made again: the ledger knows it already, and somebody else shows its progress."""

    earlier: Earlier
    report: Report


def _swept(
    config: "RunConfig", options: Options, label: str, pool: Executor | None, again: Again | None = None
) -> Swept:
    """Run what is left of a sweep."""
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
            earlier = again.earlier if again else _earlier(book, journal)
            book.warn_of_opened_holdout()
            store = signal_store() if options.cache else SignalStore(folder / "signals", CACHE_LIMIT)
            shown = nullcontext(again.report) if again else reporting(options.quiet, main=TASK)
            with shown as report, crew(count_of(made), made.spec.timeout) as hands:
                shop = Workshop(made, wants, store, report, hands, _key(config))
                board, year = Board.of(made.spec, made.count), _per_year(made)
                write = nullcontext(report) if again else book.kept_up(board, records.point, year, report)
                with watch.stage("trials"), write as tell, _runner(shop) as (run, about):
                    run_trials(made, board, run, records, tell, about)
                confirmation = Confirmation(made, shop, board, records, config)
                with watch.stage("judgement"):
                    found = judge(label, confirmation, earlier, folder, pool, report)
            paper = Paper(found, config, folder, records, wants, watch, lines, earlier)
            saved = _save(paper, options.out)
            numbers = read_json(saved.folder / NUMBERS)
            workplace.remove(folder)  # while it is owned: afterwards it may be somebody else's
    return Swept(saved, numbers)


@contextmanager
def _runner(shop: Workshop) -> Iterator[tuple[Runner, Callable[[], str]]]:
    """What runs trials, and what it says of itself: this machine, or the cluster that the sweep names."""
    spec = shop.plan.spec.cluster
    if spec is None:
        yield shop.run, str
        return
    from .cluster import connected

    with connected(spec, shop) as cluster:
        yield cluster.run, cluster.about


def _key(config: "RunConfig") -> str:
    """Names a sweep, its data and its code to others."""
    return digest([sweep_id(config), config.data.identity(), manifest.code_digest()])[:16]


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


@dataclass(frozen=True, eq=False)
class Paper:
    """What a sweep's folder is written of."""

    found: Findings
    config: "RunConfig"
    folder: Path
    records: Records
    wants: Wants
    watch: Stopwatch
    lines: list[str]
    earlier: Earlier


def _save(paper: Paper, out: Path) -> Saved:
    """Write the sweep's folder beside, and rename it into place."""
    from .page import write_page

    found, config, folder, watch = paper.found, paper.config, paper.folder, paper.watch
    with staging(out) as stage:
        with watch.stage("tables"):
            table.write(found.plan, paper.records, paper.wants.names, stage / TABLE)
            _write_sample(found, stage)
        numbers = dump(found)
        write_json(stage / NUMBERS, numbers)
        if (folder / workplace.WINNERS).is_dir():
            (folder / workplace.WINNERS).rename(stage / workplace.WINNERS)  # takes no room; they can be made again
        with watch.stage("page"):
            write_page(found, stage / PAGE)
        (stage / "config.yaml").write_text(as_yaml(config.dump()), encoding="utf-8")
        result = result_digest(stage, RESULTS)
        write_json(stage / MANIFEST, _manifest(found, config, result, watch, paper.earlier))
        (stage / "run.log").write_text("".join(f"{line}\n" for line in paper.lines), encoding="utf-8")
        return durable(stage, out / found.label)


def _manifest(found: Findings, config: "RunConfig", result: str, watch: Stopwatch, earlier: Earlier) -> dict[str, Any]:
    common = manifest.common(config.seed, config.data.digests(), result, watch.seconds)
    slow = all(group.slow for group in found.plan.groups.met.values() if group.config is not None)
    mine = {"sweep_id": sweep_id(config), "config_id": config.id, "trials": found.plan.count}
    mine["engine"] = "backtrader" if slow else "compiled"
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
