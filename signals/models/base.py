"""The contract of model plug-ins: a frozen spec; fitting it gives a new object that predicts."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, TypeAlias

from pydantic import Field

from core.deprecated_members import RenamedAttribute, adopt_old_names
from core.errors import ModelError
from core.plugins import PluginSpec
from core.progress import ProgressCallback, no_progress
from core.types import Bars, Matrix, Rows, Vector
from signals.stored import Stored

__all__ = ["CHEAP", "POOLED", "Fitted", "Forecast", "Model", "RuleModel", "Samples", "Scope", "TrainedModel", "seed32"]

Scope: TypeAlias = Literal["pooled", "per_symbol"]
POOLED: Scope = "pooled"
CHEAP = {"epochs": 1, "rounds": 5, "trees": 5}
"""The values to which the leak battery lowers a model's parameters of these names."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Stacked rows of all symbols, each symbol's rows together and in time order.

    Attributes
    ----------
    X : (R, F) scaled features, finite.
    y : (R,) label values; NaN where the model may not use them.
    first : (R,) the row number of the first row of the same symbol: a window may not begin before it.
    last : (R,) the symbol's latest label that is known at the row's own decision; NaN before there is one.
    weight : (R,) the weight of each row in a fit, 1 on average over the training rows; None where all
        count the same.
    """

    X: Matrix
    y: Vector
    first: Rows
    last: Vector | None = None
    weight: Vector | None = None

    def weights(self, rows: Rows) -> Vector | None:
        """(K,) the weights of some rows; None where all count the same."""
        return None if self.weight is None else self.weight[rows]


@dataclass(frozen=True, eq=False)
class Forecast:
    """K predictions of a fitted model, and their parts.

    Attributes
    ----------
    prediction : (K,) expected label values; NaN where the model has no prediction.
    parts : by member, its own (K,) predictions; empty for a model without members.
    weights : by member, its part in the prediction.
    """

    prediction: Vector
    parts: Mapping[str, Vector] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def take(self, rows: Rows) -> Self:
        """Some of them."""
        parts = {name: part[rows] for name, part in self.parts.items()}
        return replace(self, prediction=self.prediction[rows], parts=parts)


class Fitted(Protocol):
    """A fitted model; it does not change after the fit."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Details of the fit, as plain JSON values: rounds, epochs, losses."""
        ...

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """Predict some rows.

        Parameters
        ----------
        samples : rows that may be used; never past the last of ``rows``.
        rows : (K,) row numbers to predict, at least one.

        Returns
        -------
        (K,) expected label values; NaN where the model has no prediction.
        """
        ...


class Model(PluginSpec):
    """A model's parameters. ``trains`` tells the two kinds apart."""

    family: ClassVar[str] = "models"
    trains: ClassVar[bool]


class TrainedModel(Model):
    """A model that is fitted on labelled rows, fold by fold.

    ``uses_seed`` is true where the seed changes the fit, ``learns`` where anything is learnt from the features,
    ``reads_last`` where a prediction may read :attr:`Samples.last`; where it does not, a bundle leaves it out.
    """

    trains: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = True
    chance: ClassVar[Any] = RenamedAttribute("uses_seed", since="0.2")
    learns: ClassVar[bool] = True
    reads_last: ClassVar[bool] = True

    # Written out only where it is not the default: the ids of configs are older than it.
    scope: Annotated[Scope, Field(exclude_if=lambda scope: scope == POOLED)] = POOLED
    """`pooled`: one model learns from the rows of all symbols; `per_symbol`: each symbol has a model of its own."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Honour ``chance``, the old name of ``uses_seed``; ``reads_last`` holds for no ``fit`` but its class's own."""
        super().__pydantic_init_subclass__(**kwargs)
        if "fit" in vars(cls) and "reads_last" not in vars(cls):
            cls.reads_last = True
        adopt_old_names(cls, {"chance": "uses_seed"}, since="0.2", stacklevel=4)

    @abstractmethod
    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> Fitted:
        """Fit on ``train``; equal arguments give an equal model, bit for bit, whatever the global state.

        Parameters
        ----------
        samples : every row that may be used, all known at the time of the fit; it is not changed.
        train : row numbers to learn from; their labels are finite.
        stop : later row numbers that decide when to stop, at least one; models without such a choice ignore them.
        seed : 0 <= seed < 2**63, the only source of randomness.
        on_progress : called with each step of long work.

        Raises
        ------
        ModelError
            The rows do not suffice for these parameters, or the fit failed.
        """

    def check(self, samples: Samples, train: Rows, stop: Rows) -> None:
        """Refuse rows that :meth:`fit` cannot use, before any time is spent on a fit.

        Raises
        ------
        ModelError
            The rows do not suffice for these parameters.
        """

    @property
    def tolerance(self) -> float:
        """Relative difference of predictions that another number of rows may make.

        Arrays of other shapes take other paths in a linear algebra library.
        """
        return 1e-9

    def cheap(self) -> Self:
        """The same model at the least cost: a leak is in the plumbing, which a few trees show as well as thousands."""
        lowered = {name: limit for name, limit in CHEAP.items() if getattr(self, name, 0) > limit}
        return self.model_copy(update=lowered)

    @property
    def settles(self) -> bool:
        """True where :meth:`settle` learns something from rows that no part of the model was fitted on."""
        return False

    def settle(self, fitted: Fitted, forecast: Forecast, y: Vector) -> Fitted:
        """The fitted model with the parameters learnt from its (K,) predictions of later rows and their outcomes."""
        del forecast, y
        return fitted

    def forecast(self, fitted: Fitted, samples: Samples, rows: Rows) -> Forecast:
        """Predict some rows; the forecast includes the parts of each prediction."""
        return Forecast(fitted.predict(samples, rows))

    def store(self, fitted: Fitted) -> Stored:
        """The content of a fitted model that a bundle keeps: :meth:`restore` makes its equal from it.

        Raises
        ------
        ModelError
            Models of this kind cannot be kept.
        """
        del fitted
        raise self._unkept()

    def restore(self, stored: Stored) -> Fitted:
        """The fitted model that was stored: its predictions have the same bits.

        The content may come from a stranger. Nothing in it is run, and every shape and index is checked.

        Raises
        ------
        ModelError
            Models of this kind cannot be kept.
        StoreError
            The content is not that of such a model.
        """
        del stored
        raise self._unkept()

    def _unkept(self) -> ModelError:
        return ModelError(f"model {self.kind}: its file has no `store` and `restore`, so it cannot be kept in a bundle")

    def accounts(self, fitted: Fitted) -> Mapping[str, Mapping[str, Any]]:
        """The details of a fit, by the kind of each model in it."""
        return {self.kind: fitted.details}


class RuleModel(Model):
    """A model that follows a fixed rule: no folds, no labels; its confidence is constant."""

    trains: ClassVar[bool] = False

    @property
    @abstractmethod
    def warmup(self) -> int:
        """Rows at the start without a signal."""

    @abstractmethod
    def signal(self, bars: Bars) -> Vector:
        """(T,) signed strength per bar from this and earlier bars; NaN in the first ``warmup`` rows and only there."""


def seed32(seed: int) -> int:
    """The seed cut to 31 bits, for libraries that take no longer one."""
    return seed % 2**31
