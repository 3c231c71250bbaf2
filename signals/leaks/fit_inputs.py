"""L3: the inputs of every fit, against the cut of its fold. It costs nothing, so every run does it."""

from collections.abc import Sequence

import pandas as pd

from signals.signals_result import FitInputs, FoldReport

from .check_result import Check

TITLE = "what each fit was given"


def fit_inputs(folds: Sequence[FoldReport]) -> Check:
    """No fit may get a row of its test window, or a label that was not known at the first test decision.

    Parameters
    ----------
    folds : the reports of a run; none for a model that does not train.
    """
    if not folds:
        return Check("L3", TITLE, "skipped", 0, "the model does not train")
    count = 0
    wrong = []
    for report in folds:
        for name, inputs in report.diagnostics.seen.items():
            count += 1
            if reason := _wrong(report, inputs):
                wrong.append(f"fold {report.number}, {name}: {reason}")
    if wrong:
        return Check("L3", TITLE, "leak", count, f"{len(wrong)} of {count} fits saw too much: {wrong[0]}")
    return Check("L3", TITLE, "clean", count, f"{count} fits: every row before the cut, every label known by it")


def _wrong(report: FoldReport, inputs: FitInputs) -> str:
    cut = pd.Timestamp(report.cut)
    if inputs.last and pd.Timestamp(inputs.last) >= cut:
        return f"its latest row is decided at {inputs.last}, the first test decision at {report.cut}"
    if inputs.known and pd.Timestamp(inputs.known) > cut:
        return f"its last label became known at {inputs.known}, after the first test decision at {report.cut}"
    return ""
