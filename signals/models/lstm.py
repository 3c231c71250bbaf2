"""A long short-term memory network (Hochreiter & Schmidhuber 1997) by PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, TypeAlias, cast

import numpy as np
from pydantic import PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.errors import ModelError, StoreError
from core.progress import ProgressCallback, no_progress
from core.spec import Rate
from core.types import Rows, Vector
from signals.kernels import lstm_outputs
from signals.lstm_recursion import LstmWeights, Single
from signals.stored import Stored

from .base import Fitted, Samples, TrainedModel

Training: TypeAlias = Literal["windows", "sequences"]


class Lstm(TrainedModel):
    """Reads the last `sequence` rows of a symbol; a linear layer on the last step gives the prediction.

    Adam on the mean squared error. After every epoch the stop rows are predicted, and the weights of the best epoch
    are kept. A window never crosses from one symbol to another: a symbol's first ``sequence - 1`` rows have no
    prediction.

    Examples
    --------
    >>> Lstm(hidden=16, sequence=20).layers
    2
    """

    reads_last: ClassVar[bool] = False
    single_precision: ClassVar[bool] = True

    hidden: PositiveInt = 32
    """Size of each layer's state."""
    layers: PositiveInt = 2
    """Layers stacked on each other."""
    dropout: Rate = 0.2
    """Share of the outputs between layers that is dropped while training; needs two layers."""
    sequence: PositiveInt = 30
    """Rows in a window."""
    epochs: PositiveInt = 10
    """Most passes over the training rows."""
    patience: PositiveInt = 3
    """Epochs without a better error on the stop rows after which it stops."""
    batch: PositiveInt = 1024
    """Labels per step of the optimiser."""
    learning_rate: PositiveFloat = 3e-3
    """Step size of the optimiser."""
    training: Training = "sequences"
    """`sequences`: one pass over a stretch of rows answers at every row of it; `windows`: a pass over `sequence` rows
    for each label, many times slower, to which `batch: 128` and `learning_rate: 0.001` suit."""
    chunk: PositiveInt = 64
    """Labels in a stretch; for `training: sequences` only."""

    @model_validator(mode="after")
    def _dropout_needs_layers(self) -> Self:
        if self.layers == 1 and self.dropout > 0:
            context = {"dropout": self.dropout, "path": ["dropout"]}
            message = "is {dropout}, but one layer has nothing to drop between layers; set it to 0, or layers to 2"
            raise PydanticCustomError("dropout", message, context)
        return self

    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> "FittedLstm":
        """Train on the windows that end at the training rows."""
        from ._lstm_network import TrainingData, train_network, weights_of

        train_at = self._complete(samples, train, "training")
        stop_at = self._complete(samples, stop, "stop")
        centre, scale = _mean_and_std(samples.y[train_at])
        target = (samples.y - centre) / (scale or 1.0)
        data = TrainingData(samples.X, target, samples.weight, train_at, stop_at, samples.first)
        network, losses = train_network(self, data, seed, on_progress)
        return FittedLstm(weights_of(network), self.sequence, centre, scale, losses)

    def store(self, fitted: Fitted) -> Stored:
        """The network's weights, and the scale of the labels."""
        model = cast(FittedLstm, fitted)
        return Stored({"centre": model.centre, "scale": model.scale, "losses": list(model.losses)}, model.weights)

    def restore(self, stored: Stored) -> "FittedLstm":
        """The network with stored weights."""
        centre, scale, losses = (stored.fact(name) for name in ("centre", "scale", "losses"))
        numbers = [centre, scale, *(losses if isinstance(losses, list) else [None])]
        if not all(isinstance(number, float) and np.isfinite(number) for number in numbers):
            raise StoreError("the values 'centre', 'scale' and 'losses' must be finite numbers")
        return FittedLstm(self._checked_weights(stored), self.sequence, centre, scale, tuple(losses))

    def _checked_weights(self, stored: Stored) -> dict[str, Single]:
        """The stored weights, all of the shapes of such a network."""
        features = stored.array("lstm.weight_ih_l0", shape=(4 * self.hidden, None)).shape[1]
        shapes: dict[str, tuple[int, ...]] = {"head.weight": (1, self.hidden), "head.bias": (1,)}
        for layer in range(self.layers):
            shapes[f"lstm.weight_ih_l{layer}"] = (4 * self.hidden, self.hidden if layer else features)
            shapes[f"lstm.weight_hh_l{layer}"] = (4 * self.hidden, self.hidden)
            shapes[f"lstm.bias_ih_l{layer}"] = shapes[f"lstm.bias_hh_l{layer}"] = (4 * self.hidden,)
        if set(shapes) != set(stored.arrays):
            raise StoreError(f"the network has the weights {', '.join(sorted(stored.arrays))}")
        return {name: stored.array(name, shape=shape).astype(np.float32) for name, shape in shapes.items()}

    @property
    def tolerance(self) -> float:
        """It calculates in single precision."""
        return 1e-6

    def check(self, samples: Samples, train: Rows, stop: Rows) -> None:
        """Refuse blocks in which no row has a complete window behind it."""
        self._complete(samples, train, "training")
        self._complete(samples, stop, "stop")

    def _complete(self, samples: Samples, rows: Rows, name: str) -> Rows:
        complete = rows[_has_window(samples, rows, self.sequence)]
        if not len(complete):
            longest = int((rows - samples.first[rows]).max(initial=-1)) + 1
            raise ModelError(
                f"lstm: sequence is {self.sequence}, but at the {name} rows no symbol has more than {longest} rows "
                "behind it; shorten the sequence or lengthen walk_forward.train"
            )
        return complete


@dataclass(frozen=True, eq=False)
class FittedLstm:
    """A trained network with the mean and the standard deviation of the labels that it was trained on.

    Attributes
    ----------
    weights : by the name that it has in PyTorch, each weight of the modules ``lstm`` and ``head``; float32.
    sequence : rows in a window.
    centre, scale : of the training labels; predictions are scaled back by them.
    losses : mean squared error on the stop rows by epoch, in units of ``scale`` squared.
    """

    weights: Mapping[str, Single]
    sequence: int
    centre: float
    scale: float
    losses: tuple[float, ...]

    @property
    def details(self) -> Mapping[str, Any]:
        """The epochs run, the best one (from 1) and the error on the stop rows by epoch."""
        best = 1 + int(np.argmin(self.losses))
        return {"epochs": len(self.losses), "best_epoch": best, "stop_losses": list(self.losses)}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """The network's output for the window that ends at each row; NaN where the symbol has too few rows yet."""
        complete = _has_window(samples, rows, self.sequence)
        prediction = np.full(len(rows), np.nan)
        if complete.any():
            starts = rows[complete] - (self.sequence - 1)
            first = int(starts.min())
            X = samples.X[first : int(starts.max()) + self.sequence].astype(np.float32)
            raw = lstm_outputs(X, starts - first, self.sequence, self._network)
            prediction[complete] = raw.astype(np.float64) * self.scale + self.centre
        return prediction

    @cached_property
    def _network(self) -> LstmWeights:
        return LstmWeights.of(self.weights)


def _mean_and_std(labels: Vector) -> tuple[float, float]:
    """Mean and standard deviation; the latter is exactly 0 where all labels are the same: then so are predictions."""
    return float(labels.mean()), float(labels.std()) if np.ptp(labels) > 0 else 0.0


def _has_window(samples: Samples, rows: Rows, sequence: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return rows - samples.first[rows] >= sequence - 1
