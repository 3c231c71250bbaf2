"""Probability of backtest overfitting, by combinatorially symmetric cross-validation.

Time is cut into blocks. For every split of the blocks into an in-sample half and an out-of-sample half, the trial with
the best Sharpe ratio in the first half is ranked in the second.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Matrix, Vector, read_only
from risk.returns import ROUNDING

from .trial_matrix import checked_trials

MAX_BLOCKS = 20
"""They have 184,756 splits; two more have four times as many."""
USUAL_BLOCKS, MIN_TRIALS = 16, 20
CANCELLED = 1e-12
"""A sum of squared deviations up to this fraction of the sum of squares is rounding error."""
SLAB = 2**17
"""Sharpe ratios computed at a time: 1 MB, which fits into a processor's cache."""


@dataclass(frozen=True, eq=False)
class BlockSums:
    """Sums of the trials' returns in each block of time; S blocks, N trials.

    Attributes
    ----------
    count : (S,) numbers of returns, each at least 1.
    total : (N, S) sums of the returns, fractions.
    squares : (N, S) sums of the squared returns.

    Raises
    ------
    DataError
        Shapes that do not belong together, NaN, infinity, a count below 1, or fewer than 2 trials.
    ConfigError
        An odd number of blocks, none, or more than 20.
    """

    count: npt.NDArray[np.int64]
    total: Matrix
    squares: Matrix

    def __post_init__(self) -> None:
        for name, dtype in (("count", np.int64), ("total", np.float64), ("squares", np.float64)):
            object.__setattr__(self, name, read_only(getattr(self, name), dtype))
        shape = self.total.shape
        if self.total.ndim != 2 or self.squares.shape != shape or self.count.shape != shape[1:]:
            shapes = f"{self.count.shape}, {shape} and {self.squares.shape}"
            raise DataError(f"counts, totals and squares must have the shapes (S,), (N, S) and (N, S); given: {shapes}")
        if (self.count < 1).any() or not (np.isfinite(self.total).all() and np.isfinite(self.squares).all()):
            raise DataError("each block needs one or more returns and finite sums; leave out trials of unknown returns")
        if len(self.total) < 2:
            raise DataError(f"needs 2 or more trials to choose from, has {len(self.total)}")
        _check_blocks(len(self.count))

    @classmethod
    @np.errstate(over="ignore")
    def of(cls, returns: npt.ArrayLike, edges: Sequence[int]) -> "BlockSums":
        """The sums of (T, N) simple returns between edges.

        Parameters
        ----------
        returns : (T, N) fractions per period, at least -1. NaN is an error.
        edges : (S + 1,) rows, strictly rising: block s is the rows from ``edges[s]`` to before ``edges[s + 1]``.

        Raises
        ------
        DataError
            NaN, infinity, a return below -1, or edges that do not rise or are not within the rows.
        ConfigError
            As for the class.

        >>> sums = BlockSums.of([[0.1, 0.0], [0.3, 0.2], [-0.1, 0.0]], edges=[0, 2, 3])
        >>> sums.count.tolist(), sums.total.round(3).tolist()
        ([2, 1], [[0.4, -0.1], [0.2, 0.0]])
        """
        values = checked_trials(returns)
        rows = np.asarray(edges, dtype=np.int64)
        _check_blocks(len(rows) - 1)
        if (np.diff(rows) < 1).any() or rows[0] < 0 or rows[-1] > len(values):
            raise DataError(f"edges must rise from 0 or above to {len(values)} or below; given: {rows.tolist()}")
        blocks = [np.ascontiguousarray(values[first:end]) for first, end in pairwise(rows)]
        total = np.stack([block.sum(axis=0) for block in blocks], axis=1)
        return cls(np.diff(rows), total, np.stack([(block**2).sum(axis=0) for block in blocks], axis=1))


