"""The network behind the `lstm` model: windows as views, the training loop, the error on the stop rows.

It imports torch at once; `lstm` imports it only to fit. Predictions are made by :mod:`signals.lstm_recursion`.
"""

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from core.errors import ModelError
from core.progress import Progress, ProgressCallback
from core.types import Matrix, Rows, Vector
from signals.lstm_recursion import Single

from ._lstm_sequences import Chunks

WINDOWS = "windows"

PREDICT_BATCH = 256
log = logging.getLogger(__name__)


class NetworkSpec(Protocol):
    """The parameters that training reads; :class:`signals.models.lstm.Lstm` has them."""

    @property
    def kind(self) -> str:
        """The model's name in progress and log."""

    @property
    def hidden(self) -> int:
        """Size of each layer's state."""

    @property
    def layers(self) -> int:
        """Layers stacked on each other."""

    @property
    def dropout(self) -> float:
        """Fraction of the outputs between layers that is dropped while training."""

    @property
    def sequence(self) -> int:
        """Rows in a window."""

    @property
    def epochs(self) -> int:
        """Maximum passes over the training rows."""

    @property
    def patience(self) -> int:
        """Epochs without a better error on the stop rows after which training stops."""

    @property
    def batch(self) -> int:
        """Labels per step of the optimiser."""

    @property
    def learning_rate(self) -> float:
        """Step size of the optimiser."""

    @property
    def training(self) -> str:
        """`sequences` or `windows`."""

    @property
    def chunk(self) -> int:
        """Labels in a stretch, for `sequences`."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The training data of a network.

    Attributes
    ----------
    X : (R, F) features.
    target : (R,) standardised labels.
    weight : (R,) the weight of each row; None where all count the same.
    train, stop : row numbers, each with a complete window up to it.
    first : (R,) the first row of the same symbol.
    """

    X: Matrix
    target: Vector
    weight: Vector | None
    train: Rows
    stop: Rows
    first: Rows


class Adam:
    """Adam with the defaults of PyTorch, by the function that is behind ``torch.optim.Adam``: the same bits.

    The class of PyTorch imports its compiler of graphs, which costs each process that trains a second and 70 MB.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        self.weights: list[Tensor] = list(network.parameters())
        self.learning_rate = learning_rate
        self.means, self.squares = ([torch.zeros_like(weight) for weight in self.weights] for _ in range(2))
        self.steps = [torch.zeros(()) for _ in self.weights]

    def step(self, loss: Tensor) -> None:
        """Move the weights against the gradient of a loss, a scalar."""
        gradients = list(torch.autograd.grad(loss, self.weights))
        with torch.no_grad():
            adam(
                self.weights,
                gradients,
                self.means,
                self.squares,
                [],
                self.steps,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self.learning_rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )


Epoch: TypeAlias = Callable[[nn.ModuleDict, Adam], None]
"""One pass over the training rows."""


@cache
def device() -> torch.device:
    """The first CUDA device where there is one, else the processor; equal bits are promised for one kind of device."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def windows_of(X: Matrix, sequence: int) -> Tensor:
    """(R - sequence + 1, sequence, F) float32 windows, one for each row that ends one; views of one copy of ``X``."""
    return torch.from_numpy(X.astype(np.float32)).unfold(0, sequence, 1).transpose(1, 2)


