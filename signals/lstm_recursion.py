"""The recursion of an LSTM network: predictions without the library that trained it, with equal bits everywhere.

Only additions, multiplications and divisions in single precision, in a fixed order: the outputs do not depend on the
processor, on the number of rows, or on the other rows. :mod:`signals.compiled_kernels` compiles the same sums as loops.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from core.types import Rows

Single: TypeAlias = npt.NDArray[np.float32]

LIMIT = np.float32(9.0)
"""Beyond it tanh is 1 in single precision."""
HALF = np.float32(0.5)
# The 13th convergent of Lambert's continued fraction, x / (1 + x^2 / (3 + x^2 / (5 + ...))), as one quotient.
ABOVE = tuple(np.float32(factor) for factor in (7905853580625, 1159525191825, 41247931725, 523783260, 2552550, 4095, 1))
BELOW = tuple(
    np.float32(factor) for factor in (7905853580625, 3794809718700, 252070693875, 5237832600, 41351310, 120120, 91)
)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent of single-precision numbers, within 5e-7 of it (NIST DLMF, equation 4.39.1)."""
    y = np.minimum(np.maximum(x, -LIMIT), LIMIT)
    s = y * y
    above = ABOVE[5] + s * ABOVE[6]
    above = ABOVE[2] + s * (ABOVE[3] + s * (ABOVE[4] + s * above))
    below = BELOW[5] + s * BELOW[6]
    below = BELOW[2] + s * (BELOW[3] + s * (BELOW[4] + s * below))
    return y * (ABOVE[0] + s * (ABOVE[1] + s * above)) / (BELOW[0] + s * (BELOW[1] + s * below))


@dataclass(frozen=True, eq=False)
class LstmWeights:
    """The weights of a network of L layers of H states over F features, float32.

    Attributes
    ----------
    gates : (F + H + (L - 1) * 2 H, 4 H) layer by layer, a row for each input and then for each of its states; columns:
        input, forget, cell and output gate.
    biases : (L, 4 H).
    head : (H + 1,) the weight of each state of the last layer in the output, and a constant.
    """

    gates: Single
    biases: Single
    head: Single

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The weights under the names that they have in PyTorch: ``lstm.weight_ih_l0``, ..., ``head.bias``."""
        layers = range(sum(name.startswith("lstm.weight_ih") for name in arrays))
        rows = [arrays[f"lstm.weight_{source}_l{layer}"].T for layer in layers for source in ("ih", "hh")]
        biases = [arrays[f"lstm.bias_ih_l{layer}"] + arrays[f"lstm.bias_hh_l{layer}"] for layer in layers]
        head = np.append(arrays["head.weight"][0], arrays["head.bias"])
        return cls(np.ascontiguousarray(np.vstack(rows)), np.stack(biases), head)


def lstm_outputs(
    X: Single, starts: Rows, sequence: int, gates: Single, biases: Single, head: Single, out: Single
) -> None:
    """Fill the (K,) outputs for the windows of ``sequence`` rows of (R, F) that begin at some rows."""
    layers = range(len(biases))
    shape = len(starts), len(head) - 1
    states = [np.zeros(shape, dtype=np.float32) for _ in layers]
    cells = [np.zeros_like(state) for state in states]
    for step in range(sequence):
        inputs = X[starts + step]
        row = 0
        for layer in layers:
            total = np.tile(biases[layer], (len(starts), 1))
            for source in (inputs, states[layer]):
                for column in source.T:
                    total += column[:, None] * gates[row]
                    row += 1
            enter, forget, cell, leave = total.reshape(shape[0], 4, shape[1]).transpose(1, 0, 2)
            cells[layer] = _share(forget) * cells[layer] + _share(enter) * tanh(cell)
            states[layer] = inputs = _share(leave) * tanh(cells[layer])
    out[:] = head[-1]
    for state, weight in zip(states[-1].T, head[:-1], strict=True):
        out += state * weight


def _share(x: Any) -> Any:
    """The logistic function, which is ``(1 + tanh(x / 2)) / 2``."""
    return HALF + HALF * tanh(HALF * x)
