"""Follow the prediction in a calm market, and be flat in a volatile one."""

from typing import Any, ClassVar, NamedTuple, Self

from pydantic import PositiveFloat, model_validator
from pydantic_core import PydanticCustomError

from .base import Decision, Sided, View


class Reads(NamedTuple):
    """The features that the rule reads."""

    volatility: float


class State(NamedTuple):
    """The regime of the last bar."""

    is_calm: bool = False


def target(view: View, state: State, p: Any) -> tuple[Decision, State]:
    """The target after this bar, 1 long, -1 short, 0 flat, and the regime.

    A volatility of at most ``calm`` makes the regime calm, one above ``volatile`` makes it volatile, and one between
    the two leaves it as it is; so it does not change at every bar. It begins volatile, and NaN leaves it. In a calm
    regime the side is the prediction's sign; otherwise, and on a side that the parameters bar, flat.

    Parameters
    ----------
    view : what is known at the close of the bar.
    state : the regime so far.
    p : has ``calm``, ``volatile`` (calm <= volatile) and ``allow_long``, ``allow_short`` (1.0 or 0.0).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> quiet = SimpleNamespace(features=Reads(0.005), prediction=0.01)
    >>> target(quiet, State(), RegimeFilter(calm=0.01))
    (Decision(target=1, reason=0), State(is_calm=True))
    """
    value = view.features.volatility
    is_calm = value <= p.calm or (state.is_calm and not value > p.volatile)
    if not is_calm:
        return Decision(0, 1), State(False)
    long = view.prediction > 0.0 and p.allow_long != 0.0
    short = view.prediction < 0.0 and p.allow_short != 0.0
    return Decision(int(long) - int(short)), State(True)


class RegimeFilter(Sided):
    """The prediction's side while volatility is low; flat once it is high, until it is low again.

    Examples
    --------
    >>> RegimeFilter(calm=0.01, volatile=0.015).dump()
    {'kind': 'regime_filter', 'side': 'both', 'calm': 0.01, 'volatile': 0.015}
    """

    rule: ClassVar[Any] = staticmethod(target)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = State
    reasons: ClassVar[tuple[str, ...]] = ("prediction", "volatile regime")

    calm: PositiveFloat = 0.012
    """The regime becomes calm at this volatility or below: the standard deviation of a bar's return."""
    volatile: PositiveFloat = 0.018
    """The regime becomes volatile above this one; at least `calm`."""

    @model_validator(mode="after")
    def _calm_below_volatile(self) -> Self:
        if self.calm > self.volatile:
            raise PydanticCustomError(
                "regimes_overlap",
                "calm ({calm}) must be at most volatile ({volatile}): between the two the regime stays as it is",
                {"calm": self.calm, "volatile": self.volatile},
            )
        return self
