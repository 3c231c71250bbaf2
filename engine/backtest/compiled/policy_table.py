"""Policies for a kernel from settings, which are columns under dotted paths."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from pydantic import ValidationError

from core.errors import ConfigError
from core.spec import Spec
from core.types import Rows
from engine.backtest.compiled.kernel.records import POLICY, Policies
from engine.backtest.engine_output import BacktestInput
from engine.config.dotted_paths import with_changes
from engine.config.run_config import explain_block
from strategies._contract import filtered_columns
from strategies._entry_filter import NO_FILTER, EntryFilter
from strategies.base import Strategy

from .compilation import parameters, rule_of
from .engine import refuse_broker
from .market_arrays import broker_numbers, entry_windows, policy_from_numbers, risk_numbers, rule_parameters, windows_of
from .setting_errors import SettingError

Settings: TypeAlias = Mapping[str, Any]
"""Columns of equal length under dotted paths such as ``risk.stop.value``: one setting a row."""

BLOCKS = ("strategy", "risk", "broker")
CACHED = 4096
"""Blocks in the cache of a reader: in a grid the same ones come again with every chunk."""


class CheckedBlock(NamedTuple):
    """A valid block, and the numbers that a policy takes from it; a strategy gives its policy none."""

    spec: Any
    numbers: Mapping[str, float]


class ValidSettings(NamedTuple):
    """The valid settings of a chunk, and the reasons against the others.

    Attributes
    ----------
    policies : of the valid settings; None if there is none.
    rows : their rows in the chunk, increasing.
    reasons : by row, the reason against a setting.
    """

    policies: Policies | None
    rows: Rows
    reasons: Mapping[int, str]


class UnorderableError(SettingError):
    """Settings that could never send an order: the reasons, by the row of a chunk."""

    def __init__(self, reasons: Mapping[int, str], first: int) -> None:
        row = next(iter(reasons))
        super().__init__(first + row, reasons[row])
        self.reasons = reasons
        self._first = first

    def __reduce__(self) -> Any:
        return type(self), (self.reasons, self._first)


@dataclass(eq=False)
class Reader:
    """Reads policies from settings; caches the blocks that it has checked, and lists the average true ranges in use.

    Attributes
    ----------
    task : its strategy, risk and broker are the base of every setting.
    windows : of the average true ranges in use, in the order of ``MarketArrays.true_ranges``.
    filters : a strategy with each filter of entries in use, in the order of ``MarketArrays.may_enter``.
    """

    task: BacktestInput
    windows: list[int] = field(default_factory=list)
    filters: dict[EntryFilter, Strategy] = field(default_factory=dict)
    _plain: dict[str, dict[str, Any]] = field(default_factory=dict)
    _checked: dict[Any, CheckedBlock] = field(default_factory=dict)

    def read(self, settings: Settings, first: int = 0) -> Policies:
        """The policies of a chunk of settings.

        Parameters
        ----------
        first : the number of its first setting, for messages.

        Raises
        ------
        ConfigError
            A path that is no parameter of strategy, risk or broker, columns that are no rows, an invalid value; the
            setting is named. Nothing has been run.
        """
        columns = {path: _column(path, values) for path, values in settings.items()}
        count = _count(columns)
        for path in columns:
            if path.partition(".")[0] not in BLOCKS or "." not in path:
                raise ConfigError(
                    f"{path}: a batch changes {', '.join(BLOCKS)}, by paths such as risk.base; what comes before the "
                    "signals is trained anew"
                )
        strategies, rule_index = self._blocks("strategy", columns, first)
        risks, risk_index = self._blocks("risk", columns, first)
        brokers, broker_index = self._blocks("broker", columns, first)
        if count == 1:
            rows = policy_from_numbers({**risks[0].numbers, **brokers[0].numbers})
        else:
            rows = np.zeros(count, dtype=POLICY)
            _fill(rows, [block.numbers for block in risks], risk_index)
            _fill(rows, [block.numbers for block in brokers], broker_index)
        if any(block.numbers["min_order"] for block in risks):
            _require_orders(rows, first)
        names = parameters(rule_of(type(self.task.strategy)))
        specs = [block.spec for block in strategies]
        return Policies(rows, rule_parameters(specs, names, list(self.filters), self.windows), rule_index)

    def _blocks(self, name: str, columns: Settings, first: int) -> tuple[list[CheckedBlock], Rows]:
        """The distinct blocks of a chunk under one name, and the index of each setting's block."""
        block_columns = _of_block(name, columns)
        rows, block_index = _distinct(block_columns, _count(columns))
        blocks = []
        for row in rows:
            changes = {path: values[row] for path, values in block_columns.items()}
            blocks.append(self._block(name, changes, first + row))
        return blocks, block_index

    def _block(self, name: str, changes: Mapping[str, Any], setting: int) -> CheckedBlock:
        """The block of a setting, validated, and its numbers."""
        key = (name, *((path, _key(value)) for path, value in changes.items()))
        if (cached := self._checked.get(key)) is not None:
            return cached
        spec = self._spec(name, changes, setting) if changes else getattr(self.task, name)
        if len(self._checked) >= CACHED:
            self._checked.clear()
        block = CheckedBlock(spec, self._numbers(name, spec))
        self._checked[key] = block
        return block

    def possible(self, settings: Settings) -> ValidSettings:
        """The policies of those settings that do not contradict themselves; each by itself may be what it is.

        Raises
        ------
        ConfigError
            A path that is no parameter of strategy, risk or broker, or columns that are no rows.
        """
        columns = {path: _column(path, values) for path, values in settings.items()}
        reasons: dict[int, str] = {}
        for name in BLOCKS:
            for row, reason in sorted(self._problems(name, columns).items()):
                reasons.setdefault(row, reason)
        valid = np.array([row for row in range(_count(columns)) if row not in reasons], dtype=np.intp)
        while len(valid):
            try:
                rows = {path: [values[row] for row in valid] for path, values in columns.items()}
                return ValidSettings(self.read(rows), valid, reasons)
            except UnorderableError as error:  # strategy, risk and broker are valid, but not together
                reasons |= {int(valid[row]): text for row, text in error.reasons.items()}
                valid = np.delete(valid, list(error.reasons))
        return ValidSettings(None, valid, reasons)

    def _problems(self, name: str, columns: Settings) -> dict[int, str]:
        """By row, the problem with the block of a setting."""
        block_columns = _of_block(name, columns)
        rows, block_index = _distinct(block_columns, _count(columns))
        problems: dict[int, str] = {}
        for index, row in enumerate(rows):
            text = self._problem(name, {path: values[row] for path, values in block_columns.items()})
            if text:
                problems |= dict.fromkeys(np.flatnonzero(block_index == index).tolist(), text)
        return problems

    def _problem(self, name: str, changes: Mapping[str, Any]) -> str:
        """The problem with a block of a setting; empty if there is none."""
        try:
            self._block(name, changes, 0)
        except SettingError as error:
            return error.reason
        except ConfigError as error:
            return str(error).partition(": ")[2]
        return ""

    def _spec(self, name: str, changes: Mapping[str, Any], setting: int) -> Any:
        """The block of a setting, validated."""
        base: Spec = getattr(self.task, name)
        if name not in self._plain:
            self._plain[name] = {key: value for key, value in base.dump().items() if key != "kind"}
        values = with_changes(self._plain[name], {path.partition(".")[2]: value for path, value in changes.items()})
        try:
            return type(base).parse(values)
        except ValidationError as error:
            raise SettingError(setting, explain_block(error, name, values)) from None

    def _numbers(self, name: str, spec: Any) -> Mapping[str, float]:
        """The numbers that a policy takes from a block."""
        if name == "risk":
            self._use(windows_of(spec))
            return risk_numbers(spec, self.windows)
        if name == "broker":
            refuse_broker(spec)
            return broker_numbers(spec)
        self._use(entry_windows(spec))
        if spec.entry_filter != NO_FILTER and spec.entry_filter not in self.filters:
            self._require_features(spec)
            self.filters[spec.entry_filter] = spec
        return {}

    def _use(self, windows: Sequence[int]) -> None:
        """Add windows of average true ranges to those in use."""
        self.windows += [window for window in windows if window not in self.windows]

    def _require_features(self, strategy: Strategy) -> None:
        """Refuse a filter on a feature that is not there."""
        filtered_columns(strategy, self.task.features)


