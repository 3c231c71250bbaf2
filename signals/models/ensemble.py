"""A weighted sum of models."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self, cast

import numpy as np
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from core.digests import seed_of
from core.progress import Report, silent
from core.types import Rows, Vector

from ._base import Fitted, Forecast, Samples, TrainedModel
from ._members import Member, MembersField

DEFAULT: Any = {
    "lstm": {"weight": 0.4},
    "random_forest": {"weight": 0.2},
    "xgboost": {"weight": 0.2},
    "lightgbm": {"weight": 0.2},
}


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

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> Self:
        total = math.fsum(member.weight for member in self.members)
        if abs(total - 1) > 1e-9:
            weights = " + ".join(f"{member.kind} {member.weight:g}" for member in self.members)
            given = {"weights": weights, "total": f"{total:.10g}", "path": ["members"]}
            raise PydanticCustomError("weights", "weights must sum to 1; {weights} = {total}", given)
        return self

    def fit(self, samples: Samples, train: Rows, stop: Rows, seed: int, report: Report = silent) -> "FittedEnsemble":
        """Fit every member on the same rows, each under a seed of its own."""
        parts = []
        # By kind: the order of keys in a config must not decide the last bit of a sum.
        for member in sorted(self.members, key=lambda each: each.kind):
            try:
                fitted = member.model.fit(samples, train, stop, seed_of(seed, member.kind), report)
            except Exception as error:
                error.add_note(f"member {member.kind}")
                raise
            parts.append(Part(member.kind, member.weight, fitted))
        return FittedEnsemble(tuple(parts))

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

    def accounts(self, fitted: Fitted) -> Mapping[str, Mapping[str, Any]]:
        """What each member says of its fit."""
        return fitted.details


@dataclass(frozen=True, eq=False)
class Part:
    """A fitted member with its kind and its weight."""

    kind: str
    weight: float
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """Fitted members, in the order of their kinds."""

    parts: tuple[Part, ...]

    @property
    def details(self) -> Mapping[str, Any]:
        """Each member's details, by kind."""
        return {part.kind: dict(part.fitted.details) for part in self.parts}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """The weighted sum; NaN where any member has no opinion."""
        return self.forecast(samples, rows).prediction

    def forecast(self, samples: Samples, rows: Rows) -> Forecast:
        """The weighted sum, with each member's own predictions."""
        weights = {part.kind: part.weight for part in self.parts}
        parts = {part.kind: part.fitted.predict(samples, rows) for part in self.parts}
        return Forecast(sum((weights[kind] * own for kind, own in parts.items()), np.zeros(len(rows))), parts, weights)
