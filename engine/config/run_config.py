"""The configuration of a run: the blocks of all packages in one model, and error messages of one line."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from core.digests import digest
from core.errors import ConfigError
from core.spec import Spec, known_keys
from marketdata.data_spec import DataSpec
from risk.costs import BrokerSpec
from risk.measure_set import MeasuresSpec
from risk.spec import RiskSpec
from signals.spec import SignalSpec
from strategies._contract import columns_of, fault_of, filtered_columns
from strategies._own_class import OwnClass, StrategyField
from strategies.base import CrossSectional, Strategy

from .foreign_words import here_it_is
from .sweep_spec import SweepSpec
from .yaml_layers import KeyPath, Layer, layer_from_mapping, override, read_layer

FORMAT: Literal[1] = 1
NO_RESULT = ("name", "report", "engine", "workers", "sweep")
"""Keys that do not change the result of a run."""
MAPPING = "the mapping given"
"""The source of a config that is not read from a file, in messages."""
BAD_NAME = "must be ASCII letters, digits, `.`, `_` and `-`, a letter or digit first, at most 80 of them"

# Keys of other libraries that would cause look-ahead in training: refused with the reason.
LEAKS = {
    "shuffle": "rows are never shuffled: a shuffled split trains on the future",
    "test_size": "there is no random split; `walk_forward` cuts the data in time order",
    "validation_split": "validation is the block at the end of each training window: see `walk_forward.stop`",
    "fit": "a scaler is fitted on each training window only; fitted on all data it would know the future",
    "purge": "the purge is derived from when each label becomes known; it is not a setting",
}

ABSENT = ("missing", "reads")
"""Types of problems with something that is not there."""
DISTANCES = (("risk", "stop"), ("risk", "take_profit"), ("strategy", "entry_order", "offset"))
"""Keys whose value is a distance from the price, which people write as a bare number."""


class ReportSpec(Spec):
    """The pages of a run."""

    tearsheet: bool = True
    """Write tearsheet.html, the tear-sheet of quantstats, beside report.html."""

    tearsheet_benchmark: Literal["exposure", "full"] = "exposure"
    """The benchmark of the tear-sheet: at the strategy's average exposure, or fully invested."""


