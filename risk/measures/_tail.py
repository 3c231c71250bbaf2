"""The common part of value at risk and expected shortfall: levels, methods and the number of returns needed."""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError, DataError
from core.spec import Level
from risk.returns import checked_returns

from ._running_totals import Estimates, Totals, estimates, too_short
from ._var_methods import LAWS, NOT_MONOTONE, is_monotone, shape
from .base import Estimate, Measure, Unit, defined, too_few, undefined

FEW = "few observations in the tail"
NO_LOSS = "no loss at this level"
_LEVEL = TypeAdapter(Level)


class TailMeasure(Measure):
    """A measure of the worst ``1 - level`` of returns."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per session"

    level: Level = 0.95
    """Confidence level, between 0.5 and 1; 0.95 looks at the worst 5 % of returns."""

    method: str
    which: ClassVar[int]
    """0 for the value at risk, 1 for the expected shortfall."""

    @property
    def name(self) -> str:
        """The kind with the level in percent, and the method unless it is the default."""
        name = f"{self.kind}_{100 * self.level:.10g}"
        return name if self.method == "historical" else f"{name}_{self.method}"

    @property
    def share(self) -> float:
        """The tail's share of the returns."""
        return tail_share(self.level)

    def from_totals(self, totals: Totals) -> Estimates | None:
        """The measure of each sample, for the historical method."""
        if self.method != "historical" or self.share not in totals.tails:
            return None
        values = np.asarray(totals.tails[self.share][:, self.which])
        return estimates(values, too_short(totals, returns_needed(self.level, 1)))

    @property
    def share_text(self) -> str:
        """The tail's share in per cent, as text."""
        return f"{100 * tail_share(self.level):.10g}"


def tail_share(level: float) -> float:
    """``1 - level`` to 15 digits: 1 - 0.9 is 0.09999999999999998 and would lose the return that is the quantile.

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
    """The number of returns that puts that many observations into the tail.

    >>> returns_needed(0.99, 1), returns_needed(0.95, 10)
    (100, 200)
    """
    return math.ceil(round(observations / (1.0 - level), 6))


@np.errstate(over="ignore", invalid="ignore")
def tail_estimate(returns: npt.ArrayLike, level: float, method: str, methods: Sequence[str], which: int) -> Estimate:
    """Apply a method to checked returns; short samples are refused or flagged.

    Parameters
    ----------
    methods : the methods to choose from.
    which : 0 for the value at risk, 1 for the expected shortfall.

    Raises
    ------
    ConfigError
        An impossible level, or an unknown method.
    DataError
        As in :func:`~risk.returns.checked_returns`.
    """
    values = checked_returns(returns)
    share = tail_share(level)
    if method not in methods:
        raise ConfigError(f"method is {method!r}; known: {', '.join(methods)}")
    if len(values) < returns_needed(level, 1):
        return too_few(values, returns_needed(level, 1))
    try:
        value = float(LAWS[method].both(values, share)[which])
    except DataError as error:  # a model that cannot be fitted to these returns
        return undefined(str(error))
    is_not_monotone = method == "cornish_fisher" and not is_monotone(*map(float, shape(values)))
    is_small_tail = len(values) < returns_needed(level, 10)
    conditions = ((FEW, is_small_tail), (NO_LOSS, value >= 0), (NOT_MONOTONE, is_not_monotone))
    return defined(value, *(flag for flag, holds in conditions if holds))
