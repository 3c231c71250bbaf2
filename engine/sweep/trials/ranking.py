"""Ranking of trials: the values of every trial that ranking needs, filled in while a sweep runs."""

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
    """Objective, constraints and status of T trials, by their numbers.

    Attributes
    ----------
    spec : the sweep.
    objective : (T,) NaN where it is undefined, or the trial is not finished.
    sharpe : (T,) annual, as in the table of trials.
    final_value, fills : (T,) of the account.
    allowed : (T,) True for a trial that is done, has a finite objective and meets the constraints.
    status : (T,) empty for a trial that is not finished.
    """

    spec: SweepSpec
    objective: Vector
    sharpe: Vector
    final_value: Vector
    fills: Vector
    allowed: Any
    status: Any

    @classmethod
    def empty(cls, spec: SweepSpec, count: int) -> "TrialRanking":
        """The ranking of ``count`` trials before any of them is finished."""
        return cls(
            spec,
            objective=np.full(count, np.nan),
            sharpe=np.full(count, np.nan),
            final_value=np.full(count, np.nan),
            fills=np.full(count, np.nan),
            allowed=np.zeros(count, dtype=bool),
            status=np.full(count, "", dtype="<U8"),
        )

    def add(self, scores: Scores) -> None:
        """Enter the scores of some trials."""
        numbers = scores.numbers
        values = scores.values
        self.objective[numbers] = values[self.spec.objective.measure.name]
        self.sharpe[numbers] = values["sharpe"]
        self.final_value[numbers] = values["final_value"]
        self.fills[numbers] = values["fills"]
        self.status[numbers] = scores.status
        allowed = (scores.status == DONE) & np.isfinite(self.objective[numbers])
        for constraint in self.spec.constraints:
            allowed &= constraint_violation(constraint, values) <= 0
        self.allowed[numbers] = allowed

    @property
    def done(self) -> int:
        """The number of trials that are finished, with any status."""
        return int((self.status != "").sum())

    @property
    def counts(self) -> dict[str, int]:
        """The number of trials by status."""
        names, counts = np.unique(self.status[self.status != ""], return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

    @property
    def ranked(self) -> Rows:
        """The allowed trials, the best first; of equals, the one with the lower number."""
        numbers = np.flatnonzero(self.allowed)
        sign = -1.0 if self.spec.objective.direction == "max" else 1.0
        return numbers[np.argsort(sign * self.objective[numbers], kind="stable")]

    def equals(self, number: int) -> Rows:
        """The trials with the same result as a trial, itself among them."""
        columns = (self.objective, self.final_value, self.fills)
        return np.flatnonzero(np.all([column == column[number] for column in columns], axis=0))

    @property
    def distinct(self) -> Rows:
        """The first of the trials of each result; without those that have no Sharpe ratio."""
        with_ratio = np.flatnonzero(np.isfinite(self.sharpe))
        results = np.column_stack([self.sharpe, self.final_value, self.fills])[with_ratio]
        return np.sort(with_ratio[np.unique(results, axis=0, return_index=True)[1]])

    def best(self, count: int) -> list[int]:
        """The best trials with different results: of trials with the same result, the first."""
        return list(self._best(count))

    def _best(self, count: int) -> Iterator[int]:
        results: set[tuple[float, ...]] = set()
        for number in self.ranked.tolist():
            result = (self.objective[number], self.final_value[number], self.fills[number])
            if len(results) == count:
                return
            if result not in results:
                results.add(result)
                yield number


def constraint_violation(constraint: Constraint, values: Mapping[str, Vector]) -> Vector:
    """By how much a constraint is missed: above 0 where it is, infinite where the measure is undefined."""
    measured = values[constraint.measure.name]
    is_met = COMPARE[constraint.op](measured, constraint.value)
    distance = np.abs(measured - constraint.value) + np.finfo(float).tiny
    return np.where(np.isnan(measured), np.inf, np.where(is_met, -distance, distance))