class RunConfig(SignalSpec):
    """The complete description of a backtest."""

    version: Literal[1] = FORMAT
    """The format of this file; 1 is the only one so far."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")] = "run"
    """The name of the run folder; the file's name if left out. Not part of the run's identity."""
    data: DataSpec
    """Source and span of prices, traded symbols, and the benchmark."""
    strategy: Annotated[Strategy, StrategyField("strategies")]
    """The rule that turns predictions into positions, by its kind; or `{file: my_strategy.py, parameters: {...}}`, a
    backtrader class of your own."""
    risk: RiskSpec = RiskSpec()
    """The 2 % / 5 % rule."""
    broker: BrokerSpec = BrokerSpec()
    """The account and its costs."""
    measures: MeasuresSpec = MeasuresSpec()
    """Levels and conventions of the measures."""
    report: ReportSpec = ReportSpec()
    """The pages to write."""
    engine: Literal["backtrader", "compiled", "both"] = "backtrader"
    """The engine of the backtest: backtrader; compiled, which gives the same bits; or both, compared. Never changes a
    result."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = "auto"
    """Processes that train folds, one thread each; auto: the machine's cores. Never changes a result."""
    sweep: SweepSpec | None = None
    """Run many settings of this config instead of one."""

    @model_validator(mode="after")
    def _orders_fit(self) -> Self:
        min_order = self.risk.limits.min_order
        max_order = self.risk.cap * self.broker.cash
        if min_order > max_order:
            text = (
                f"min_order ({min_order:g}) is more than cap x cash ({max_order:g}): nothing could ever be ordered; "
                "lower it"
            )
            raise PydanticCustomError("min_order", "{text}", {"text": text, "path": ["risk", "limits", "min_order"]})
        return self

    @model_validator(mode="after")
    def _rule_can_be_called(self) -> Self:
        fault = fault_of(type(self.strategy), cross=isinstance(self.strategy, CrossSectional))
        if fault:
            text = f"the rule of {self.strategy.kind} {fault}; mend it"
            raise PydanticCustomError("rule", "{text}", {"text": text, "path": ["strategy"]})
        return self

    @model_validator(mode="after")
    def _own_class_stands_alone(self) -> Self:
        if not isinstance(self.strategy, OwnClass):
            return self
        limits = self.risk.limits
        settings = {
            "stop": self.risk.stop,
            "take_profit": self.risk.take_profit,
            "resize": self.risk.resize,
            "limits.daily_loss": limits.daily_loss,
            "limits.drawdown": limits.drawdown,
        }
        used = [key for key, value in settings.items() if value is not None]
        if used:
            text = "a class of your own sends its own orders, so this has no effect: remove it, and send them in `next`"
            raise PydanticCustomError("own_class", "{text}", {"text": text, "path": ["risk", *used[0].split(".")]})
        return self

    @model_validator(mode="after")
    def _features_are_there(self) -> Self:
        if isinstance(self.strategy, OwnClass):
            return self
        try:
            read = (*columns_of(self.strategy, self.features), *filtered_columns(self.strategy, self.features).values())
        except ConfigError as error:
            raise PydanticCustomError("reads", "{text}", {"text": str(error), "path": ["strategy"]}) from None
        if self.features and not self.model.trains and not read:
            text = f"model {self.model.kind} does not train: remove `features`, for the strategy reads none"
            raise PydanticCustomError("unused", "{text}", {"text": text, "path": ["features"]})
        return self

    @model_validator(mode="after")
    def _news_are_there(self) -> Self:
        news_features = [(index, feature.kind) for index, feature in enumerate(self.features) if feature.news]
        if news_features and self.data.news is None:
            index, kind = news_features[0]
            text = "{kind} reads headlines, but the config names none; set data.news.file"
            raise PydanticCustomError("no_news", text, {"kind": kind, "path": ["features", str(index)]})
        return self

    @property
    def signals(self) -> SignalSpec:
        """The part of the config that determines the signals: the key of the signal cache."""
        values = self.dump()
        return SignalSpec.parse({key: values[key] for key in SignalSpec.model_fields})

    @property
    def risk_free(self) -> float:
        """The annual rate that ratios compare with: `measures.risk_free`, or what cash earns where that is more.

        Where cash earns nothing, a stated rate below 0 counts as it is.
        """
        stated = self.measures.risk_free
        return self.broker.cash_yield if self.broker.cash_interest > max(stated, 0.0) else stated

    @property
    def id(self) -> str:
        """The run's id: 12 hex digits of all keys but :data:`NO_RESULT`; data files count by their content."""
        values = {key: item for key, item in self.dump().items() if key not in NO_RESULT}
        return digest({**values, "data": self.data.identity(), "strategy": self.strategy.identity()})[:12]


def layer_of_file(path: Path, overrides: Iterable[str] = ()) -> Layer:
    """The layer of a config file, merged with the files that it extends and the overrides; not validated.

    Parameters
    ----------
    path : a YAML file.
    overrides : ``dotted.key=value`` texts, applied in order.

    Raises
    ------
    ConfigError
        The file, or one that it extends, cannot be read as YAML, or an override has no ``key=value`` form.
    """
    layer = _overridden(read_layer(path), overrides)
    return replace(layer, values={"name": _name_of(path), **layer.values})


def _name_of(path: Path) -> str:
    """The name of a config from its file's name, valid as a folder name: ``my config.yaml`` gives ``my-config``."""
    plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:80] or "run"


def layer_of_mapping(values: Mapping[str, Any], overrides: Iterable[str] = ()) -> Layer:
    """The layer of a mapping, merged with the files that it extends and the overrides; not validated."""
    return _overridden(layer_from_mapping(values, MAPPING), overrides)


def _overridden(layer: Layer, overrides: Iterable[str]) -> Layer:
    for text in overrides:
        layer = override(layer, text)
    return layer


