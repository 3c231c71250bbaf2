"""The inputs of a kernel: a market as arrays, a policy and a rule's parameters as numbers."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.types import PRICES, Bars
from engine.backtest.compiled.codes import ANY, ATR, NONE, NOTIONAL, PERCENT, STOP
from engine.backtest.compiled.kernel.records import POLICY, MarketArrays
from engine.backtest.compiled.kernel_features import KernelFeatures
from engine.backtest.engine_output import BacktestInput
from engine.backtest.feed_checks import SIGNALS, check_prices, check_signals, check_times
from risk.costs import DAYS_OF_INTEREST, BrokerSpec
from risk.delisting import delisting_return
from risk.spec import RiskSpec
from risk.stops import Atr, average_true_range
from strategies._contract import form_of
from strategies._entry_filter import NO_FILTER, EntryFilter
from strategies._entry_order import MARKET
from strategies.base import Sided, Strategy

VIEWED_TOO = ("volume", "previous_prediction", "previous_confidence")
"""Arrays that only rules of a view read."""
REENTRY = ("reenter_new", "reenter_after")
"""The parameters of every strategy that the kernel itself reads."""
SIDES = ("allow_long", "allow_short")
"""Those that it reads of every strategy with a side."""
POLICY_NAMES: tuple[str, ...] = tuple(POLICY.names or ())


def arrays_of(task: BacktestInput, windows: Sequence[int]) -> MarketArrays:
    """The bars and signals of a task on its line of time.

    Parameters
    ----------
    windows : of the average true ranges that policies use; their order is that of ``true_ranges``.

    Raises
    ------
    DataError
        Prices or signals that no engine accepts, as :class:`engine.backtest.bt.feed.SignalFeed` has it.
    """
    line = task.timeline
    steps = len(line.ticks)
    count = len(task.bars)
    has_bar = np.zeros((steps, count), dtype=np.bool_)
    names = ("open", "high", "low", *SIGNALS)
    takes_view = form_of(type(task.strategy)).takes_view
    columns = {name: np.full((steps, count), np.nan) for name in (*names, *(VIEWED_TOO if takes_view else ()))}
    features = np.full((steps, count, len(task.strategy.reads._fields) if task.strategy.reads else 0), np.nan)
    bar_days = np.zeros((steps, count), dtype=np.int64)
    for column, symbol in enumerate(task.bars):
        rows = line.rows[symbol]
        has_bar[rows, column] = True
        inputs = _checked_inputs(task, symbol)
        if takes_view:
            inputs |= _viewed_too(task.bars[symbol], inputs)
            features[rows, column] = task.rule_features[symbol]
        for name, values in columns.items():
            values[rows, column] = inputs[name]
        bar_days[rows[1:], column] = np.diff(line.days[rows])
    return_index = _return_index(line.days)
    return MarketArrays(
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        prediction=columns["prediction"],
        confidence=columns["confidence"],
        features=features,
        may_enter=np.zeros((0, steps, count), dtype=np.bool_),
        **{name: columns.get(name, np.empty((0, 0))) for name in VIEWED_TOO},
        close=line.marked(task.bars),
        has_bar=has_bar,
        bar_days=bar_days,
        true_ranges=true_ranges_of(task, windows),
        end_step=np.array([line.ends.get(symbol, -1) for symbol in task.bars]),
        step_days=np.diff(line.days, prepend=line.days[:1]),
        new_session=np.diff(line.days, prepend=line.days[0] - 1) != 0,
        return_index=return_index,
        next_return=_next_return(return_index),
    )


def _checked_inputs(task: BacktestInput, symbol: str) -> dict[str, Any]:
    """Prices and signals of a symbol's bars by name, once they are found to be in order."""
    bars = task.bars[symbol]
    stamps = task.timeline.stamps[symbol]
    rows = task.signals.times.get_indexer(bars.times)
    column = task.signals.symbols.index(symbol)
    inputs = {name: getattr(bars, name) for name in PRICES}
    inputs |= {name: getattr(task.signals, name)[rows, column] for name in SIGNALS}
    check_times(stamps, symbol)
    check_prices(inputs, stamps, symbol)
    check_signals(inputs, stamps, symbol)
    return inputs


