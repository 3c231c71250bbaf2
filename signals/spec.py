"""The configuration of signals: features, label, model, folds, confidence and the seed."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import NonNegativeInt, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.digests import seed_of
from core.errors import ConfigError
from core.plugins import PluginField
from core.spec import Share, Spec
from core.types import Market
from signals.confidence.base import Confidence
from signals.confidence.calibrated import Calibrated
from signals.confidence.constant import Constant
from signals.features._every import FeatureSpec
from signals.features.base import Feature
from signals.labels.base import Label
from signals.labels.forward_return import ForwardReturn
from signals.models.base import Model, RuleModel, TrainedModel

from .scaling import ScalerName


class WalkForward(Spec):
    """Training windows and test windows, which step through time."""

    scheme: Literal["expanding", "rolling"] = "expanding"
    """Train on everything before the cut, or on the last ``train`` bars only."""

    train: PositiveInt = 1000
    """Bars of common time before the first test window; for ``rolling`` the length of every training window."""

    test: PositiveInt = 250
    """Bars of common time in a test window; the last window may be shorter."""

    stop: Share = 0.1
    """Share of the training window that decides when to stop training."""

    calibration: Share = 0.2
    """Share of the training window, at its end, that the confidence is fitted on."""

    embargo: NonNegativeInt = 0
    """Further bars to drop before each cut, on top of the purge that follows from the label."""

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> Self:
        if self.stop + self.calibration >= 1:
            raise PydanticCustomError(
                "walk_forward_blocks",
                "stop {stop} and calibration {calibration} leave nothing to train on: their sum must be below 1",
                {"stop": self.stop, "calibration": self.calibration, "path": ["calibration"]},
            )
        if self.embargo >= self.train:
            raise PydanticCustomError(
                "walk_forward_embargo",
                "embargo {embargo} must be below train {train}: nothing would be left",
                {"embargo": self.embargo, "train": self.train, "path": ["embargo"]},
            )
        return self


NO_LABELS = {
    "level": "a price level is no label here: trees cannot predict a level they have not seen, and a level's fit is "
    "mostly yesterday's price; use forward_return or open_to_open",
}
FOR_TRAINING: dict[str, Any] = {
    "label": ForwardReturn(),
    "scaler": "minmax",
    "walk_forward": WalkForward(),
    "confidence": Calibrated(),
}
"""The defaults of a model that trains."""


@dataclass(frozen=True)
class Training:
    """A spec whose model trains, with nothing left open; the fields are those of :class:`SignalSpec`."""

    seed: int
    features: tuple[Feature, ...]
    label: Label
    scaler: ScalerName
    model: TrainedModel
    walk_forward: WalkForward
    confidence: Confidence

    def fold_seed(self, cut: str, symbol: str = "") -> int:
        """The seed of the fold that begins at ``cut`` (ISO text), or of one symbol's own model in it.

        It depends on what is learnt and how, never on the data, on other folds or on what trades on the signals: so a
        history that is cut off later trains alike.
        """
        features = [feature.dump() for feature in self.features]
        parts = (self.seed, features, self.label.dump(), self.model.dump(), self.walk_forward.dump(), cut)
        return seed_of(*parts, symbol) if symbol else seed_of(*parts)


class SignalSpec(Spec):
    """The part of a configuration that trained models depend on; policies that share it share the models.

    A model that trains needs features; label, scaler, walk_forward and confidence have defaults. A rule takes none of
    them, and its confidence is a constant.
    """

    seed: NonNegativeInt = 0
    """The only source of chance."""

    features: tuple[FeatureSpec, ...] = ()
    """What a model that trains looks at, in this order, and what the strategy may read; for a model that does not
    train, the latter alone. Each takes `every` besides its own keys: `{kind: sma, window: 10, every: week}` is computed
    on bars made of finished weeks."""

    label: Annotated[Label, PluginField("signals.labels", NO_LABELS, default="forward_return")] | None = None
    """What a model that trains predicts; by default the next bar's close-to-close return."""

    scaler: ScalerName | None = None
    """How features are scaled, fitted on each fold's training rows only; by default minmax."""

    model: Annotated[Model, PluginField("signals.models")]
    """The model, by its kind."""

    walk_forward: WalkForward | None = None
    """How training and test windows step through time."""

    confidence: Annotated[Confidence, PluginField("signals.confidence", default="calibrated")] | None = None
    """How sure a prediction is; by default calibrated for a model that trains, constant for a rule."""

    @property
    def training(self) -> Training:
        """The spec of a model that trains; a ConfigError for a rule."""
        if not isinstance(self.model, TrainedModel):
            raise ConfigError(f"model {self.model.kind} does not train: it has no folds")
        fields = {name: getattr(self, name) for name in Training.__dataclass_fields__}
        return Training(**fields)

    def warmup_in(self, market: Market, symbol: str) -> int:
        """Bars of a symbol before its first row with all features, label units and confidence scales."""
        if isinstance(self.model, RuleModel):
            return self.model.warmup
        training = self.training
        return max(
            training.label.warmup,
            training.confidence.warmup,
            *(feature.warmup_in(market, symbol) for feature in training.features),
        )

    @model_validator(mode="after")
    def _fits_the_model(self) -> Self:
        if self.model.trains:
            self._fill(FOR_TRAINING)
            if not self.features:
                raise self._refused("features", "trains: add at least one of `features`")
            return self._with_a_confidence_it_can_have()
        for name in ("label", "scaler", "walk_forward"):
            if getattr(self, name):
                raise self._refused(name, f"does not train: remove `{name}`")
        self._fill({"confidence": Constant()})
        return self._with_a_confidence_it_can_have()

    def _with_a_confidence_it_can_have(self) -> Self:
        if self.confidence and (reason := self.confidence.refusal(self.model)):
            raise self._refused("confidence", reason)
        return self

    def _fill(self, defaults: dict[str, Any]) -> None:
        for name, value in defaults.items():
            if getattr(self, name) is None:
                self.__dict__[name] = value  # the object is frozen, but not yet returned

    def _refused(self, name: str, message: str) -> PydanticCustomError:
        context = {"kind": self.model.kind, "message": message, "path": [name]}
        return PydanticCustomError("model_needs", "model {kind} {message}", context)
