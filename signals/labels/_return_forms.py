"""The three forms in which a return over the next bars can be learnt."""

from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.types import Bars, Labels, Vector
from signals.rolling_windows import rolling_std, simple_returns

from .base import Label, ahead, labels_of

Form: TypeAlias = Literal["simple", "log", "volatility"]
SIMPLE: Form = "simple"
WINDOW = 20


class ReturnLabel(Label):
    """A return over ``horizon`` bars, in one of three forms."""

    # Written out only where they are not the default: the ids of configs are older than they are.
    form: Annotated[Form, Field(exclude_if=lambda form: form == SIMPLE)] = SIMPLE
    """`simple`; `log`: ln(1 + simple); `volatility`: simple, in units of the volatility known at the decision."""

    window: Annotated[int, Field(ge=2, exclude_if=lambda window: window == WINDOW)] = WINDOW
    """One-bar returns in that volatility; for `form: volatility` only."""

    @model_validator(mode="after")
    def _window_has_an_effect(self) -> Self:
        if self.form != "volatility" and self.window != WINDOW:
            context = {"window": self.window, "form": self.form, "path": ["window"]}
            raise PydanticCustomError("label_window", "{window} has no effect with form {form}; remove it", context)
        return self

    @property
    def warmup(self) -> int:
        """Rows before there is a volatility to measure in."""
        return self.window if self.form == "volatility" else 0

    def as_return(self, value: Vector, unit: Vector) -> Vector:
        """(T,) simple returns. Of a log return it is the median's simple return, not the mean's."""
        if self.form == "log":
            return np.asarray(np.expm1(value), dtype=np.float64)
        return value * unit if self.form == "volatility" else value

    def units(self, bars: Bars) -> Vector:
        """(T,) standard deviation of one-bar returns, by the root of time over the horizon; NaN where nothing moved."""
        if self.form != "volatility":
            return np.ones(len(bars))
        volatility = rolling_std(simple_returns(bars.close), self.window) * np.sqrt(self.horizon)
        return np.where(volatility > 0, volatility, np.nan)

    def labels(self, bars: Bars, prices: Vector, delay: int) -> Labels:
        """Labels of the return from the price ``delay`` bars after the decision, over the horizon."""
        last = delay + self.horizon
        value = ahead(prices, last) / ahead(prices, delay) - 1
        unit = self.units(bars) if self.form == "volatility" else None
        if self.form == "log":
            value = np.log1p(value)
        return labels_of(bars, value if unit is None else value / unit, np.arange(len(bars)) + last, unit)
