"""How likely the trial that was chosen is worse than most of them where it was not chosen.

Time is cut into blocks. Every way to call one half of the blocks the sample and the other half its future is tried: the
trial with the best Sharpe ratio in the one half is ranked in the other.
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

MOST_BLOCKS = 20
"""Of these there are 184,756 splits; of two more, four times as many."""
ENOUGH_BLOCKS, ENOUGH_TRIALS = 16, 20
CANCELLED = 1e-12
"""A sum of squared deviations of this share of the sum of squares is what rounding leaves of 0."""
SLAB = 2**17
"""Sharpe ratios that are held at a time: 1 MB, which a processor's cache holds."""


@dataclass(frozen=True, eq=False)
class BlockSums:
    """What trials come down to in each block of time; S blocks, N trials.

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
            given = f"{self.count.shape}, {shape} and {self.squares.shape}"
            raise DataError(f"counts, totals and squares must have the shapes (S,), (N, S) and (N, S); given: {given}")
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
    """The probability of backtest overfitting, with what it rests on.

    Attributes
    ----------
    pbo : share of the splits whose logit is at most 0: the chosen trial is no better than the median of the others.
    strict : share of the splits whose logit is below 0. It differs for ties, and for an odd number of trials.
    loss : share of the splits in which the chosen trial's Sharpe ratio outside its sample is at most 0.
    logits : (splits,) ``log(w / (1 - w))``, ``w = rank / (trials + 1)`` and rank 1 the worst.
    splits, trials, blocks : numbers of them.
    notes : what a reader of the shares should know.
    """

    pbo: float
    strict: float
    loss: float
    logits: Vector = field(repr=False)
    splits: int
    trials: int
    blocks: int
    notes: tuple[str, ...]


def pbo(returns: npt.ArrayLike, blocks: int = ENOUGH_BLOCKS) -> Pbo:
    """The probability of backtest overfitting, by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns : (T, N) simple returns per period of all N trials, those that failed included; fractions (0.01 is 1 %).
        NaN is an error.
    blocks : S, even, from 2 to 20. The first block has the rows before ``T / S``, and so on: lengths differ by 1 at
        most.

    Returns
    -------
    The share with its logits. A trial whose returns do not vary in a half has the Sharpe ratio 0 there; ties share the
    average of their ranks; of trials that are equally good in the sample one is chosen that does not depend on their
    order.

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
    """:func:`pbo` from sums alone, so that nobody needs to hold the returns of all trials at once.

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
    trials, blocks = sums.total.shape
    if np.sort(sums.count)[: blocks // 2].sum() < 2:
        raise DataError("each half of the blocks needs 2 or more returns; use fewer blocks or more rows")
    distinct, times = _distinct(sums)
    parts = [_outside(inside, outside, times) for inside, outside in _halves(distinct)]
    ranks, ratios = (np.concatenate(column) for column in zip(*parts, strict=True))
    logits = np.log(ranks) - np.log(trials + 1 - ranks)
    middle = (trials + 1) / 2  # a logit of 0; ranks are halves of whole numbers, exactly
    pbo, strict, loss = (float(np.mean(met)) for met in (ranks <= middle, ranks < middle, ratios <= 0))
    return Pbo(pbo, strict, loss, read_only(logits), len(logits), trials, blocks, _notes(trials, blocks))


def _check_blocks(blocks: int) -> None:
    if blocks not in range(2, MOST_BLOCKS + 1, 2):
        raise ConfigError(f"blocks is {blocks}; it must be even, from 2 to {MOST_BLOCKS}, such as {ENOUGH_BLOCKS}")


def _notes(trials: int, blocks: int) -> tuple[str, ...]:
    said = (
        (trials < ENOUGH_TRIALS, f"only {trials} trials: with fewer than {ENOUGH_TRIALS} the share is mostly chance"),
        (trials % 2 == 1, f"{trials} trials is odd: a chosen trial can rank as the median, which counts as overfitted"),
        (blocks < ENOUGH_BLOCKS, f"only {blocks} blocks: {ENOUGH_BLOCKS} are usual, and fewer make few splits"),
    )
    return tuple(note for holds, note in said if holds)


def _distinct(sums: BlockSums) -> tuple[BlockSums, Vector]:
    """The trials that differ, in an order of their own, and how many there are of each.

    A product of matrices may round the same column differently in two places: equal trials would tie or not by luck.
    """
    width = len(sums.count)
    both, times = np.unique(np.hstack([sums.total, sums.squares]), axis=0, return_counts=True)
    if len(both) == 1:  # all trials are one: a second column of them, counted as none, keeps the shapes
        both, times = both[[0, 0]], np.append(times, 0)
    return BlockSums(sums.count, both[:, :width], both[:, width:]), times.astype(np.float64)


def _halves(sums: BlockSums) -> Iterator[tuple[Matrix, Matrix]]:
    """The (splits, N) Sharpe ratios in the sample and outside it, some splits at a time.

    Splits come in pairs that swap the two, so that each half is worked out once.
    """
    splits = _splits(len(sums.count))
    high = max(SLAB // len(sums.total), 1)
    for first in range(0, len(splits), high):
        some = splits[first : first + high]
        inside, outside = _sharpes(some, sums), _sharpes(1.0 - some, sums)
        yield inside, outside
        yield outside, inside


def _splits(blocks: int) -> Matrix:
    """(splits / 2, S) which blocks are in the half that holds the first block: 1 or 0."""
    chosen = np.array(list(combinations(range(1, blocks), blocks // 2 - 1)), dtype=np.intp)
    splits = np.zeros((math.comb(blocks - 1, blocks // 2 - 1), blocks))
    splits[:, 0] = 1.0
    np.put_along_axis(splits, chosen.reshape(len(splits), -1), 1.0, axis=1)
    return splits


def _sharpes(halves: Matrix, sums: BlockSums) -> Matrix:
    """(splits, N) mean over standard deviation (ddof 1) in each half; 0 where the returns do not vary."""
    n = (halves @ sums.count)[:, None]
    total, squares = halves @ sums.total.T, halves @ sums.squares.T
    apart = squares - total * total / n
    flat = apart <= CANCELLED * squares + n * ROUNDING**2
    apart[flat] = np.inf
    return total * (np.sqrt(n - 1.0) / n) / np.sqrt(apart)


def _outside(inside: Matrix, outside: Matrix, times: Vector) -> tuple[Vector, Vector]:
    """(splits,) the chosen trial's rank outside its sample, ties averaged, and its Sharpe ratio there."""
    chosen = inside.argmax(axis=1)[:, None]
    ratio = np.take_along_axis(outside, chosen, axis=1)
    better_less_worse = np.sign(outside - ratio) @ times
    return (times.sum() + 1.0 - better_less_worse) / 2.0, ratio[:, 0]
