"""The functions of TA-Lib, by name."""

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.errors import install_hint
from core.types import COLUMNS, Bars, Matrix

from ._talib import IN_PRICE, MOVING_AVERAGES, PATTERN, REFUSED, Number, memory, offered
from .base import BarFeature

INSTALL = f"needs TA-Lib, which is not installed: {install_hint('talib')}"


class Talib(BarFeature):
    """A function of TA-Lib: ``{kind: talib, function: ADX, parameters: {timeperiod: 14}}``.

    It needs the extra ``talib``. Answers that are ratios or indices are taken as they are; answers in quote currency
    are divided by the close; candlestick patterns are divided by 100. Functions whose answers keep a scale, hang on all
    bars since the data begin, or adapt their memory to the prices are refused with the reason. Where the
    prices leave 0/0, TA-Lib has a number of its own, mostly 0.

    Notes
    -----
    The warm-up is the rows that TA-Lib looks back on and, after them, the rows in which each exponential smoothing
    inside the function forgets its start to a weight of 1e-10, one after the other. TA-Lib's own unstable periods,
    which are settings of the whole process, are neither needed nor changed.

    Examples
    --------
    >>> feature = Talib(function="BBANDS", parameters={"timeperiod": 10})
    >>> feature.parameters
    {'timeperiod': 10, 'nbdevup': 2.0, 'nbdevdn': 2.0, 'matype': 0}
    >>> feature.names[0], feature.warmup
    ('talib_bbands_10_2_2_0_upperband', 9)
    """

    function: str
    """Name of the function, as TA-Lib writes it: ``ADX``."""

    parameters: dict[str, Number] = Field(default_factory=dict)
    """The function's parameters by TA-Lib's names; those left out have TA-Lib's defaults."""

    @model_validator(mode="after")
    def _can_be_called(self) -> Self:
        defaults = _description(_offered(self.function))["parameters"]
        parameters = {name: _checked(self.function, name, value, defaults) for name, value in self.parameters.items()}
        self.__dict__["parameters"] = {**defaults, **parameters}  # the object is frozen, but not yet returned
        try:
            looks_back = self._looks_back
        except Exception:  # TA-Lib has no exceptions of its own
            looks_back = -1
        if looks_back < 0:
            raise _wrong(
                "parameters", f"must be values that TA-Lib takes for {self.function}; given {_listed(self.parameters)}"
            )
        return self

    @property
    def warmup(self) -> int:
        """Rows that TA-Lib looks back on, and those in which it forgets the start; see the notes above."""
        return self._looks_back + memory(self.function, self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """``talib_<function>_<parameters>``, and ``_<output>`` where there are several."""
        stem = "_".join(["talib", self.function.lower(), *(f"{value:g}" for value in self.parameters.values())])
        outputs: list[str] = _description(self.function)["output_names"]
        return (stem,) if len(outputs) == 1 else tuple(f"{stem}_{output}" for output in outputs)

    def compute(self, bars: Bars) -> Matrix:
        """(T, outputs) ratios, fractions of the close, or hundredths of a pattern's answer; NaN in the warm-up."""
        if len(bars) <= self.warmup:
            return np.full((len(bars), len(self.names)), np.nan)
        answer = self._bound({name: getattr(bars, name) for name in COLUMNS})
        columns = np.column_stack(answer if isinstance(answer, list | tuple) else [answer]).astype(np.float64)
        if self.function in IN_PRICE:
            columns /= bars.close[:, None]
        elif self.function.startswith(PATTERN):
            columns /= 100
        columns[: self.warmup] = np.nan
        return columns

    @property
    def _looks_back(self) -> int:
        return int(self._bound.lookback)

    @property
    def _bound(self) -> Any:
        """TA-Lib's function with its parameters set; a new object each time."""
        return _function(self.function, **self.parameters)


def _function(name: str, **parameters: Number) -> Any:
    abstract: Any = import_module("talib.abstract")  # whose stub names the functions and not their class
    return abstract.Function(name, **parameters)


def _description(function: str) -> dict[str, Any]:
    info: dict[str, Any] = _function(function).info
    return {**info, "parameters": dict(info["parameters"])}


def _offered(function: str) -> str:
    """The name, if it is that of a function that can be a feature."""
    try:
        talib: Any = import_module("talib")
    except ImportError:
        raise _wrong("function", INSTALL) from None
    if function in REFUSED:
        raise _wrong("function", f"cannot be {function}: {REFUSED[function]}")
    names = [name for names in talib.get_function_groups().values() for name in names if offered(name)]
    if function not in names:
        close = difflib.get_close_matches(function.upper(), names, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "docs/features.md lists them"
        raise _wrong(
            "function",
            f"must be a function that is offered and in TA-Lib {talib.__version__}; given {function!r}; {hint}",
        )
    return function


def _checked(function: str, name: str, value: Number, defaults: Mapping[str, Number]) -> Number:
    """A parameter's value as the type that TA-Lib takes."""
    if name not in defaults:
        allowed_names = f"those of {function}: {', '.join(defaults)}" if defaults else f"left out: {function} has none"
        raise _wrong("parameters", f"must be {allowed_names}; given {name!r}")
    if name.endswith("matype") and value not in MOVING_AVERAGES:
        allowed = ", ".join(map(str, MOVING_AVERAGES))
        raise _wrong("parameters", f"must have for {name} one of {allowed} (TA-Lib's MA_Type); given {value}")
    if isinstance(defaults[name], int):
        if not isinstance(value, int):
            raise _wrong("parameters", f"must have for {name} a whole number; given {value}")
        return value
    return float(value)


def _listed(parameters: Mapping[str, Number]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in parameters.items())


def _wrong(field: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("talib", "{message}", {"message": message, "path": [field]})
