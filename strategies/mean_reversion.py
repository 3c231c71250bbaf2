"""Trade back towards an average where a z-score and the prediction agree."""

from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from .base import Decision, Sided, View


class Reads(NamedTuple):
    """The features that the rule reads."""

    percent_b: float


def target(view: View, p: Any) -> Decision:
    """The target after this bar: 1 long, -1 short, 0 flat.

    The z-score is ``2 x (percent b - 0.5)``: the close's distance from its average in half widths of the bands, which
    are standard deviations if the feature is ``{kind: bollinger, deviations: 1}``. From flat: long where it is below
    ``-entry`` and the prediction is above 0, short where it is above ``entry`` and the prediction is below 0. A
    position closes once the z-score is back within ``exit`` of the average or beyond it, or after ``bars`` closes. A
    z-score that is NaN neither opens nor closes a position. A side that the parameters bar means flat.

    Parameters
    ----------
    view : what is known at the close of the bar.
    p : has ``entry``, ``exit`` (0 <= exit < entry), ``bars`` and ``allow_long``, ``allow_short`` (1.0 or 0.0).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> far_below = SimpleNamespace(features=Reads(-0.6), prediction=0.01, side=0, waiting=0)
    >>> target(far_below, MeanReversion(entry=2.0))
    Decision(target=1, reason=0)
    """
    z = 2.0 * (view.features.percent_b - 0.5)
    if view.side != 0:
        barred = p.allow_long == 0.0 if view.side > 0 else p.allow_short == 0.0
        if view.side * z >= -p.exit:
            return Decision(0, 1)
        return Decision(0 if barred or view.held >= p.bars else view.side, 2)
    if z < -p.entry and view.prediction > 0.0 and p.allow_long != 0.0:
        return Decision(1)
    if z > p.entry and view.prediction < 0.0 and p.allow_short != 0.0:
        return Decision(-1)
    return Decision(0)


class MeanReversion(Sided):
    """Long far below the average if a rise is predicted, short far above it if a fall is, out at the average.

    Examples
    --------
    >>> MeanReversion(entry=2.0, bars=5).dump()
    {'kind': 'mean_reversion', 'side': 'both', 'entry': 2.0, 'exit': 0.0, 'bars': 5}
    """

    rule: ClassVar[Any] = staticmethod(target)
    reads: ClassVar[Any] = Reads
    reasons: ClassVar[tuple[str, ...]] = ("far and prediction agrees", "back at the average", "held long enough")

    entry: Annotated[float, Field(gt=0)] = 1.5
    """Enter beyond this distance from the average, in half widths of the bands."""
    exit: Annotated[float, Field(ge=0)] = 0.0
    """Leave within this distance of the average; below `entry`."""
    bars: PositiveInt = 10
    """Leave after this many of the symbol's closes in the position."""

    @model_validator(mode="after")
    def _exit_within_entry(self) -> Self:
        if self.exit >= self.entry:
            raise PydanticCustomError(
                "exit_beyond_entry",
                "exit ({exit}) must be below entry ({entry}): a position may not open where it would close at once",
                {"exit": self.exit, "entry": self.entry},
            )
        return self
