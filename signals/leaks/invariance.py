"""L1 and L2: nothing that was known may change when the future is cut off, or is another one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from core.progress import Progress, ProgressCallback, no_progress
from core.types import Market

from .altered_futures import FUTURES, with_future
from .check_result import Check
from .cut_points import Cut
from .pipeline_trace import Moved, Trace, first_moved

Pipeline: TypeAlias = Callable[[Market], Trace]

TRUNCATION = "the future cut off"
PERTURBATION = "the future redrawn"


def truncation(
    pipeline: Pipeline, market: Market, base: Trace, cuts: Sequence[Cut], on_progress: ProgressCallback = no_progress
) -> Check:
    """L1: run on the history up to each cut, and compare with the run on the full history."""

    def differences() -> Iterator[Moved | None]:
        for cut in cuts:
            moved = first_moved(base, pipeline(market.until(cut.last)), cut.last, exact=False)
            yield moved and replace(moved, cut=f"cut off after {cut}")

    return _judge("L1", TRUNCATION, len(cuts), differences(), on_progress)


def perturbation(
    pipeline: Pipeline,
    market: Market,
    base: Trace,
    cuts: Sequence[Cut],
    seed: int,
    on_progress: ProgressCallback = no_progress,
) -> Check:
    """L2: run with every later bar redrawn, in three ways, and compare bit for bit."""

    def differences() -> Iterator[Moved | None]:
        for number, cut in enumerate(cuts):
            for how in FUTURES:
                other = pipeline(with_future(market, cut.last, how, seed + number))
                moved = first_moved(base, other, cut.last, exact=True)
                yield moved and replace(moved, cut=f"{how} after {cut}")

    return _judge("L2", PERTURBATION, len(cuts) * len(FUTURES), differences(), on_progress)


def _judge(
    number: str, title: str, runs: int, differences: Iterator[Moved | None], on_progress: ProgressCallback
) -> Check:
    changes: list[Moved] = []
    on_progress(Progress(title, 0, runs))
    for done, moved in enumerate(differences, start=1):
        changes += [moved] if moved else []
        on_progress(Progress(title, done, runs))
    if not changes:
        return Check(number, title, "clean", runs, f"nothing before the cut moved in {runs} runs")
    first = min(changes, key=lambda difference: difference.row)
    detail = f"in {len(changes)} of {runs} runs the past moved: {first.stage}, {first.where or 'a row'}, {first.cut}"
    return Check(number, title, "leak", runs, detail, first)
