"""Scores of a chunk of trials: one table row each, and samples of their returns for the overfitting tests."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.types import Matrix, Rows, Vector

DONE, RUINED, FAILED, INVALID = "done", "ruined", "failed", "invalid"
ARRAYS = ("numbers", "status", "reason", "total", "squares", "summed", "returns")
"""Arrays of a chunk's file that bear the names of their attributes."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of P trials.

    Attributes
    ----------
    numbers : (P,) of the trials, increasing.
    status : (P,) ``done``; ``ruined``: the account lost more than it had; ``failed``: an error, or a worker that died;
        ``invalid``: the values of the point contradict each other.
    reason : (P,) the cause if a trial is not done or a measure is NaN; otherwise empty.
    values : (P,) by name: ``final_value``, each measure, and the counts; NaN where undefined. A ruined trial has the
        final value alone.
    total, squares : (K, S) sums of the returns, and of their squares, over blocks of time, of the trials in
        ``summed``; NaN where a trial does not cover the block.
    summed : (K,) the numbers of these trials.
    returns : (R, D) daily returns over the shared sessions, of the trials in ``with_returns``.
    with_returns : (R,) the numbers of these trials.
    """

    numbers: Rows
    status: Any
    reason: Any
    values: Mapping[str, Vector]
    total: Matrix
    squares: Matrix
    summed: Rows
    returns: Matrix
    with_returns: Rows


NO_TRIALS = np.empty(0, dtype=np.int64)


def scores_without_returns(
    numbers: Rows, status: Any, reason: Any, values: Mapping[str, Vector], shape: tuple[int, int]
) -> Scores:
    """Scores without samples of returns.

    Parameters
    ----------
    shape : the numbers of blocks and of sessions.
    """
    blocks, sessions = shape
    return Scores(
        numbers=numbers,
        status=status,
        reason=reason,
        values=values,
        total=np.empty((0, blocks)),
        squares=np.empty((0, blocks)),
        summed=NO_TRIALS,
        returns=np.empty((0, sessions)),
        with_returns=NO_TRIALS,
    )


def unmeasured_scores(
    numbers: Rows, status: str, reasons: Sequence[str], names: Sequence[str], shape: tuple[int, int]
) -> Scores:
    """Scores of trials that failed or are invalid: all values are NaN.

    Parameters
    ----------
    names : of the values.
    shape : the numbers of blocks and of sessions.
    """
    undefined = np.full(len(numbers), np.nan)
    return scores_without_returns(
        numbers,
        np.full(len(numbers), status),
        np.array(reasons, dtype=np.str_),
        dict.fromkeys(names, undefined),
        shape,
    )


def join_scores(parts: Sequence[Scores]) -> Scores:
    """Several chunks as one, in the order of the trials."""
    numbers = np.concatenate([part.numbers for part in parts])
    order = np.argsort(numbers, kind="stable")
    return Scores(
        numbers=numbers[order],
        status=np.concatenate([part.status for part in parts])[order],
        reason=np.concatenate([part.reason for part in parts])[order],
        values={name: np.concatenate([part.values[name] for part in parts])[order] for name in parts[0].values},
        total=np.concatenate([part.total for part in parts]),
        squares=np.concatenate([part.squares for part in parts]),
        summed=np.concatenate([part.summed for part in parts]),
        returns=np.concatenate([part.returns for part in parts]),
        with_returns=np.concatenate([part.with_returns for part in parts]),
    )


def select_trials(scores: Scores, numbers: Rows) -> Scores:
    """The table rows of some trials; the samples of returns stay as they are."""
    rows = np.isin(scores.numbers, numbers)
    return replace(
        scores,
        numbers=scores.numbers[rows],
        status=scores.status[rows],
        reason=scores.reason[rows],
        values={name: values[rows] for name, values in scores.values.items()},
    )


def pack(scores: Scores) -> bytes:
    """Scores as the content of a chunk's file."""
    buffer = io.BytesIO()
    arrays = {name: getattr(scores, name) for name in ARRAYS}
    arrays |= {name: np.asarray(arrays[name], dtype=np.str_) for name in ("status", "reason")}
    names = np.array(list(scores.values), dtype=np.str_)
    values = np.column_stack(list(scores.values.values())) if len(names) else np.empty((len(scores.numbers), 0))
    np.savez(buffer, names=names, values=values, **arrays, kept=scores.with_returns)
    return buffer.getvalue()


def unpack(content: bytes) -> Scores:
    """The inverse of :func:`pack`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        values = file["values"]
        return Scores(
            numbers=file["numbers"],
            status=file["status"],
            reason=file["reason"],
            values={name: values[:, index] for index, name in enumerate(file["names"].tolist())},
            total=file["total"],
            squares=file["squares"],
            summed=file["summed"],
            returns=file["returns"],
            with_returns=file["kept"],
        )