def _viewed_too(bars: Bars, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a view beyond prices and signals, at a symbol's bars."""
    before = {f"previous_{name}": np.concatenate([[np.nan], inputs[name][:-1]]) for name in SIGNALS}
    return {"volume": bars.volume, **before}


def allowed_steps(task: BacktestInput, strategies: Sequence[Strategy]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """(M, T, N) True at the bars at which the filters of each of some strategies allow an entry."""
    allowed = np.zeros((len(strategies), len(task.timeline.ticks), len(task.bars)), dtype=np.bool_)
    for index, strategy in enumerate(strategies):
        for column, (symbol, rows) in enumerate(task.entries_allowed(strategy).items()):
            allowed[index, task.timeline.rows[symbol], column] = rows
    return allowed


def true_ranges_of(
    task: BacktestInput, windows: Sequence[int]
) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]":
    """(K, T, N) the average true ranges of some windows, computed over the full history."""
    line = task.timeline
    ranges = np.full((len(windows), len(line.ticks), len(task.bars)), np.nan)
    for column, (symbol, bars) in enumerate(task.bars.items()):
        history = task.market.bars[symbol]
        for index, window in enumerate(windows):
            values = average_true_range(history.high, history.low, history.close, window)
            ranges[index, line.rows[symbol], column] = values[len(history) - len(bars) :]
    return ranges


def _return_index(days: Any) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """(T,) the daily return that ends at each step: each session's last; a first session of the decision has none."""
    ends = np.append(np.diff(days) != 0, True)
    if ends[0] and len(ends) > 1:
        ends[0] = False
    return np.where(ends, np.cumsum(ends) - 1, -1)


def _next_return(return_index: Any) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    """(T + 1,) the first step from each on at which a daily return ends."""
    steps = len(return_index)
    ends = np.append(np.where(return_index >= 0, np.arange(steps), steps), steps)
    return np.minimum.accumulate(ends[::-1])[::-1].astype(np.int32)


def policy_of(risk: RiskSpec, broker: BrokerSpec, windows: Sequence[int]) -> Any:
    """A policy as one record; infinity where a limit is not given."""
    return policy_from_numbers({**risk_numbers(risk, windows), **broker_numbers(broker)})


def policy_from_numbers(numbers: Mapping[str, float]) -> Any:
    """The record of a policy's numbers."""
    return np.array([tuple(numbers[name] for name in POLICY_NAMES)], dtype=POLICY)


def risk_numbers(risk: RiskSpec, windows: Sequence[int]) -> dict[str, float]:
    """The part of a policy that the risk rule states."""
    return {
        **risk.limits.terms._asdict(),
        **risk.limits.halts._asdict(),
        "base": risk.base,
        "cap": risk.cap,
        "mode": STOP if risk.mode == "stop" else NOTIONAL,
        "cap_at_fill": risk.cap_at == "fill",
        "resize": risk.resize is not None,
        "band": risk.resize.band if risk.resize else 0.0,
        "trails": risk.stop is not None and risk.stop.trails,
        **_distance("stop", risk.stop, windows),
        **_distance("target", risk.take_profit, windows),
    }


def broker_numbers(broker: BrokerSpec) -> dict[str, float]:
    """The part of a policy that the broker states."""
    change = delisting_return(broker.delisting)
    costs = ("commission", "commission_per_unit", "commission_minimum", "slippage", "cash", "lot", "slip_out")
    return {
        **{name: getattr(broker, name) for name in costs},
        "delists": change is not None,
        "delisting_return": change or 0.0,
        "short_rate": broker.short_interest / DAYS_OF_INTEREST,
        "cash_rate": broker.cash_interest / DAYS_OF_INTEREST,
    }


def _distance(name: str, spec: Any, windows: Sequence[int]) -> dict[str, float]:
    if spec is None:
        return {name: NONE, f"{name}_value": math.nan, f"{name}_range": 0}
    if isinstance(spec, Atr):
        return {name: ATR, f"{name}_value": spec.multiple, f"{name}_range": windows.index(spec.window)}
    return {name: PERCENT, f"{name}_value": spec.value, f"{name}_range": 0}


def windows_of(risk: RiskSpec) -> tuple[int, ...]:
    """The windows of the average true ranges that a risk rule uses, each once."""
    used = [spec.window for spec in (risk.stop, risk.take_profit) if isinstance(spec, Atr)]
    return tuple(dict.fromkeys(used))


def market_features(arrays: MarketArrays) -> Mapping[str, Any]:
    """The kernel features that the market decides: the same for all policies."""
    return {
        "symbols": 1 if arrays.close.shape[1] == 1 else 0,
        "gaps": not arrays.has_bar.all(),
        "delisting": bool((arrays.end_step >= 0).any()),
        "daily": bool((arrays.return_index == np.arange(len(arrays.return_index)) - 1).all()),
    }


def rule_kernel_features(strategy: Strategy, rules: Any) -> Mapping[str, Any]:
    """The kernel features that a strategy decides.

    Parameters
    ----------
    rules : records of :func:`rule_parameters`.
    """
    return {
        "reenter": bars_reentry(rules),
        "filters": bool((rules["entry_filter"] >= 0).any()),
        "entry_orders": bool((rules["entry_kind"] != MARKET).any()),
        "view": form_of(type(strategy)).takes_view,
        "reasons": max(len(strategy.reasons), 1),
        "sides": isinstance(strategy, Sided) and any(bool((rules[name] == 0.0).any()) for name in SIDES),
    }


def features_of(policies: Any, market: Mapping[str, Any], *, cross: bool, record: bool) -> KernelFeatures:
    """The features of a kernel that can run these policies.

    Parameters
    ----------
    market : see :func:`market_features` and :func:`rule_kernel_features`.
    """
    # Of one policy, plain numbers: to look into an array of one takes longer than the bars.
    numbers = dict(zip(POLICY_NAMES, policies[0].item(), strict=True)) if len(policies) == 1 else None

    def common(name: str) -> int:
        if numbers:
            return int(numbers[name])
        values = policies[name]
        return int(values[0]) if (values == values[0]).all() else ANY

    def is_limited(name: str) -> bool:
        return numbers[name] < math.inf if numbers else bool((policies[name] < math.inf).any())

    def is_used(name: str) -> bool:
        return numbers[name] != 0 if numbers else bool((policies[name] != 0).any())

    return KernelFeatures(
        **{**market, "delisting": market["delisting"] and is_used("delists")},
        cross=cross,
        mode=common("mode"),
        stop=common("stop"),
        target=common("target"),
        trails=common("trails"),
        resize=is_used("resize") or market["view"],
        halts=is_limited("daily_loss") or is_limited("drawdown"),
        gross=is_limited("gross"),
        net=is_limited("net"),
        positions=is_limited("positions"),
        open_risk=is_limited("open_risk"),
        min_order=is_used("min_order"),
        lot=is_used("lot"),
        commission=is_used("commission_per_unit") or is_used("commission_minimum"),
        slippage=is_used("slippage"),
        slip_out=common("slip_out"),
        short_interest=is_used("short_rate"),
        cash_interest=is_used("cash_rate"),
        record=record,
    )


def bars_reentry(rules: Any) -> bool:
    """True if any of these records of :func:`rule_parameters` bars entries after a position has ended."""
    return any(bool(np.any(rules[name])) for name in REENTRY)


def require_numeric(specs: Sequence[Any], names: tuple[str, ...]) -> None:
    """Refuse strategies of which a parameter that the rule reads is no number.

    Raises
    ------
    ConfigError
        The parameter is named.
    """
    for spec in specs:
        for name in names:
            value = getattr(spec, name)
            if not isinstance(value, int | float):
                raise ConfigError(
                    f"strategy {spec.kind}: its rule reads p.{name}, a {type(value).__name__} and no number, "
                    "so it cannot be compiled; engine: backtrader runs it"
                )


def entry_windows(strategy: Strategy) -> tuple[int, ...]:
    """The windows of the average true ranges that a strategy's entries use."""
    order = strategy.entry_order
    return (order.offset.window,) if order and isinstance(order.offset, Atr) else ()


def entry_numbers(strategy: Strategy, filters: Sequence[EntryFilter], windows: Sequence[int]) -> dict[str, float]:
    """The numbers of a strategy's entries: its filter, and the order that opens, at a distance of 0 if at the close."""
    order = strategy.entry_order
    number = -1 if strategy.entry_filter == NO_FILTER else filters.index(strategy.entry_filter)
    offset = _distance("entry_offset", order.offset if order else None, windows)
    return {
        "entry_filter": number,
        "entry_kind": order.number if order else MARKET,
        "entry_bars": order.bars if order else 0,
        "entry_offset": int(offset["entry_offset"]),
        "entry_value": 0.0 if order and not order.has_price else float(offset["entry_offset_value"]),
        "entry_range": int(offset["entry_offset_range"]),
    }


def rule_parameters(
    specs: Sequence[Any], names: tuple[str, ...], filters: Sequence[EntryFilter], windows: Sequence[int]
) -> Any:
    """The parameters that a rule reads and those of entries, one record for each of several strategies of one class.

    Parameters
    ----------
    filters, windows : those in use; a record has the numbers of its strategy's own, -1 for no filter.

    Raises
    ------
    ConfigError
        A parameter that the rule reads is no number.
    """
    require_numeric(specs, names)
    names = tuple(dict.fromkeys((*names, *REENTRY, *(SIDES if isinstance(specs[0], Sided) else ()))))
    entries = [entry_numbers(spec, filters, windows) for spec in specs]
    values = [
        (*(getattr(spec, name) for name in names), *numbers.values())
        for spec, numbers in zip(specs, entries, strict=True)
    ]
    names = (*names, *entries[0])
    integers = [all(isinstance(row[column], int) for row in values) for column in range(len(names))]
    return np.array(values, _parameter_layout(names, tuple(integers)))


@cache
def _parameter_layout(names: tuple[str, ...], integers: tuple[bool, ...]) -> "np.dtype[np.void]":
    """The type of a record with these parameters, each an integer or a float."""
    kinds = [(name, "i8" if is_integer else "f8") for name, is_integer in zip(names, integers, strict=True)]
    return np.dtype(kinds)
