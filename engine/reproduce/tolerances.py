"""Tolerances of the numbers of one run on two processors: one rule, for `reproduce` and the golden run.

Libraries choose their instructions by the processor: sums are added up in another order, and a product is rounded once
or twice. So last digits differ, and with them all that is computed from them. ``docs/determinism.md`` has the sizes
that were measured, which the numbers here are taken from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from core.plugins import FAMILIES, kinds, load
from core.types import Vector

DOUBLE = 1e-9
"""Of a number made of float64 alone, in units of its size.

Measured: up to 1e-14. A linear system of features multiplies that by its condition, which is seldom above 1e4.
"""
DOUBLE_FLOOR = 1e-12
"""The same where digits cancel, in units of the scale of what cancels: 1e-16 times some thousand steps."""
SINGLE = 1e-5
"""Of a number that a float32 stands behind, in units of its size or its scale, whichever is larger.

Measured: up to 1e-6, and that only in the weight of a calibration; most are below 1e-7, the step of float32.
"""
OPTIMISED = 1e-4
"""Of a forecast of a fitted GARCH, in units of its size: an optimiser stops as soon as it is near enough.

Measured: up to 1e-5.
"""
GARCH = ("garch", "fhs")
"""What the names of such forecasts hold."""
RETURN = 1e-2
"""Scale of predictions, returns and parts of the account: a session's return, a position of the 2 % rule."""
SCALES: Mapping[str, float] = {
    **dict.fromkeys(("importance", "r2", "r2_mean", "contribution", "brier", "brier_skill"), 1.0),
    **dict.fromkeys(("confidence", "p_up", "p_value", "weight", "weights", "intercept", "slope"), 1.0),
    **dict.fromkeys(("statistic", "t", "sharpe", "sortino", "calmar", "information_ratio", "sqn"), 1.0),
    **dict.fromkeys(("skew", "kurtosis", "correlation", "beta", "probabilistic_sharpe"), 1.0),
    "ic": 100.0,
    "mse": 1e-4,
    "mean": 1e-4,
}
"""What a number is a difference of, where it is not of returns, by a part of its path; the last part named decides.

A fraction of a variance, a probability, a statistic or a ratio: 1. A mean squared error, or a difference of two: a
squared return. ``ic`` counts ranks: two predictions that lie within the tolerance may change places, which moves it by
at most ``12 / (n (n + 1))``, 1e-3 in a fold of 110 predictions.
"""
INDEPENDENT = frozenset({"benchmark", "baselines", "train_mean", "up_share"})
"""Parts of paths of numbers that no prediction and no feature enters: they keep the digits of float64 in any run."""
SCALER = "scaler"
EXAM = "var_exam"
COUNTED = frozenset({"hit_rate", "win_rate", "time_in_market", "mean_leaves", "longest_drawdown", "recovery_time"})
"""Floats that are made of counts; where one differs, something was decided otherwise."""
SIGNED = frozenset({"size", "position_after"})
"""Floats whose sign says whether something was bought or sold."""
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Tolerances:
    """The differences that two runs of one config on two processors may have.

    Attributes
    ----------
    single : kinds of plug-ins in the config that calculate in float32.
    double : parts of paths of what is calculated in float64 from float64 features: models by their kinds, the scaler.
    optimised_exam : a GARCH is among the methods whose value at risk is examined.
    """

    single: frozenset[str] = frozenset()
    double: frozenset[str] = frozenset()
    optimised_exam: bool = False

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> Self:
        """By all kinds that a dumped config names, those of a sweep's space and of an ensemble's members included."""
        names = frozenset(_names(values))
        single = {
            name
            for package in FAMILIES.values()
            for name in names.intersection(kinds(package))
            if load(package, name).single_precision
        }
        models = names.intersection(kinds(FAMILIES["models"]))
        exact_features = not single.intersection(kinds(FAMILIES["scorers"]))
        double = (models - single) | {SCALER} if exact_features else frozenset()
        methods = values.get("measures", {}).get("exam", {}).get("methods", ())
        return cls(frozenset(single), double, any(map(_is_garch, methods)))

    def excess(self, path: str, before: object, now: object) -> float:
        """The difference of two values in units of what is allowed: 0 if equal, above 1 if they are too far apart.

        Parameters
        ----------
        path : dotted, of a value in a JSON file.
        before, now : two floats may lie apart, and numbers in two texts by one unit of their last digit; all else is
            equal or infinitely far apart.
        """
        if isinstance(before, float) and isinstance(now, float):
            parts = path.split(".")
            scale = next((SCALES[part] for part in reversed(parts) if part in SCALES), RETURN)
            return float(self._excess(parts, np.array([before]), np.array([now]), scale)[0])
        if isinstance(before, str) and isinstance(now, str):
            return text_excess(before, now, SINGLE if self.single else DOUBLE)
        return 0.0 if type(before) is type(now) and before == now else np.inf

    def excesses(self, column: str, before: Vector, now: Vector) -> Vector:
        """The same for two (K,) columns of numbers of a table, whose scale is the largest number in the column."""
        finite = np.concatenate([np.abs(values[np.isfinite(values)]) for values in (before, now)])
        return self._excess([column], before, now, max(finite.max(initial=0.0), RETURN))

    def _excess(self, parts: list[str], before: Vector, now: Vector, scale: float) -> Vector:
        relative, floor = self._limits(parts)
        same = (before == now) | (np.isnan(before) & np.isnan(now))
        with np.errstate(invalid="ignore"):
            allowed = np.maximum(relative * np.maximum(np.abs(before), np.abs(now)), floor * scale)
            excess = np.abs(before - now) / allowed
        comparable = np.isfinite(before) & np.isfinite(now)
        return np.where(same, 0.0, np.where(comparable, excess, np.inf))

    def _limits(self, parts: list[str]) -> tuple[float, float]:
        """The tolerance in units of a number's size, and in units of its scale."""
        if any(map(_is_garch, parts)) or (self.optimised_exam and EXAM in parts):
            return OPTIMISED, SINGLE
        if self.single and not (INDEPENDENT | COUNTED | self.double).intersection(parts):
            return SINGLE, SINGLE
        return DOUBLE, DOUBLE_FLOOR


