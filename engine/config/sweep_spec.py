"""The `sweep:` block of a config: search space, sampling method, objective, constraints, and tests for overfitting."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Discriminator, Field, JsonValue, Tag, model_validator
from pydantic_core import PydanticCustomError

from core.plugins import PluginField
from core.spec import Spec
from risk.measures.base import Measure
from risk.measures.sharpe import Sharpe

Method: TypeAlias = Literal["grid", "random", "sobol", "tpe"]
AXIS = "a list of values, {choices: [...]}, or {low: ..., high: ..., step: ...}; a key has dots, `risk.base: [...]`"
Number: TypeAlias = int | float
MAX_AXIS_VALUES = 100_000
"""Values of the longest axis that is accepted; a larger number is most likely a wrong step."""


def decimal(value: Number) -> Decimal:
    """A number as it is written in the file: 0.1 exactly, not the nearest binary fraction."""
    return Decimal(repr(value))


class Choices(Spec):
    """An axis of given values; a value may be a number, a text, null, or a whole block."""

    choices: Annotated[tuple[JsonValue, ...], Field(min_length=1)]
    """The values to try, each once."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        distinct: list[JsonValue] = []
        for value in self.choices:
            if any(type(value) is type(other) and value == other for other in distinct):
                raise PydanticCustomError("twice", "holds {value} twice; keep one", {"value": repr(value)})
            distinct.append(value)
        return self


class Range(Spec):
    """An axis from `low` to `high`, both included."""

    low: Number
    """The least value."""
    high: Number
    """The largest value."""
    step: Number | None = None
    """The distance of two values; without it, any number in between (whole ones if low and high are whole)."""
    log: bool = False
    """Spread evenly over the orders of magnitude; only without a step."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high:
            self._refuse(f"low ({self.low:g}) must be below high ({self.high:g}); for one value write a list of it")
        width = float(decimal(self.high) - decimal(self.low))
        if self.step is not None and not 0 < self.step <= width:
            self._refuse(f"step ({self.step:g}) must be above 0 and at most high - low ({width:g})")
        if self.step is not None and width / self.step >= MAX_AXIS_VALUES:
            self._refuse(
                f"makes {width / self.step + 1:,.0f} values; take a larger step, or none and sample "
                "(`method: sobol` with `trials: 2000`, say)"
            )
        if self.log and (self.low <= 0 or self.step is not None):
            self._refuse("log needs a low above 0 and no step")
        return self

    def _refuse(self, text: str) -> None:
        raise PydanticCustomError("range", "{text}", {"text": text})


def _axis(value: Any) -> Any:
    """A plain list means choices."""
    if isinstance(value, list | tuple):
        if not value:
            raise PydanticCustomError("axis", "is empty; give at least one value")
        return {"choices": tuple(value)}
    if isinstance(value, Mapping) and isinstance(value.get("choices"), list):
        return {**value, "choices": tuple(value["choices"])}  # pydantic validates a validator's output as Python
    if isinstance(value, Mapping) and ("choices" in value or {"low", "high"} & value.keys()):
        return value
    if isinstance(value, Choices | Range):
        return value
    raise PydanticCustomError("axis", "must be {axis}", {"axis": AXIS})


def _axis_tag(value: Any) -> str:
    """The tag of an axis: choices or range. Tags are left out of messages."""
    return "<range>" if isinstance(value, Range) or "low" in value or "high" in value else "<choices>"


Axis: TypeAlias = Annotated[
    Annotated[Annotated[Choices, Tag("<choices>")] | Annotated[Range, Tag("<range>")], Discriminator(_axis_tag)],
    BeforeValidator(_axis),
]
"""The values of one key: a list of choices or a range."""


def _not_empty(value: Any) -> Any:
    """Refuse an empty space with a message of its own."""
    if isinstance(value, Mapping) and not value:
        raise PydanticCustomError("space", "is empty; give at least one key, such as `risk.base: [0.01, 0.02]`")
    return value


def _measure_block(value: Any) -> Any:
    """The block of a measure that is given by its kind alone."""
    return {"kind": value} if isinstance(value, str) else value


SweepMeasure: TypeAlias = Annotated[Measure, PluginField("risk.measures"), BeforeValidator(_measure_block)]
"""A measure, by its kind alone or as a mapping with its parameters."""


class Objective(Spec):
    """The ranking criterion of a sweep: a measure and its direction."""

    measure: SweepMeasure = Sharpe()
    """A measure's kind, or a mapping with its `kind` and parameters."""
    direction: Literal["max", "min"] = "max"
    """`max` if a higher value is better, `min` if a lower one is."""


class Constraint(Spec):
    """A condition on a measure; trials that miss it are not ranked."""

    measure: SweepMeasure
    """As in `objective`; drawdowns and value at risk are negative."""
    op: Literal[">=", "<=", ">", "<"]
    """How the measure must compare with `value`; where the measure is undefined, the constraint is not met."""
    value: float
    """The bound, in the measure's unit."""


class OverfittingSpec(Spec):
    """Parameters of the tests for overfitting."""

    pbo_blocks: Annotated[int, Field(ge=4, le=20, multiple_of=2)] = 16
    """Blocks of time that the probability of backtest overfitting splits the span into, an even number."""
    returns: Annotated[int, Field(ge=20, le=5000)] = 1000
    """Trials whose daily returns are stored, for tests that need them; chosen before the sweep begins."""
    reps: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """Resamples of the tests for superior ability."""