def _of_block(name: str, columns: Settings) -> Settings:
    """The columns whose paths begin with a block's name."""
    return {path: values for path, values in columns.items() if path.startswith(f"{name}.")}


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
    """The number of settings."""
    lengths = {path: len(values) for path, values in columns.items()}
    if not lengths or not max(lengths.values()):
        raise ConfigError("there is no setting to run: give at least one column with one value")
    if len(set(lengths.values())) > 1:
        texts = ", ".join(f"{path} {length}" for path, length in lengths.items())
        raise ConfigError(f"columns of settings must be of one length; given: {texts}")
    return next(iter(lengths.values()))


def _distinct(columns: Mapping[str, Sequence[Any]], count: int) -> tuple[list[int], Rows]:
    """The first row of each distinct combination of values, and the index of each row's combination."""
    code = np.zeros(count, dtype=np.intp)
    if count == 1:
        return [0], code
    for values in columns.values():
        codes: dict[Any, int] = {}
        column = np.array([codes.setdefault(_key(value), len(codes)) for value in values], dtype=np.intp)
        code = np.unique(code * len(codes) + column, return_inverse=True)[1]
    _, rows, index = np.unique(code, return_index=True, return_inverse=True)
    return rows.tolist(), index


def _key(value: Any) -> Any:
    """The key of a value: 1, 1.0 and true are three, as in a file."""
    if isinstance(value, Mapping | list | tuple) or not isinstance(value, Hashable):
        return json.dumps(value, sort_keys=True, default=str)
    return type(value), value


def _fill(rows: Any, numbers: Sequence[Mapping[str, float]], index: Rows) -> None:
    """Write the numbers of blocks into policies; ``index`` has each policy's block."""
    if len(numbers) == 1:
        for name, value in numbers[0].items():
            rows[name] = value
        return
    for name in numbers[0]:
        rows[name] = np.array([block[name] for block in numbers], dtype=np.float64)[index]


def _require_orders(rows: Any, first: int) -> None:
    """Refuse a minimum order that no position can reach, as a config's check does."""
    min_orders = rows["min_order"]
    max_values = rows["cap"] * rows["cash"]
    wrong = np.flatnonzero(min_orders > max_values)
    if wrong.size:
        text = "risk.limits.min_order ({:g}) is more than cap x cash ({:g}): nothing could ever be ordered; lower it"
        raise UnorderableError({row: text.format(min_orders[row], max_values[row]) for row in wrong.tolist()}, first)
