"""Trade in the direction of a large prediction for a fixed number of bars."""

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt

from .base import Rule, Sided


def target_side(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:  # noqa: ARG001 (the contract's signature)
    """The side to be on after this bar: 1 long, -1 short, 0 flat.

    From flat: long above ``entry``, short below ``-entry``. The opposite entry reverses at any time. Otherwise the
    position stays until it was held at ``bars`` closes, and is then closed whatever the prediction; a new one may open
    from the next bar on. NaN keeps the side, also beyond ``bars``: it closes at the next bar with an opinion. A side
    that the parameters bar means flat.

    Parameters
    ----------
    prediction : expected return over the label's horizon, a fraction; NaN = no opinion.
    confidence : not used; it decides the size.
    side : the side now: 1, -1 or 0.
    held : closes in a row on this side, this one included; 0 when flat.
    p : has ``entry`` (0 or more), ``bars`` (1 or more) and ``allow_long``, ``allow_short`` (1.0 or 0.0).

    Examples
    --------
    >>> [target_side(0.02, 1.0, 1, held, TimeExit(bars=5)) for held in (4, 5)]
    [1, 0]
    """
    if math.isnan(prediction):
        return side
    target = side
    if side <= 0 and prediction > p.entry:
        target = 1
    elif side >= 0 and prediction < -p.entry:
        target = -1
    elif held >= p.bars:
        target = 0
    if (target > 0 and p.allow_long == 0.0) or (target < 0 and p.allow_short == 0.0):
        target = 0
    return target


class TimeExit(Sided):
    """Long above a threshold, short below its negative, out after a number of bars.

    Examples
    --------
    >>> TimeExit(entry=0.01, bars=10).dump()
    {'kind': 'time_exit', 'side': 'both', 'entry': 0.01, 'bars': 10}
    """

    rule: ClassVar[Rule] = staticmethod(target_side)

    entry: Annotated[float, Field(ge=0)] = 0.0
    """From flat, go long above this prediction (a return, a fraction), short below its negative."""
    bars: PositiveInt = 5
    """Close a position after this many of the symbol's closes in it."""

    def exit_reason(self, prediction: float, side: int, held: int) -> str:
        """``time``, unless the opposite entry made the exit."""
        return "signal" if side * prediction < -self.entry or held < self.bars else "time"