class TlsSpec(Spec):
    """Files of an encrypted connection, as Dask's own settings have them."""

    ca: Annotated[str, Field(min_length=1)]
    """The certificate of the authority that signed the others, a PEM file."""
    cert: Annotated[str, Field(min_length=1)]
    """This client's certificate."""
    key: Annotated[str, Field(min_length=1)]
    """And its key."""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class ClusterSpec(Spec):
    """A Dask cluster that runs trials."""

    dask: Annotated[str, Field(pattern=r"^(local|(tcp|tls)://[^\s/]+:\d+)$")]
    """The scheduler's address, `tcp://host:8786` or `tls://host:8786`; `local` starts one with `workers` processes."""
    tls: TlsSpec | None = None
    """Certificates, for an address that begins with tls."""
    timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds to wait for the scheduler, and for its first worker."""

    @model_validator(mode="after")
    def _certificates_are_there(self) -> Self:
        if self.dask.startswith("tls:") and self.tls is None:
            text = "an address that begins with tls needs the files of `tls: {{ca, cert, key}}`"
            raise PydanticCustomError("tls", text.replace("{{", "{").replace("}}", "}"))
        if self.tls is not None and not self.dask.startswith("tls:"):
            raise PydanticCustomError("tls", "certificates need an address that begins with tls://")
        files = (self.tls.ca, self.tls.cert, self.tls.key) if self.tls else ()
        missing = [path for path in files if not Path(path).is_file()]
        if missing:
            raise PydanticCustomError("tls_file", "there is no file {file}", {"file": missing[0], "path": ["tls"]})
        return self

    @property
    def warning(self) -> str:
        """A warning if the connection is neither encrypted nor on this machine; else empty."""
        host = urlsplit(self.dask).hostname
        if self.dask.startswith("tcp:") and not _is_loopback(host or ""):
            return (
                f"sweep.cluster: {self.dask} is neither encrypted nor asks who connects; use it in a closed network, "
                "or take tls"
            )
        return ""


class SweepSpec(Spec):
    """A sweep over keys of the config that holds it."""

    method: Method = "grid"
    """The sampling method: every point, a random sample, a Sobol sequence, or Optuna's TPE from earlier trials."""
    space: Annotated[dict[str, Axis], Field(min_length=1), BeforeValidator(_not_empty)]
    """The search space: dotted keys, such as `strategy.entry`, each with a list of values or a range."""
    trials: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The number of points; for a grid, the largest number that it may have."""
    batch: Annotated[int, Field(ge=1, le=1024)] = 8
    """Points per batch of tpe, whatever the number of workers."""
    objective: Objective = Objective()
    """The measure by which trials are ranked."""
    constraints: tuple[Constraint, ...] = ()
    """Conditions that a trial must meet to be ranked."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = "auto"
    """Processes and threads; auto: as the config's `workers`. Never changes a result."""
    cluster: ClusterSpec | None = None
    """Run trials on a Dask cluster; null: on this machine. Never changes a result."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds that a fold or a trial on backtrader may take before its worker is ended; null: as long as it takes."""
    confirm: Annotated[int, Field(ge=1, le=100)] = 5
    """The best trials that are run again on backtrader, each with its run folder and tear-sheet."""
    spot_checks: Annotated[int, Field(ge=0, le=1000)] = 3
    """Trials drawn at random that are run again on backtrader as well, and compared alone."""
    overfitting: OverfittingSpec = OverfittingSpec()
    """Settings of the tests for overfitting."""
    holdout: date | None = None
    """The last date that trials see; bars after it are opened once, by the confirmation."""

    @model_validator(mode="after")
    def _has_a_number_of_trials(self) -> Self:
        if self.method != "grid" and self.trials is None:
            text = "method {method} needs a number of trials: add `trials`, 200 say"
            raise PydanticCustomError("trials", text, {"method": self.method, "path": ["trials"]})
        return self

    @model_validator(mode="after")
    def _grid_is_finite(self) -> Self:
        for path, axis in self.space.items():
            if self.method == "grid" and isinstance(axis, Range) and axis.step is None:
                text = "a grid needs the distance of two values: add `step`, or sample with method: sobol"
                raise PydanticCustomError("step", text, {"path": ["space", path]})
        return self

    @model_validator(mode="after")
    def _constraints_can_be_met(self) -> Self:
        lows: dict[str, float] = {}
        highs: dict[str, float] = {}
        for constraint in self.constraints:
            name = constraint.measure.name
            if constraint.op[0] == ">":
                lows[name] = max(lows.get(name, constraint.value), constraint.value)
            else:
                highs[name] = min(highs.get(name, constraint.value), constraint.value)
        for name in lows.keys() & highs.keys():
            at_low = [item for item in self.constraints if item.measure.name == name and item.value == lows[name]]
            is_strict = any(len(item.op) == 1 for item in at_low)
            if lows[name] > highs[name] or (is_strict and lows[name] == highs[name]):
                text = "no trial can meet them: {name} would have to be at least {low:g} and at most {high:g}"
                context = {"name": name, "low": lows[name], "high": highs[name], "path": ["constraints"]}
                raise PydanticCustomError("constraints", text.format(**context), context)
        return self