def validate(layer: Layer, source: str) -> RunConfig:
    """A layer as a :class:`RunConfig`; ``source`` is the location of keys that have none in the layer."""
    if "cerebro" in layer.values:
        raise ConfigError(f"{source}: describes a recorded Cerebro run and is no config; run the script again")
    version = layer.values.get("version", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise ConfigError(
            f"{source}: version {version} is newer than this program reads ({FORMAT}); update backtrader-ml"
        )
    try:
        return RunConfig.parse(layer.values)
    except ValidationError as error:
        raise ConfigError(_explain(error.errors(include_url=False), layer, source)) from None


def explain_values(error: ValidationError, values: Mapping[str, Any]) -> str:
    """The message of a config's validation error: one line, without a location."""
    text = _explain(error.errors(include_url=False), Layer(dict(values), {}), "")
    return text.removeprefix(": ")


def explain_block(error: ValidationError, block: str, values: Mapping[str, Any]) -> str:
    """The message of a block's validation error: one line, without a location; ``values`` are the block's."""
    problems = [{**problem, "loc": (block, *problem["loc"])} for problem in error.errors(include_url=False)]
    text = _explain(cast("Sequence[ErrorDetails]", problems), Layer({block: values}, {}), "")
    return text.removeprefix(": ")


def _explain(problems: Sequence[ErrorDetails], layer: Layer, source: str) -> str:
    """One line for the first invalid key: its location, and the messages of all types that its value may have."""
    by_key: dict[KeyPath, list[str]] = {}
    absent: set[KeyPath] = set()
    # A misspelt key is reported twice, as unknown and as missing: the unknown one comes first.
    for problem in sorted(problems, key=lambda problem: problem["type"] == "missing"):
        context: Mapping[str, Any] = problem.get("ctx", {})
        # A plug-in's validators put the path below the plug-in's field into the context.
        path = _file_path(tuple(str(part) for part in (*problem["loc"], *context.get("path", ()))), layer.values)
        by_key.setdefault(path, []).append(_message(problem, context, path))
        if context.get("type", problem["type"]) in ABSENT:
            absent.add(path)
    path, messages = next(iter(by_key.items()))
    more = f" (and {len(by_key) - 1} more)" if len(by_key) > 1 else ""
    more += layer.lost_above(path) if path in absent else ""
    key = f"{'.'.join(path)}: " if path else ""
    return f"{layer.location_of(path) or source}: {key}{', or '.join(messages)}{more}"


def _file_path(path: KeyPath, values: Any) -> KeyPath:
    """A path of pydantic without the names of union members: only keys and indices that stand in the file."""
    file_path: list[str] = []
    for part in path:
        if part.startswith("<"):
            continue  # the tag of an axis, see sweep_spec
        if isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        elif isinstance(values, Mapping) and part not in values and part == values.get("kind"):
            continue  # the kind that was chosen, not a key
        elif isinstance(values, Mapping):
            values = values.get(part)
        else:
            break
        file_path.append(part)
    return tuple(file_path)


def _message(problem: ErrorDetails, context: Mapping[str, Any], path: KeyPath) -> str:
    kind = context.get("type", problem["type"])
    value = context.get("given", problem["input"])
    if kind == "extra_forbidden":
        return _unknown_key(path, context.get("known") or known_keys(RunConfig, path))
    if kind == "missing":
        return "is missing; add it"
    if path in DISTANCES and not isinstance(value, Mapping):
        return f"must be a mapping{_distance_hint(value)}; given {value!r}"
    if kind == "string_type" and (value is None or isinstance(value, bool | int | float)):
        return f"must be text, but YAML reads it as {value!r}; write it in quotes, as it is called"
    text = BAD_NAME if path == ("name",) and kind.startswith("string_pattern") else problem["msg"]
    text = text.removeprefix("Value error, ")
    text = text[0].lower() + text[1:]
    return text if isinstance(value, Mapping | list | tuple) else f"{text}; given {value!r}"


def _distance_hint(value: object) -> str:
    """The mapping that a bare number was meant as."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1
    return f"; write {{kind: percent, value: {value if number else 0.05}}}"


def _unknown_key(path: KeyPath, valid_keys: Iterable[str]) -> str:
    key = path[-1]
    foreign = here_it_is(key, path)
    if foreign:
        return f"unknown key; {foreign}"
    if key in LEAKS:
        return f"is refused: {LEAKS[key]}"
    names = list(valid_keys)
    close = difflib.get_close_matches(key, names, n=1)
    if close:
        return f"unknown key; did you mean {close[0]!r}?"
    return f"unknown key; known here: {', '.join(names)}" if names else "unknown key; remove it"