def is_decision(path: str, before: object, now: object) -> bool:
    """True if two values that are too far apart are a decision: a count, a text, a time, a side; not a magnitude.

    >>> is_decision("folds.0.members.lstm.best_epoch", 2, 3), is_decision("folds.0.model.mse", 1e-4, 2e-4)
    (True, False)
    """
    if not (isinstance(before, float) and isinstance(now, float)):
        return True
    return bool(decisions(path, np.array([before]), np.array([now]))[0])


def decisions(path: str, before: Vector, now: Vector) -> npt.NDArray[np.bool_]:
    """(K,) the same for numbers: counts, sides, and whether there is a number at all."""
    parts = path.split(".")
    opposite = before * now < 0 if parts[-1] in SIGNED else np.zeros(len(before), dtype=np.bool_)
    counted = bool(COUNTED.intersection(parts))
    return np.asarray(opposite | counted | (np.isnan(before) != np.isnan(now)), dtype=np.bool_)


def text_excess(before: str, now: str, relative: float = DOUBLE) -> float:
    """The difference of two texts: infinite, unless only decimals in them differ; then in units of their last digit.

    >>> text_excess("p = 0.998", "p = 0.997"), text_excess("cut to 4.5 of 5", "cut to 4.5 of 6")
    (1.0, inf)
    """
    if NUMBER.sub("#", before) != NUMBER.sub("#", now):
        return np.inf
    pairs = zip(NUMBER.findall(before), NUMBER.findall(now), strict=True)
    return max((_number_excess(*pair, relative) for pair in pairs), default=0.0)


def _number_excess(before: str, now: str, relative: float) -> float:
    if before == now:
        return 0.0
    exponent = min(Decimal(text).as_tuple().exponent for text in (before, now))
    if not isinstance(exponent, int) or exponent >= 0:  # whole numbers are counts, or parts of a date
        return np.inf
    numbers = (float(before), float(now))
    unit = max(10.0**exponent, relative * max(map(abs, numbers)))
    return round(abs(numbers[0] - numbers[1]) / unit, 6)  # 0.998 - 0.997 is a little more than 0.001


def _is_garch(name: str) -> bool:
    return any(part in name for part in GARCH)


def _names(values: object) -> Iterator[str]:
    """Every key and every text in nested mappings and lists."""
    if isinstance(values, Mapping):
        yield from values
        values = list(values.values())
    if isinstance(values, list | tuple):
        for value in values:
            yield from _names(value)
    elif isinstance(values, str):
        yield values
