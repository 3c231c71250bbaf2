"""L3: what every fit was given, against the cut of its fold. It costs nothing, so every run does it."""

from collections.abc import Sequence

import pandas as pd

from signals.signals_result import FitInputs, FoldReport

from .check_result import Check

TITLE = "what each fit was given"


def fit_inputs(folds: Sequence[FoldReport]) -> Check:
    """No fit may be given a row of its test window, or a label that was not known at the first test decision.

    Parameters
    ----------
    folds : the reports of a run; none for a model that does not train.
    """
    if not folds:
        return Check("L3", TITLE, "skipped", 0, "the model does not train")
    fits = [(report, name, seen) for report in folds for name, seen in report.seen.items()]
    wrong = [
        f"fold {report.number}, {name}: {reason}" for report, name, seen in fits if (reason := _wrong(report, seen))
    ]
    if wrong:
        return Check("L3", TITLE, "leak", len(fits), f"{len(wrong)} of {len(fits)} fits saw too much: {wrong[0]}")
    return Check(
        "L3", TITLE, "clean", len(fits), f"{len(fits)} fits: every row before the cut, every label known by it"
    )


def _wrong(report: FoldReport, seen: FitInputs) -> str:
    cut = pd.Timestamp(report.cut)
    if seen.last and pd.Timestamp(seen.last) >= cut:
        return f"its latest row is decided at {seen.last}, the first test decision at {report.cut}"
    if seen.known and pd.Timestamp(seen.known) > cut:
        return f"its last label became known at {seen.known}, after the first test decision at {report.cut}"
    return ""
