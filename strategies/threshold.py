"""Trade in the direction of the prediction once it is large enough."""

import math
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import Rule, Sided


def target_side(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:  # noqa: ARG001 (the contract's signature)
    """The side to be on after this bar: 1 long, -1 short, 0 flat.

    From flat: long above ``entry``, short below ``-entry``. A long closes below ``exit``, a short above ``-exit``; the
    opposite entry reverses. NaN keeps the side. A side that the parameters bar means flat.

    Parameters
    ----------
    prediction : expected return over the label's horizon, a fraction; NaN = no opinion.
    confidence : not used; it decides the size.
    side : the side now: 1, -1 or 0.
    held : not used.
    p : has ``entry``, ``exit`` (0 <= exit <= entry) and ``allow_long``, ``allow_short`` (1.0 or 0.0).

    Examples
    --------
    >>> target_side(0.02, 1.0, 0, 0, Threshold(entry=0.01)), target_side(0.005, 1.0, 1, 7, Threshold(entry=0.01))
    (1, 1)
    """
    if math.isnan(prediction):
        return side
    # Without branches, of which a machine would guess every third wrong; both at once cannot be, as 0 <= exit <= entry.
    long = (prediction > p.entry) | ((side > 0) & (prediction >= p.exit))
    short = (prediction < -p.entry) | ((side < 0) & (prediction <= -p.exit))
    return int(long & (p.allow_long != 0.0)) - int(short & (p.allow_short != 0.0))


class Threshold(Sided):
    """Long above a threshold, short below its negative, out when the prediction fades.

    Examples
    --------
    >>> Threshold(entry=0.01, exit=0.002).dump()
    {'kind': 'threshold', 'side': 'both', 'entry': 0.01, 'exit': 0.002}
    """

    rule: ClassVar[Rule] = staticmethod(target_side)

    entry: Annotated[float, Field(ge=0)] = 0.0
    """From flat, go long above this prediction (a return, a fraction), short below its negative."""
    exit: Annotated[float, Field(ge=0)] = 0.0
    """Close a long below this prediction, a short above its negative; at most `entry`."""

    @model_validator(mode="after")
    def _exit_within_entry(self) -> Self:
        if self.exit > self.entry:
            raise PydanticCustomError(
                "exit_above_entry",
                "exit ({exit}) must be at most entry ({entry}): a position may not open where it would close at once",
                {"exit": self.exit, "entry": self.entry},
            )
        return self
