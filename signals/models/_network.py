"""The network behind the `lstm` model: windows as views, the training loop, prediction in batches of one shape.

It imports torch at once; `lstm` imports it only to fit or to predict.
"""

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.progress import Progress, Report
from core.types import Matrix, Rows, Vector

if TYPE_CHECKING:
    from .lstm import Lstm

PREDICT_BATCH = 256
log = logging.getLogger(__name__)


def windows_of(X: Matrix, sequence: int) -> Tensor:
    """(R - sequence + 1, sequence, F) float32 windows, one for each row that ends one; views of one copy of ``X``."""
    return torch.from_numpy(X.astype(np.float32)).unfold(0, sequence, 1).transpose(1, 2)


def train_network(
    spec: "Lstm", X: Matrix, target: Vector, train: Rows, stop: Rows, seed: int, report: Report
) -> tuple[nn.ModuleDict, tuple[float, ...]]:
    """Train until the stop rows get no better, then go back to the best epoch.

    Parameters
    ----------
    X : (R, F) features.
    target : (R,) standardised labels.
    train, stop : row numbers, each with a complete window up to it.

    Returns
    -------
    The network, and the mean squared error on the stop rows by epoch.

    Raises
    ------
    ModelError
        The error on the stop rows is not finite any more.
    """
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _build(spec, X.shape[1])
        optimiser = torch.optim.Adam(network.parameters(), lr=spec.learning_rate)
        windows, labels = windows_of(X, spec.sequence), torch.from_numpy(target.astype(np.float32))
        losses: list[float] = []
        while len(losses) < spec.epochs and len(losses) - best_epoch(losses) < spec.patience:
            _epoch(network, optimiser, spec, windows, labels, torch.from_numpy(train))
            losses.append(_stop_loss(network, X, spec.sequence, target, stop))
            _tell(spec, losses, report)
            if best_epoch(losses) == len(losses):
                best = copy.deepcopy(network.state_dict())
        network.load_state_dict(best)
    return network, tuple(losses)


def predict_network(network: nn.ModuleDict, X: Matrix, sequence: int, rows: Rows) -> Vector:
    """(K,) answers to the windows that end at some rows (at least one), by a network that is not training.

    Every batch has the same shape, the last one filled up: so a row's answer does not depend on how many are asked.
    """
    padded = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % PREDICT_BATCH)])
    windows = windows_of(X, sequence)
    network.eval()
    with _one_thread(), torch.inference_mode():
        starts = _batches(torch.from_numpy(padded - (sequence - 1)), PREDICT_BATCH)
        answers = torch.cat([_forward(network, windows[batch]) for batch in starts])
    return answers[: len(rows)].numpy().astype(np.float64)


def best_epoch(losses: Sequence[float]) -> int:
    """The epoch (from 1) of the smallest loss, the earlier of equals; 0 before the first."""
    return 1 + int(np.argmin(losses)) if losses else 0


def _build(spec: "Lstm", features: int) -> nn.ModuleDict:
    lstm = nn.LSTM(features, spec.hidden, spec.layers, batch_first=True, dropout=spec.dropout)
    return nn.ModuleDict({"lstm": lstm, "head": nn.Linear(spec.hidden, 1)})


def _forward(network: nn.ModuleDict, windows: Tensor) -> Tensor:
    _, (last_states, _) = network["lstm"](windows)
    answer: Tensor = network["head"](last_states[-1])
    return answer[:, 0]


def _epoch(
    network: nn.ModuleDict, optimiser: torch.optim.Adam, spec: "Lstm", windows: Tensor, labels: Tensor, rows: Tensor
) -> None:
    """One pass over the training rows in a new order; the rows that decide when to stop are never shuffled in."""
    network.train()
    for batch in _batches(rows[torch.randperm(len(rows))], spec.batch):
        optimiser.zero_grad()
        error = _forward(network, windows[batch - (spec.sequence - 1)]) - labels[batch]
        torch.autograd.backward((error * error).mean())
        optimiser.step()


def _batches(rows: Tensor, size: int) -> Iterator[Tensor]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _stop_loss(network: nn.ModuleDict, X: Matrix, sequence: int, target: Vector, stop: Rows) -> float:
    loss = float(np.mean((predict_network(network, X, sequence, stop) - target[stop]) ** 2))
    if not np.isfinite(loss):
        raise ModelError(f"lstm: the error on the stop rows became {loss}; lower learning_rate")
    return loss


def _tell(spec: "Lstm", losses: Sequence[float], report: Report) -> None:
    epoch, waited = len(losses), len(losses) - best_epoch(losses)
    log.debug("lstm: epoch %d of %d: loss on the stop rows %.6f", epoch, spec.epochs, losses[-1])
    done = spec.epochs if waited >= spec.patience else epoch
    report(Progress(spec.kind, done, spec.epochs, f"epoch {epoch}, val loss {losses[-1]:.4f}"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for what is inside: the fastest for small networks, and the same bits in every process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
