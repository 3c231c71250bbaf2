"""Sequence-to-sequence training of the `lstm` model: one output for every row of a stretch.

Training by windows runs the network over ``sequence`` rows for each label. Here it runs over a chunk: ``sequence - 1``
rows that only warm up its state, then rows that each have a label. So every row is read once or twice an epoch instead
of ``sequence`` times. Predictions are made by windows all the same: a row's output never depends on where a chunk
began.

It imports torch at once, as `_lstm_network` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.types import Matrix, Rows, Vector


@dataclass(frozen=True, eq=False)
class Chunks:
    """The rows that chunks are cut from.

    Attributes
    ----------
    X : (R, F) float32 features.
    target : (R,) float32 labels, anything where they are not to be learnt.
    weight : (R,) float32 weight of each row; 0 for rows that are not to be learnt.
    stretches : (S, 2) first row that may be read, and last row that is learnt, of each symbol.
    """

    X: Tensor
    target: Tensor
    weight: Tensor
    stretches: npt.NDArray[np.intp]

    @classmethod
    def from_rows(cls, X: Matrix, target: Vector, weight: Vector, train: Rows, first: Rows) -> "Chunks":
        """The chunks of some training rows.

        Parameters
        ----------
        target, weight : (R,) as above, for every row; only those of ``train`` are used.
        train : row numbers to learn, each with a window behind it.
        first : (R,) the first row of the same symbol.
        """
        learnt = np.zeros(len(target), dtype=np.float32)
        learnt[train] = weight[train]
        labels = np.where(learnt > 0, target, 0.0).astype(np.float32)
        ends = [(start, int(train[first[train] == start].max())) for start in np.unique(first[train])]
        return cls(
            torch.from_numpy(X.astype(np.float32)),
            torch.from_numpy(labels),
            torch.from_numpy(learnt),
            np.array(ends, dtype=np.intp).reshape(-1, 2),
        )

    def epoch(self, burn_in: int, labelled: int, batch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """One pass over all labels, in batches of chunks in a new order, cut at new points each time.

        Yields
        ------
        (B, burn_in + labelled, F) features, (B, labelled) labels and (B, labelled) weights. A chunk that reaches beyond
        the last training row of its symbol repeats that row, with weight 0: nothing later is read.
        """
        rows, inside = self._rows(burn_in, labelled)
        order = torch.randperm(len(rows)).numpy()
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            at = torch.from_numpy(rows[chosen])
            label_at = at[:, burn_in:]
            weight = self.weight[label_at] * torch.from_numpy(inside[chosen])
            if float(weight.sum()) > 0:
                yield self.X[at], self.target[label_at], weight

    def _rows(self, burn_in: int, labelled: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """(C, burn_in + labelled) row numbers, and (C, labelled) 1 where a label is one that the chunk may count."""
        rows = []
        inside = []
        steps = np.arange(-burn_in, labelled)
        for first, last in self.stretches:
            shift = int(torch.randint(labelled, ()))
            # The first chunk begins up to a chunk early, so that the borders between chunks fall elsewhere each epoch.
            for begin in range(int(first) + burn_in - shift, int(last) + 1, labelled):
                chunk_rows = begin + steps
                rows.append(np.clip(chunk_rows, first, last))
                label_at = chunk_rows[burn_in:]
                inside.append((label_at >= first + burn_in) & (label_at <= last))
        return np.array(rows, dtype=np.intp), np.array(inside, dtype=np.float32)
