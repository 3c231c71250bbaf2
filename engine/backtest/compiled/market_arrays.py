"""A market as arrays, and a policy as numbers: what a kernel is given."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.types import PRICES
from engine.backtest.compiled.kernel.records import (
    ANY,
    ATR,
    NONE,
    NOTIONAL,
    PERCENT,
    POLICY,
    STOP,
    KernelFeatures,
    MarketArrays,
)
from engine.backtest.engine_output import BacktestInput
from engine.backtest.feed_checks import SIGNALS, check_prices, check_signals, check_times
from risk.costs import DAYS_OF_INTEREST, BrokerSpec
from risk.spec import RiskSpec
from risk.stops import Atr, average_true_range

POLICY_NAMES: tuple[str, ...] = tuple(POLICY.names or ())


def grid_of(task: BacktestInput, windows: Sequence[int]) -> MarketArrays:
    """The bars and signals of a task on its line of time.

    Parameters
    ----------
    windows : of the average true ranges that policies use; their order is that of ``ranges``.

    Raises
    ------
    DataError
        Prices or signals that no engine may be fed, as :class:`engine.backtest.bt.feed.SignalFeed` has it.
    """
    line = task.timeline
    steps, count = len(line.ticks), len(task.bars)
    fresh = np.zeros((steps, count), dtype=np.bool_)
    prices = {name: np.full((steps, count), np.nan) for name in ("open", "high", "low", "prediction", "confidence")}
    days = np.zeros((steps, count), dtype=np.int64)
    for column, (symbol, bars) in enumerate(task.bars.items()):
        rows = line.rows[symbol]
        fresh[rows, column] = True
        told, own = task.signals.times.get_indexer(bars.times), task.signals.symbols.index(symbol)
        columns = {name: getattr(bars, name) for name in PRICES}
        columns |= {name: getattr(task.signals, name)[told, own] for name in SIGNALS}
        check_times(line.stamps[symbol], symbol)
        check_prices(columns, line.stamps[symbol], symbol)
        check_signals(columns, line.stamps[symbol], symbol)
        for name, values in prices.items():
            values[rows, column] = columns[name]
        dates = line.stamps[symbol].as_unit("s").asi8 // 86_400
        days[rows[1:], column] = np.diff(dates)
    dates = line.ticks.as_unit("s").asi8 // 86_400
    day = _days_that_end(line.days)
    return MarketArrays(
        **prices,
        close=line.marked(task.bars),
        fresh=fresh,
        days=days,
        ranges=ranges_of(task, windows),
        last=line.last_bars(),
        idle_days=np.diff(dates, prepend=dates[:1]),
        new_session=np.diff(line.days, prepend=line.days[0] - 1) != 0,
        day=day,
        ends=_ends_from(day),
    )


def ranges_of(task: BacktestInput, windows: Sequence[int]) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]":
    """(K, T, N) the average true ranges of some windows, worked out over the whole history."""
    line = task.timeline
    ranges = np.full((len(windows), len(line.ticks), len(task.bars)), np.nan)
    for column, (symbol, bars) in enumerate(task.bars.items()):
        whole = task.market.bars[symbol]
        for number, window in enumerate(windows):
            known = average_true_range(whole.high, whole.low, whole.close, window)
            ranges[number, line.rows[symbol], column] = known[len(whole) - len(bars) :]
    return ranges


def _days_that_end(days: Any) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """(T,) the daily return that ends at each step: each session's last; a first session of the decision has none."""
    ends = np.append(np.diff(days) != 0, True)
    if ends[0] and len(ends) > 1:
        ends[0] = False
    return np.where(ends, np.cumsum(ends) - 1, -1)


def _ends_from(day: Any) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    """(T + 1,) the first step from each on at which a daily return ends."""
    steps = np.append(np.where(day >= 0, np.arange(len(day)), len(day)), len(day))
    return np.minimum.accumulate(steps[::-1])[::-1].astype(np.int32)


def policy_of(risk: RiskSpec, broker: BrokerSpec, windows: Sequence[int]) -> Any:
    """A policy as one record; infinity where a limit is not given."""
    return row_of({**risk_numbers(risk, windows), **broker_numbers(broker)})


def row_of(numbers: Mapping[str, float]) -> Any:
    """The same of its numbers."""
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
    costs = ("commission", "commission_per_unit", "commission_minimum", "slippage", "cash", "lot", "slip_out")
    return {
        **{name: getattr(broker, name) for name in costs},
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


def ground_of(grid: MarketArrays) -> Mapping[str, Any]:
    """What a kernel's shape takes from the market: the same for all policies."""
    return {
        "symbols": 1 if grid.close.shape[1] == 1 else 0,
        "gaps": not grid.fresh.all(),
        "daily": bool((grid.day == np.arange(len(grid.day)) - 1).all()),
    }


def shape_of(policies: Any, ground: Mapping[str, Any], *, cross: bool, record: bool) -> KernelFeatures:
    """What a kernel must have in it to run these policies.

    Parameters
    ----------
    ground : of the market; see :func:`ground_of`.
    """
    # Of one policy, plain numbers: to ask an array of one takes longer than the bars.
    alone = dict(zip(POLICY_NAMES, policies[0].item(), strict=True)) if len(policies) == 1 else None

    def one(name: str) -> int:
        if alone:
            return int(alone[name])
        values = policies[name]
        return int(values[0]) if (values == values[0]).all() else ANY

    def given(name: str) -> bool:
        return alone[name] < math.inf if alone else bool((policies[name] < math.inf).any())

    def used(name: str) -> bool:
        return alone[name] != 0 if alone else bool((policies[name] != 0).any())

    return KernelFeatures(
        **ground,
        cross=cross,
        mode=one("mode"),
        stop=one("stop"),
        target=one("target"),
        trails=one("trails"),
        resize=used("resize"),
        halts=given("daily_loss") or given("drawdown"),
        **{name: given(name) for name in ("gross", "net", "positions", "open_risk")},
        min_order=used("min_order"),
        lot=used("lot"),
        commission=used("commission_per_unit") or used("commission_minimum"),
        slippage=used("slippage"),
        slip_out=one("slip_out"),
        short_interest=used("short_rate"),
        cash_interest=used("cash_rate"),
        record=record,
    )


def parameters_of(spec: Any, names: tuple[str, ...]) -> Any:
    """What a rule reads of its strategy, as one record."""
    return rule_rows([spec], names)


def rule_rows(specs: Sequence[Any], names: tuple[str, ...]) -> Any:
    """The same for several strategies of one class, one record each.

    Raises
    ------
    ConfigError
        A parameter that the rule reads is no number.
    """
    values = [[getattr(spec, name) for name in names] for spec in specs]
    for spec, row in zip(specs, values, strict=True):
        for name, value in zip(names, row, strict=True):
            if not isinstance(value, int | float):
                raise ConfigError(
                    f"strategy {spec.kind}: its rule reads p.{name}, a {type(value).__name__} and no number, "
                    "so it cannot be compiled; engine: backtrader runs it"
                )
    whole = [all(isinstance(row[column], int) for row in values) for column in range(len(names))]
    return np.array([tuple(row) for row in values] if names else [(0.0,)] * len(specs), _record(names, tuple(whole)))


@cache
def _record(names: tuple[str, ...], whole: tuple[bool, ...]) -> "np.dtype[np.void]":
    """The type of a record with these parameters, each a whole number or a real one."""
    kinds = [(name, "i8" if is_whole else "f8") for name, is_whole in zip(names, whole, strict=True)]
    return np.dtype(kinds or [("nothing", "f8")])
