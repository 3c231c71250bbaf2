"""What came of some trials: their row of the table, and of some of them what the tests for luck need."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.types import Matrix, Rows, Vector

DONE, RUINED, FAILED, INVALID = "done", "ruined", "failed", "invalid"


@dataclass(frozen=True, eq=False)
class Scores:
    """P trials.

    Attributes
    ----------
    numbers : (P,) of the trials, increasing.
    status : (P,) ``done``; ``ruined`` lost more than it had; ``failed`` raised or died; ``invalid`` contradicts itself.
    reason : (P,) why it is not done, or why a measure is NaN; empty where there is nothing to say.
    values : (P,) by name: ``final_value``, each measure, and the counts; NaN where there is none:
        of a ruined one there is the value that ruined it.
    total, squares : (K, S) sums over the blocks of time of the returns, and of their squares, of the trials in
        ``summed``; NaN where a trial does not reach over the block.
    summed : (K,) the numbers of these trials.
    returns : (R, D) daily returns over the sessions that all trials share, of the trials in ``kept``.
    kept : (R,) their numbers.
    """

    numbers: Rows
    status: Any
    reason: Any
    values: Mapping[str, Vector]
    total: Matrix
    squares: Matrix
    summed: Rows
    returns: Matrix
    kept: Rows


NO_TRIALS = np.empty(0, dtype=np.int64)


def unmeasured_scores(
    numbers: Rows, status: str, reasons: Sequence[str], names: Sequence[str], shape: tuple[int, int]
) -> Scores:
    """The scores of trials of which there is nothing to measure.

    Parameters
    ----------
    names : of the values that others have.
    shape : the numbers of blocks and of sessions.
    """
    nowhere = np.full(len(numbers), np.nan)
    blocks = np.empty((0, shape[0]))
    return Scores(
        numbers=numbers,
        status=np.full(len(numbers), status),
        reason=np.array(reasons, dtype=np.str_),
        values=dict.fromkeys(names, nowhere),
        total=blocks,
        squares=blocks,
        summed=NO_TRIALS,
        returns=np.empty((0, shape[1])),
        kept=NO_TRIALS,
    )


def join_scores(parts: Sequence[Scores]) -> Scores:
    """Several as one, in the order of the trials."""
    numbers = np.concatenate([part.numbers for part in parts])
    order = np.argsort(numbers, kind="stable")

    def rows(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return Scores(
        numbers=numbers[order],
        status=rows("status")[order],
        reason=rows("reason")[order],
        values={name: np.concatenate([part.values[name] for part in parts])[order] for name in parts[0].values},
        **{name: rows(name) for name in ("total", "squares", "summed", "returns", "kept")},
    )


def select_trials(scores: Scores, numbers: Rows) -> Scores:
    """The rows of the table of some of the trials, without the rest."""
    rows = np.isin(scores.numbers, numbers)
    return replace(
        scores,
        numbers=scores.numbers[rows],
        status=scores.status[rows],
        reason=scores.reason[rows],
        values={name: values[rows] for name, values in scores.values.items()},
    )


def pack(scores: Scores) -> bytes:
    """As the content of a file."""
    made = io.BytesIO()
    arrays = {name: getattr(scores, name) for name in Scores.__dataclass_fields__ if name != "values"}
    names = np.array(list(scores.values), dtype=np.str_)
    values = np.column_stack(list(scores.values.values())) if len(names) else np.empty((len(scores.numbers), 0))
    arrays |= {name: np.asarray(arrays[name], dtype=np.str_) for name in ("status", "reason")}
    np.savez(made, names=names, values=values, **arrays)
    return made.getvalue()


def unpack(content: bytes) -> Scores:
    """What :func:`pack` made."""
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        arrays = {name: found[name] for name in Scores.__dataclass_fields__ if name != "values"}
        names, values = found["names"].tolist(), found["values"]
    return Scores(values={name: values[:, number] for number, name in enumerate(names)}, **arrays)
