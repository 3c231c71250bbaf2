"""Which trials are best: what is remembered of every one while a sweep runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.types import Rows, Vector
from engine.config.sweep_spec import Constraint, SweepSpec

from .trial_scores import DONE, Scores

COMPARE: Mapping[str, Any] = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less}


@dataclass(eq=False)
class TrialRanking:
    """What is known of T trials by their numbers.

    Attributes
    ----------
    spec : the sweep.
    objective : (T,) NaN where it is undefined, or the trial is not finished.
    sharpe : (T,) annual, as the table has it.
    final_value, fills : (T,) of the account.
    allowed : (T,) done, with an objective, and within the constraints.
    status : (T,) empty for what is not finished.
    """

    spec: SweepSpec
    objective: Vector
    sharpe: Vector
    final_value: Vector
    fills: Vector
    allowed: Any
    status: Any

    @classmethod
    def of(cls, spec: SweepSpec, count: int) -> "TrialRanking":
        """Nothing known of any trial."""
        names = ("objective", "sharpe", "final_value", "fills")
        unknown: Any = {name: np.full(count, np.nan) for name in names}
        return cls(spec, allowed=np.zeros(count, dtype=bool), status=np.full(count, "", dtype="<U8"), **unknown)

    def add(self, scores: Scores) -> None:
        """What came of some trials."""
        rows, values = scores.numbers, scores.values
        self.objective[rows] = values[self.spec.objective.measure.name]
        for name in ("sharpe", "final_value", "fills"):
            getattr(self, name)[rows] = values[name]
        self.status[rows] = scores.status
        allowed = (scores.status == DONE) & np.isfinite(self.objective[rows])
        for constraint in self.spec.constraints:
            allowed &= constraint_violation(constraint, values) <= 0
        self.allowed[rows] = allowed

    @property
    def done(self) -> int:
        """Trials that are finished, in whatever way."""
        return int((self.status != "").sum())

    @property
    def counts(self) -> dict[str, int]:
        """Trials by status."""
        names, counts = np.unique(self.status[self.status != ""], return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

    @property
    def ranked(self) -> Rows:
        """The allowed trials, the best first; of equals, the one that was tried first."""
        numbers = np.flatnonzero(self.allowed)
        sign = -1.0 if self.spec.objective.direction == "max" else 1.0
        return numbers[np.argsort(sign * self.objective[numbers], kind="stable")]

    def best(self, count: int) -> list[int]:
        """The best trials that are not each other's twins: of those with the same result, the first."""
        return list(self._best(count))

    def _best(self, count: int) -> Iterator[int]:
        seen: set[tuple[float, ...]] = set()
        for number in self.ranked.tolist():
            result = (self.objective[number], self.final_value[number], self.fills[number])
            if len(seen) == count:
                return
            if result not in seen:
                seen.add(result)
                yield number


def constraint_violation(constraint: Constraint, values: Mapping[str, Vector]) -> Vector:
    """By how much a constraint is missed: above 0 where it is, infinite where the measure is undefined."""
    found = values[constraint.measure.name]
    met = COMPARE[constraint.op](found, constraint.value)
    apart = np.abs(found - constraint.value) + np.finfo(float).tiny
    return np.where(np.isnan(found), np.inf, np.where(met, -apart, apart))
