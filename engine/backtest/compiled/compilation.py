"""A kernel as machine code: its functions are written into the cache, compiled once, loaded by later processes."""

import ast
import logging
import tempfile
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from core.caches import caches_used
from core.errors import ConfigError
from engine.backtest.compiled.kernel import batch_kernel, decisions, loop, running_totals
from engine.backtest.compiled.kernel.rule_views import cross_views
from engine.backtest.compiled.kernel_features import KernelFeatures
from strategies._contract import form_of
from strategies._view import CrossDecision
from strategies.base import Strategy

from .kernel_modules import kernel_folder, loaded
from .source_linker import Linker, Part, definition
from .view_source import generated, makers

log = logging.getLogger(__name__)

KERNEL = "@njit(nogil=True, cache=True, error_model='numpy', _nrt=False)"
INNER = "nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True"
INLINED = f"@njit({INNER}, error_model='numpy', _nrt=False, forceinline=True)"
"""The kernel and its parts are one function of the machine, and count no references to arrays that the caller holds:
either costs more than all the rest of a bar. So they may not make arrays. Only the kernel can be called from Python,
which halves the time to compile."""
SUMS = INLINED.replace(")", ", fastmath={'reassoc', 'nnan', 'nsz'})")
"""Sums of the measures: of finite numbers, in any order."""
CALLS_RULE = f"@njit({INNER}, error_model='numpy', _nrt=True)"
"""A function that receives an array from a rule has to count references."""
RULE = f"@njit({INNER}, error_model='python', _nrt=True, forceinline=True)"
"""Every option is stated, or it would be the caller's."""


SUM_FUNCTIONS: tuple[Any, ...] = (
    running_totals.mean_of,
    running_totals.squares_around,
    running_totals.squares_below,
    running_totals.largest,
    running_totals.deepest_fall,
)


def rule_of(strategy: type[Strategy]) -> FunctionType:
    """The pure rule of a strategy."""
    rule = strategy.rule
    if not isinstance(rule, FunctionType):
        raise ConfigError(
            f"strategy {strategy.__name__}: its rule is a {type(rule).__name__}, not a function of its file, so it "
            "cannot be compiled; engine: backtrader runs it"
        )
    return rule


@cache
def functions_of(rule: FunctionType) -> tuple[FunctionType, ...]:
    """A rule and all functions that it calls.

    Raises
    ------
    ConfigError
        One of them cannot be compiled; the message names the construct and its line.
    """
    linker = Linker()
    linker.add(rule)
    return tuple(linker.parts)


@cache
def parameters(rule: FunctionType) -> tuple[str, ...]:
    """The names of the parameters that a rule, and the functions that it calls, read."""
    p = rule.__code__.co_varnames[rule.__code__.co_argcount - 1]  # the rule's name for its parameters
    names = set()
    for function in functions_of(rule):
        for node in ast.walk(definition(function)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == p:
                names.add(node.attr)
    return tuple(sorted(names))


@cache
def reads_held(rule: FunctionType) -> bool:
    """True if a scalar rule reads the number of bars that a position has been held."""
    tree = definition(rule)
    name = rule.__code__.co_varnames[3]
    return any(isinstance(node, ast.Name) and node.id == name for part in tree.body for node in ast.walk(part))


def parts_of(strategy: type[Strategy], cross: bool, features: KernelFeatures) -> tuple[Part, ...]:
    """The functions of a kernel; it is the last one."""
    rule = rule_of(strategy)
    entry: Any = loop.run_policy if features.record else batch_kernel.run_policies
    # A rule divides as Python does: by zero is an error. The kernel's own divisors were checked before.
    decorators = {
        entry: KERNEL,
        cast("FunctionType", decisions.call_cross_rule): CALLS_RULE,
        cast("FunctionType", cross_views.call_cross_view): CALLS_RULE,
        cast("FunctionType", cross_views.ask_cross): CALLS_RULE,
        **dict.fromkeys(functions_of(rule), RULE),
        cast("FunctionType", CrossDecision): RULE,
    }
    decorators |= dict.fromkeys(SUM_FUNCTIONS, SUMS)
    constants = {"FEATURES": features}

    def decorate(function: Any) -> str:
        return decorators.get(function, INLINED)

    if features.view:
        states = {rule: strategy.state} if form_of(strategy).has_state else {}
        makers_of_strategy = makers(strategy, cross=cross)
        linker = Linker({}, constants, generated(strategy, cross=cross), makers_of_strategy, states, decorate)
    else:
        linker = Linker(_in_place(rule, cross=cross, sides=features.sides), constants, decorate=decorate)
    linker.add(entry)
    return tuple(linker.parts.values())


def _in_place(rule: FunctionType, *, cross: bool, sides: bool) -> dict[FunctionType, FunctionType]:
    """By placeholder of the kernel, what takes its place for a rule of numbers."""
    placeholders: Any = decisions
    if cross:
        return {placeholders.cross_rule: rule}
    if sides:
        return {placeholders.rule: placeholders.rule_within_sides, placeholders.own_rule: rule}
    return {placeholders.rule: rule}


def kernel(strategy: type[Strategy], features: KernelFeatures) -> Any:
    """The compiled function of :func:`engine.backtest.compiled.kernel.loop.run_policy` for a strategy and features."""
    return _kernel(strategy, rule_of(strategy), features)


@cache
def _kernel(strategy: type[Strategy], rule: FunctionType, features: KernelFeatures) -> Any:
    """The same; a strategy's rule may be another one later."""
    del rule
    parts = parts_of(strategy, features.cross, features)
    if caches_used():
        try:
            return loaded(kernel_folder(), parts)
        except OSError as error:  # a cache that cannot be written is no reason not to trade
            log.warning("the compiled engine is not kept: %s", error)
    return loaded(Path(_temporary_folder().name), parts)


@cache
def _temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for kernels that are not kept; it goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="backtrader-ml-")
