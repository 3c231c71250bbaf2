"""Follow the prediction with a weight that falls as volatility rises."""

from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field, PositiveFloat

from .base import Decision, Sided, View


class Reads(NamedTuple):
    """The features that the rule reads."""

    volatility: float


class State(NamedTuple):
    """The weight of the last decision, with the sign of its side."""

    weight: float = 0.0


def target(view: View, state: State, p: Any) -> tuple[Decision, State]:
    """The target after this bar, from -1 to 1, and the state.

    The side is the prediction's sign. The weight is ``min(1, volatility / the feature's value)``: 1 in calm markets,
    half at twice the volatility that is aimed at. A weight of the same side changes only by at least ``step``. Flat
    while the feature is NaN, for a prediction of 0, and on a side that the parameters bar.

    Parameters
    ----------
    view : what is known at the close of the bar.
    state : the weight so far.
    p : has ``volatility``, ``step`` and ``allow_long``, ``allow_short`` (1.0 or 0.0).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> wild = SimpleNamespace(features=Reads(0.04), prediction=-0.01, side=0)
    >>> target(wild, State(), VolatilityTarget(volatility=0.01))
    (Decision(target=-0.25, reason=0), State(weight=-0.25))
    """
    value = view.features.volatility
    is_long = view.prediction > 0.0 and p.allow_long != 0.0
    is_short = view.prediction < 0.0 and p.allow_short != 0.0
    if not value >= 0.0 or not (is_long or is_short):
        return Decision(0.0), State(0.0)
    weight = 1.0 if value <= p.volatility else p.volatility / value
    weight = weight if is_long else -weight
    before = state.weight
    if before * weight > 0.0 and abs(weight - before) < p.step:
        return Decision(before, 1 if view.side != 0 else 0), State(before)
    return Decision(weight, 1 if before * weight > 0.0 and view.side != 0 else 0), State(weight)


class VolatilityTarget(Sided):
    """The prediction's side, with a weight that aims at a constant volatility.

    Examples
    --------
    >>> VolatilityTarget(volatility=0.008).dump()
    {'kind': 'volatility_target', 'side': 'both', 'volatility': 0.008, 'step': 0.1}
    """

    rule: ClassVar[Any] = staticmethod(target)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = State
    reasons: ClassVar[tuple[str, ...]] = ("prediction", "volatility")

    volatility: PositiveFloat = 0.01
    """Standard deviation of a bar's return up to which the weight is 1; 0.01 on daily bars is 16 % a year."""
    step: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Smallest change of the weight that is traded; 0 trades at every bar."""
