"""A weighted sum of models."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self, TypeAlias, cast

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.digests import seed_of
from core.errors import StoreError
from core.progress import ProgressCallback, no_progress
from core.types import Matrix, Rows, Vector
from signals.stored import Stored, nested

from ._ensemble_members import ENSEMBLE, Member, MembersField
from .base import Fitted, Forecast, Samples, TrainedModel

DEFAULT: Any = {
    "lstm": {"weight": 0.4},
    "random_forest": {"weight": 0.2},
    "xgboost": {"weight": 0.2},
    "lightgbm": {"weight": 0.2},
}


Weights: TypeAlias = Literal["fixed", "learned"]
FIXED: Weights = "fixed"
LEARNED: Weights = "learned"
MIN_ROWS = 20  # too few to tell the members' errors apart


class Ensemble(TrainedModel):
    """The sum of its members' predictions, each times its weight.

    Examples
    --------
    >>> half = {"weight": 0.5}
    >>> spec = Ensemble.parse({"members": {"lstm": {**half, "hidden": 8}, "random_forest": half}})
    >>> [(member.kind, member.weight) for member in spec.members]
    [('lstm', 0.5), ('random_forest', 0.5)]
    """

    members: Annotated[tuple[Member, ...], MembersField()] = DEFAULT
    """By model kind: its `weight` (above 0; all of them sum to 1) and that model's own parameters."""

    # Written out only where it is not the default: the ids of configs are older than it.
    weights: Annotated[Weights, Field(exclude_if=lambda weights: weights == FIXED)] = FIXED
    """`fixed`: as each member states; `learned`: by least squares on the first half of each calibration block, none
    below 0, their sum 1; members then state none."""

    @model_validator(mode="after")
    def _weights_are_whole(self) -> Self:
        stated = [member for member in self.members if member.weight is not None]
        if self.weights == LEARNED:
            if stated:
                raise _refused(stated[0].kind, "weights are learned: remove this one, or take `weights: fixed`")
            return self
        if missing := [member for member in self.members if member.weight is None]:
            raise _refused(missing[0].kind, "is missing; add it, or take `weights: learned`")
        total = math.fsum(member.weight or 0.0 for member in stated)
        if abs(total - 1) > 1e-9:
            weights = " + ".join(f"{member.kind} {member.weight:g}" for member in stated)
            context = {"weights": weights, "total": f"{total:.10g}", "path": ["members"]}
            raise PydanticCustomError("weights", "weights must sum to 1; {weights} = {total}", context)
        return self

    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> "FittedEnsemble":
        """Fit every member on the same rows, each under a seed of its own."""
        parts = []
        # By kind: the order of keys in a config must not decide the last bit of a sum.
        for member in sorted(self.members, key=lambda member: member.kind):
            try:
                fitted = member.model.fit(samples, train, stop, seed_of(seed, member.kind), on_progress)
            except Exception as error:
                error.add_note(f"member {member.kind}")
                raise
            # Weights that are still to be learnt are equal until then.
            parts.append(WeightedMember(member.kind, member.weight or 1 / len(self.members), fitted))
        return FittedEnsemble(tuple(parts))

    @property
    def settles(self) -> bool:
        """True where the weights are learnt from the members' own predictions."""
        return self.weights == LEARNED

    def settle(self, fitted: Fitted, forecast: Forecast, y: Vector) -> "FittedEnsemble":
        """The ensemble with the weights that fit some later rows best."""
        rows = np.flatnonzero(np.isfinite(forecast.prediction))
        columns = np.column_stack([part[rows] for _, part in sorted(forecast.parts.items())])
        weights, reason = learned_weights(columns, y[rows])
        parts = cast(FittedEnsemble, fitted).parts
        settled = tuple(replace(part, weight=float(weight)) for part, weight in zip(parts, weights, strict=True))
        return FittedEnsemble(settled, reason)

    @property
    def reads_last(self) -> bool:  # type: ignore[override]  # of the class in plug-ins, of the members here
        """True if a member may read the last label."""
        return any(member.model.reads_last for member in self.members)

    def check(self, samples: Samples, train: Rows, stop: Rows) -> None:
        """Let every member refuse what it cannot use."""
        for member in self.members:
            member.model.check(samples, train, stop)

    @property
    def tolerance(self) -> float:
        """The largest of the members'."""
        return max(member.model.tolerance for member in self.members)

    def cheap(self) -> Self:
        """The same ensemble of cheap members."""
        members = tuple(replace(member, model=member.model.cheap()) for member in self.members)
        return self.model_copy(update={"members": members})

    def forecast(self, fitted: Fitted, samples: Samples, rows: Rows) -> Forecast:
        """The weighted sum, with each member's own predictions."""
        return cast(FittedEnsemble, fitted).forecast(samples, rows)

    def store(self, fitted: Fitted) -> Stored:
        """Each member's content under its kind, and the weights."""
        ensemble = cast(FittedEnsemble, fitted)
        models = {member.kind: member.model for member in self.members}
        members = nested({part.kind: models[part.kind].store(part.fitted) for part in ensemble.parts})
        weights = {part.kind: part.weight for part in ensemble.parts}
        return Stored({"weights": weights, "reason": ensemble.reason, "members": members.facts}, members.arrays)

    def restore(self, stored: Stored) -> "FittedEnsemble":
        """The ensemble of stored members."""
        weights = stored.fact("weights")
        kinds = sorted(member.kind for member in self.members)
        if not isinstance(weights, Mapping) or sorted(weights) != kinds or not all(map(_is_weight, weights.values())):
            raise StoreError(f"the weights must be numbers from 0 to 1 of {', '.join(kinds)}")
        members = Stored(stored.fact("members"), stored.arrays)
        models = {member.kind: member.model for member in self.members}
        parts = [WeightedMember(kind, weights[kind], models[kind].restore(members.under(kind))) for kind in kinds]
        return FittedEnsemble(tuple(parts), str(stored.fact("reason")))

    def accounts(self, fitted: Fitted) -> Mapping[str, Mapping[str, Any]]:
        """The details of each member's fit."""
        return fitted.details


