"""Settings, as columns under dotted paths, made into the records that a kernel reads."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from pydantic import ValidationError

from core.errors import ConfigError
from core.spec import Spec
from core.types import Rows
from engine.backtest.compiled.kernel.records import POLICY
from engine.backtest.engine_output import BacktestInput
from engine.config.dotted_paths import with_changes
from engine.config.run_config import explain_block

from .compilation import parameters, rule_of
from .engine import refuse_broker
from .market_arrays import broker_numbers, risk_numbers, row_of, rule_rows, windows_of
from .setting_errors import SettingError

Settings: TypeAlias = Mapping[str, Any]
"""Columns of equal length under dotted paths such as ``risk.stop.value``: one setting a row."""

BLOCKS = ("strategy", "risk", "broker")
REMEMBERED = 4096
"""Blocks that a reader remembers: in a grid the same ones come again with every chunk."""


class Known(NamedTuple):
    """A block that was found right, and what a policy takes from it; a strategy gives its policy nothing."""

    spec: Any
    numbers: Mapping[str, float]


class PolicyTable(NamedTuple):
    """P policies as a kernel reads them.

    Attributes
    ----------
    rows : (P,) of :data:`~engine.backtest.compiled.kernel.records.POLICY`.
    rules : (U,) what the rule reads, each once.
    which : (P,) the record of ``rules`` that each policy has.
    """

    rows: Any
    rules: Any
    which: Rows


class Possible(NamedTuple):
    """The settings of a chunk that can be, and why the others cannot.

    Attributes
    ----------
    policies : of those that can be; None if none can.
    places : their places in the chunk, increasing.
    reasons : by place, why a setting cannot be.
    """

    policies: PolicyTable | None
    places: Rows
    reasons: Mapping[int, str]


class UnorderableError(SettingError):
    """Settings that could never send an order: why, by the row of a chunk."""

    def __init__(self, reasons: Mapping[int, str], first: int) -> None:
        row = next(iter(reasons))
        super().__init__(first + row, reasons[row])
        self.reasons = reasons
        self._first = first

    def __reduce__(self) -> Any:
        return type(self), (self.reasons, self._first)


@dataclass(eq=False)
class Reader:
    """Makes policies of settings; remembers the average true ranges that were asked for, and what it has checked.

    Attributes
    ----------
    task : its strategy, risk and broker are what a setting changes.
    windows : of the average true ranges in use, in the order of a grid's ``ranges``.
    """

    task: BacktestInput
    windows: list[int] = field(default_factory=list)
    _plain: dict[str, dict[str, Any]] = field(default_factory=dict)
    _known: dict[Any, Known] = field(default_factory=dict)

    def read(self, settings: Settings, first: int = 0) -> PolicyTable:
        """The policies of a chunk of settings.

        Parameters
        ----------
        first : the number of its first setting, for messages.

        Raises
        ------
        ConfigError
            A path that is no parameter of strategy, risk or broker, columns that are no rows, a value that cannot be;
            the setting is named. Nothing has been run.
        """
        columns = {path: _column(path, values) for path, values in settings.items()}
        count = _count(columns)
        for path in columns:
            if path.partition(".")[0] not in BLOCKS or "." not in path:
                raise ConfigError(
                    f"{path}: a batch changes {', '.join(BLOCKS)}, by paths such as risk.base; what comes before the "
                    "signals is trained anew"
                )
        made: dict[str, list[Known]] = {}
        which: dict[str, Rows] = {}
        for block in BLOCKS:
            own = {path: values for path, values in columns.items() if path.startswith(f"{block}.")}
            places, which[block] = _distinct(own, count)
            picked = [{path: values[place] for path, values in own.items()} for place in places]
            made[block] = [self._block(block, each, first + place) for each, place in zip(picked, places, strict=True)]
        if count == 1:
            rows = row_of({**made["risk"][0].numbers, **made["broker"][0].numbers})
        else:
            rows = np.zeros(count, dtype=POLICY)
            for block in ("risk", "broker"):
                _fill(rows, [each.numbers for each in made[block]], which[block])
        if any(each.numbers["min_order"] for each in made["risk"]):
            _require_orders(rows, first)
        rule = rule_of(type(self.task.strategy))
        return PolicyTable(
            rows, rule_rows([each.spec for each in made["strategy"]], parameters(rule)), which["strategy"]
        )

    def _block(self, block: str, changes: Mapping[str, Any], number: int) -> Known:
        """The block of a setting, validated, and its numbers."""
        key = (block, *((path, _key(value)) for path, value in changes.items()))
        if (known := self._known.get(key)) is not None:
            return known
        spec = self._spec(block, changes, number) if changes else getattr(self.task, block)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[key] = found = Known(spec, self._numbers(block, spec))
        return found

    def possible(self, settings: Settings) -> Possible:
        """The policies of those settings that do not contradict themselves; each by itself may be what it is.

        Raises
        ------
        ConfigError
            A path that is no parameter of strategy, risk or broker, or columns that are no rows.
        """
        columns = {path: _column(path, values) for path, values in settings.items()}
        count = _count(columns)
        reasons: dict[int, str] = {}
        for block in BLOCKS:
            own = {path: values for path, values in columns.items() if path.startswith(f"{block}.")}
            places, which = _distinct(own, count)
            wrong = {
                number: text
                for number, place in enumerate(places)
                if (text := self._problem(block, {path: values[place] for path, values in own.items()}))
            }
            for place in np.flatnonzero(np.isin(which, list(wrong))).tolist() if wrong else ():
                reasons.setdefault(place, wrong[int(which[place])])
        kept = np.array([place for place in range(count) if place not in reasons], dtype=np.intp)
        while len(kept):
            try:
                rows = {path: [values[place] for place in kept] for path, values in columns.items()}
                return Possible(self.read(rows), kept, reasons)
            except UnorderableError as error:  # strategy, risk and broker are right, but not together
                reasons |= {int(kept[row]): text for row, text in error.reasons.items()}
                kept = np.delete(kept, list(error.reasons))
        return Possible(None, kept, reasons)

    def _problem(self, block: str, changes: Mapping[str, Any]) -> str:
        """What is wrong with a block of a setting; empty if nothing is."""
        try:
            self._block(block, changes, 0)
        except SettingError as error:
            return error.reason
        except ConfigError as error:
            return str(error).partition(": ")[2]
        return ""

    def _spec(self, block: str, changes: Mapping[str, Any], number: int) -> Any:
        """The block of a setting, validated."""
        base: Spec = getattr(self.task, block)
        if block not in self._plain:
            self._plain[block] = {key: value for key, value in base.dump().items() if key != "kind"}
        values = with_changes(self._plain[block], {path.partition(".")[2]: value for path, value in changes.items()})
        try:
            return type(base).parse(values)
        except ValidationError as error:
            raise SettingError(number, explain_block(error, block, values)) from None

    def _numbers(self, block: str, spec: Any) -> Mapping[str, float]:
        """What a policy takes from a block."""
        if block == "risk":
            self.windows += [window for window in windows_of(spec) if window not in self.windows]
            return risk_numbers(spec, self.windows)
        if block == "broker":
            refuse_broker(spec)
            return broker_numbers(spec)
        return {}


def _column(path: str, values: Any) -> list[Any]:
    """A column as plain Python values."""
    if isinstance(values, np.ndarray) or hasattr(values, "to_numpy"):
        array = np.asarray(values)
        if array.ndim != 1:
            raise ConfigError(f"{path}: a column of settings has one dimension; given: {array.ndim}")
        return list(array.tolist())
    if isinstance(values, Sequence) and not isinstance(values, str):
        return [value.item() if isinstance(value, np.generic) else value for value in values]
    raise ConfigError(f"{path}: give a column of values, one for each setting; given: {values!r}")


def _count(columns: Mapping[str, Sequence[Any]]) -> int:
    """How many settings there are."""
    lengths = {path: len(values) for path, values in columns.items()}
    if not lengths or not max(lengths.values()):
        raise ConfigError("there is no setting to run: give at least one column with one value")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{path} {length}" for path, length in lengths.items())
        raise ConfigError(f"columns of settings must be of one length; given: {told}")
    return next(iter(lengths.values()))


def _distinct(columns: Mapping[str, Sequence[Any]], count: int) -> tuple[list[int], Rows]:
    """The first row of each distinct combination of values, and which of them each row has."""
    code = np.zeros(count, dtype=np.intp)
    if count == 1:
        return [0], code
    for values in columns.values():
        known: dict[Any, int] = {}
        own = np.array([known.setdefault(_key(value), len(known)) for value in values], dtype=np.intp)
        code = np.unique(code * len(known) + own, return_inverse=True)[1]
    _, places, which = np.unique(code, return_index=True, return_inverse=True)
    return places.tolist(), which


def _key(value: Any) -> Any:
    """What tells values apart: 1, 1.0 and true are three, as in a file."""
    if isinstance(value, Mapping | list | tuple) or not isinstance(value, Hashable):
        return json.dumps(value, sort_keys=True, default=str)
    return type(value), value


def _fill(rows: Any, numbers: Sequence[Mapping[str, float]], which: Rows) -> None:
    if len(numbers) == 1:
        for name, value in numbers[0].items():
            rows[name] = value
        return
    for name in numbers[0]:
        rows[name] = np.array([each[name] for each in numbers], dtype=np.float64)[which]


def _require_orders(rows: Any, first: int) -> None:
    """Refuse a least order that no position can reach, as a config's check does."""
    wrong = np.flatnonzero(rows["min_order"] > rows["cap"] * rows["cash"])
    if wrong.size:
        least, most = rows["min_order"], rows["cap"] * rows["cash"]
        told = "risk.limits.min_order ({:g}) is more than cap x cash ({:g}): nothing could ever be ordered; lower it"
        raise UnorderableError({row: told.format(least[row], most[row]) for row in wrong.tolist()}, first)
