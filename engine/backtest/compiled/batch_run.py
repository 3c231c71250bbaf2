"""Runs of chunk after chunk of policies over one market and its signals, on several threads."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.errors import DataError, PluginError, WorkbenchError
from engine.backtest.compiled.codes import ALWAYS, DONE, NO, RUINED, STEPWISE, WHILE_FLAT
from engine.backtest.compiled.kernel.records import TOTAL, KernelResult, Log, MarketArrays, Policies, Workspace
from engine.backtest.compiled.kernel_features import KernelFeatures, union
from engine.backtest.engine_output import BacktestInput
from strategies.base import CrossSectional

from .compilation import kernel, reads_held, rule_of
from .engine import kernel_error, new_workspace, no_log, refuse, rule_error, with_next_changes
from .market_arrays import allowed_steps, arrays_of, features_of, market_features, rule_kernel_features, true_ranges_of
from .policy_table import Reader
from .setting_errors import SettingError, SettingRuleError

BLOCK = 64
"""Policies that a thread takes at a time."""
UNFINISHED = -1
"""The end of a policy that has not been run."""


class BlockEnd(NamedTuple):
    """The end of a block of policies.

    Attributes
    ----------
    ended : ``DONE``, or the kernel's reason for ending early.
    policy : index of the policy that failed; -1 for none.
    failed_at : step and symbol at which it failed.
    error : the exception that was raised, if any.
    """

    ended: int
    policy: int
    failed_at: Any
    error: Exception | None


FINISHED = BlockEnd(DONE, -1, None, None)


class BlockKernel(NamedTuple):
    """A compiled kernel with the arguments that all blocks of a chunk share."""

    run: Any
    features: KernelFeatures
    arrays: MarketArrays
    policies: Policies
    log: Log
    result: KernelResult


class BatchRun:
    """A market and its signals as arrays, and the kernel that runs chunks of policies over them.

    Attributes
    ----------
    task : market, signals, and the strategy, risk and broker that settings change.
    reader : makes policies of settings.
    sessions : (D,) dates.
    count : D.

    Parameters
    ----------
    tail_probabilities : of the tails that are measured.
    curves : True to keep the account's value at each session.
    threads : at least 1.
    """

    def __init__(
        self, task: BacktestInput, tail_probabilities: tuple[float, ...], *, curves: bool, threads: int
    ) -> None:
        refuse(task.strategy, task.broker)
        if len(task.timeline.ticks) < 2:
            raise DataError(f"there is no bar after the first decision, {task.signals.start}; give it more data")
        self.task = task
        self.reader = Reader(task)
        self._arrays = arrays_of(task, ())
        self._market_features = market_features(self._arrays)
        self._tail_probabilities = tail_probabilities
        self._curves = curves
        self._threads = threads
        self._log = no_log()
        self._workspaces: list[Workspace] = []  # those that no thread works in
        self._features: KernelFeatures | None = None
        self._shares_rules = False
        days = task.timeline.days[self._arrays.return_index >= 0].astype("datetime64[D]")
        self.sessions = pd.DatetimeIndex(days, name="session").as_unit("ns")
        self.count = len(days)

    @property
    def features(self) -> KernelFeatures | None:
        """The features of the kernel so far; None before the first chunk."""
        return self._features

    def prepare(self, policies: Policies) -> None:
        """Take the kernel that serves policies like these, of which many share their rule."""
        self._features = self._features_with(policies)
        self._shares_rules = True

    def run(self, policies: Policies, first: int, risk_free: float) -> KernelResult:
        """Backtest a chunk.

        Parameters
        ----------
        first : the number of its first setting, for messages.
        risk_free : the risk-free return of one session.

        Raises
        ------
        PluginError
            The rule failed; setting, symbol and bar are named.
        """
        order = _by_rule(policies)
        sorted_policies = policies if order is None else _reordered(policies, order)
        result = self._empty_result(len(policies.rows), risk_free)
        numbers = range(len(policies.rows)) if order is None else order
        self._run_blocks(self._block_kernel(sorted_policies, result), first, numbers)
        if self._curves:
            totals: Any = result.totals
            result.curves[totals["ended"] == RUINED] = np.nan
        return result if order is None else self._in_order(result, np.argsort(order))

    def _run_blocks(self, block_kernel: BlockKernel, first: int, numbers: Any) -> None:
        """Run a chunk block by block; ``numbers`` are those of its settings within the chunk."""
        count = len(block_kernel.policies.rows)
        run = partial(self._run_block, block_kernel)
        blocks = [(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
        if self._threads == 1 or len(blocks) == 1:
            for start, stop in blocks:
                self._require_done(run(start, stop), first, numbers)
            return
        self._require_done(run(0, 0), first, numbers)  # compile once, before the threads
        with ThreadPoolExecutor(self._threads) as pool:
            for end in pool.map(run, *zip(*blocks, strict=True)):
                self._require_done(end, first, numbers)

    def _block_kernel(self, policies: Policies, result: KernelResult) -> BlockKernel:
        arrays = self._arrays_in_use()
        features = self._features_for(policies)
        run = kernel(type(self.task.strategy), features)
        return BlockKernel(run, features, arrays, policies, self._log, result)

    def _empty_result(self, count: int, risk_free: float) -> KernelResult:
        totals: Any = np.zeros(count, dtype=TOTAL)
        totals["ended"] = UNFINISHED
        return KernelResult(
            totals=totals,
            tails=np.full((count, len(self._tail_probabilities), 2), np.nan),
            curves=np.empty((count, self.count + 1) if self._curves else (0, 0)),
            tail_probabilities=np.array(self._tail_probabilities, dtype=np.float64),
            risk_free=risk_free,
        )

    def _in_order(self, result: KernelResult, rows: Any) -> KernelResult:
        """The result with its rows in another order."""
        totals: Any = result.totals
        curves = result.curves[rows] if self._curves else result.curves
        return result._replace(totals=totals[rows], tails=result.tails[rows], curves=curves)

    def _run_block(self, block_kernel: BlockKernel, first: int, last: int) -> BlockEnd:
        """:func:`run_block` in a workspace that no other thread works in."""
        arrays = block_kernel.arrays
        workspace = self._workspaces.pop() if self._workspaces else self._new_workspace(arrays)
        if block_kernel.features.skipping >= WHILE_FLAT and not workspace.next_change_flat.size:
            workspace = with_next_changes(workspace, arrays)
        end = run_block(block_kernel, workspace, first, last)
        self._workspaces.append(workspace)
        return end

    def _new_workspace(self, arrays: MarketArrays) -> Workspace:
        return new_workspace(arrays, type(self.task.strategy))

    def _require_done(self, end: BlockEnd, first: int, numbers: Any) -> None:
        if end.error is not None:
            error: WorkbenchError = rule_error(end.error, self.task, end.failed_at)
        elif end.ended != DONE:
            error = kernel_error(end.ended, self.task, end.failed_at)
        else:
            return
        if end.policy < 0:
            raise error from end.error
        error_type = SettingRuleError if isinstance(error, PluginError) else SettingError
        raise error_type(first + int(numbers[end.policy]), str(error)) from end.error

    def _arrays_in_use(self) -> MarketArrays:
        """The market, with the average true ranges and the filters of entries that are in use by now."""
        if len(self.reader.windows) > len(self._arrays.true_ranges):
            ranges = true_ranges_of(self.task, self.reader.windows)
            self._arrays = self._arrays._replace(true_ranges=ranges)
        new = list(self.reader.filters.values())[len(self._arrays.may_enter) :]
        if new:
            allowed = np.concatenate([self._arrays.may_enter, allowed_steps(self.task, new)])
            self._arrays = self._arrays._replace(may_enter=allowed)
        return self._arrays

    def _features_for(self, policies: Policies) -> KernelFeatures:
        """The features that serve this chunk and all before it: another kernel takes seconds to compile."""
        features = self._features_with(policies)
        self._features = features
        return features._replace(skipping=self._skipping(features, policies))

    def _features_with(self, policies: Policies) -> KernelFeatures:
        shared = {**self._market_features, **rule_kernel_features(self.task.strategy, policies.rules)}
        cross = isinstance(self.task.strategy, CrossSectional)
        features = features_of(policies.rows, shared, cross=cross, record=False)
        if self._features is None or self._features == features:
            return features
        return union(self._features, features)

    def _skipping(self, features: KernelFeatures, policies: Policies) -> int:
        """The way to skip steps without events; to call the rule beforehand pays if several policies share it."""
        if features.cross or features.gaps or features.symbols != 1 or features.halts or features.cash_interest:
            return NO
        # The side that such a rule asks for depends on more than the side held, so it cannot be called beforehand.
        if features.reenter or features.view or features.entry_orders:
            return NO
        if not self._shares_rules and len(policies.rows) < 2 * len(policies.rules):
            return STEPWISE
        return WHILE_FLAT if reads_held(rule_of(type(self.task.strategy))) else ALWAYS


def _by_rule(policies: Policies) -> "np.ndarray[Any, Any] | None":
    """The order that puts equal rules together, so that each is called beforehand once; None if they are so already."""
    index = policies.rule_index
    if len(policies.rules) == 1 or not (index[1:] < index[:-1]).any():
        return None
    return np.argsort(index, kind="stable")


def _reordered(policies: Policies, order: Any) -> Policies:
    rows: Any = policies.rows
    return Policies(rows[order], policies.rules, policies.rule_index[order])


def run_block(block_kernel: BlockKernel, workspace: Workspace, first: int, last: int) -> BlockEnd:
    """Run policies ``first`` to ``last`` (not included), calling their rules beforehand if that goes well."""
    _, features, arrays, policies, log, result = block_kernel
    precomputes = 1
    while True:
        try:
            ended = int(block_kernel.run(arrays, policies, first, last, precomputes, workspace, log, result))
            if ended == DONE:
                return FINISHED
            return BlockEnd(ended, _unfinished(result, first, last), workspace.failed_at.copy(), None)
        except Exception as error:  # a rule may raise anything, and the compiler at what it cannot do
            first = _unfinished(result, first, last)
            if not (precomputes and features.skipping >= WHILE_FLAT and first >= 0):
                return BlockEnd(DONE, first, workspace.failed_at.copy(), error)
            precomputes = 0  # it may have failed on something that it is never called with in truth


def _unfinished(result: KernelResult, first: int, last: int) -> int:
    """The first policy that was not run to its end; -1 if there is none."""
    totals: Any = result.totals
    ended = totals["ended"][first:last]
    unfinished = np.flatnonzero((ended != DONE) & (ended != RUINED))
    return first + int(unfinished[0]) if unfinished.size else -1