@dataclass(frozen=True, eq=False)
class WeightedMember:
    """A fitted member with its kind and its weight."""

    kind: str
    weight: float
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """Fitted members, in the order of their kinds.

    ``reason`` is the reason why learned weights are equal; empty otherwise.
    """

    parts: tuple[WeightedMember, ...]
    reason: str = ""

    @property
    def details(self) -> Mapping[str, Any]:
        """Each member's details, by kind."""
        details = {part.kind: dict(part.fitted.details) for part in self.parts}
        return {**details, ENSEMBLE: {"equal_weights": self.reason}} if self.reason else details

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """The weighted sum; NaN where any member has no prediction."""
        return self.forecast(samples, rows).prediction

    def forecast(self, samples: Samples, rows: Rows) -> Forecast:
        """The weighted sum, with each member's own predictions."""
        weights = {part.kind: part.weight for part in self.parts}
        parts = {part.kind: part.fitted.predict(samples, rows) for part in self.parts}
        prediction = np.zeros(len(rows))
        for kind, part in parts.items():
            prediction = prediction + weights[kind] * part
        return Forecast(prediction, parts, weights)


def learned_weights(columns: Matrix, y: Vector) -> tuple[Vector, str]:
    """The weights of the least squared error that are not below 0 and sum to 1.

    Parameters
    ----------
    columns : (K, M) each member's predictions, finite.
    y : (K,) outcomes.

    Returns
    -------
    (M,) weights, and the reason why they are equal where the rows do not determine them; empty otherwise.

    Notes
    -----
    With the sum at 1, ``y - columns @ w`` is ``(y - columns) @ w`` row by row: the point of the hull of the members'
    errors that is nearest to 0. It is found exactly: non-negative least squares on the errors over a row that requires
    a sum of 1, whose solution is then scaled to it. For a sum of s the least error is s^2 times that of a sum of 1, so
    where the point lies does not depend on how much the row weighs.

    References
    ----------
    Breiman, L. (1996), Stacked regressions, Machine Learning 24: why weights are held at or above 0. Haskell, K. and
    Hanson, R. (1981), An algorithm for linear least squares problems with equality and nonnegativity constraints,
    Mathematical Programming 21.
    """
    count = columns.shape[1]
    equal = np.full(count, 1 / count)
    if len(y) < MIN_ROWS:
        return equal, f"{len(y)} rows to learn weights from, fewer than {MIN_ROWS}"
    errors = y[:, None] - columns
    scale = float(np.abs(errors).max())
    if scale == 0 or np.ptp(columns, axis=1).max() == 0:
        return equal, "the members predict the same"
    from scipy.optimize import nnls

    heavy = np.full(count, np.sqrt(len(y)))
    solution, _ = nnls(np.vstack([errors / scale, heavy]), np.append(np.zeros(len(y)), heavy[0]))
    total = float(solution.sum())
    return (solution / total, "") if total > 0 else (equal, "no weights fit")


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def _refused(kind: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("weight", "{message}", {"message": message, "path": ["members", kind, "weight"]})