@dataclass(frozen=True, eq=False)
class Pbo:
    """The probability of backtest overfitting, with the logits and numbers behind it.

    Attributes
    ----------
    pbo : share of the splits whose logit is at most 0: the chosen trial is no better than the median of the others.
    strict : share of the splits whose logit is below 0. It differs for ties, and for an odd number of trials.
    loss : probability of loss: share of the splits in which the chosen trial's Sharpe ratio outside its sample is at
        most 0.
    retained : the chosen trial's mean Sharpe ratio outside its sample over its mean ratio in it, the means over all
        splits: 1 less the degradation. None where it has no ratio above 0 in the sample.
    logits : (splits,) ``log(w / (1 - w))``, ``w = rank / (trials + 1)`` and rank 1 the worst.
    splits, trials, blocks : numbers of them; trials with equal sums are one.
    notes : for the reader of the shares.
    """

    pbo: float
    strict: float
    loss: float
    retained: float | None
    logits: Vector = field(repr=False)
    splits: int
    trials: int
    blocks: int
    notes: tuple[str, ...]


def pbo(returns: npt.ArrayLike, blocks: int = USUAL_BLOCKS) -> Pbo:
    """The probability of backtest overfitting, by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns : (T, N) simple returns per period of all N trials, those that failed included; fractions (0.01 is 1 %).
        NaN is an error.
    blocks : S, even, from 2 to 20. The first block has the rows before ``T / S``, and so on: lengths differ by 1 at
        most.

    Returns
    -------
    The share with its logits. Trials with equal returns are one, so that a clone changes nothing. A trial whose returns
    do not vary in a half has the Sharpe ratio 0 there; ties share the average of their ranks; of trials that are
    equally good in the sample one is chosen that does not depend on their order.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, fewer than 2 trials, fewer rows than blocks, or a half of a single row.
    ConfigError
        A number of blocks that is odd, below 2 or above 20.

    References
    ----------
    Bailey, D. H., Borwein, J. M., Lopez de Prado, M. and Zhu, Q. J. (2017), The probability of backtest overfitting,
    Journal of Computational Finance 20(4): the integral of the logits' distribution up to 0, 0 included.

    >>> noise = np.random.default_rng(1).normal(0, 0.01, (1000, 20))
    >>> pbo(noise + np.where(np.arange(20) == 3, 0.005, 0)).pbo  # one trial earns half its volatility a day
    0.0
    """
    _check_blocks(blocks)
    values = checked_trials(returns)
    if len(values) < blocks:
        raise DataError(f"needs a row for each of {blocks} blocks, has {len(values)}")
    return pbo_of_blocks(BlockSums.of(values, [len(values) * block // blocks for block in range(blocks + 1)]))


def pbo_of_blocks(sums: BlockSums) -> Pbo:
    """:func:`pbo` from sums alone, without the returns of all trials in memory at once.

    A Sharpe ratio from sums is exact to about ``1e-16 (mean / deviation)^2``, relative to itself; returns that vary by
    less than a millionth of their size count as constant.

    Parameters
    ----------
    sums : of S blocks and N trials. Memory is that of the sums and a few megabytes; the time goes with N times the
        number of splits: seconds for 10,000 trials and 16 blocks.

    Raises
    ------
    DataError
        A half of fewer than 2 returns.

    >>> sums = BlockSums([2, 2], total=[[0.02, -0.02], [-0.02, 0.02]], squares=[[0.01, 0.01], [0.01, 0.01]])
    >>> pbo_of_blocks(sums).pbo  # whichever is the better in one half is the worse in the other
    1.0
    """
    blocks = sums.total.shape[1]
    if np.sort(sums.count)[: blocks // 2].sum() < 2:
        raise DataError("each half of the blocks needs 2 or more returns; use fewer blocks or more rows")
    distinct, trials = _distinct(sums)
    ranked = [_rank_outside(inside, outside, trials) for inside, outside in _halves(distinct)]
    ranks, outside, inside = (np.concatenate(column) for column in zip(*ranked, strict=True))
    logits = np.log(ranks) - np.log(trials + 1 - ranks)
    middle = (trials + 1) / 2  # a logit of 0; ranks are halves of whole numbers, exactly
    return Pbo(
        pbo=float(np.mean(ranks <= middle)),
        strict=float(np.mean(ranks < middle)),
        loss=float(np.mean(outside <= 0)),
        retained=float(outside.mean() / inside.mean()) if inside.mean() > 0.0 else None,
        logits=read_only(logits),
        splits=len(logits),
        trials=trials,
        blocks=blocks,
        notes=_notes(trials, blocks),
    )


def _check_blocks(blocks: int) -> None:
    if blocks not in range(2, MAX_BLOCKS + 1, 2):
        raise ConfigError(f"blocks is {blocks}; it must be even, from 2 to {MAX_BLOCKS}, such as {USUAL_BLOCKS}")


def _notes(trials: int, blocks: int) -> tuple[str, ...]:
    conditions = (
        (trials < MIN_TRIALS, f"only {trials} trials: with fewer than {MIN_TRIALS} the share is mostly chance"),
        (trials % 2 == 1, f"{trials} trials is odd: a chosen trial can rank as the median, which counts as overfitted"),
        (blocks < USUAL_BLOCKS, f"only {blocks} blocks: {USUAL_BLOCKS} are usual, and fewer make few splits"),
    )
    return tuple(note for holds, note in conditions if holds)


def _distinct(sums: BlockSums) -> tuple[BlockSums, int]:
    """The distinct trials, sorted by their sums, and their number.

    A product of matrices may round the same column differently in two places: equal trials would tie at random.
    """
    width = len(sums.count)
    rows = np.unique(np.hstack([sums.total, sums.squares]), axis=0)
    trials = len(rows)
    if trials == 1:  # a second row, which does not count, keeps the shapes
        rows = rows[[0, 0]]
    return BlockSums(sums.count, rows[:, :width], rows[:, width:]), trials


def _halves(sums: BlockSums) -> Iterator[tuple[Matrix, Matrix]]:
    """The (splits, N) Sharpe ratios in the sample and outside it, in batches of splits.

    Splits come in pairs that swap the two, so that each half is computed once.
    """
    splits = _splits(len(sums.count))
    batch_size = max(SLAB // len(sums.total), 1)
    for first in range(0, len(splits), batch_size):
        batch = splits[first : first + batch_size]
        inside = _sharpes(batch, sums)
        outside = _sharpes(1.0 - batch, sums)
        yield inside, outside
        yield outside, inside


def _splits(blocks: int) -> Matrix:
    """(splits / 2, S) 1 for the blocks of the half with the first block, 0 for the others."""
    chosen = np.array(list(combinations(range(1, blocks), blocks // 2 - 1)), dtype=np.intp)
    splits = np.zeros((math.comb(blocks - 1, blocks // 2 - 1), blocks))
    splits[:, 0] = 1.0
    np.put_along_axis(splits, chosen.reshape(len(splits), -1), 1.0, axis=1)
    return splits


def _sharpes(halves: Matrix, sums: BlockSums) -> Matrix:
    """(splits, N) mean over standard deviation (ddof 1) in each half; 0 where the returns do not vary."""
    n = (halves @ sums.count)[:, None]
    total = halves @ sums.total.T
    squares = halves @ sums.squares.T
    deviations = squares - total * total / n
    flat = deviations <= CANCELLED * squares + n * ROUNDING**2
    deviations[flat] = np.inf
    return total * (np.sqrt(n - 1.0) / n) / np.sqrt(deviations)


def _rank_outside(inside: Matrix, outside: Matrix, trials: int) -> tuple[Vector, Vector, Vector]:
    """(splits,) the chosen trial's rank outside its sample, ties averaged, and its ratios there and in its sample."""
    chosen = inside.argmax(axis=1)[:, None]
    ratio = np.take_along_axis(outside, chosen, axis=1)
    better_less_worse = np.sign(outside - ratio).sum(axis=1)
    chosen_inside = np.take_along_axis(inside, chosen, axis=1)
    return (trials + 1.0 - better_less_worse) / 2.0, ratio[:, 0], chosen_inside[:, 0]