def train_network(
    spec: NetworkSpec, data: TrainingData, seed: int, on_progress: ProgressCallback
) -> tuple[nn.ModuleDict, tuple[float, ...]]:
    """Train until the stop rows get no better, then go back to the best epoch.

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
        network = _build(spec, data.X.shape[1]).to(device())
        optimiser = Adam(network, spec.learning_rate)
        one_epoch = (_by_windows if spec.training == WINDOWS else _by_sequences)(spec, data)
        losses: list[float] = []
        while len(losses) < spec.epochs and len(losses) - best_epoch(losses) < spec.patience:
            network.train()
            one_epoch(network, optimiser)
            losses.append(_stop_loss(network, spec, data))
            _notify(spec, losses, on_progress)
            if best_epoch(losses) == len(losses):
                best = copy.deepcopy(network.state_dict())
        network.load_state_dict(best)
    return network, tuple(losses)


def stop_outputs(network: nn.ModuleDict, X: Matrix, sequence: int, rows: Rows) -> Vector:
    """(K,) outputs for the windows that end at the stop rows (at least one), for the loss that ends the training."""
    windows = windows_of(X, sequence)
    network.eval()
    with _one_thread(), torch.inference_mode():
        starts = _batches(torch.from_numpy(rows - (sequence - 1)), PREDICT_BATCH)
        answers = torch.cat([_forward(network, windows[batch].to(device())).cpu() for batch in starts])
    return answers.numpy().astype(np.float64)


def weights_of(network: nn.ModuleDict) -> dict[str, Single]:
    """The weights by their names in the network, float32."""
    return {name: weight.cpu().numpy() for name, weight in network.state_dict().items()}


def best_epoch(losses: Sequence[float]) -> int:
    """The epoch (from 1) of the smallest loss, the earlier of equals; 0 before the first."""
    return 1 + int(np.argmin(losses)) if losses else 0


def _build(spec: NetworkSpec, features: int) -> nn.ModuleDict:
    lstm = nn.LSTM(features, spec.hidden, spec.layers, batch_first=True, dropout=spec.dropout)
    return nn.ModuleDict({"lstm": lstm, "head": nn.Linear(spec.hidden, 1)})


def _forward(network: nn.ModuleDict, windows: Tensor) -> Tensor:
    _, (last_states, _) = network["lstm"](windows)
    answer: Tensor = network["head"](last_states[-1])
    return answer[:, 0]


def _by_windows(spec: NetworkSpec, data: TrainingData) -> Epoch:
    """One pass over the training rows in a new order; the rows that decide when to stop are never shuffled in."""
    windows = windows_of(data.X, spec.sequence)
    labels = torch.from_numpy(data.target.astype(np.float32))
    rows = torch.from_numpy(data.train)
    weights = None if data.weight is None else torch.from_numpy(data.weight.astype(np.float32))

    def epoch(network: nn.ModuleDict, optimiser: Adam) -> None:
        for batch in _batches(rows[torch.randperm(len(rows))], spec.batch):
            error = _forward(network, windows[batch - (spec.sequence - 1)].to(device())) - labels[batch].to(device())
            squared = error * error
            optimiser.step((squared if weights is None else squared * weights[batch].to(device())).mean())

    return epoch


def _by_sequences(spec: NetworkSpec, data: TrainingData) -> Epoch:
    """One pass over chunks of rows; every row of a chunk after its first ``sequence - 1`` is a label learnt."""
    weight = np.ones(len(data.target)) if data.weight is None else data.weight
    chunks = Chunks.from_rows(data.X, data.target, weight, data.train, data.first)
    burn_in = spec.sequence - 1
    labelled = spec.chunk
    chunks_a_step = max(spec.batch // labelled, 1)

    def epoch(network: nn.ModuleDict, optimiser: Adam) -> None:
        for features, labels, weights in chunks.epoch(burn_in, labelled, chunks_a_step):
            states, _ = network["lstm"](features.to(device()))
            answers = network["head"](states[:, burn_in:])[:, :, 0]
            error = answers - labels.to(device())
            weights_here = weights.to(device())
            optimiser.step((error * error * weights_here).sum() / weights_here.sum())

    return epoch


def _batches(rows: Tensor, size: int) -> Iterator[Tensor]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _stop_loss(network: nn.ModuleDict, spec: NetworkSpec, data: TrainingData) -> float:
    answers = stop_outputs(network, data.X, spec.sequence, data.stop)
    loss = float(np.mean((answers - data.target[data.stop]) ** 2))
    if not np.isfinite(loss):
        raise ModelError(f"lstm: the error on the stop rows became {loss}; lower learning_rate")
    return loss


def _notify(spec: NetworkSpec, losses: Sequence[float], on_progress: ProgressCallback) -> None:
    epoch = len(losses)
    waited = epoch - best_epoch(losses)
    log.debug("lstm: epoch %d of %d: loss on the stop rows %.6f", epoch, spec.epochs, losses[-1])
    done = spec.epochs if waited >= spec.patience else epoch
    on_progress(Progress(spec.kind, done, spec.epochs, f"epoch {epoch}, val loss {losses[-1]:.4f}"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for what is inside: the fastest for small networks, and the same bits in every process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
