"""What value at risk and expected shortfall share: levels, methods and how many returns they need."""

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.spec import Level
from core.types import Vector

from ._base import Estimate, Measure, defined, too_few
from ._returns import checked_returns

Method: TypeAlias = Literal["historical", "gaussian"]
Formula: TypeAlias = Callable[[Vector, float], float]

FEW = "few observations in the tail"
NO_LOSS = "no loss at this level"
NORMAL = NormalDist()
_LEVEL = TypeAdapter(Level)


class TailMeasure(Measure):
    """A measure of the worst ``1 - level`` of returns."""

    level: Level = 0.95
    """Confidence level, between 0.5 and 1; 0.95 looks at the worst 5 % of returns."""

    method: Method = "historical"
    """`historical` reads the tail of the returns, `gaussian` that of a normal law with their mean and deviation."""

    @property
    def name(self) -> str:
        """The kind with the level in percent, and the method unless it is the default."""
        name = f"{self.kind}_{100 * self.level:.10g}"
        return name if self.method == "historical" else f"{name}_{self.method}"


def tail_share(level: float) -> float:
    """``1 - level`` to 15 digits: 1 - 0.9 is 0.09999999999999998 and would lose the return that stands at the quantile.

    Raises
    ------
    ConfigError
        ``level`` does not lie between 0.5 and 1.

    >>> tail_share(0.9)
    0.1
    """
    try:
        return round(1.0 - _LEVEL.validate_python(level, strict=True), 15)
    except ValidationError as error:
        raise ConfigError(f"level is {level}; it {error.errors()[0]['msg']}") from error


def returns_needed(level: float, observations: int) -> int:
    """How many returns put that many observations into the tail.

    >>> returns_needed(0.99, 1), returns_needed(0.95, 10)
    (100, 200)
    """
    return math.ceil(round(observations / (1.0 - level), 6))


@np.errstate(over="ignore", invalid="ignore")
def tail_estimate(returns: npt.ArrayLike, level: float, method: str, formulas: Mapping[str, Formula]) -> Estimate:
    """Apply the formula of ``method`` to checked returns; short samples are refused or flagged.

    Parameters
    ----------
    formulas : by method, the function of (T,) returns and tail share.

    Raises
    ------
    ConfigError
        An impossible level, or an unknown method.
    DataError
        As in :func:`~risk.measures._returns.checked_returns`.
    """
    values = checked_returns(returns)
    share = tail_share(level)
    if method not in formulas:
        raise ConfigError(f"method is {method!r}; known: {', '.join(get_args(Method))}")
    if len(values) < returns_needed(level, 1):
        return too_few(values, returns_needed(level, 1))
    value = formulas[method](values, share)
    few = len(values) < returns_needed(level, 10)
    return defined(value, *[FEW] * few, *[NO_LOSS] * (value >= 0))
